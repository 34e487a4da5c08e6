// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/range_lock.h"

static struct range_lock *lock_of(struct list *node)
{
    return container_of(node, struct range_lock, link);
}

static bool overlap(const struct range_lock *a, const struct range_lock *b)
{
    return a->start <= b->end && b->start <= a->end;
}

struct range_lock *range_lock_conflict(const struct list *locks, const struct range_lock *want)
{
    list_for_each (node, locks) {
        struct range_lock *l = lock_of(node);
        if (l->owner != want->owner && overlap(l, want) &&
            (l->kind == RANGE_WRITE || want->kind == RANGE_WRITE)) {
            return l;
        }
    }
    return NULL;
}

static void insert(struct list *locks, struct range_lock *l)
{
    struct list *at = locks->next;
    while (at != locks && lock_of(at)->start < l->start) {
        at = at->next;
    }
    list_insert_between(&l->link, at->prev, at);
}

static struct range_lock *take_spare(struct list *spare, const struct range_lock *like)
{
    struct range_lock *l = lock_of(list_pop(spare));
    l->start = like->start;
    l->end = like->end;
    l->owner = like->owner;
    l->pid = like->pid;
    l->kind = like->kind;
    return l;
}

// Whether the two touch or overlap, so that they would be one if they are of one kind.
static bool touch(const struct range_lock *a, const struct range_lock *b)
{
    return (a->start <= b->end || a->start - 1 == b->end) &&
           (b->start <= a->end || b->start - 1 == a->end);
}

// Cuts [want->start, want->end] out of `l`, which may leave nothing, one piece or two.
static void cut(struct list *locks, struct range_lock *l, const struct range_lock *want,
                struct list *spare)
{
    bool has_front = l->start < want->start;
    bool has_back = l->end > want->end;
    if (has_back && has_front) {
        struct range_lock *back = take_spare(spare, l);
        back->start = want->end + 1;
        l->end = want->start - 1;
        insert(locks, back);
    } else if (has_front) {
        l->end = want->start - 1;
    } else {
        list_del(&l->link);
        if (has_back) {
            l->start = want->end + 1;
            insert(locks, l); // its place in the order may have changed
        } else {
            list_add_tail(spare, &l->link);
        }
    }
}

void range_lock_set(struct list *locks, const struct range_lock *want, struct list *spare)
{
    struct range_lock *whole = want->kind == RANGE_UNLOCKED ? NULL : take_spare(spare, want);
    list_for_each_safe (node, locks) {
        struct range_lock *l = lock_of(node);
        if (l->owner != want->owner) {
            continue;
        }
        if (whole != NULL && l->kind == want->kind && touch(l, want)) {
            whole->start = u64_min(whole->start, l->start);
            whole->end = u64_max(whole->end, l->end);
            list_del(&l->link);
            list_add_tail(spare, &l->link);
        } else if (overlap(l, want)) {
            cut(locks, l, want, spare);
        }
    }
    if (whole != NULL) {
        insert(locks, whole);
    }
}

void range_lock_drop(struct list *locks, const void *owner, struct list *spare)
{
    list_for_each_safe (node, locks) {
        if (lock_of(node)->owner == owner) {
            list_del(node);
            list_add_tail(spare, node);
        }
    }
}
