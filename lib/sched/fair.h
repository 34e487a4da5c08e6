// SPDX-License-Identifier: Apache-2.0
/*
 * Fair sharing of one CPU: earliest eligible virtual deadline first (Stoica and Abdel-Wahab, 1995).
 *
 * Every entity has a weight and a virtual time that advances by run time / weight.  The queue's
 * virtual time V is the weighted mean of all entities on it.  An entity whose virtual time is at or
 * before V has received no more than its share: it is eligible.  Each asks for slices of CPU time;
 * its deadline is the virtual time at which the current slice would be used up.  The eligible entity
 * with the earliest deadline runs.  So a heavier weight gives a larger share, and a shorter slice an
 * earlier turn for the same share.
 *
 *   off the queue --fair_enqueue--> waiting --fair_next--> current --fair_leave--> off the queue
 *                       ^              |  ^-----fair_put------|
 *                       |---fair_dequeue
 *
 * Invariants:
 *  1. `sum` = sum of weight * (vruntime - zero), `weight` = sum of weights, over the waiting entities
 *     and the current one.
 *  2. The tree holds the waiting ones by deadline; each node knows the smallest vruntime below it.  One
 *     waiting entity may stand beside the tree (`spare`): two that take turns need no tree at all.
 *  3. Some entity on a queue that is not empty is eligible (the mean is not below the minimum).
 *  4. What an entity was owed or owed itself when it left (its lag) it gets back when it returns, at
 *     most FAIR_LAG_SLICES slices of it.
 *
 * Locking: none; one queue and its entities are the caller's to serialise.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/base/rbtree.h"

enum {
    FAIR_NICE_MIN = -20,
    FAIR_NICE_MAX = 19,
    FAIR_WEIGHT_UNIT = 1024, // weight of nice 0: virtual time equals run time
    FAIR_LAG_SLICES = 2,
};

constexpr nsec_t FAIR_SLICE_NS = 2 * NSEC_PER_MSEC;

// How far ahead of `zero` an entity runs before the arithmetic is looked after.
constexpr int64_t FAIR_DRIFT = 1ll << 30;

struct fair_entity {
    struct rb_node node;
    uint64_t deadline;     // virtual; order of the tree
    uint64_t vruntime;     // virtual
    uint64_t min_vruntime; // smallest vruntime of the subtree
    int64_t lag;           // while off the queue: V - vruntime when it left
    uint32_t weight;
    uint32_t inverse; // 2^32 / weight
    nsec_t slice_ns;  // what it asks for at a time
    uint64_t slice;   // the same in its virtual time
};

struct fair_queue {
    struct rb_root root;
    struct fair_entity *spare;   // waits, but not in the tree; NULL: none
    struct fair_entity *current; // NULL: none
    uint64_t zero;               // where virtual times are counted from in `sum`
    int64_t sum;
    uint64_t weight;
    unsigned waiting; // entities in the tree and beside it
};

void fair_queue_init(struct fair_queue *q);
void fair_entity_init(struct fair_entity *e, int nice);

// The weight of a nice value (clamped): a step is worth about 10 percent of CPU time between two.
uint32_t fair_weight(int nice);

// Changes the weight of an entity that is on no queue; the CPU time it is owed stays the same.
void fair_set_nice(struct fair_entity *e, int nice);

// Puts an entity that is on no queue among the waiting ones.
void fair_enqueue(struct fair_queue *q, struct fair_entity *e);

// Takes a waiting entity off the queue.
void fair_dequeue(struct fair_queue *q, struct fair_entity *e);

// Charges the current entity for `ran_ns` of CPU time.  True when its slice is used up, in which
// case the next one has begun.
static inline bool fair_charge(struct fair_queue *q, nsec_t ran_ns);

// The same for one that gives the rest of its slice away.
static inline void fair_charge_yield(struct fair_queue *q, nsec_t ran_ns);

// An entity on no queue becomes the current one at once; there is none.
void fair_join_current(struct fair_queue *q, struct fair_entity *e);

// The current entity leaves the queue (it sleeps, ends or moves).
void fair_leave(struct fair_queue *q);

// The current entity goes back to waiting, without a successor.
void fair_put(struct fair_queue *q);

// Makes the entity current that should run, which may be the one that is; the old one waits.  Among
// equals it is one that waits.  NULL: the queue is empty.
struct fair_entity *fair_next(struct fair_queue *q);

// The same when there is a current entity, and a waiting one that is `spare` and alone.
static inline struct fair_entity *fair_turn(struct fair_queue *q);

// Whether the waiting entity `e` should take the CPU from the current one at once.
bool fair_preempts(const struct fair_queue *q, const struct fair_entity *e);

// CPU time that the current entity has left in its slice.
nsec_t fair_slice_left(const struct fair_queue *q);

// All waiting entities, those with late deadlines first, for choosing one to move away: NULL at the
// end.
struct fair_entity *fair_last(const struct fair_queue *q);
struct fair_entity *fair_before(const struct fair_queue *q, const struct fair_entity *e);

/* ---- The part of every switch ---- */

uint64_t fair_scale(const struct fair_entity *e, nsec_t ns);
void fair_contain(struct fair_queue *q);

// From CPU time to the entity's virtual time.
static ALWAYS_INLINE uint64_t fair_virtual(const struct fair_entity *e, nsec_t ns)
{
    return LIKELY(e->weight == FAIR_WEIGHT_UNIT) ? ns : fair_scale(e, ns);
}

// Virtual times wrap around, so they are compared by their difference.
static ALWAYS_INLINE bool fair_is_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

// Whether V >= v, without a division.
static ALWAYS_INLINE bool fair_is_eligible(const struct fair_queue *q, uint64_t vruntime)
{
    return q->sum >= (int64_t)(vruntime - q->zero) * (int64_t)q->weight;
}

static ALWAYS_INLINE void fair_advance(struct fair_queue *q, struct fair_entity *e, uint64_t to)
{
    q->sum += (int64_t)((to - e->vruntime) * e->weight);
    e->vruntime = to;
    if (UNLIKELY((int64_t)(to - q->zero) >= FAIR_DRIFT)) {
        fair_contain(q);
    }
}

static ALWAYS_INLINE bool fair_charge(struct fair_queue *q, nsec_t ran_ns)
{
    struct fair_entity *e = q->current;
    fair_advance(q, e, e->vruntime + fair_virtual(e, ran_ns));
    if (LIKELY(fair_is_before(e->vruntime, e->deadline))) {
        return false;
    }
    e->deadline = e->vruntime + e->slice;
    return true;
}

static ALWAYS_INLINE void fair_charge_yield(struct fair_queue *q, nsec_t ran_ns)
{
    struct fair_entity *e = q->current;
    uint64_t to = e->vruntime + fair_virtual(e, ran_ns);
    to = fair_is_before(to, e->deadline) ? e->deadline : to;
    fair_advance(q, e, to);
    e->deadline = e->vruntime + e->slice;
}

static ALWAYS_INLINE struct fair_entity *fair_turn(struct fair_queue *q)
{
    struct fair_entity *old = q->current;
    struct fair_entity *spare = q->spare;
    // Of two, one at least is eligible.
    if (!fair_is_eligible(q, spare->vruntime) ||
        (fair_is_before(old->deadline, spare->deadline) && fair_is_eligible(q, old->vruntime))) {
        return old;
    }
    q->spare = old;
    q->current = spare;
    return spare;
}
