// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/handle.h"

#include "kernel/core/spinlock.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/object/grant.h"

struct handle_table {
    struct spinlock lock;
    struct slots slots; // [lock]
};

/* ---- Memory ---- */

status_t handle_table_create(struct handle_table **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct handle_table), &memory);
    if (status != OK) {
        return status;
    }
    struct handle_table *t = memory;
    spin_init(&t->lock, "handle table", RANK_HANDLES);
    slots_init(&t->slots);
    *out = t;
    return OK;
}

static status_t grow(struct handle_table *t, const struct slots_need *need)
{
    void *memory;
    status_t status = heap_zalloc(need->size, &memory);
    if (status != OK) {
        return status;
    }
    spin_lock(&t->lock);
    void *surplus = slots_give(&t->slots, need, memory);
    spin_unlock(&t->lock);
    heap_free(surplus);
    return OK;
}

void handle_set_limit(struct handle_table *t, uint32_t limit)
{
    spin_lock(&t->lock);
    slots_set_limit(&t->slots, limit);
    spin_unlock(&t->lock);
}

uint32_t handle_limit(struct handle_table *t)
{
    spin_lock(&t->lock);
    uint32_t limit = t->slots.limit;
    spin_unlock(&t->lock);
    return limit;
}

uint32_t handle_count(struct handle_table *t)
{
    spin_lock(&t->lock);
    uint32_t used = t->slots.used;
    spin_unlock(&t->lock);
    return used;
}

/* ---- Coming in ---- */

status_t handle_reserve(struct handle_table *t, handle_t from, handle_t *out)
{
    struct slots_need need;
    uint32_t slot;
    status_t status;
    for (;;) {
        spin_lock(&t->lock);
        status = slots_reserve(&t->slots, (uint32_t)from, &slot, &need);
        spin_unlock(&t->lock);
        if (status == OK) {
            *out = (handle_t)slot;
        }
        if (status != ERR_NOMEM) {
            return status;
        }
        status = grow(t, &need);
        if (status != OK) {
            return status;
        }
    }
}

void handle_cancel(struct handle_table *t, handle_t h)
{
    spin_lock(&t->lock);
    slots_cancel(&t->slots, (uint32_t)h);
    spin_unlock(&t->lock);
}

void handle_publish_entry(struct handle_table *t, handle_t h, const struct handle_entry *e,
                          uint32_t flags)
{
    struct handle_entry entry = *e;
    entry.flags = flags;
    spin_lock(&t->lock);
    slots_publish(&t->slots, (uint32_t)h, &entry);
    spin_unlock(&t->lock);
}

// The handle that a reference becomes.
static struct handle_entry entry_of(struct object *o, rights_t rights)
{
    object_handle_adopt(o);
    return (struct handle_entry){.object = o, .rights = rights};
}

void handle_publish(struct handle_table *t, handle_t h, struct object *o, rights_t rights,
                    uint32_t flags)
{
    struct handle_entry e = entry_of(o, rights);
    handle_publish_entry(t, h, &e, flags);
}

status_t handle_add(struct handle_table *t, struct object *o, rights_t rights, uint32_t flags,
                    handle_t *out)
{
    struct handle_entry e = entry_of(o, rights);
    return handle_put(t, &e, flags, out);
}

status_t handle_put(struct handle_table *t, const struct handle_entry *e, uint32_t flags,
                    handle_t *out)
{
    status_t status = handle_reserve(t, 0, out);
    if (status != OK) {
        handle_drop(e);
        return status;
    }
    handle_publish_entry(t, *out, e, flags);
    return OK;
}

/* ---- Looking up ---- */

static status_t check_rights(const struct handle_entry *e, rights_t need)
{
    rights_t missing = need & ~e->rights;
    if (LIKELY(missing == 0)) {
        return OK;
    }
    const struct object *o = e->object;
    bool is_access = (missing & (SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_WRITE)) != 0;
    return o->type == OBJECT_FILE && is_access ? ERR_BADF : ERR_ACCES;
}

static status_t get_locked(struct handle_table *t, handle_t h, rights_t need, struct object **out)
    REQUIRES(t -> lock)
{
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    if (UNLIKELY(e == NULL)) {
        return ERR_BADF;
    }
    status_t status = check_rights(e, need);
    if (LIKELY(status == OK)) {
        object_ref(e->object);
        *out = e->object;
    }
    return status;
}

status_t handle_get_any(struct handle_table *t, handle_t h, rights_t need, struct object **out)
{
    spin_lock(&t->lock);
    status_t status = get_locked(t, h, need, out);
    spin_unlock(&t->lock);
    return status;
}

static status_t get_typed_locked(struct handle_table *t, handle_t h, enum object_type type,
                                 rights_t need, struct object **out) REQUIRES(t -> lock)
{
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    if (LIKELY(e != NULL) && UNLIKELY(handle_object(e)->type != type)) {
        return type == OBJECT_FILE ? ERR_BADF : ERR_INVAL;
    }
    return get_locked(t, h, need, out);
}

