// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/epoll.h"

#include "kernel/core/thread.h"
#include "kernel/ipc/epoll_priv.h"
#include "kernel/mm/heap.h"

static uint32_t epoll_poll(struct file *f, struct event_watch *w);
static void epoll_last_handle(struct file *f);
static void epoll_release(struct file *f);

static const struct file_ops epoll_ops = {
    .kind = "epoll",
    .release = epoll_release,
    .last_handle = epoll_last_handle,
    .poll = epoll_poll,
};

bool epoll_is_set(const struct file *f)
{
    return f->ops == &epoll_ops;
}

/* ---- Becoming ready ---- */

static void tell_watchers(struct work *w)
{
    struct epoll *ep = container_of(w, struct epoll, tell_work);
    event_notify(&ep->events, EVENT_IN);
    object_unref(&ep->file.object);
}

/*
 * Who watches hangs its watch before it takes the lock to look at the list, so a watch that is not
 * seen here will find the item there.  The caller keeps the set alive.
 */
static void make_ready(struct epoll *ep, struct epoll_item *item) REQUIRES(ep -> lock)
{
    item->state = EPOLL_READY;
    list_add_tail(&ep->ready, &item->ready_link);
    ep->ready_count++;
    wait_wake_one(&ep->waiters);
    if (UNLIKELY(!list_is_empty(&ep->events.watches))) {
        object_ref(&ep->file.object);
        if (!work_queue(&ep->tell_work)) {
            object_unref(&ep->file.object); // queued before: its reference is enough
        }
    }
}

static void item_fired(struct event_watch *w, uint32_t events)
{
    struct epoll_item *item = container_of(w, struct epoll_item, watch);
    struct epoll *ep = item->set;
    (void)events;
    spin_lock(&ep->lock); // interrupts are masked
    if (item->state == EPOLL_IDLE && !item->is_disarmed) {
        make_ready(ep, item);
    }
    item->fired_again = item->state == EPOLL_LOOKED_AT;
    spin_unlock(&ep->lock);
}

/* ---- Items ---- */

static int compare(const struct file *f, int32_t handle, const struct epoll_item *item)
{
    if (handle != item->handle) {
        return handle < item->handle ? -1 : 1;
    }
    if (f == item->file) {
        return 0;
    }
    return (uintptr_t)f < (uintptr_t)item->file ? -1 : 1;
}

