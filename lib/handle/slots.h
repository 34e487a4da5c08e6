// SPDX-License-Identifier: Apache-2.0
/*
 * The slots of a handle table: which numbers are free, and what the others stand for.  No lock, no
 * allocation, and no knowledge of what an object is: the caller brings memory and counts references.
 *
 *                 slots_reserve, slots_reserve_at
 *          FREE ----------------------------------> RESERVED
 *           ^ ^                                      |   |
 *           | '---------------- slots_cancel --------'   | slots_publish
 *           |                                            v
 *           '---------------- slots_remove ------------ LIVE --. slots_replace
 *                                                        ^-----'
 *
 * Slots come in chunks of 64.  A directory holds, for each chunk, a pointer (NULL: nothing of it was
 * ever used) and a word with a bit for each slot that is not free; above it a summary has a bit for
 * each chunk that is full, so that the lowest free slot is found in a few steps among thousands.
 *
 *   summary   1 0 . . . . .                 one bit a chunk: full
 *   used      11111111  11011000  ...       one bit a slot: reserved or live
 *   chunks    --> 64 entries  --> 64 entries  ...
 *
 * Memory: when slots_reserve needs some it says how much; the caller allocates it (without its lock),
 * gives it with slots_give, frees what slots_give returns, and tries again.
 *
 * Invariants: 1. an entry's object is NULL unless its slot is LIVE; 2. a used bit is set exactly
 * while its slot is RESERVED or LIVE; 3. rights of an entry never grow, except by replacing it;
 * 4. every object given in comes out exactly once: by remove, by replace, or by fini's walk.
 *
 * Locking: the caller's.
 */
#pragma once

#include "lib/handle/rights.h"

enum {
    SLOTS_CHUNK = 64,           // slots of a chunk
    SLOTS_MAX = 1 << 20,        // no limit is above this
    SLOTS_LIMIT_DEFAULT = 1024, // until slots_set_limit
};

// What a handle is: also on its way between two tables.
struct handle_entry {
    void *object;
    uint64_t badge;
    rights_t rights;
    uint32_t flags;
};

struct slots {
    // In memory that the caller gave: behind the pointers to the chunks a word of used bits for each
    // of them, then the summary.  NULL: none yet.
    struct handle_entry **directory;
    uint32_t chunks; // that the directory has room for
    uint32_t limit;  // no number from here on is reserved
    uint32_t used;   // slots reserved or live
};

// Memory that slots_reserve asks for.
struct slots_need {
    size_t size; // bytes, zeroed, aligned to 8
    uint32_t chunk;
    uint32_t chunks; // a directory with room for so many; 0: the chunk itself
};

/*@ // Of a directory d for n chunks: its words, its summary, and chunk c's slot i.
    logic uint64_t *words(struct handle_entry **d, integer n) = (uint64_t *)(d + n);
    logic uint64_t *sums(struct handle_entry **d, integer n) = (uint64_t *)(d + n) + n;
    predicate used(struct handle_entry **d, integer n, integer c, integer i) =
        bit(words(d, n)[c], i);
    predicate full(struct handle_entry **d, integer n, integer c) =
        bit(sums(d, n)[c / 64], c % 64);

    // The directory is there, and so are its chunks; nothing lies over anything else.
    predicate has_memory(struct handle_entry **d, integer n) =
        \valid(d + (0 .. n - 1)) && \valid(words(d, n) + (0 .. n - 1)) &&
        \valid(sums(d, n) + (0 .. (n + 63) / 64 - 1)) &&
        (\forall integer c; 0 <= c < n && d[c] != \null ==> \valid(d[c] + (0 .. 63)) &&
            \separated(d[c] + (0 .. 63), d + (0 .. n - 1)) &&
            \separated(d[c] + (0 .. 63), words(d, n) + (0 .. n - 1)) &&
            \separated(d[c] + (0 .. 63), sums(d, n) + (0 .. (n + 63) / 64 - 1))) &&
        (\forall integer b, c; 0 <= b < c < n && d[b] != \null && d[c] != \null ==>
            \separated(d[b] + (0 .. 63), d[c] + (0 .. 63)));
    predicate lies_apart(struct slots *s, struct handle_entry **d, integer n) =
        \separated(s, d + (0 .. n - 1)) && \separated(s, words(d, n) + (0 .. n - 1)) &&
        \separated(s, sums(d, n) + (0 .. (n + 63) / 64 - 1)) &&
        (\forall integer c; 0 <= c < n && d[c] != \null ==> \separated(s, d[c] + (0 .. 63)));
    predicate valid_slots(struct slots *s) =
        \valid(s) && s->chunks < 32768 && s->limit <= 1048576 && (s->chunks == 0 ||
            has_memory(s->directory, s->chunks) && lies_apart(s, s->directory, s->chunks));

    // The summary has a chunk's bit while all of its slots are used.
    predicate summary_is_true(struct handle_entry **d, integer n) =
        \forall integer c; 0 <= c < n ==> (full(d, n, c) <==> words(d, n)[c] == 0xffffffffffffffff);
*/

