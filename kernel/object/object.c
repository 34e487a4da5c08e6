// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/object.h"

#include <stdatomic.h>

static _Atomic uint64_t last_id;

static void run_destroy(struct work *w)
{
    struct object *o = container_of(w, struct object, destroy_work);
    o->ops->destroy(o);
}

void object_init(struct object *o, enum object_type type, const struct object_ops *ops)
{
    o->ops = ops;
    o->type = type;
    refcount_init(&o->refs, 1);
    refcount_init(&o->handles, 0);
    o->id.raw = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    work_init(&o->destroy_work, run_destroy);
}

void object_unref(struct object *o)
{
    if (refcount_dec(&o->refs)) {
        work_queue(&o->destroy_work);
    }
}

void object_unref_now(struct object *o)
{
    if (refcount_dec(&o->refs)) {
        o->ops->destroy(o);
    }
}

void object_handle_add(struct object *o)
{
    object_ref(o);
    refcount_inc(&o->handles);
}

void object_handle_adopt(struct object *o)
{
    refcount_inc(&o->handles);
}

void object_handle_drop(struct object *o)
{
    if (refcount_dec(&o->handles) && o->ops->last_handle != NULL) {
        o->ops->last_handle(o);
    }
    object_unref_now(o);
}

static void run_last_handle(struct work *w)
{
    struct object *o = container_of(w, struct object, destroy_work);
    work_init(w, run_destroy);
    o->ops->last_handle(o);
    object_unref_now(o);
}

void object_handle_drop_later(struct object *o)
{
    if (!refcount_dec(&o->handles) || o->ops->last_handle == NULL) {
        object_unref(o);
        return;
    }
    // The handle's reference keeps the end away from the work item until it has run.
    work_init(&o->destroy_work, run_last_handle);
    work_queue(&o->destroy_work);
}