static struct epoll_item *find(const struct epoll *ep, const struct file *f, int32_t handle)
    REQUIRES(ep -> lock)
{
    struct rb_node *node = ep->items.node;
    while (node != NULL) {
        struct epoll_item *item = container_of(node, struct epoll_item, node);
        int order = compare(f, handle, item);
        if (order == 0) {
            return item;
        }
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

static status_t insert(struct epoll *ep, struct epoll_item *item) REQUIRES(ep -> lock)
{
    struct rb_node *parent = NULL;
    struct rb_node **link = &ep->items.node;
    while (*link != NULL) {
        parent = *link;
        int order =
            compare(item->file, item->handle, container_of(parent, struct epoll_item, node));
        if (order == 0) {
            return ERR_EXIST;
        }
        link = order < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&ep->items, &item->node, parent, link);
    ep->size++;
    return OK;
}

static void item_unref(struct epoll_item *item)
{
    if (refcount_dec(&item->refs)) {
        object_unref(&item->file->object);
        object_unref(&item->set->file.object);
        heap_free(item);
    }
}

static void unhang(struct epoll_item *item)
{
    event_unwatch(&item->watch);
    irqflags_t flags = spin_lock_irqsave(&item->file->sets_lock);
    list_del_init(&item->file_link);
    spin_unlock_irqrestore(&item->file->sets_lock, flags);
}

static bool is_dead(struct epoll_item *item)
{
    irqflags_t flags = spin_lock_irqsave(&item->set->lock);
    bool dead = item->state == EPOLL_DEAD;
    spin_unlock_irqrestore(&item->set->lock, flags);
    return dead;
}

// Takes the item out of its set, if nobody did so yet.  The caller has a reference.
static void remove_item(struct epoll_item *item)
{
    struct epoll *ep = item->set;
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    bool was_dead = item->state == EPOLL_DEAD;
    if (item->state == EPOLL_READY) {
        list_del(&item->ready_link);
        ep->ready_count--;
    }
    if (!was_dead) {
        item->state = EPOLL_DEAD;
        rb_erase(&ep->items, &item->node);
        ep->size--;
    }
    spin_unlock_irqrestore(&ep->lock, flags);
    if (was_dead) {
        return;
    }
    unhang(item);
    epoll_nest_remove(item);
    item_unref(item);
}

// The last handle of `f` has gone.
static void file_left(struct file *f)
{
    for (;;) {
        irqflags_t flags = spin_lock_irqsave(&f->sets_lock);
        struct list *node = list_first(&f->sets);
        struct epoll_item *item = NULL;
        if (node != NULL) {
            item = container_of(node, struct epoll_item, file_link);
            list_del_init(node);
            refcount_inc(&item->refs);
        }
        spin_unlock_irqrestore(&f->sets_lock, flags);
        if (item == NULL) {
            return;
        }
        remove_item(item);
        item_unref(item);
    }
}

void epoll_init(void)
{
    epoll_nest_init();
    file_set_left_hook(file_left);
}

/* ---- The set ---- */

status_t epoll_create(struct file **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct epoll), &memory);
    if (status != OK) {
        return status;
    }
    struct epoll *ep = memory;
    file_init(&ep->file, &epoll_ops, FILE_READ | FILE_WRITE);
    spin_init(&ep->lock, "epoll set", RANK_EVENT_SET);
    list_init(&ep->ready);
    wait_init(&ep->waiters, "epoll waiters");
    event_source_init(&ep->events);
    work_init(&ep->tell_work, tell_watchers);
    list_init(&ep->inner);
    list_init(&ep->outer);
    list_init(&ep->search_link);
    *out = &ep->file;
    return OK;
}

static void epoll_last_handle(struct file *f)
{
    struct epoll *ep = epoll_of(f);
    for (;;) {
        irqflags_t flags = spin_lock_irqsave(&ep->lock);
        struct rb_node *node = rb_first(&ep->items);
        struct epoll_item *item = NULL;
        ep->is_closed = true;
        if (node != NULL) {
            item = container_of(node, struct epoll_item, node);
            refcount_inc(&item->refs);
        }
        spin_unlock_irqrestore(&ep->lock, flags);
        if (item == NULL) {
            return;
        }
        remove_item(item);
        item_unref(item);
    }
}

static void epoll_release(struct file *f)
{
    heap_free(epoll_of(f));
}

static bool has_handles(const struct file *f)
{
    return refcount_read(&f->object.handles) != 0;
}

static uint32_t wanted_of(const struct epoll_event *e)
{
    return (e->events & EPOLL_EVENTS) | EVENT_ERR | EVENT_HUP;
}

static void set_event(struct epoll_item *item, const struct epoll_event *e)
{
    item->wanted = wanted_of(e);
    item->options = e->events & EPOLL_OPTIONS;
    item->data = e->data;
    item->is_disarmed = false;
}

static status_t create_item(struct epoll *ep, struct file *f, int32_t handle,
                            const struct epoll_event *e, struct epoll_item **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct epoll_item), &memory);
    if (status != OK) {
        return status;
    }
    struct epoll_item *item = memory;
    refcount_init(&item->refs, 2); // the set's and the caller's
    file_ref(f);
    object_ref(&ep->file.object);
    item->set = ep;
    item->file = f;
    item->handle = handle;
    item->state = EPOLL_IDLE;
    set_event(item, e);
    event_watch_init(&item->watch, item_fired);
    list_init(&item->file_link);
    list_init(&item->inner_link);
    list_init(&item->outer_link);
    *out = item;
    return OK;
}