status_t handle_get(struct handle_table *t, handle_t h, enum object_type type, rights_t need,
                    struct object **out)
{
    spin_lock(&t->lock);
    status_t status = get_typed_locked(t, h, type, need, out);
    spin_unlock(&t->lock);
    return status;
}

status_t handle_get_file(struct handle_table *t, handle_t h, rights_t need, struct file **out)
{
    struct object *o = NULL;
    spin_lock(&t->lock);
    status_t status = get_typed_locked(t, h, OBJECT_FILE, need, &o);
    spin_unlock(&t->lock);
    *out = file_of(o);
    return status;
}

status_t handle_find_file(struct handle_table *t, handle_t h, rights_t need, struct file **out)
{
    // No lock: who calls is the only one who changes the table.
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    if (UNLIKELY(e == NULL) || UNLIKELY(handle_object(e)->type != OBJECT_FILE)) {
        return ERR_BADF;
    }
    *out = file_of(e->object);
    return check_rights(e, need);
}

static struct handle_info info_of(const struct handle_entry *e)
{
    struct object *o = e->object;
    struct handle_info info = {
        .type = o->type, .rights = e->rights, .flags = e->flags, .badge = e->badge, .id = o->id};
    if (o->type == OBJECT_GRANT) {
        info.grant = grant_of(o)->kind;
    }
    return info;
}

status_t handle_info(struct handle_table *t, handle_t h, struct handle_info *out)
{
    spin_lock(&t->lock);
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    if (e != NULL) {
        *out = info_of(e);
    }
    spin_unlock(&t->lock);
    return e != NULL ? OK : ERR_BADF;
}

status_t handle_set_flags(struct handle_table *t, handle_t h, uint32_t flags)
{
    status_t status = ERR_BADF;
    spin_lock(&t->lock);
    struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    if (e != NULL) {
        e->flags = flags;
        status = OK;
    }
    spin_unlock(&t->lock);
    return status;
}

bool handle_next(struct handle_table *t, handle_t from, handle_t *out)
{
    uint32_t slot = 0;
    spin_lock(&t->lock);
    bool found = slots_next(&t->slots, (uint32_t)from, &slot);
    spin_unlock(&t->lock);
    *out = (handle_t)slot;
    return found;
}

/* ---- Going out ---- */

// The table no longer has this handle: tells its file.
static void left(struct handle_table *t, const struct handle_entry *e)
{
    struct object *o = e->object;
    if (o->type == OBJECT_FILE && file_of(o)->ops->closed != NULL) {
        file_of(o)->ops->closed(file_of(o), t);
    }
}

static void end(struct handle_table *t, const struct handle_entry *e)
{
    left(t, e);
    object_handle_drop(e->object);
}

status_t handle_close(struct handle_table *t, handle_t h)
{
    struct handle_entry e;
    spin_lock(&t->lock);
    status_t status = slots_remove(&t->slots, (uint32_t)h, &e);
    spin_unlock(&t->lock);
    if (status == OK) {
        end(t, &e);
    }
    return status;
}

// What is done to a range of handles.
enum range_action { RANGE_CLOSE, RANGE_MARK, RANGE_CLOSE_MARKED };

// Works on the lowest live slot from *slot on, up to `last`, and moves *slot behind it.  False: there
// is none.  *closed: `e` was taken out.
static bool range_step_locked(struct handle_table *t, uint32_t *slot, uint32_t last,
                              enum range_action action, struct handle_entry *e, bool *closed)
    REQUIRES(t -> lock)
{
    *closed = false;
    if (!slots_next(&t->slots, *slot, slot) || *slot > last) {
        return false;
    }
    struct handle_entry *found = slots_find(&t->slots, *slot);
    if (action == RANGE_MARK) {
        found->flags |= HANDLE_CLOEXEC;
    } else if (action == RANGE_CLOSE || (found->flags & HANDLE_CLOEXEC) != 0) {
        *closed = slots_remove(&t->slots, *slot, e) == OK;
    }
    (*slot)++;
    return true;
}

static void for_range(struct handle_table *t, uint32_t first, uint32_t last,
                      enum range_action action)
{
    struct handle_entry e;
    bool closed;
    bool more;
    do {
        spin_lock(&t->lock);
        more = range_step_locked(t, &first, last, action, &e, &closed);
        spin_unlock(&t->lock);
        if (closed) {
            end(t, &e);
        }
        thread_preempt_point();
    } while (more);
}

void handle_close_range(struct handle_table *t, uint32_t first, uint32_t last, bool cloexec_only)
{
    for_range(t, first, last, cloexec_only ? RANGE_MARK : RANGE_CLOSE);
}

