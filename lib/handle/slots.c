// SPDX-License-Identifier: Apache-2.0
#include "lib/handle/slots.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { DIRECTORY_MIN = 4, WORD_BITS = 64 };

static_assert((int)SLOTS_CHUNK == (int)WORD_BITS, "a chunk's used bits are one word");

static size_t summary_words(uint32_t chunks)
{
    return (chunks + WORD_BITS - 1) / WORD_BITS;
}

static size_t directory_size(uint32_t chunks)
{
    return chunks * (sizeof(struct handle_entry *) + sizeof(uint64_t)) +
           summary_words(chunks) * sizeof(uint64_t);
}

static uint64_t *used_words(const struct slots *s)
{
    return (uint64_t *)(void *)&s->directory->entries[s->chunks];
}

static uint64_t *summary(const struct slots *s)
{
    return used_words(s) + s->chunks;
}

static bool is_used(const struct slots *s, uint32_t slot)
{
    return (used_words(s)[slot / SLOTS_CHUNK] >> (slot % SLOTS_CHUNK) & 1) != 0;
}

static void set_used(struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    uint64_t *word = &used_words(s)[chunk];
    *word |= 1ull << (slot % SLOTS_CHUNK);
    if (*word == UINT64_MAX) {
        summary(s)[chunk / WORD_BITS] |= 1ull << (chunk % WORD_BITS);
    }
    s->used++;
}

static void clear_used(struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    used_words(s)[chunk] &= ~(1ull << (slot % SLOTS_CHUNK));
    summary(s)[chunk / WORD_BITS] &= ~(1ull << (chunk % WORD_BITS));
    s->used--;
}

void slots_init(struct slots *s)
{
    *s = (struct slots){.limit = SLOTS_LIMIT_DEFAULT};
}

void slots_set_limit(struct slots *s, uint32_t limit)
{
    s->limit = (uint32_t)u64_min(limit, SLOTS_MAX);
}

/* ---- Finding a free slot ---- */

// The lowest clear bit of `word` from bit `from` on, or WORD_BITS.
static unsigned lowest_clear(uint64_t word, unsigned from)
{
    uint64_t clear = ~word & (UINT64_MAX << from);
    return clear == 0 ? WORD_BITS : (unsigned)__builtin_ctzll(clear);
}

// The first chunk from `from` on that is not full; s->chunks if all that the directory has room for
// are.
static uint32_t next_chunk_with_room(const struct slots *s, uint32_t from)
{
    unsigned bit = from % WORD_BITS;
    for (size_t w = from / WORD_BITS; w < summary_words(s->chunks); w++) {
        unsigned found = lowest_clear(summary(s)[w], bit);
        if (found < WORD_BITS) {
            return (uint32_t)u64_min(w * WORD_BITS + found, s->chunks);
        }
        bit = 0;
    }
    return s->chunks;
}

static uint32_t lowest_free(const struct slots *s, uint32_t from)
{
    uint32_t chunk = from / SLOTS_CHUNK;
    if (chunk >= s->chunks) {
        return from;
    }
    unsigned found = lowest_clear(used_words(s)[chunk], from % SLOTS_CHUNK);
    if (found < WORD_BITS) {
        return chunk * SLOTS_CHUNK + found;
    }
    chunk = next_chunk_with_room(s, chunk + 1);
    // Behind the directory everything is free.
    unsigned first = chunk < s->chunks ? lowest_clear(used_words(s)[chunk], 0) : 0;
    return chunk * SLOTS_CHUNK + first;
}

static bool has_memory(const struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    return chunk < s->chunks && s->directory->entries[chunk] != NULL;
}

// What has to be given before the entry of `slot` has memory.
static struct slots_need need_of(const struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    if (chunk < s->chunks) {
        return (struct slots_need){.size = SLOTS_CHUNK * sizeof(struct handle_entry),
                                   .chunk = chunk};
    }
    uint32_t chunks = DIRECTORY_MIN;
    while (chunks <= chunk) {
        chunks *= 2;
    }
    return (struct slots_need){.size = directory_size(chunks), .chunk = chunk, .chunks = chunks};
}