// Makes an item ready whose file is so now; its watch says the rest.
static void look_once(struct epoll_item *item, struct event_watch *w)
{
    struct epoll *ep = item->set;
    if ((event_with_normal(file_poll(item->file, w)) & item->wanted) == 0) {
        return;
    }
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    if (item->state == EPOLL_IDLE && !item->is_disarmed) {
        make_ready(ep, item);
    }
    spin_unlock_irqrestore(&ep->lock, flags);
}

static status_t insert_item(struct epoll *ep, struct epoll_item *item)
{
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    status_t status = insert(ep, item);
    spin_unlock_irqrestore(&ep->lock, flags);
    return status;
}

static void hang_on_file(struct epoll_item *item)
{
    struct file *f = item->file;
    irqflags_t flags = spin_lock_irqsave(&f->sets_lock);
    list_add_tail(&f->sets, &item->file_link);
    spin_unlock_irqrestore(&f->sets_lock, flags);
    look_once(item, &item->watch);
    // The other half of the pair in file_last_handle; for files and sets that were closed meanwhile.
    atomic_thread_fence(memory_order_seq_cst);
    if (!has_handles(f) || item->set->is_closed) {
        remove_item(item);
    }
    if (is_dead(item)) {
        unhang(item); // who removed it may have come before it hung
    }
}

status_t epoll_add(struct file *set, struct file *f, int32_t handle, const struct epoll_event *e)
{
    struct epoll_item *item;
    if (!epoll_is_set(set) || set == f) {
        return ERR_INVAL;
    }
    if (f->ops->poll == NULL) {
        return ERR_PERM;
    }
    status_t status = create_item(epoll_of(set), f, handle, e, &item);
    if (status != OK) {
        return status;
    }
    status = epoll_nest_add(item);
    if (status == OK) {
        status = insert_item(epoll_of(set), item);
    }
    if (status == OK) {
        hang_on_file(item);
    } else {
        epoll_nest_remove(item);
        item_unref(item);
    }
    item_unref(item);
    return status;
}

// The item with a reference.
static status_t get_item(struct file *set, const struct file *f, int32_t handle,
                         struct epoll_item **out)
{
    if (!epoll_is_set(set) || set == f) {
        return ERR_INVAL;
    }
    struct epoll *ep = epoll_of(set);
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    struct epoll_item *item = find(ep, f, handle);
    if (item != NULL) {
        refcount_inc(&item->refs);
    }
    spin_unlock_irqrestore(&ep->lock, flags);
    *out = item;
    return item == NULL ? ERR_NOENT : OK;
}

status_t epoll_modify(struct file *set, struct file *f, int32_t handle, const struct epoll_event *e)
{
    struct epoll_item *item;
    status_t status = get_item(set, f, handle, &item);
    if (status != OK) {
        return status;
    }
    irqflags_t flags = spin_lock_irqsave(&item->set->lock);
    set_event(item, e);
    // Who looks at it now may look for the old events.
    item->fired_again = item->state == EPOLL_LOOKED_AT;
    spin_unlock_irqrestore(&item->set->lock, flags);
    look_once(item, NULL);
    item_unref(item);
    return OK;
}

status_t epoll_remove(struct file *set, struct file *f, int32_t handle)
{
    struct epoll_item *item;
    status_t status = get_item(set, f, handle, &item);
    if (status != OK) {
        return status;
    }
    remove_item(item);
    item_unref(item);
    return OK;
}

size_t epoll_size(struct file *set)
{
    if (!epoll_is_set(set)) {
        return 0;
    }
    struct epoll *ep = epoll_of(set);
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    size_t size = ep->size;
    spin_unlock_irqrestore(&ep->lock, flags);
    return size;
}

