// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/eventfd.h"

#include "kernel/mm/heap.h"

constexpr uint64_t COUNT_MAX = UINT64_MAX - 1;

struct eventfd {
    struct file file;
    bool is_semaphore; // [I]
    struct spinlock lock;
    uint64_t count; // [lock]
    struct wait_queue to_read;
    struct wait_queue to_write;
    struct event_source events;
};

static struct eventfd *eventfd_of(struct file *f)
{
    return container_of(f, struct eventfd, file);
}

// False: there is nothing to take.
static bool take(struct eventfd *e, uint64_t *value)
{
    irqflags_t flags = spin_lock_irqsave(&e->lock);
    *value = e->is_semaphore && e->count > 0 ? 1 : e->count;
    e->count -= *value;
    spin_unlock_irqrestore(&e->lock, flags);
    return *value > 0;
}

// False: it does not fit.
static bool add(struct eventfd *e, uint64_t value)
{
    irqflags_t flags = spin_lock_irqsave(&e->lock);
    bool fits = value <= COUNT_MAX - e->count;
    e->count += fits ? value : 0;
    spin_unlock_irqrestore(&e->lock, flags);
    return fits;
}

static status_t eventfd_read(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    struct eventfd *e = eventfd_of(f);
    uint64_t value;
    status_t status = OK;
    if (to->left < sizeof(value)) {
        return ERR_INVAL;
    }
    if (!take(e, &value)) {
        if (file_is_nonblocking(f)) {
            return ERR_AGAIN;
        }
        WAIT_UNTIL(&e->to_read, take(e, &value), NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
    }
    if (status != OK) {
        return status;
    }
    wait_wake_all(&e->to_write);
    event_notify(&e->events, EVENT_OUT);
    return uio_put(to, &value, sizeof(value));
}

static status_t eventfd_write(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    struct eventfd *e = eventfd_of(f);
    uint64_t value;
    if (from->left < sizeof(value)) {
        return ERR_INVAL;
    }
    status_t status = uio_get(from, &value, sizeof(value));
    if (status != OK) {
        return status;
    }
    if (value == UINT64_MAX) {
        from->left += sizeof(value);
        return ERR_INVAL;
    }
    if (!file_is_nonblocking(f)) {
        WAIT_UNTIL(&e->to_write, add(e, value), NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
    } else if (!add(e, value)) {
        status = ERR_AGAIN;
    }
    if (status != OK) {
        from->left += sizeof(value); // nothing was written
        return status;
    }
    wait_wake_all(&e->to_read);
    event_notify(&e->events, EVENT_IN);
    return OK;
}

static uint32_t eventfd_poll(struct file *f, struct event_watch *w)
{
    struct eventfd *e = eventfd_of(f);
    if (w != NULL) {
        event_watch(&e->events, w);
    }
    irqflags_t flags = spin_lock_irqsave(&e->lock);
    uint32_t events = (e->count > 0 ? EVENT_IN : 0) | (e->count < COUNT_MAX ? EVENT_OUT : 0);
    spin_unlock_irqrestore(&e->lock, flags);
    return events;
}

static void eventfd_release(struct file *f)
{
    heap_free(eventfd_of(f));
}

static const struct file_ops eventfd_ops = {
    .kind = "eventfd",
    .release = eventfd_release,
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
};

status_t eventfd_create(uint64_t value, bool is_semaphore, uint32_t flags, struct file **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct eventfd), &memory);
    if (status != OK) {
        return status;
    }
    struct eventfd *e = memory;
    file_init(&e->file, &eventfd_ops, flags | FILE_READ | FILE_WRITE);
    e->is_semaphore = is_semaphore;
    spin_init(&e->lock, "eventfd", RANK_OBJECT);
    e->count = value;
    wait_init(&e->to_read, "eventfd readers");
    wait_init(&e->to_write, "eventfd writers");
    event_source_init(&e->events);
    *out = &e->file;
    return OK;
}
