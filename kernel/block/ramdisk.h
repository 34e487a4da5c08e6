// SPDX-License-Identifier: Apache-2.0
/* A block device that is memory: what a loader left, or a test made. */
#pragma once

#include "kernel/block/block.h"

struct ramdisk {
    struct block_device block;
    uint8_t *memory; // [I] in the linear map
};

enum ramdisk_access { RAMDISK_READ_ONLY, RAMDISK_WRITABLE };

// A disk of the whole sectors in the memory, which is kept; it is not added to the devices.
void ramdisk_init(struct ramdisk *r, void *memory, size_t size, enum ramdisk_access access);
