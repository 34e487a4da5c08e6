// SPDX-License-Identifier: Apache-2.0
/* What the firmware knows about the machine and the kernel cannot find out by itself. */
#pragma once

#include "abi/bootinfo.h"
#include "boot/firmware.h"

/*
 * Copies the device tree to pages of our own and notes it; a machine without one has ACPI, which is
 * said on the console.
 * EFI_VOLUME_CORRUPTED: the tree is damaged, which has been reported.
 */
efi_status_t machine_describe(const struct firmware *firmware, struct bootinfo *info,
                              struct pages *out_fdt);

// Notes the framebuffer, if there is one whose pixels the kernel can write.
void machine_framebuffer(const struct firmware *firmware, struct bootinfo *info);

// Random bytes of the firmware; false: it gives none.
bool machine_entropy(const struct firmware *firmware, void *out, size_t size);