void handle_close_on_exec(struct handle_table *t)
{
    for_range(t, 0, SLOTS_MAX, RANGE_CLOSE_MARKED);
}

void handle_table_destroy(struct handle_table *t)
{
    for_range(t, 0, SLOTS_MAX, RANGE_CLOSE);
    for (void *memory; (memory = slots_fini(&t->slots)) != NULL;) {
        heap_free(memory);
    }
    heap_free(t);
}

/* ---- From one to another ---- */

status_t handle_take(struct handle_table *t, handle_t h, rights_t need, struct handle_entry *out)
{
    spin_lock(&t->lock);
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    status_t status = e == NULL ? ERR_BADF : check_rights(e, need);
    if (status == OK) {
        status = slots_remove(&t->slots, (uint32_t)h, out);
    }
    spin_unlock(&t->lock);
    if (status == OK) {
        left(t, out);
    }
    return status;
}

status_t handle_share(struct handle_table *t, handle_t h, rights_t need, struct handle_entry *out)
{
    spin_lock(&t->lock);
    const struct handle_entry *e = slots_find(&t->slots, (uint32_t)h);
    status_t status = e == NULL ? ERR_BADF : check_rights(e, need);
    if (status == OK) {
        object_handle_add(e->object);
        *out = *e;
    }
    spin_unlock(&t->lock);
    return status;
}

status_t handle_duplicate(struct handle_table *t, handle_t h, handle_t from, rights_t rights,
                          uint32_t flags, handle_t *out)
{
    struct handle_entry e;
    status_t status = handle_share(t, h, SWIFTOS_RIGHT_DUPLICATE, &e);
    if (status != OK) {
        return status;
    }
    status = handle_reserve(t, from, out);
    if (status != OK) {
        handle_drop(&e);
        return status;
    }
    e.rights = rights_attenuate(e.rights, rights);
    handle_publish_entry(t, *out, &e, flags);
    return OK;
}

static status_t put_at_locked(struct handle_table *t, uint32_t slot, const struct handle_entry *e,
                              struct handle_entry *old, struct slots_need *need) REQUIRES(t -> lock)
{
    status_t status = slots_reserve_at(&t->slots, slot, need);
    if (status == OK) {
        slots_publish(&t->slots, slot, e);
    } else if (status == ERR_EXIST) {
        slots_replace(&t->slots, slot, e, old);
        status = OK;
    }
    return status;
}

// Gives what was there in *old.
static status_t put_at(struct handle_table *t, uint32_t slot, const struct handle_entry *e,
                       struct handle_entry *old)
{
    for (;;) {
        struct slots_need need;
        spin_lock(&t->lock);
        status_t status = put_at_locked(t, slot, e, old, &need);
        spin_unlock(&t->lock);
        if (status != ERR_NOMEM) {
            return status;
        }
        status = grow(t, &need);
        if (status != OK) {
            return status;
        }
    }
}

status_t handle_put_at(struct handle_table *t, handle_t h, const struct handle_entry *e,
                       uint32_t flags)
{
    struct handle_entry entry = *e;
    struct handle_entry old = {.object = NULL};
    entry.flags = flags;
    status_t status = put_at(t, (uint32_t)h, &entry, &old);
    if (status != OK) {
        handle_drop(e);
    } else if (old.object != NULL) {
        end(t, &old);
    }
    return status;
}

status_t handle_duplicate_at(struct handle_table *t, handle_t h, handle_t to, rights_t rights,
                             uint32_t flags)
{
    struct handle_entry e;
    status_t status = handle_share(t, h, SWIFTOS_RIGHT_DUPLICATE, &e);
    if (status != OK) {
        return status;
    }
    e.rights = rights_attenuate(e.rights, rights);
    return handle_put_at(t, to, &e, flags);
}

/* ---- Fork ---- */

// One more handle of the lowest live slot from *h on.
static bool share_next(struct handle_table *t, handle_t *h, struct handle_entry *out)
{
    uint32_t slot;
    spin_lock(&t->lock);
    bool found = slots_next(&t->slots, (uint32_t)*h, &slot);
    if (found) {
        *out = *slots_find(&t->slots, slot);
        object_handle_add(out->object);
        *h = (handle_t)slot;
    }
    spin_unlock(&t->lock);
    return found;
}

status_t handle_table_fork(struct handle_table *from, struct handle_table **out)
{
    struct handle_table *t;
    status_t status = handle_table_create(&t);
    if (status != OK) {
        return status;
    }
    handle_set_limit(t, SLOTS_MAX); // a lower limit spares what exists
    struct handle_entry e;
    for (handle_t h = 0; share_next(from, &h, &e); h++) {
        status = handle_put_at(t, h, &e, e.flags);
        if (status != OK) {
            handle_table_destroy(t);
            return status;
        }
        thread_preempt_point();
    }
    handle_set_limit(t, handle_limit(from));
    *out = t;
    return OK;
}
