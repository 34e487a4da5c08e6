// SPDX-License-Identifier: Apache-2.0
#include "lib/sched/fair.h"

#include "lib/base/bits.h"

// An entity may not get further than this from `zero`: products with the sum of weights of a million
// entities stay within 63 bits.
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

static int64_t key(const struct fair_queue *q, const struct fair_entity *e)
{
    return (int64_t)(e->vruntime - q->zero);
}

uint64_t fair_scale(const struct fair_entity *e, nsec_t ns)
{
    return (uint64_t)((unsigned __int128)ns * e->inverse >> 22); // * 1024 / weight
}

static void set_weight(struct fair_entity *e, int nice)
{
    e->weight = fair_weight(nice);
    e->inverse = (uint32_t)((1ull << 32) / e->weight);
    e->slice = fair_virtual(e, e->slice_ns);
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

// Moves `zero` to the mean.  Who ran on for ages without being charged is forgiven the part that the
// arithmetic cannot hold.
void fair_contain(struct fair_queue *q)
{
    struct fair_entity *e = q->current;
    if (q->sum > FAIR_DRIFT / 2 * (int64_t)q->weight) {
        int64_t drift = q->sum / (int64_t)q->weight;
        q->zero += (uint64_t)drift;
        q->sum -= drift * (int64_t)q->weight;
    }
    int64_t excess = key(q, e) - KEY_MAX;
    if (excess > 0) {
        q->sum -= excess * (int64_t)e->weight;
        e->vruntime -= (uint64_t)excess;
    }
}

/* ---- The tree ---- */

static bool update_min(struct rb_node *node)
{
    struct fair_entity *e = entity_at(node);
    uint64_t min = e->vruntime;
    if (node->left != NULL && fair_is_before(entity_at(node->left)->min_vruntime, min)) {
        min = entity_at(node->left)->min_vruntime;
    }
    if (node->right != NULL && fair_is_before(entity_at(node->right)->min_vruntime, min)) {
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
        bool is_left = fair_is_before(e->deadline, entity_at(parent)->deadline);
        link = is_left ? &parent->left : &parent->right;
    }
    e->min_vruntime = e->vruntime;
    rb_insert_augmented(&q->root, &e->node, parent, link, update_min);
}

static void waiting_add(struct fair_queue *q, struct fair_entity *e)
{
    q->waiting++;
    if (q->spare == NULL) {
        q->spare = e;
    } else {
        tree_insert(q, e);
    }
}

static void waiting_del(struct fair_queue *q, struct fair_entity *e)
{
    q->waiting--;
    if (q->spare == e) {
        q->spare = NULL;
    } else {
        rb_erase_augmented(&q->root, &e->node, update_min);
    }
}

// The entity with the earliest deadline among the eligible in the tree; NULL if none is.
static struct fair_entity *tree_pick(const struct fair_queue *q)
{
    struct rb_node *node = rb_first(&q->root);
    if (node == NULL || fair_is_eligible(q, entity_at(node)->vruntime)) {
        return node == NULL ? NULL : entity_at(node);
    }
    node = q->root.node;
    while (node != NULL) {
        struct fair_entity *e = entity_at(node);
        // Everything to the left has an earlier deadline.
        if (node->left != NULL && fair_is_eligible(q, entity_at(node->left)->min_vruntime)) {
            node = node->left;
        } else if (fair_is_eligible(q, e->vruntime)) {
            return e;
        } else {
            node = node->right;
        }
    }
    return NULL;
}

// The better of two, either of which may be NULL or not eligible.
static struct fair_entity *better(const struct fair_queue *q, struct fair_entity *a,
                                  struct fair_entity *b)
{
    if (b == NULL || !fair_is_eligible(q, b->vruntime)) {
        return a;
    }
    return a != NULL && !fair_is_before(b->deadline, a->deadline) ? a : b;
}

/* ---- Joining and leaving ---- */

static int64_t lag_limit(const struct fair_entity *e)
{
    return FAIR_LAG_SLICES * (int64_t)e->slice;
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
    e->deadline = e->vruntime + e->slice;
}

void fair_enqueue(struct fair_queue *q, struct fair_entity *e)
{
    place(q, e);
    sum_add(q, e);
    waiting_add(q, e);
}

void fair_dequeue(struct fair_queue *q, struct fair_entity *e)
{
    save_lag(q, e);
    waiting_del(q, e);
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
    waiting_add(q, q->current);
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

struct fair_entity *fair_next(struct fair_queue *q)
{
    struct fair_entity *old = q->current;
    struct fair_entity *best = better(q, better(q, NULL, q->spare), tree_pick(q));
    bool may_stay = old != NULL && fair_is_eligible(q, old->vruntime);
    if (best == NULL || (may_stay && fair_is_before(old->deadline, best->deadline))) {
        return old;
    }
    waiting_del(q, best);
    if (old != NULL) {
        waiting_add(q, old);
    }
    q->current = best;
    return best;
}

bool fair_preempts(const struct fair_queue *q, const struct fair_entity *e)
{
    return q->current == NULL ||
           (fair_is_before(e->deadline, q->current->deadline) && fair_is_eligible(q, e->vruntime));
}

nsec_t fair_slice_left(const struct fair_queue *q)
{
    const struct fair_entity *e = q->current;
    uint64_t left = e->deadline - e->vruntime;
    if (!fair_is_before(e->vruntime, e->deadline)) {
        return 0;
    }
    return e->weight == FAIR_WEIGHT_UNIT ? left : (left * e->weight) >> 10;
}

struct fair_entity *fair_last(const struct fair_queue *q)
{
    if (q->spare != NULL) {
        return q->spare;
    }
    struct rb_node *node = rb_last(&q->root);
    return node == NULL ? NULL : entity_at(node);
}

struct fair_entity *fair_before(const struct fair_queue *q, const struct fair_entity *e)
{
    struct rb_node *node = e == q->spare ? rb_last(&q->root) : rb_prev(&e->node);
    return node == NULL ? NULL : entity_at(node);
}
