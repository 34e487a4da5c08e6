// SPDX-License-Identifier: Apache-2.0
#include "lib/sched/fair.h"

#include "lib/base/attr.h"
#include "lib/base/bits.h"

// The mean may drift this far from `zero` before the sum is rebased, and an entity this far from
// it: products with the sum of weights of a million entities stay within 63 bits.
constexpr int64_t DRIFT_MAX = 1ll << 30;
constexpr int64_t KEY_MAX = 1ll << 33;

// 1024 / 1.25^nice, as every Unix with weights has it.
static const uint32_t weights[FAIR_NICE_MAX - FAIR_NICE_MIN + 1] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};

static struct fair_entity *entity_at(struct rb_node *node)
{
    return container_of(node, struct fair_entity, node);
}

// Virtual times wrap around, so they are compared by their difference.
static int64_t key(const struct fair_queue *q, const struct fair_entity *e)
{
    return (int64_t)(e->vruntime - q->zero);
}

static bool is_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

static ALWAYS_INLINE uint64_t virtual_time(const struct fair_entity *e, nsec_t ns)
{
    if (LIKELY(e->weight == FAIR_WEIGHT_UNIT)) {
        return ns;
    }
    return (uint64_t)((unsigned __int128)ns * e->inverse >> 22); // * 1024 / weight
}

static void set_weight(struct fair_entity *e, int nice)
{
    e->weight = fair_weight(nice);
    e->inverse = (uint32_t)((1ull << 32) / e->weight);
}

uint32_t fair_weight(int nice)
{
    nice = nice < FAIR_NICE_MIN ? FAIR_NICE_MIN : nice > FAIR_NICE_MAX ? FAIR_NICE_MAX : nice;
    return weights[nice - FAIR_NICE_MIN];
}

void fair_queue_init(struct fair_queue *q)
{
    *q = (struct fair_queue){};
}

void fair_entity_init(struct fair_entity *e, int nice)
{
    *e = (struct fair_entity){.slice_ns = FAIR_SLICE_NS};
    set_weight(e, nice);
}

/* ---- The mean ---- */

static uint64_t mean(const struct fair_queue *q)
{
    return q->weight == 0 ? q->zero : q->zero + (uint64_t)(q->sum / (int64_t)q->weight);
}

// V >= v, without a division.
static bool is_eligible_at(const struct fair_queue *q, uint64_t vruntime)
{
    return q->sum >= (int64_t)(vruntime - q->zero) * (int64_t)q->weight;
}

static void sum_add(struct fair_queue *q, const struct fair_entity *e)
{
    q->sum += key(q, e) * (int64_t)e->weight;
    q->weight += e->weight;
}

static void sum_sub(struct fair_queue *q, const struct fair_entity *e)
{
    q->sum -= key(q, e) * (int64_t)e->weight;
    q->weight -= e->weight;
}

static void rebase(struct fair_queue *q)
{
    int64_t drift = q->sum / (int64_t)q->weight;
    q->zero += (uint64_t)drift;
    q->sum -= drift * (int64_t)q->weight;
}

/* ---- The tree ---- */

static bool update_min(struct rb_node *node)
{
    struct fair_entity *e = entity_at(node);
    uint64_t min = e->vruntime;
    if (node->left != NULL && is_before(entity_at(node->left)->min_vruntime, min)) {
        min = entity_at(node->left)->min_vruntime;
    }
    if (node->right != NULL && is_before(entity_at(node->right)->min_vruntime, min)) {
        min = entity_at(node->right)->min_vruntime;
    }
    bool is_changed = e->min_vruntime != min;
    e->min_vruntime = min;
    return is_changed;
}

static void tree_insert(struct fair_queue *q, struct fair_entity *e)
{
    struct rb_node *parent = NULL;
    struct rb_node **link = &q->root.node;
    while (*link != NULL) {
        parent = *link;
        bool is_left = is_before(e->deadline, entity_at(parent)->deadline);
        link = is_left ? &parent->left : &parent->right;
    }
    e->min_vruntime = e->vruntime;
    rb_insert_augmented(&q->root, &e->node, parent, link, update_min);
    q->waiting++;
}

static void tree_erase(struct fair_queue *q, struct fair_entity *e)
{
    rb_erase_augmented(&q->root, &e->node, update_min);
    q->waiting--;
}

// The waiting entity with the earliest deadline among the eligible; NULL if none is.
static struct fair_entity *tree_pick(const struct fair_queue *q)
{
    struct rb_node *node = rb_first(&q->root);
    if (node == NULL) {
        return NULL;
    }
    if (LIKELY(is_eligible_at(q, entity_at(node)->vruntime))) {
        return entity_at(node);
    }
    node = q->root.node;
    while (node != NULL) {
        struct fair_entity *e = entity_at(node);
        // Everything to the left has an earlier deadline.
        if (node->left != NULL && is_eligible_at(q, entity_at(node->left)->min_vruntime)) {
            node = node->left;
        } else if (is_eligible_at(q, e->vruntime)) {
            return e;
        } else {
            node = node->right;
        }
    }
    return NULL;
}

