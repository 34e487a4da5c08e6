// SPDX-License-Identifier: Apache-2.0
/*
 * Where the base image comes from: the device that `root=` names ("disk0", "disk0p2",
 * "disk0:swift-os-base"), else the first one that has a good one.  Partitions are devices, behind the
 * disks, and so is what the loader left in memory, after the others.
 */
#include "kernel/block/partition.h"
#include "kernel/block/ramdisk.h"
#include "kernel/core/bootarg.h"
#include "kernel/core/log.h"
#include "kernel/fs/swosbase/swosbase.h"
#include "kernel/init/init.h"
#include "lib/base/string.h"

// Of a disk's name and the longest label.
enum { ROOT_SIZE = 128 };

static void add_ramdisk(struct span memory)
{
    static struct ramdisk ramdisk;
    if (memory.size < BLOCK_SECTOR_MIN) {
        return;
    }
    // Read-only: nothing writes through the pointer.
    ramdisk_init(&ramdisk, (void *)(uintptr_t)memory.data, memory.size, RAMDISK_READ_ONLY);
    block_add(&ramdisk.block, "ram");
}

static status_t mount_named(struct span name, struct mount **out)
{
    char text[ROOT_SIZE];
    struct block_device *d;
    if (name.size >= sizeof(text)) {
        return ERR_NODEV;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return block_find(text, &d) == OK ? swosbase_create(d, out) : ERR_NODEV;
}

static status_t mount_first(struct mount **out)
{
    for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
        if (swosbase_probe(d) == OK && swosbase_create(d, out) == OK) {
            return OK;
        }
    }
    return ERR_NODEV;
}

status_t init_base_image(struct mount **out)
{
    const char *name;
    size_t len;
    partition_scan_all();
    add_ramdisk(init_record()->ramdisk);
    if (bootarg_get("root", &name, &len) != OK) {
        return mount_first(out);
    }
    status_t status = mount_named(span_of(name, len), out);
    if (status == ERR_NODEV) {
        log_error("boot", "root: there is no block device %.*s", (int)len, name);
    }
    return status;
}
