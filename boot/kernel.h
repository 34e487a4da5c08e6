// SPDX-License-Identifier: Apache-2.0
/* The kernel image: from the bytes of its file to its place in memory. */
#pragma once

#include "boot/firmware.h"

/*
 * Checks the image and copies it to memory of its own, where it has all the room it asks for, its
 * zeroed data included (the kernel zeroes that itself).  `choice` is a random number that picks
 * among the possible places; 0 picks the lowest.  Failures have been reported under `name`.
 */
efi_status_t kernel_place(const struct firmware *firmware, const char *name, struct span file,
                          uint64_t choice, struct pages *out);
