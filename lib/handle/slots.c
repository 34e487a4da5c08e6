// SPDX-License-Identifier: Apache-2.0
#include "lib/handle/slots.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { DIRECTORY_MIN = 4, WORD_BITS = 64 };

static_assert((int)SLOTS_CHUNK == (int)WORD_BITS, "a chunk's used bits are one word");

/*@ requires chunks < 32768;
    assigns \nothing;
    ensures \result == (chunks + 63) / 64; */
static size_t summary_words(uint32_t chunks)
{
    return (chunks + WORD_BITS - 1) / WORD_BITS;
}

/*@ requires chunks < 32768;
    assigns \nothing; */
static size_t directory_size(uint32_t chunks)
{
    return chunks * (sizeof(struct handle_entry *) + sizeof(uint64_t)) +
           summary_words(chunks) * sizeof(uint64_t);
}

/*@ requires valid_slots(s);
    assigns \nothing;
    ensures \result == words(s->directory, s->chunks); */
static uint64_t *used_words(const struct slots *s)
{
    return (uint64_t *)(void *)&s->directory[s->chunks];
}

/*@ requires valid_slots(s);
    assigns \nothing;
    ensures \result == sums(s->directory, s->chunks); */
static uint64_t *summary(const struct slots *s)
{
    return used_words(s) + s->chunks;
}

/*@ requires \valid(words + bit / 64);
    assigns words[bit / 64];
    ensures \forall integer i; 0 <= i < 64 ==>
        (bit(words[bit / 64], i) <==> bit(\old(words[bit / 64]), i) || i == bit % 64); */
static void set_bit(uint64_t *words, uint32_t bit)
{
    words[bit / WORD_BITS] |= 1ull << (bit % WORD_BITS);
}

/*@ requires \valid(words + bit / 64);
    assigns words[bit / 64];
    ensures \forall integer i; 0 <= i < 64 ==>
        (bit(words[bit / 64], i) <==> bit(\old(words[bit / 64]), i) && i != bit % 64); */
static void clear_bit(uint64_t *words, uint32_t bit)
{
    words[bit / WORD_BITS] &= ~(1ull << (bit % WORD_BITS));
}

/*@ requires valid_slots(s) && slot / 64 < s->chunks;
    assigns \nothing;
    ensures \result <==> used(s->directory, s->chunks, slot / 64, slot % 64); */
static bool is_used(const struct slots *s, uint32_t slot)
{
    return (used_words(s)[slot / SLOTS_CHUNK] >> (slot % SLOTS_CHUNK) & 1) != 0;
}

/*@ requires valid_slots(s) && slot / 64 < s->chunks && s->directory[slot / 64] != \null;
    assigns words(s->directory, s->chunks)[slot / 64],
        sums(s->directory, s->chunks)[slot / 64 / 64], s->used;
    ensures valid_slots(s) && s->used == (uint32_t)(\old(s->used) + 1);
    ensures \forall integer i; 0 <= i < 64 ==> (used(s->directory, s->chunks, slot / 64, i) <==>
        \old(used(s->directory, s->chunks, slot / 64, i)) || i == slot % 64); */
static void set_used(struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    set_bit(used_words(s), slot);
    if (used_words(s)[chunk] == UINT64_MAX) {
        set_bit(summary(s), chunk);
    }
    s->used++;
}

/*@ requires valid_slots(s) && slot / 64 < s->chunks;
    assigns words(s->directory, s->chunks)[slot / 64],
        sums(s->directory, s->chunks)[slot / 64 / 64], s->used;
    ensures valid_slots(s) && s->used == (uint32_t)(\old(s->used) - 1);
    ensures \forall integer i; 0 <= i < 64 ==> (used(s->directory, s->chunks, slot / 64, i) <==>
        \old(used(s->directory, s->chunks, slot / 64, i)) && i != slot % 64); */
static void clear_used(struct slots *s, uint32_t slot)
{
    clear_bit(used_words(s), slot);
    clear_bit(summary(s), slot / SLOTS_CHUNK);
    s->used--;
}

