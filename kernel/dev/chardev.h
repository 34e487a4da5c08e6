// SPDX-License-Identifier: Apache-2.0
/*
 * Character devices: what can be opened by name under /dev.  Whoever has one adds it here; the device
 * file system shows what is here, as it comes and goes.
 *
 *   chardev_init --chardev_add--> listed --chardev_remove--> gone (opens that are under way may still
 *   come and are the device's to refuse) --last reference--> ops->release
 *
 * A name belongs to at most one listed device of a folder; the caller sees to that.
 *
 * Locking: one spinlock of the list (RANK_NAMES); opens run without it, in thread context.
 * Lifetimes: the storage is the caller's.  The list holds one reference, each chardev_get and
 * chardev_next gives one.  Devices that live for ever have no release.
 */
#pragma once

#include "abi/stat.h"
#include "kernel/object/file.h"
#include "lib/base/list.h"
#include "lib/base/refcount.h"
#include "lib/base/span.h"

struct chardev;

// Flags of open() that reach a device's open beside enum file_flags, with musl's values.
enum {
    CHARDEV_OPEN_NOCTTY = 0400, // O_NOCTTY: does not become the controlling terminal
};

enum chardev_folder : uint8_t {
    CHARDEV_ROOT, // /dev
    CHARDEV_PTS,  // /dev/pts
};

enum { CHARDEV_NAME_SIZE = 16 };

struct chardev_ops {
    // An open file of the device: enum file_flags and the flags above.  Gives a reference.
    status_t (*open)(struct chardev *d, uint32_t flags, struct file **out);
    void (*release)(struct chardev *d); // the last reference went; NULL: never
};

struct chardev {
    const struct chardev_ops *ops; // [I]
    enum chardev_folder folder;    // [I]
    char name[CHARDEV_NAME_SIZE];  // [I]
    uint64_t number;               // [I] st_rdev
    uint64_t id;            // [I] inode number; rises with every device added, never used twice
    _Atomic uint32_t mode;  // [a] permission bits
    _Atomic uint32_t owner; // [a] principal
    _Atomic uint32_t group; // [a]
    refcount_t refs;        // [a]
    struct list link;       // [list's lock]
};

// st_rdev of Linux's major and minor numbers.
static inline uint64_t chardev_number(uint32_t major, uint32_t minor)
{
    return (uint64_t)major << 8 | (minor & 0xff) | (uint64_t)(minor & ~0xffu) << 12;
}

// One reference, which chardev_add takes.  `name` is copied and shorter than CHARDEV_NAME_SIZE.
void chardev_init(struct chardev *d, const struct chardev_ops *ops, enum chardev_folder folder,
                  const char *name, uint32_t mode);
void chardev_add(struct chardev *d);
void chardev_remove(struct chardev *d); // drops the list's reference

static inline void chardev_ref(struct chardev *d)
{
    refcount_inc(&d->refs);
}

void chardev_unref(struct chardev *d);

// The device of that name, with a reference.  ERR_NOENT.
status_t chardev_get(enum chardev_folder folder, struct span name, struct chardev **out);

// The listed device of the folder with the lowest id above `after` (0: the first), with a reference.
// ERR_NOENT: there is none.
status_t chardev_next(enum chardev_folder folder, uint64_t after, struct chardev **out);

status_t chardev_open(struct chardev *d, uint32_t flags, struct file **out);

// What stat says of the device, but for times.  The device file system sets its st_dev here, so that
// an open device and its name are seen to be the same.
void chardev_set_device(uint64_t st_dev);
void chardev_stat(const struct chardev *d, struct abi_stat *out);