/* ---- Waiting ---- */

// The next ready item, with a reference, LOOKED_AT; NULL: none.
static struct epoll_item *take_ready(struct epoll *ep)
{
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    struct list *node = list_pop(&ep->ready);
    struct epoll_item *item = NULL;
    if (node != NULL) {
        item = container_of(node, struct epoll_item, ready_link);
        item->state = EPOLL_LOOKED_AT;
        item->fired_again = false;
        ep->ready_count--;
        refcount_inc(&item->refs);
    }
    spin_unlock_irqrestore(&ep->lock, flags);
    return item;
}

// What becomes of an item whose file had `events`, of which somebody was told or not.
static void put_back(struct epoll *ep, struct epoll_item *item, uint32_t events, bool is_told)
    REQUIRES(ep -> lock)
{
    if (item->state != EPOLL_LOOKED_AT) {
        return; // DEAD
    }
    item->state = EPOLL_IDLE;
    bool is_once = is_told && (item->options & EPOLL_ONCE) != 0;
    bool is_edge = is_told && (item->options & EPOLL_EDGE) != 0;
    item->is_disarmed = item->is_disarmed || is_once;
    bool is_ready = item->fired_again || (events != 0 && !is_edge);
    if (is_ready && !item->is_disarmed) {
        make_ready(ep, item);
    }
}

// Looks at one item; true: it is ready and `out` (if not NULL) says for what.
static bool examine(struct epoll *ep, struct epoll_item *item, struct epoll_event *out)
{
    uint32_t events = event_with_normal(file_poll(item->file, NULL));
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    events &= item->wanted;
    bool is_told = out != NULL && events != 0 && item->state == EPOLL_LOOKED_AT;
    if (is_told) {
        *out = (struct epoll_event){.events = events, .data = item->data};
    }
    bool is_ready = events != 0 && item->state == EPOLL_LOOKED_AT;
    put_back(ep, item, events, is_told);
    spin_unlock_irqrestore(&ep->lock, flags);
    return is_ready;
}

static size_t count_ready(struct epoll *ep)
{
    irqflags_t flags = spin_lock_irqsave(&ep->lock);
    size_t count = ep->ready_count;
    spin_unlock_irqrestore(&ep->lock, flags);
    return count;
}

// Items that stay ready go to the end of the list, so each is looked at once.
static size_t collect(struct epoll *ep, struct epoll_event *events, size_t max)
{
    size_t count = 0;
    for (size_t left = count_ready(ep); left > 0 && count < max; left--) {
        struct epoll_item *item = take_ready(ep);
        if (item == NULL) {
            break;
        }
        count += examine(ep, item, &events[count]);
        item_unref(item);
        thread_preempt_point();
    }
    return count;
}

static uint32_t epoll_poll(struct file *f, struct event_watch *w)
{
    struct epoll *ep = epoll_of(f);
    if (w != NULL) {
        event_watch(&ep->events, w);
    }
    for (size_t left = count_ready(ep); left > 0; left--) {
        struct epoll_item *item = take_ready(ep);
        if (item == NULL) {
            break;
        }
        bool is_ready = examine(ep, item, NULL);
        item_unref(item);
        if (is_ready) {
            return EVENT_IN;
        }
    }
    return 0;
}

status_t epoll_wait(struct file *set, struct epoll_event *events, size_t max, nsec_t deadline,
                    size_t *count)
{
    if (!epoll_is_set(set)) {
        return ERR_INVAL;
    }
    struct epoll *ep = epoll_of(set);
    *count = collect(ep, events, max);
    if (*count > 0 || deadline == 0) {
        return OK;
    }
    status_t status;
    WAIT_UNTIL(&ep->waiters, (*count = collect(ep, events, max)) > 0, deadline, WAIT_INTERRUPTIBLE,
               &status);
    return status == ERR_TIMEDOUT ? OK : status;
}
