// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/futex.h"

#include "kernel/core/panic.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmo.h"
#include "kernel/proc/uthread.h"
#include "lib/base/bits.h"

// One bucket for so many pages of RAM; sharing one costs time, never correctness.
enum { PAGES_PER_BUCKET = 256, BUCKETS_MIN = 64, BUCKETS_MAX = 1 << 14 };

struct futex_key {
    const void *object; // address space or memory object
    uint64_t offset;
};

struct bucket {
    struct spinlock lock;
    struct list waiters; // [l] struct futex_waiter, the next to be woken first
};

struct futex_waiter {
    struct waiter waiter; // its link is in the bucket
    struct futex_key key; // [lock of bucket]
    struct vmo
        *pin;      // [lock of bucket] the object of the key, with a reference; NULL: none is needed
    uint32_t bits; // [I]
    struct bucket *_Atomic bucket; // [lock of the one that it names, read anywhere]
};

static struct {
    struct bucket *buckets; // [I]
    unsigned bits;          // [I] their number as a power of two
} futex;

void futex_init(void)
{
    struct page_stats pages;
    void *memory;
    page_stats(&pages);
    uint64_t wanted = u64_max(pages.total_pages / PAGES_PER_BUCKET, BUCKETS_MIN);
    futex.bits = log2_floor(u64_min(wanted, BUCKETS_MAX));
    if (heap_alloc_array(1ull << futex.bits, sizeof(struct bucket), &memory) != OK) {
        panic("no memory for futexes");
    }
    futex.buckets = memory;
    for (size_t i = 0; i < 1ull << futex.bits; i++) {
        spin_init(&futex.buckets[i].lock, "futex", RANK_WAIT);
        list_init(&futex.buckets[i].waiters);
    }
}

/* ---- Keys ---- */

static struct bucket *bucket_of(const struct futex_key *k)
{
    constexpr uint64_t GOLDEN = 0x9e3779b97f4a7c15; // 2^64 by the golden ratio
    uint64_t mixed = ((uint64_t)k->object ^ k->offset >> 2) * GOLDEN;
    return &futex.buckets[mixed >> (64 - futex.bits)];
}

static bool is_same(const struct futex_key *a, const struct futex_key *b)
{
    return a->object == b->object && a->offset == b->offset;
}

// *pin is an object to be let go once the key is of no use any more; NULL: none.
static status_t key_of(struct futex_word word, struct futex_key *out, struct vmo **pin)
{
    struct aspace *as = aspace_current();
    *pin = NULL;
    if (!is_aligned(word.address, sizeof(uint32_t))) {
        return ERR_INVAL;
    }
    *out = (struct futex_key){.object = as, .offset = word.address};
    if (word.scope == FUTEX_PRIVATE) {
        return OK;
    }
    struct shared_place place;
    status_t status = aspace_find_shared(as, word.address, &place);
    if (status == OK && place.vmo != NULL) {
        *out = (struct futex_key){.object = place.vmo, .offset = place.offset};
        *pin = place.vmo;
    }
    return status;
}

static void unpin(struct vmo *pin)
{
    if (pin != NULL) {
        vmo_unref(pin);
    }
}

/* ---- Waking ---- */

// The waiter takes its bucket's lock once more before its stack goes.
static void wake_locked(struct futex_waiter *w)
{
    list_del_init(&w->waiter.link);
    atomic_store_explicit(&w->waiter.was_woken, true, memory_order_release);
    thread_wake(w->waiter.thread);
}

static uint32_t wake_in(struct bucket *b, const struct futex_key *key, uint32_t count,
                        uint32_t bits) REQUIRES(b -> lock)
{
    uint32_t woken = 0;
    list_for_each_safe (node, &b->waiters) {
        struct futex_waiter *w = container_of(node, struct futex_waiter, waiter.link);
        if (woken == count) {
            break;
        }
        if (is_same(&w->key, key) && (w->bits & bits) != 0) {
            wake_locked(w);
            woken++;
        }
    }
    return woken;
}

static uint32_t wake_key(const struct futex_key *key, uint32_t count, uint32_t bits)
{
    struct bucket *b = bucket_of(key);
    irqflags_t flags = spin_lock_irqsave(&b->lock);
    uint32_t woken = wake_in(b, key, count, bits);
    spin_unlock_irqrestore(&b->lock, flags);
    return woken;
}

