// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/chardev.h"

#include <stdatomic.h>

#include "kernel/core/spinlock.h"
#include "lib/base/string.h"

static struct {
    struct spinlock lock;
    struct list devices; // [l] by rising id
    uint64_t last_id;    // [l]
    _Atomic uint64_t st_dev;
} chardevs = {
    .lock = SPINLOCK_INIT("character devices", RANK_NAMES),
    .devices = LIST_INIT(chardevs.devices),
};

void chardev_init(struct chardev *d, const struct chardev_ops *ops, enum chardev_folder folder,
                  const char *name, uint32_t mode)
{
    *d = (struct chardev){.ops = ops, .folder = folder};
    memcpy(d->name, name, strnlen(name, CHARDEV_NAME_SIZE - 1));
    atomic_init(&d->mode, mode);
    refcount_init(&d->refs, 1);
    list_init(&d->link);
}

void chardev_add(struct chardev *d)
{
    irqflags_t flags = spin_lock_irqsave(&chardevs.lock);
    d->id = ++chardevs.last_id;
    list_add_tail(&chardevs.devices, &d->link);
    spin_unlock_irqrestore(&chardevs.lock, flags);
}

void chardev_remove(struct chardev *d)
{
    irqflags_t flags = spin_lock_irqsave(&chardevs.lock);
    list_del_init(&d->link);
    spin_unlock_irqrestore(&chardevs.lock, flags);
    chardev_unref(d);
}

void chardev_unref(struct chardev *d)
{
    if (refcount_dec(&d->refs) && d->ops->release != NULL) {
        d->ops->release(d);
    }
}

static bool is_named(const struct chardev *d, struct span name)
{
    return span_is(name, d->name);
}

// The first device of the folder above `after`, and of that name if `name` is not NULL.
static struct chardev *find_locked(enum chardev_folder folder, uint64_t after,
                                   const struct span *name) REQUIRES(chardevs.lock)
{
    list_for_each (node, &chardevs.devices) {
        struct chardev *d = container_of(node, struct chardev, link);
        if (d->folder == folder && d->id > after && (name == NULL || is_named(d, *name))) {
            return d;
        }
    }
    return NULL;
}

static status_t get(enum chardev_folder folder, uint64_t after, const struct span *name,
                    struct chardev **out)
{
    irqflags_t flags = spin_lock_irqsave(&chardevs.lock);
    struct chardev *d = find_locked(folder, after, name);
    if (d != NULL) {
        chardev_ref(d); // the list's reference keeps it until we have ours
    }
    spin_unlock_irqrestore(&chardevs.lock, flags);
    if (d == NULL) {
        return ERR_NOENT;
    }
    *out = d;
    return OK;
}

status_t chardev_get(enum chardev_folder folder, struct span name, struct chardev **out)
{
    return get(folder, 0, &name, out);
}

status_t chardev_next(enum chardev_folder folder, uint64_t after, struct chardev **out)
{
    return get(folder, after, NULL, out);
}

status_t chardev_open(struct chardev *d, uint32_t flags, struct file **out)
{
    return d->ops->open(d, flags, out);
}

void chardev_set_device(uint64_t st_dev)
{
    atomic_store_explicit(&chardevs.st_dev, st_dev, memory_order_relaxed);
}

void chardev_stat(const struct chardev *d, struct abi_stat *out)
{
    *out = (struct abi_stat){
        .device = atomic_load_explicit(&chardevs.st_dev, memory_order_relaxed),
        .inode = d->id,
        .mode = ABI_S_IFCHR | atomic_load_explicit(&d->mode, memory_order_relaxed),
        .links = 1,
        .owner = atomic_load_explicit(&d->owner, memory_order_relaxed),
        .group = atomic_load_explicit(&d->group, memory_order_relaxed),
        .special_device = d->number,
        .block_size = PAGE_SIZE,
    };
}