void slots_init(struct slots *s)
{
    *s = (struct slots){.limit = SLOTS_LIMIT_DEFAULT};
}

/*@ requires \valid(s);
    assigns s->limit;
    ensures s->limit == (limit < 1048576 ? limit : 1048576); */
void slots_set_limit(struct slots *s, uint32_t limit)
{
    s->limit = (uint32_t)u64_min(limit, SLOTS_MAX);
}

/* ---- Finding a free slot ---- */

// The lowest clear bit of `word` from bit `from` on, or WORD_BITS.
/*@ requires from < 64;
    assigns \nothing;
    ensures \result <= 64;
    ensures clear: \result < 64 ==> from <= \result && !bit(word, \result);
    ensures lowest: \forall integer i; from <= i < \result ==> bit(word, i); */
static unsigned lowest_clear(uint64_t word, unsigned from)
{
    uint64_t clear = ~word & (UINT64_MAX << from);
    return clear == 0 ? WORD_BITS : (unsigned)__builtin_ctzll(clear);
}

// The first chunk from `from` on that is not full; s->chunks if all that the directory has room for
// are.
/*@ requires valid_slots(s) && from <= s->chunks;
    assigns \nothing;
    ensures from <= \result <= s->chunks;
    ensures room: \result < s->chunks ==> !full(s->directory, s->chunks, \result);
    ensures lowest: \forall integer c; from <= c < \result ==> full(s->directory, s->chunks, c); */
static uint32_t next_chunk_with_room(const struct slots *s, uint32_t from)
{
    unsigned bit = from % WORD_BITS;
    /*@ loop invariant from / 64 <= w;
        loop invariant bit == (w == from / 64 ? from % 64 : 0);
        loop invariant \forall integer c; from <= c < w * 64 && c < s->chunks ==>
            full(s->directory, s->chunks, c);
        loop assigns w, bit;
        loop variant 513 - w; */
    for (size_t w = from / WORD_BITS; w < summary_words(s->chunks); w++) {
        unsigned found = lowest_clear(summary(s)[w], bit);
        if (found < WORD_BITS) {
            return (uint32_t)u64_min(w * WORD_BITS + found, s->chunks);
        }
        bit = 0;
    }
    return s->chunks;
}

/*@ requires valid_slots(s) && summary_is_true(s->directory, s->chunks) && from < 1048576;
    assigns \nothing;
    ensures from <= \result;
    ensures is_free: \result / 64 < s->chunks ==>
        !used(s->directory, s->chunks, \result / 64, \result % 64);
    ensures lowest: \forall integer j; from <= j < \result ==>
        j / 64 < s->chunks && used(s->directory, s->chunks, j / 64, j % 64); */
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
    /*@ admit a_clear_bit: chunk < s->chunks &&
            words(s->directory, s->chunks)[chunk] != 0xffffffffffffffff ==> first < 64; */
    return chunk * SLOTS_CHUNK + first;
}

/*@ requires valid_slots(s);
    assigns \nothing;
    ensures \result <==> slot / 64 < s->chunks && s->directory[slot / 64] != \null; */
static bool has_memory(const struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    return chunk < s->chunks && s->directory[chunk] != NULL;
}

// What has to be given before the entry of `slot` has memory.
/*@ requires valid_slots(s) && slot < 1048576;
    assigns \nothing;
    ensures \result.chunk == slot / 64;
    ensures \result.chunks == 0 || slot / 64 < \result.chunks < 32768; */
static struct slots_need need_of(const struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    if (chunk < s->chunks) {
        return (struct slots_need){.size = SLOTS_CHUNK * sizeof(struct handle_entry),
                                   .chunk = chunk};
    }
    uint32_t chunks = DIRECTORY_MIN;
    /*@ loop invariant 4 <= chunks < 32768;
        loop assigns chunks;
        loop variant 32768 - chunks; */
    while (chunks <= chunk) {
        chunks *= 2;
    }
    return (struct slots_need){.size = directory_size(chunks), .chunk = chunk, .chunks = chunks};
}

