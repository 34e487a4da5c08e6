// SPDX-License-Identifier: Apache-2.0
/* An object and a file for tests of what holds objects: they count what happens to them. */
#pragma once

#include "kernel/object/file.h"

struct thing {
    union {
        struct object object;
        struct file file;
    };
    unsigned last_handles; // calls of last_handle
    unsigned destroyed;
    unsigned closed;
    struct object *inside; // a handle that last_handle drops
};

static inline struct thing *thing_of(struct object *o)
{
    return (struct thing *)(void *)o;
}

static inline void thing_last_handle(struct object *o)
{
    struct thing *t = thing_of(o);
    t->last_handles++;
    if (t->inside != NULL) {
        object_handle_drop_later(t->inside);
    }
}

static inline void thing_destroy(struct object *o)
{
    thing_of(o)->destroyed++;
}

static inline void thing_file_last_handle(struct file *f)
{
    thing_last_handle(&f->object);
}

static inline void thing_file_release(struct file *f)
{
    thing_destroy(&f->object);
}

static inline void thing_file_closed(struct file *f, const struct handle_table *t)
{
    (void)t;
    thing_of(&f->object)->closed++;
}

static const struct object_ops thing_ops = {
    .name = "thing", .last_handle = thing_last_handle, .destroy = thing_destroy};

static const struct file_ops thing_file_ops = {.kind = "thing",
                                               .last_handle = thing_file_last_handle,
                                               .closed = thing_file_closed,
                                               .release = thing_file_release};

// One reference.
static inline void thing_init(struct thing *t)
{
    *t = (struct thing){};
    object_init(&t->object, OBJECT_ENDPOINT, &thing_ops);
}

static inline void thing_init_file(struct thing *t)
{
    *t = (struct thing){};
    file_init(&t->file, &thing_file_ops, FILE_READ | FILE_WRITE);
}
