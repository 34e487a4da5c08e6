// SPDX-License-Identifier: Apache-2.0
/*
 * The memory map: read to choose a place for the kernel, and read a last time to take the machine
 * over.
 */
#pragma once

#include "abi/bootinfo.h"
#include "boot/firmware.h"

/*
 * A multiple of `align` with `size` free bytes behind it, the one that `choice` picks among all of
 * them.  EFI_OUT_OF_RESOURCES: there is none.
 */
efi_status_t memory_choose(const struct firmware *firmware, uint64_t size, uint64_t align,
                           uint64_t choice, uint64_t *out_base);

// Room for the firmware's map and for what the kernel gets of it, with some to spare.
struct memory_room {
    struct pages map;    // goes back with the firmware
    struct pages ranges; // array of struct bootinfo_memory
};
efi_status_t memory_room_init(const struct firmware *firmware, struct memory_room *out);
void memory_room_fini(const struct firmware *firmware, struct memory_room *room);

/*
 * Ends the firmware's boot services and tells the kernel about memory as it is then.  On success
 * the machine is ours and `firmware` is of no more use.
 * EFI_LOAD_ERROR: the map contradicts itself.
 */
efi_status_t memory_take_over(const struct firmware *firmware, struct memory_room *room,
                              struct bootinfo *info);
