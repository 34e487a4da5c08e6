// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/pipe.h"

#include "abi/ioctl.h"
#include "abi/stat.h"
#include "kernel/ipc/page_ring.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"

struct pipe {
    refcount_t refs; // [a]
    struct mutex lock;
    struct page_ring ring;     // [lock]
    uint32_t readers;          // [lock] ends open
    uint32_t writers;          // [lock]
    uint32_t readers_ever;     // [lock] opened since it was made: who waits for one may miss it
    uint32_t writers_ever;     // [lock]
    struct wait_queue to_read; // queued under lock
    struct wait_queue to_write;
    struct wait_queue to_open;
    struct event_source events;
};

struct pipe_end {
    struct file file;
    struct pipe *pipe;                // [I] holds a reference
    const struct pipe_node_ops *node; // [I] NULL: no node
    void *context;                    // [I]
    uint32_t writers_before;          // [I] of pipe->writers_ever when it was opened
    bool is_open;                     // [pipe lock]
};

// Whom to wake once the lock is released.
struct wakes {
    bool reader;
    bool writer;
    uint32_t events;
};

static struct pipe_end *end_of(struct file *f)
{
    return container_of(f, struct pipe_end, file);
}

status_t pipe_create(struct pipe **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct pipe), &memory);
    if (status != OK) {
        return status;
    }
    struct pipe *p = memory;
    status = page_ring_init(&p->ring, PIPE_CAPACITY);
    if (status != OK) {
        heap_free(p);
        return status;
    }
    refcount_init(&p->refs, 1);
    mutex_init(&p->lock, "pipe", RANK_STREAM);
    wait_init(&p->to_read, "pipe readers");
    wait_init(&p->to_write, "pipe writers");
    wait_init(&p->to_open, "pipe openers");
    event_source_init(&p->events);
    *out = p;
    return OK;
}

void pipe_unref(struct pipe *p)
{
    if (refcount_dec(&p->refs)) {
        page_ring_fini(&p->ring);
        heap_free(p);
    }
}

/*
 * Queues and watches are looked at with the lock held: who waits was queued with it held, and who
 * watches looks at the state with it held after hanging its watch.  So nobody is missed.
 */
static struct wakes find_wakes(const struct pipe *p, uint32_t events) REQUIRES(p -> lock)
{
    return (struct wakes){
        .reader = p->ring.count > 0 && !wait_is_empty(&p->to_read),
        .writer = page_ring_room(&p->ring) >= PIPE_ATOMIC && !wait_is_empty(&p->to_write),
        .events = list_is_empty(&p->events.watches) ? 0 : events,
    };
}

static void wake(struct pipe *p, const struct wakes *w)
{
    if (w->reader) {
        wait_wake_one(&p->to_read);
    }
    if (w->writer) {
        wait_wake_one(&p->to_write);
    }
    if (w->events != 0) {
        event_notify(&p->events, w->events);
    }
}

// Sleeps without the lock; `events` came up since it was taken.
static status_t sleep_on(struct pipe *p, struct wait_queue *q, uint32_t events) REQUIRES(p -> lock)
{
    struct waiter w;
    struct wakes wakes = find_wakes(p, events);
    wait_prepare(q, &w);
    mutex_unlock(&p->lock);
    wake(p, &wakes);
    status_t status = wait_sleep(&w, NSEC_NEVER, WAIT_INTERRUPTIBLE);
    wait_finish(q, &w);
    mutex_lock(&p->lock);
    return status;
}

static void unlock_and_wake(struct pipe *p, uint32_t events) RELEASES(p -> lock)
{
    struct wakes wakes = find_wakes(p, events);
    mutex_unlock(&p->lock);
    wake(p, &wakes);
}

static status_t await_bytes(struct pipe *p, const struct file *f) REQUIRES(p -> lock)
{
    status_t status = OK;
    while (status == OK && p->ring.count == 0 && p->writers > 0) {
        status = file_is_nonblocking(f) ? ERR_AGAIN : sleep_on(p, &p->to_read, 0);
    }
    return status;
}

static status_t pipe_read(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    if (to->left == 0) {
        return OK;
    }
    struct pipe *p = end_of(f)->pipe;
    mutex_lock(&p->lock);
    status_t status = await_bytes(p, f);
    size_t before = to->left;
    if (status == OK) {
        status = page_ring_take(&p->ring, to);
    }
    unlock_and_wake(p, to->left != before ? EVENT_OUT : 0);
    return status;
}