status_t slots_reserve(struct slots *s, uint32_t from, uint32_t *out, struct slots_need *need)
{
    if (from >= s->limit) {
        return ERR_MFILE;
    }
    uint32_t slot = lowest_free(s, from);
    if (slot >= s->limit) {
        return ERR_MFILE;
    }
    if (!has_memory(s, slot)) {
        *need = need_of(s, slot);
        return ERR_NOMEM;
    }
    set_used(s, slot);
    *out = slot;
    return OK;
}

status_t slots_reserve_at(struct slots *s, uint32_t slot, struct slots_need *need)
{
    if (slot >= s->limit) {
        return ERR_BADF;
    }
    if (!has_memory(s, slot)) {
        *need = need_of(s, slot);
        return ERR_NOMEM;
    }
    if (is_used(s, slot)) {
        return slots_find(s, slot) != NULL ? ERR_EXIST : ERR_BUSY;
    }
    set_used(s, slot);
    return OK;
}

/* ---- Memory ---- */

static void *give_directory(struct slots *s, uint32_t chunks, void *memory)
{
    if (chunks <= s->chunks) {
        return memory;
    }
    struct slots old = *s;
    s->directory = memory;
    s->chunks = chunks;
    if (old.directory != NULL) {
        memcpy(s->directory->entries, old.directory->entries,
               old.chunks * sizeof(old.directory->entries[0]));
        memcpy(used_words(s), used_words(&old), old.chunks * sizeof(uint64_t));
        memcpy(summary(s), summary(&old), summary_words(old.chunks) * sizeof(uint64_t));
    }
    return old.directory;
}

void *slots_give(struct slots *s, const struct slots_need *need, void *memory)
{
    if (need->chunks != 0) {
        return give_directory(s, need->chunks, memory);
    }
    if (s->directory->entries[need->chunk] != NULL) {
        return memory;
    }
    s->directory->entries[need->chunk] = memory;
    return NULL;
}

void *slots_fini(struct slots *s)
{
    for (; s->chunks != 0; s->chunks--) {
        void *entries = s->directory->entries[s->chunks - 1];
        if (entries != NULL) {
            s->directory->entries[s->chunks - 1] = NULL;
            return entries;
        }
    }
    void *directory = s->directory;
    s->directory = NULL;
    s->used = 0;
    return directory;
}

/* ---- Slots that are in use ---- */

static struct handle_entry *entry_of(const struct slots *s, uint32_t slot)
{
    return &s->directory->entries[slot / SLOTS_CHUNK][slot % SLOTS_CHUNK];
}

void slots_cancel(struct slots *s, uint32_t slot)
{
    clear_used(s, slot);
}

void slots_publish(struct slots *s, uint32_t slot, const struct handle_entry *entry)
{
    *entry_of(s, slot) = *entry;
}

status_t slots_remove(struct slots *s, uint32_t slot, struct handle_entry *out)
{
    struct handle_entry *e = slots_find(s, slot);
    if (e == NULL) {
        return ERR_BADF;
    }
    *out = *e;
    e->object = NULL;
    clear_used(s, slot);
    return OK;
}

void slots_replace(struct slots *s, uint32_t slot, const struct handle_entry *entry,
                   struct handle_entry *old)
{
    struct handle_entry *e = entry_of(s, slot);
    *old = *e;
    *e = *entry;
}

bool slots_next(const struct slots *s, uint32_t from, uint32_t *out)
{
    unsigned bit = from % SLOTS_CHUNK;
    for (uint32_t chunk = from / SLOTS_CHUNK; chunk < s->chunks; chunk++) {
        uint64_t left = used_words(s)[chunk] & (UINT64_MAX << bit);
        for (; left != 0; left &= left - 1) {
            uint32_t slot = chunk * SLOTS_CHUNK + (unsigned)__builtin_ctzll(left);
            if (entry_of(s, slot)->object != NULL) {
                *out = slot;
                return true;
            }
        }
        bit = 0;
    }
    return false;
}