status_t futex_wake(struct futex_word word, uint32_t count, uint32_t bits, uint32_t *woken)
{
    struct futex_key key;
    struct vmo *pin;
    if (bits == 0) {
        return ERR_INVAL;
    }
    status_t status = key_of(word, &key, &pin);
    if (status == OK) {
        *woken = wake_key(&key, count, bits);
        unpin(pin);
    }
    return status;
}

/* ---- Waiting ---- */

static void enqueue(struct futex_waiter *w)
{
    struct bucket *b = bucket_of(&w->key);
    w->waiter.thread = thread_current();
    atomic_init(&w->waiter.was_woken, false);
    atomic_init(&w->bucket, b);
    irqflags_t flags = spin_lock_irqsave(&b->lock);
    list_add_tail(&b->waiters, &w->waiter.link);
    spin_unlock_irqrestore(&b->lock, flags);
}

// A requeue may move the waiter to another bucket until the lock of the one it is in is held.
static void dequeue(struct futex_waiter *w)
{
    for (bool is_done = false; !is_done;) {
        struct bucket *b = atomic_load_explicit(&w->bucket, memory_order_acquire);
        irqflags_t flags = spin_lock_irqsave(&b->lock);
        is_done = atomic_load_explicit(&w->bucket, memory_order_relaxed) == b;
        if (is_done) {
            list_del_init(&w->waiter.link);
        }
        spin_unlock_irqrestore(&b->lock, flags);
    }
}

static status_t read_word(vaddr_t address, uint32_t *out)
{
    return arch_copy_from_user(out, address, sizeof(*out)) == 0 ? OK : ERR_FAULT;
}

static status_t check_word(vaddr_t address, uint32_t value)
{
    uint32_t now;
    status_t status = read_word(address, &now);
    return status == OK && now != value ? ERR_AGAIN : status;
}

// Looks at the word as one who is queued, then sleeps.
static status_t wait_queued(struct futex_waiter *w, vaddr_t address, uint32_t value,
                            nsec_t deadline)
{
    enqueue(w);
    status_t status = check_word(address, value);
    bool is_asleep = status == OK;
    if (is_asleep) {
        status = wait_sleep(&w->waiter, deadline, WAIT_INTERRUPTIBLE);
    }
    dequeue(w);
    bool was_woken = atomic_load_explicit(&w->waiter.was_woken, memory_order_acquire);
    if (was_woken && is_asleep) {
        return OK;
    }
    if (was_woken) {
        (void)wake_key(&w->key, 1, FUTEX_ANY); // meant for one who waits
    }
    return status;
}

status_t futex_wait(struct futex_word word, uint32_t value, uint32_t bits, nsec_t deadline)
{
    struct futex_waiter w = {.bits = bits};
    if (bits == 0) {
        return ERR_INVAL;
    }
    status_t status = check_word(word.address, value); // the common case needs no queue
    if (status == OK) {
        status = key_of(word, &w.key, &w.pin);
    }
    if (status != OK) {
        return status;
    }
    status = wait_queued(&w, word.address, value, deadline);
    unpin(w.pin);
    return status;
}

/* ---- Requeueing ---- */

// One end of a requeue; the caller holds a reference on the key's object.
struct requeue_end {
    struct futex_key key;
    struct vmo *pin; // NULL: the key needs none
};

// A waiter that moves lets go of one object, not for the last time, and takes another: its key stays
// one that nobody else can get.
static uint32_t move_locked(struct bucket *a, struct bucket *b, const struct requeue_end *from,
                            const struct requeue_end *to, uint32_t count)
    REQUIRES(a -> lock, b->lock)
{
    uint32_t moved = 0;
    list_for_each_safe (node, &a->waiters) {
        struct futex_waiter *w = container_of(node, struct futex_waiter, waiter.link);
        if (moved == count) {
            break;
        }
        if (is_same(&w->key, &from->key)) {
            list_del(&w->waiter.link);
            unpin(w->pin);
            w->key = to->key;
            w->pin = to->pin;
            if (w->pin != NULL) {
                vmo_ref(w->pin);
            }
            list_add_tail(&b->waiters, &w->waiter.link);
            atomic_store_explicit(&w->bucket, b, memory_order_release);
            moved++;
        }
    }
    return moved;
}