static status_t put_some(struct pipe *p, const struct file *f, struct uio *from, size_t need,
                         uint32_t *events) REQUIRES(p -> lock)
{
    if (p->readers == 0) {
        return ERR_PIPE;
    }
    if (page_ring_room(&p->ring) >= need) {
        *events = EVENT_IN;
        return page_ring_put(&p->ring, from);
    }
    if (file_is_nonblocking(f)) {
        return ERR_AGAIN;
    }
    uint32_t came_up = *events;
    *events = 0;
    return sleep_on(p, &p->to_write, came_up);
}

static status_t pipe_write(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    struct pipe *p = end_of(f)->pipe;
    size_t need = from->left <= PIPE_ATOMIC ? from->left : 1;
    uint32_t events = 0;
    status_t status = OK;
    mutex_lock(&p->lock);
    while (status == OK && from->left > 0) {
        status = put_some(p, f, from, need, &events);
    }
    unlock_and_wake(p, events);
    return status;
}

static uint32_t read_events(const struct pipe_end *e, const struct pipe *p)
{
    uint32_t events = p->ring.count > 0 ? EVENT_IN : 0;
    // Before the first writer of a FIFO came, nobody has hung up.
    bool is_ended = p->writers == 0 && p->writers_ever != e->writers_before;
    return events | (is_ended ? EVENT_HUP : 0);
}

static uint32_t write_events(const struct pipe *p)
{
    uint32_t events = page_ring_room(&p->ring) >= PIPE_ATOMIC ? EVENT_OUT : 0;
    return events | (p->readers == 0 ? EVENT_ERR : 0);
}

static uint32_t pipe_poll(struct file *f, struct event_watch *w)
{
    struct pipe_end *e = end_of(f);
    struct pipe *p = e->pipe;
    if (w != NULL) {
        event_watch(&p->events, w);
    }
    uint32_t flags = file_flags(f);
    uint32_t events = 0;
    mutex_lock(&p->lock);
    if ((flags & FILE_READ) != 0) {
        events |= read_events(e, p);
    }
    if ((flags & FILE_WRITE) != 0) {
        events |= write_events(p);
    }
    mutex_unlock(&p->lock);
    return events;
}

static status_t pipe_ioctl(struct file *f, uint32_t request, vaddr_t argument, int64_t *result)
{
    struct pipe *p = end_of(f)->pipe;
    if (request != ABI_FIONREAD) {
        return ERR_NOTTY;
    }
    mutex_lock(&p->lock);
    int32_t count = (int32_t)p->ring.count;
    mutex_unlock(&p->lock);
    *result = 0;
    return arch_copy_to_user(argument, &count, sizeof(count)) == 0 ? OK : ERR_FAULT;
}

static status_t pipe_stat(struct file *f, struct abi_stat *out)
{
    struct pipe_end *e = end_of(f);
    if (e->node != NULL) {
        return e->node->stat(e->context, out);
    }
    *out = (struct abi_stat){
        .inode = f->object.id.raw, .mode = ABI_S_IFIFO | 0600, .links = 1, .block_size = PAGE_SIZE};
    return OK;
}

// The end counts no more.  Whoever waits for it looks again.
static void close_end(struct pipe_end *e)
{
    struct pipe *p = e->pipe;
    uint32_t flags = file_flags(&e->file);
    mutex_lock(&p->lock);
    bool was_open = e->is_open;
    if (was_open) {
        e->is_open = false;
        p->readers -= (flags & FILE_READ) != 0;
        p->writers -= (flags & FILE_WRITE) != 0;
        if (p->readers + p->writers == 0) {
            page_ring_clear(&p->ring);
        }
    }
    mutex_unlock(&p->lock);
    if (was_open) {
        wait_wake_all(&p->to_read);
        wait_wake_all(&p->to_write);
        event_notify(&p->events, EVENT_IN | EVENT_OUT | EVENT_HUP | EVENT_ERR);
    }
}

static void pipe_last_handle(struct file *f)
{
    close_end(end_of(f));
}

static void pipe_release(struct file *f)
{
    struct pipe_end *e = end_of(f);
    close_end(e);
    pipe_unref(e->pipe);
    if (e->node != NULL) {
        e->node->release(e->context);
    }
    heap_free(e);
}

