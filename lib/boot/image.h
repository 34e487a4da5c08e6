// SPDX-License-Identifier: Apache-2.0
/*
 * The 64-byte header of an arm64 kernel image (Linux, Documentation/arch/arm64/booting.rst,
 * section 4) as far as a loader needs it.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/types.h"

enum {
    IMAGE_HEADER_SIZE = 64,
    IMAGE_ALIGN = 2 << 20,    // where an image may begin
    IMAGE_SIZE_MAX = 1 << 30, // more is not believed
};

/*
 * Checks the header of the whole kernel file and gives the memory the kernel needs from its first
 * byte on, its zeroed data included, in bytes.
 *
 * ERR_NOEXEC: no arm64 image.  ERR_NOTSUP: it wants what we do not do (big endian, pages other
 * than 4 KiB, a fixed place, a gap before the image).  ERR_INVAL: its size is absurd or less than
 * the file's.
 */
status_t image_check(struct span file, uint64_t *out_size_bytes);
