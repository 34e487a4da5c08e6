// SPDX-License-Identifier: Apache-2.0
/*
 * Where the crash area lies.  Every boot with the same RAM must come to the same answer, before it
 * knows anything of the boot before; and neither loaders nor firmware may write there between.
 *
 * The rule: of the RAM below 4 GiB (or, where there is none, of the first range), take the place
 * three quarters up, where neither those work that fill memory from the bottom (kernels, and QEMU's
 * loader, which puts ramdisk and device tree at half, or 128 MiB) nor those that fill it from the
 * top (UEFI firmware).  From there the first usable multiple of 64 KiB downwards, else upwards.
 * `usable` enters only where that place is taken, because what is usable depends on file sizes.
 */
#pragma once

#include "lib/alloc/ranges.h"

// `ram` is all RAM, `usable` what of it nobody has.  Both in bytes.  False: there is no such place.
bool crash_place(const struct ranges *ram, const struct ranges *usable, uint64_t *out);