static uint32_t requeue(const struct requeue_end *from, const struct requeue_end *to,
                        const struct futex_requeue *r)
{
    struct bucket *a = bucket_of(&from->key);
    struct bucket *b = bucket_of(&to->key);
    irqflags_t flags = arch_irq_save();
    spin_lock_pair(&a->lock, &b->lock);
    uint32_t count = wake_in(a, &from->key, r->wake, FUTEX_ANY);
    if (!is_same(&from->key, &to->key)) {
        count += move_locked(a, b, from, to, r->move);
    }
    spin_unlock_pair(&a->lock, &b->lock);
    arch_irq_restore(flags);
    return count;
}

status_t futex_requeue(const struct futex_requeue *r, uint32_t *count)
{
    struct requeue_end from;
    struct requeue_end to;
    status_t status = r->expect == NULL ? OK : check_word(r->from.address, *r->expect);
    if (status == OK) {
        status = key_of(r->from, &from.key, &from.pin);
    }
    if (status != OK) {
        return status;
    }
    status = key_of(r->to, &to.key, &to.pin);
    if (status == OK) {
        // Those of other processes cannot wait for a word that only this one has.
        if (from.pin != NULL && to.pin == NULL) {
            status = ERR_INVAL;
        } else {
            *count = requeue(&from, &to, r);
        }
        unpin(to.pin);
    }
    unpin(from.pin);
    return status;
}

/* ---- The end of a thread ---- */

enum {
    ROBUST_LOCKS_MAX = 2048, // of one thread: a list that does not end is damage
};
constexpr uint32_t OWNER_MASK = 0x3fffffff;
constexpr uint32_t OWNER_DIED = 0x40000000;
constexpr uint32_t HAS_WAITERS = 0x80000000;

// As musl's and Linux's struct robust_list_head.
struct robust_head {
    uint64_t next;
    int64_t offset; // from an entry to its word
    uint64_t pending;
};

static void wake_word(vaddr_t address, uint32_t count)
{
    static const enum futex_scope scopes[] = {FUTEX_SHARED, FUTEX_PRIVATE};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t woken;
        if (futex_wake((struct futex_word){address, scopes[i]}, count, FUTEX_ANY, &woken) != OK ||
            woken != 0) {
            break;
        }
    }
}

// Says that the owner died, if that is this thread.
static void release_lock(vaddr_t address, uint32_t tid)
{
    uint32_t seen;
    if (!is_aligned(address, sizeof(seen)) || read_word(address, &seen) != OK) {
        return;
    }
    while ((seen & OWNER_MASK) == tid) {
        uint32_t expected = seen;
        if (arch_swap_user(address, expected, (expected & HAS_WAITERS) | OWNER_DIED, &seen) != OK) {
            return;
        }
        if (seen == expected) {
            if ((seen & HAS_WAITERS) != 0) {
                wake_word(address, 1);
            }
            return;
        }
    }
}

static void release_robust_locks(vaddr_t head_address, uint32_t tid)
{
    struct robust_head head;
    if (arch_copy_from_user(&head, head_address, sizeof(head)) != 0) {
        return;
    }
    uint64_t entry = head.next;
    for (unsigned i = 0; i < ROBUST_LOCKS_MAX && entry != head_address && entry != 0; i++) {
        uint64_t next;
        if (arch_copy_from_user(&next, entry, sizeof(next)) != 0) {
            break;
        }
        if (entry != head.pending) {
            release_lock(entry + (uint64_t)head.offset, tid);
        }
        entry = next;
    }
    if (head.pending != 0) {
        release_lock(head.pending + (uint64_t)head.offset, tid);
    }
}

void futex_thread_ending(struct uthread *t)
{
    if (t->robust_list != 0) {
        release_robust_locks(t->robust_list, (uint32_t)t->tid);
        t->robust_list = 0;
    }
    if (t->clear_tid != 0) {
        uint32_t zero = 0;
        if (arch_copy_to_user(t->clear_tid, &zero, sizeof(zero)) == 0) {
            wake_word(t->clear_tid, 1);
        }
        t->clear_tid = 0;
    }
}