void slots_init(struct slots *s);

// The lowest free number from `from` on becomes RESERVED.  ERR_MFILE: none below the limit.
// ERR_NOMEM: *need says what has to be given first.
status_t slots_reserve(struct slots *s, uint32_t from, uint32_t *out, struct slots_need *need);

// This one, if it is FREE.  ERR_EXIST: it is LIVE.  ERR_BUSY: it is RESERVED.  ERR_BADF: not below
// the limit.  ERR_NOMEM as above.
status_t slots_reserve_at(struct slots *s, uint32_t slot, struct slots_need *need);

// Takes zeroed memory of the size of `need`.  Gives what the caller has to free: an old directory,
// or `memory` itself if somebody else was faster; else NULL.
void *slots_give(struct slots *s, const struct slots_need *need, void *memory);

// RESERVED to FREE.
void slots_cancel(struct slots *s, uint32_t slot);

// RESERVED to LIVE.  The object is not NULL.
void slots_publish(struct slots *s, uint32_t slot, const struct handle_entry *entry);

// The entry of a LIVE slot; NULL for any other number.  Only flags and badge may be written, and
// rights taken away.
/*@ requires valid_slots(s);
    assigns \nothing;
    ensures is_live: \result != \null ==> slot / 64 < s->chunks &&
        \result == s->directory[slot / 64] + slot % 64 && \result->object != \null;
    ensures is_not: \result == \null ==> slot / 64 >= s->chunks ||
        s->directory[slot / 64] == \null || s->directory[slot / 64][slot % 64].object == \null; */
static inline struct handle_entry *slots_find(const struct slots *s, uint32_t slot)
{
    uint32_t chunk = slot / SLOTS_CHUNK;
    if (chunk >= s->chunks || s->directory[chunk] == NULL) {
        return NULL;
    }
    struct handle_entry *e = &s->directory[chunk][slot % SLOTS_CHUNK];
    return e->object == NULL ? NULL : e;
}

// LIVE to FREE; gives what it held.  ERR_BADF: it is not LIVE.
status_t slots_remove(struct slots *s, uint32_t slot, struct handle_entry *out);

// Another entry for a LIVE slot; gives the old one.
void slots_replace(struct slots *s, uint32_t slot, const struct handle_entry *entry,
                   struct handle_entry *old);

// The lowest LIVE slot from `from` on.  False: there is none.
bool slots_next(const struct slots *s, uint32_t from, uint32_t *out);

void slots_set_limit(struct slots *s, uint32_t limit); // cut at SLOTS_MAX

// Hands out the table's memory piece by piece, for the caller to free; NULL when none is left.  No
// slot is LIVE any more.
void *slots_fini(struct slots *s);