/* ---- Joining and leaving ---- */

static int64_t lag_limit(const struct fair_entity *e)
{
    return (int64_t)virtual_time(e, FAIR_LAG_SLICES * e->slice_ns);
}

static void save_lag(const struct fair_queue *q, struct fair_entity *e)
{
    int64_t limit = lag_limit(e);
    int64_t lag = (int64_t)(mean(q) - e->vruntime);
    e->lag = lag > limit ? limit : lag < -limit ? -limit : lag;
}

/*
 * The newcomer moves the mean, towards itself: to have the lag L afterwards it must stand
 * L * (W + w) / W from the mean of the others.
 */
static void place(const struct fair_queue *q, struct fair_entity *e)
{
    int64_t lag = e->lag;
    if (q->weight != 0 && lag != 0) {
        lag += lag * (int64_t)e->weight / (int64_t)q->weight;
        int64_t limit = 4 * lag_limit(e); // beside a much lighter entity the correction explodes
        lag = lag > limit ? limit : lag < -limit ? -limit : lag;
    }
    e->vruntime = mean(q) - (uint64_t)lag;
    e->deadline = e->vruntime + virtual_time(e, e->slice_ns);
}

void fair_enqueue(struct fair_queue *q, struct fair_entity *e)
{
    place(q, e);
    sum_add(q, e);
    tree_insert(q, e);
}

void fair_dequeue(struct fair_queue *q, struct fair_entity *e)
{
    save_lag(q, e);
    tree_erase(q, e);
    sum_sub(q, e);
}

void fair_leave(struct fair_queue *q)
{
    struct fair_entity *e = q->current;
    save_lag(q, e);
    sum_sub(q, e);
    q->current = NULL;
}

void fair_put(struct fair_queue *q)
{
    tree_insert(q, q->current);
    q->current = NULL;
}

void fair_join_current(struct fair_queue *q, struct fair_entity *e)
{
    place(q, e);
    sum_add(q, e);
    q->current = e;
}

void fair_set_nice(struct fair_entity *e, int nice)
{
    int64_t owed = e->lag * (int64_t)e->weight;
    set_weight(e, nice);
    e->lag = owed / (int64_t)e->weight;
}

/* ---- Running ---- */

static void advance(struct fair_queue *q, struct fair_entity *e, uint64_t virtual_ns)
{
    // Who ran on for ages without being charged is forgiven the part that arithmetic cannot hold.
    if (UNLIKELY(key(q, e) + (int64_t)virtual_ns > KEY_MAX)) {
        virtual_ns = (uint64_t)(key(q, e) < KEY_MAX ? KEY_MAX - key(q, e) : 0);
    }
    e->vruntime += virtual_ns;
    q->sum += (int64_t)(virtual_ns * e->weight);
    if (UNLIKELY(q->sum > DRIFT_MAX * (int64_t)q->weight)) {
        rebase(q);
    }
}

bool fair_charge(struct fair_queue *q, nsec_t ran_ns)
{
    struct fair_entity *e = q->current;
    advance(q, e, virtual_time(e, u64_min(ran_ns, NSEC_PER_SEC)));
    if (LIKELY(is_before(e->vruntime, e->deadline))) {
        return false;
    }
    e->deadline = e->vruntime + virtual_time(e, e->slice_ns);
    return true;
}

void fair_yield(struct fair_queue *q)
{
    struct fair_entity *e = q->current;
    if (is_eligible_at(q, e->vruntime)) {
        advance(q, e, e->deadline - e->vruntime);
    }
    e->deadline = e->vruntime + virtual_time(e, e->slice_ns);
}

struct fair_entity *fair_next(struct fair_queue *q)
{
    struct fair_entity *old = q->current;
    struct fair_entity *best = tree_pick(q);
    if (best == NULL) {
        return old;
    }
    if (old != NULL && is_eligible_at(q, old->vruntime) &&
        !is_before(best->deadline, old->deadline)) {
        return old;
    }
    // First out, then in: with two entities the tree is empty in between, and both are cheap.
    tree_erase(q, best);
    if (old != NULL) {
        tree_insert(q, old);
    }
    q->current = best;
    return best;
}

bool fair_preempts(const struct fair_queue *q, const struct fair_entity *e)
{
    return q->current == NULL ||
           (is_before(e->deadline, q->current->deadline) && is_eligible_at(q, e->vruntime));
}

nsec_t fair_slice_left(const struct fair_queue *q)
{
    const struct fair_entity *e = q->current;
    uint64_t left = e->deadline - e->vruntime;
    if (!is_before(e->vruntime, e->deadline)) {
        return 0;
    }
    return e->weight == FAIR_WEIGHT_UNIT ? left : (left * e->weight) >> 10;
}

struct fair_entity *fair_last(const struct fair_queue *q)
{
    struct rb_node *node = rb_last(&q->root);
    return node == NULL ? NULL : entity_at(node);
}

struct fair_entity *fair_before(const struct fair_entity *e)
{
    struct rb_node *node = rb_prev(&e->node);
    return node == NULL ? NULL : entity_at(node);
}
