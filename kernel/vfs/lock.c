// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/lock.h"

#include "kernel/core/wait.h"
#include "kernel/mm/heap.h"
#include "kernel/vfs/open.h"

enum { SPARES = 2 }; // what a change may need, see range_lock.h

struct vnode_locks {
    struct mutex lock;
    struct list records;        // [l] struct range_lock
    struct list whole;          // [l] struct range_lock: flock
    struct wait_queue released; // waits for `releases` to change
    _Atomic uint32_t releases;  // [a] times that locks were given back or changed
};

// Somebody who waits for a record lock.
struct lock_wait {
    struct list link;
    const void *owner;
    const void *blocker; // owner of the lock in the way
    struct vnode_locks *locks;
    uint32_t seen; // its `releases` when the lock was in the way
    enum {
        SEARCH_NOT_SEEN,
        SEARCH_REACHED,
        SEARCH_DONE,
    } search; // for a cycle
};

static struct {
    struct mutex lock;
    struct list list; // [l] struct lock_wait
} waits;

void vnode_locks_init(void)
{
    mutex_init(&waits.lock, "lock waits", RANK_MODULE);
    list_init(&waits.list);
}

/* ---- The locks of a vnode ---- */

static struct vnode_locks *locks_of(struct vnode *v)
{
    return atomic_load_explicit(&v->locks, memory_order_acquire);
}