/*@ requires valid_slots(s) && summary_is_true(s->directory, s->chunks);
    requires \valid(out) && \valid(need) && \separated(s, out, need);
    assigns *out, *need, s->used, words(s->directory, s->chunks)[0 .. s->chunks - 1],
        sums(s->directory, s->chunks)[0 .. (s->chunks + 63) / 64 - 1];
    ensures \result == OK || \result == ERR_MFILE || \result == ERR_NOMEM;
    ensures no_change: \result != OK ==> s->used == \old(s->used);
    ensures counted: \result == OK ==> s->used == (uint32_t)(\old(s->used) + 1);
    ensures in_limit: \result == OK ==> from <= *out < s->limit;
    ensures is_free: \forall integer j; \result == OK && j == *out ==>
        !\old(used(s->directory, s->chunks, j / 64, j % 64));
    ensures lowest: \forall integer j; \result == OK && from <= j < *out ==>
        \old(used(s->directory, s->chunks, j / 64, j % 64)); */
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

/*@ requires valid_slots(s) && \valid(need) && \separated(s, need);
    assigns *need, s->used, words(s->directory, s->chunks)[0 .. s->chunks - 1],
        sums(s->directory, s->chunks)[0 .. (s->chunks + 63) / 64 - 1];
    ensures no_change: \result != OK ==> s->used == \old(s->used);
    ensures counted: \result == OK ==> s->used == (uint32_t)(\old(s->used) + 1);
    ensures was_free: \result == OK ==> slot < s->limit &&
        !\old(used(s->directory, s->chunks, slot / 64, slot % 64)); */
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
        memcpy(s->directory, old.directory, old.chunks * sizeof(old.directory[0]));
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
    if (s->directory[need->chunk] != NULL) {
        return memory;
    }
    s->directory[need->chunk] = memory;
    return NULL;
}

void *slots_fini(struct slots *s)
{
    for (; s->chunks != 0; s->chunks--) {
        void *entries = s->directory[s->chunks - 1];
        if (entries != NULL) {
            s->directory[s->chunks - 1] = NULL;
            return entries;
        }
    }
    void *directory = s->directory;
    s->directory = NULL;
    s->used = 0;
    return directory;
}

/* ---- Slots that are in use ---- */

/*@ requires valid_slots(s) && slot / 64 < s->chunks && s->directory[slot / 64] != \null;
    assigns \nothing;
    ensures \result == s->directory[slot / 64] + slot % 64; */
static struct handle_entry *entry_of(const struct slots *s, uint32_t slot)
{
    return &s->directory[slot / SLOTS_CHUNK][slot % SLOTS_CHUNK];
}

/*@ requires valid_slots(s) && slot / 64 < s->chunks;
    assigns s->used, words(s->directory, s->chunks)[slot / 64],
        sums(s->directory, s->chunks)[slot / 64 / 64];
    ensures counted: s->used == (uint32_t)(\old(s->used) - 1);
    ensures is_free: !used(s->directory, s->chunks, slot / 64, slot % 64); */
void slots_cancel(struct slots *s, uint32_t slot)
{
    clear_used(s, slot);
}

/*@ requires valid_slots(s) && slot / 64 < s->chunks && s->directory[slot / 64] != \null;
    requires \valid_read(entry) && \separated(entry, s->directory[slot / 64] + slot % 64);
    assigns s->directory[slot / 64][slot % 64];
    ensures same: s->directory[slot / 64][slot % 64] == *entry; */
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

/*@ requires valid_slots(s) && slot / 64 < s->chunks && s->directory[slot / 64] != \null;
    requires \valid_read(entry) && \valid(old);
    requires \separated(old, s, s->directory[slot / 64] + slot % 64);
    assigns s->directory[slot / 64][slot % 64], *old;
    ensures same: *old == \old(s->directory[slot / 64][slot % 64]); */
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
