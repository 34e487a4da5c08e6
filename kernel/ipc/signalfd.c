// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/signalfd.h"

#include <stdatomic.h>

#include "abi/wait.h"
#include "kernel/core/thread.h"
#include "kernel/ipc/caller.h"
#include "kernel/mm/heap.h"

/*
 * A process that polls the file watches its own signals, so the file keeps the sources of all
 * processes that did: nearly always that of its maker alone.
 */
struct user {
    struct list link; // [users lock]
    struct signal_source *source;
};

struct signalfd {
    struct file file;
    _Atomic uint64_t set; // [a]
    struct mutex users_lock;
    struct list users; // [users_lock] struct user
};

// What a sleeping reader hangs on the source.
struct reader {
    struct event_watch watch;
    struct waiter waiter;
};

static struct signalfd *signalfd_of(struct file *f)
{
    return container_of(f, struct signalfd, file);
}

static bool has_source(const struct signalfd *s, const struct signal_source *source)
    REQUIRES(s -> users_lock)
{
    list_for_each (node, &s->users) {
        if (container_of(node, struct user, link)->source == source) {
            return true;
        }
    }
    return false;
}

// The caller's source, which the file keeps from now on.
static status_t keep_source(struct signalfd *s, struct signal_source **out)
{
    void *memory = NULL;
    status_t status = caller_signal_source(out);
    if (status != OK) {
        return status;
    }
    mutex_lock(&s->users_lock);
    if (!has_source(s, *out)) {
        status = heap_alloc(sizeof(struct user), &memory);
    }
    if (memory != NULL) {
        struct user *u = memory;
        refcount_inc(&(*out)->refs);
        u->source = *out;
        list_add_tail(&s->users, &u->link);
    }
    mutex_unlock(&s->users_lock);
    return status;
}

static void signal_came(struct event_watch *w, uint32_t events)
{
    struct reader *r = container_of(w, struct reader, watch);
    (void)events;
    atomic_store_explicit(&r->waiter.was_woken, true, memory_order_release);
    thread_wake(r->waiter.thread);
}

static bool take(struct signalfd *s, struct abi_signal_record *out)
{
    return caller_signal_take(atomic_load_explicit(&s->set, memory_order_relaxed), out);
}

static status_t await_signal(struct signalfd *s, struct abi_signal_record *out)
{
    struct signal_source *source;
    status_t status = keep_source(s, &source);
    if (status != OK) {
        return status;
    }
    struct reader r = {.waiter = {.thread = thread_current()}};
    event_watch_init(&r.watch, signal_came);
    event_watch(&source->events, &r.watch);
    while (status == OK && !take(s, out)) {
        status = wait_sleep(&r.waiter, NSEC_NEVER, WAIT_INTERRUPTIBLE);
        atomic_store_explicit(&r.waiter.was_woken, false, memory_order_relaxed);
    }
    event_unwatch(&r.watch);
    return status;
}

static status_t signalfd_read(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    struct signalfd *s = signalfd_of(f);
    struct abi_signal_record record;
    if (to->left < sizeof(record)) {
        return ERR_INVAL;
    }
    bool has_one = take(s, &record);
    if (!has_one) {
        status_t status = file_is_nonblocking(f) ? ERR_AGAIN : await_signal(s, &record);
        if (status != OK) {
            return status;
        }
    }
    status_t status;
    do {
        status = uio_put(to, &record, sizeof(record));
    } while (status == OK && to->left >= sizeof(record) && take(s, &record));
    return status;
}

static uint32_t signalfd_poll(struct file *f, struct event_watch *w)
{
    struct signalfd *s = signalfd_of(f);
    if (w != NULL) {
        struct signal_source *source;
        if (keep_source(s, &source) != OK) {
            return EVENT_ERR; // better than a wait that nothing ends
        }
        event_watch(&source->events, w);
    }
    uint64_t set = atomic_load_explicit(&s->set, memory_order_relaxed);
    return caller_signal_is_pending(set) ? EVENT_IN : 0;
}

static void signalfd_release(struct file *f)
{
    struct signalfd *s = signalfd_of(f);
    struct list *node;
    while ((node = list_pop(&s->users)) != NULL) {
        struct user *u = container_of(node, struct user, link);
        signal_source_unref(u->source);
        heap_free(u);
    }
    heap_free(s);
}

static const struct file_ops signalfd_ops = {
    .kind = "signalfd",
    .release = signalfd_release,
    .read = signalfd_read,
    .poll = signalfd_poll,
};

status_t signalfd_create(uint64_t set, uint32_t flags, struct file **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct signalfd), &memory);
    if (status != OK) {
        return status;
    }
    struct signalfd *s = memory;
    struct signal_source *source;
    file_init(&s->file, &signalfd_ops, flags | FILE_READ);
    atomic_init(&s->set, set);
    mutex_init(&s->users_lock, "signalfd", RANK_MODULE);
    list_init(&s->users);
    status = keep_source(s, &source);
    if (status != OK) {
        file_unref(&s->file);
        return status;
    }
    *out = &s->file;
    return OK;
}

status_t signalfd_set(struct file *f, uint64_t set)
{
    if (f->ops != &signalfd_ops) {
        return ERR_INVAL;
    }
    atomic_store_explicit(&signalfd_of(f)->set, set, memory_order_relaxed);
    return OK;
}