static status_t make_locks(struct vnode *v, struct vnode_locks **out)
{
    void *memory;
    *out = locks_of(v);
    if (*out != NULL) {
        return OK;
    }
    status_t status = heap_alloc(sizeof(struct vnode_locks), &memory);
    if (status != OK) {
        return status;
    }
    struct vnode_locks *l = memory;
    mutex_init(&l->lock, "file locks", RANK_MODULE);
    list_init(&l->records);
    list_init(&l->whole);
    wait_init(&l->released, "file lock");
    atomic_init(&l->releases, 0);
    struct vnode_locks *other = NULL;
    if (!atomic_compare_exchange_strong_explicit(&v->locks, &other, l, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        heap_free(l); // somebody was faster
        l = other;
    }
    *out = l;
    return OK;
}

static void free_list(struct list *list)
{
    struct list *node;
    while ((node = list_pop(list)) != NULL) {
        heap_free(container_of(node, struct range_lock, link));
    }
}

void vnode_locks_destroy(struct vnode *v)
{
    struct vnode_locks *l = locks_of(v);
    if (l != NULL) {
        free_list(&l->records);
        free_list(&l->whole);
        heap_free(l);
        atomic_store_explicit(&v->locks, NULL, memory_order_relaxed);
    }
}

static status_t make_spares(struct list *spare)
{
    list_init(spare);
    for (unsigned i = 0; i < SPARES; i++) {
        void *memory;
        status_t status = heap_alloc(sizeof(struct range_lock), &memory);
        if (status != OK) {
            free_list(spare);
            return status;
        }
        list_add_tail(spare, &((struct range_lock *)memory)->link);
    }
    return OK;
}

static void announce(struct vnode_locks *l)
{
    atomic_fetch_add_explicit(&l->releases, 1, memory_order_release);
    wait_wake_all(&l->released);
}

/* ---- Waiting ---- */

// Whether `w` still waits for what it waited for when it looked.
static bool is_current(const struct lock_wait *w)
{
    return atomic_load_explicit(&w->locks->releases, memory_order_acquire) == w->seen;
}

// Who waits on behalf of `owner` is to be followed.
static void reach_locked(const void *owner) REQUIRES(waits.lock)
{
    list_for_each (node, &waits.list) {
        struct lock_wait *w = container_of(node, struct lock_wait, link);
        if (w->owner == owner && w->search == SEARCH_NOT_SEEN && is_current(w)) {
            w->search = SEARCH_REACHED;
        }
    }
}

static struct lock_wait *next_reached_locked(void) REQUIRES(waits.lock)
{
    list_for_each (node, &waits.list) {
        struct lock_wait *w = container_of(node, struct lock_wait, link);
        if (w->search == SEARCH_REACHED) {
            return w;
        }
    }
    return NULL;
}

// Whether `blocker` waits, over any number of others, for `self`.
static bool would_deadlock_locked(const void *self, const void *blocker) REQUIRES(waits.lock)
{
    struct lock_wait *w;
    list_for_each (node, &waits.list) {
        container_of(node, struct lock_wait, link)->search = SEARCH_NOT_SEEN;
    }
    reach_locked(blocker);
    while ((w = next_reached_locked()) != NULL) {
        if (w->blocker == self) {
            return true;
        }
        w->search = SEARCH_DONE;
        reach_locked(w->blocker);
    }
    return false;
}

static status_t wait_for_release(struct vnode_locks *l, uint32_t seen)
{
    status_t status;
    WAIT_UNTIL(&l->released, atomic_load_explicit(&l->releases, memory_order_acquire) != seen,
               NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
    return status;
}

// As wait_for_release, for an owner that others may wait for in turn.
static status_t wait_as(struct lock_wait *w)
{
    status_t status = OK;
    mutex_lock(&waits.lock);
    if (would_deadlock_locked(w->owner, w->blocker)) {
        status = ERR_DEADLK;
    } else {
        list_add_tail(&waits.list, &w->link);
    }
    mutex_unlock(&waits.lock);
    if (status != OK) {
        return status;
    }
    status = wait_for_release(w->locks, w->seen);
    mutex_lock(&waits.lock);
    list_del(&w->link);
    mutex_unlock(&waits.lock);
    return status;
}

/* ---- Setting ---- */

enum lock_waiting { LOCK_TRY, LOCK_WAIT, LOCK_WAIT_CHECKED };

// OK, or ERR_AGAIN and who is in the way.
static status_t try_set(struct vnode_locks *l, struct list *list, const struct range_lock *want,
                        struct list *spare, struct lock_wait *w)
{
    mutex_lock(&l->lock);
    w->seen = atomic_load_explicit(&l->releases, memory_order_acquire);
    struct range_lock *other =
        want->kind == RANGE_UNLOCKED ? NULL : range_lock_conflict(list, want);
    if (other == NULL) {
        range_lock_set(list, want, spare);
    } else {
        w->blocker = other->owner;
    }
    mutex_unlock(&l->lock);
    return other == NULL ? OK : ERR_AGAIN;
}

static status_t set(struct vnode_locks *l, struct list *list, const struct range_lock *want,
                    enum lock_waiting waiting)
{
    struct list spare;
    struct lock_wait w = {.owner = want->owner, .locks = l};
    status_t status = make_spares(&spare);
    if (status != OK) {
        return status;
    }
    for (;;) {
        status = try_set(l, list, want, &spare, &w);
        if (status != ERR_AGAIN || waiting == LOCK_TRY) {
            break;
        }
        status = waiting == LOCK_WAIT ? wait_for_release(l, w.seen) : wait_as(&w);
        if (status != OK) {
            break;
        }
    }
    if (status == OK) {
        announce(l); // what was there before may have been more
    }
    free_list(&spare);
    return status;
}

static struct range_lock range_of(const struct lock_request *r)
{
    return (struct range_lock){
        .start = r->start, .end = r->end, .owner = r->owner, .pid = r->pid, .kind = r->kind};
}

status_t file_lock_record(struct file *f, const struct lock_request *r)
{
    struct vnode *v = file_vnode(f);
    struct vnode_locks *l;
    uint32_t need = r->kind == RANGE_READ ? FILE_READ : r->kind == RANGE_WRITE ? FILE_WRITE : 0u;
    if (v == NULL || r->end < r->start) {
        return ERR_INVAL;
    }
    if ((file_flags(f) & need) != need || (file_flags(f) & FILE_PATH) != 0) {
        return ERR_BADF;
    }
    status_t status = make_locks(v, &l);
    if (status != OK) {
        return status;
    }
    struct range_lock want = range_of(r);
    enum lock_waiting waiting = !r->can_wait      ? LOCK_TRY
                                : r->is_open_file ? LOCK_WAIT
                                                  : LOCK_WAIT_CHECKED;
    return set(l, &l->records, &want, waiting);
}

status_t file_lock_query(struct file *f, struct lock_request *r)
{
    struct vnode *v = file_vnode(f);
    if (v == NULL || r->end < r->start) {
        return ERR_INVAL;
    }
    struct vnode_locks *l = locks_of(v);
    struct range_lock want = range_of(r);
    struct range_lock *other = NULL;
    r->kind = RANGE_UNLOCKED;
    if (l == NULL) {
        return OK;
    }
    mutex_lock(&l->lock);
    other = range_lock_conflict(&l->records, &want);
    if (other != NULL) {
        r->kind = other->kind;
        r->start = other->start;
        r->end = other->end;
        r->pid = other->pid;
    }
    mutex_unlock(&l->lock);
    return OK;
}

status_t file_lock_whole(struct file *f, enum range_lock_kind kind, bool can_wait)
{
    struct vnode *v = file_vnode(f);
    struct vnode_locks *l;
    if (v == NULL) {
        return ERR_INVAL;
    }
    if ((file_flags(f) & FILE_PATH) != 0) {
        return ERR_BADF;
    }
    status_t status = make_locks(v, &l);
    if (status != OK) {
        return status;
    }
    struct range_lock want = {.end = UINT64_MAX, .owner = f, .pid = -1, .kind = kind};
    return set(l, &l->whole, &want, can_wait ? LOCK_WAIT : LOCK_TRY);
}

/* ---- Giving back ---- */

static void drop(struct vnode_locks *l, const void *owner)
{
    struct list gone;
    list_init(&gone);
    mutex_lock(&l->lock);
    range_lock_drop(&l->records, owner, &gone);
    range_lock_drop(&l->whole, owner, &gone);
    mutex_unlock(&l->lock);
    if (!list_is_empty(&gone)) {
        announce(l);
        free_list(&gone);
    }
}

void file_locks_close(struct file *f, const void *owner)
{
    struct vnode *v = file_vnode(f);
    struct vnode_locks *l = v == NULL ? NULL : locks_of(v);
    if (l != NULL) {
        drop(l, owner);
    }
}

void vnode_locks_release(struct vnode *v, const struct file *f)
{
    struct vnode_locks *l = locks_of(v);
    if (l != NULL) {
        drop(l, f);
    }
}