static const struct file_ops pipe_file_ops = {
    .kind = "pipe",
    .release = pipe_release,
    .last_handle = pipe_last_handle,
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .stat = pipe_stat,
};

// Counted as open at once.
static status_t create_end(struct pipe *p, uint32_t flags, struct pipe_end **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct pipe_end), &memory);
    if (status != OK) {
        return status;
    }
    struct pipe_end *e = memory;
    file_init(&e->file, &pipe_file_ops, flags);
    refcount_inc(&p->refs);
    e->pipe = p;
    mutex_lock(&p->lock);
    e->is_open = true;
    e->writers_before = p->writers_ever - (p->writers > 0 ? 1 : 0);
    if ((flags & FILE_READ) != 0) {
        p->readers++;
        p->readers_ever++;
    }
    if ((flags & FILE_WRITE) != 0) {
        p->writers++;
        p->writers_ever++;
    }
    mutex_unlock(&p->lock);
    *out = e;
    return OK;
}

status_t pipe_open_pair(uint32_t flags, struct file **reader, struct file **writer)
{
    struct pipe *p;
    struct pipe_end *r;
    struct pipe_end *w;
    status_t status = pipe_create(&p);
    if (status != OK) {
        return status;
    }
    status = create_end(p, flags | FILE_READ, &r);
    if (status != OK) {
        goto out_pipe;
    }
    status = create_end(p, flags | FILE_WRITE, &w);
    if (status != OK) {
        file_unref(&r->file);
        goto out_pipe;
    }
    r->writers_before = 0;
    *reader = &r->file;
    *writer = &w->file;

out_pipe:
    pipe_unref(p);
    return status;
}

// The other side of a FIFO's end: there now, or it was in the meantime.
static status_t await_other_side(struct pipe *p, const struct pipe_end *e)
{
    uint32_t flags = file_flags(&e->file);
    bool is_reader = (flags & FILE_READ) != 0;
    if (is_reader && (flags & FILE_WRITE) != 0) {
        return OK;
    }
    const uint32_t *others = is_reader ? &p->writers : &p->readers;
    const uint32_t *ever = is_reader ? &p->writers_ever : &p->readers_ever;
    status_t status = OK;
    mutex_lock(&p->lock);
    uint32_t before = *ever;
    if (*others == 0 && (flags & FILE_NONBLOCK) != 0) {
        status = is_reader ? OK : ERR_NXIO;
    } else {
        while (status == OK && *others == 0 && *ever == before) {
            status = sleep_on(p, &p->to_open, 0);
        }
    }
    mutex_unlock(&p->lock);
    return status;
}

status_t pipe_open(struct pipe *p, uint32_t flags, const struct pipe_node_ops *ops, void *context,
                   struct file **out)
{
    struct pipe_end *e;
    status_t status = create_end(p, flags, &e);
    if (status != OK) {
        return status;
    }
    wait_wake_all(&p->to_open);
    status = await_other_side(p, e);
    if (status != OK) {
        file_unref(&e->file);
        return status;
    }
    // Released only from here on.
    e->node = ops;
    e->context = context;
    *out = &e->file;
    return OK;
}

static bool is_pipe(const struct file *f)
{
    return f->ops == &pipe_file_ops;
}

status_t pipe_capacity(struct file *f, uint32_t *out)
{
    if (!is_pipe(f)) {
        return ERR_BADF;
    }
    struct pipe *p = end_of(f)->pipe;
    mutex_lock(&p->lock);
    *out = (uint32_t)page_ring_capacity(&p->ring);
    mutex_unlock(&p->lock);
    return OK;
}

status_t pipe_set_capacity(struct file *f, uint64_t capacity, uint32_t *out)
{
    if (!is_pipe(f)) {
        return ERR_BADF;
    }
    if (capacity == 0 || capacity > INT32_MAX) {
        return ERR_INVAL;
    }
    if (capacity > PIPE_CAPACITY_MAX) {
        return ERR_PERM;
    }
    struct pipe *p = end_of(f)->pipe;
    size_t size = (size_t)1 << log2_ceil(u64_max(capacity, PAGE_SIZE));
    mutex_lock(&p->lock);
    status_t status = page_ring_resize(&p->ring, size);
    unlock_and_wake(p, status == OK ? EVENT_OUT : 0);
    if (status == OK) {
        *out = (uint32_t)size;
    }
    return status;
}
