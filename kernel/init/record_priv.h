// SPDX-License-Identifier: Apache-2.0
/* What init_boot_record finds, in physical addresses. */
#pragma once

#include "kernel/init/init.h"
#include "lib/base/types.h"

struct boot_record {
    size_t fdt_size; // 0: no device tree
    paddr_t ramdisk;
    uint64_t ramdisk_size; // 0: none
    bool has_lost_ram;     // the memory map was too fragmented, or broken
};
extern struct boot_record boot_record;

// The same through the linear map, once it stands.
void record_after_memory(struct init_record *out);
