// SPDX-License-Identifier: Apache-2.0
/*
 * A cursor over the memory of who reads or writes: segments of user memory, or one of the kernel's.
 * What moves bytes advances it; how far it came is `left` before less `left` after.
 *
 * Locking: none; it belongs to the thread that made it.  User memory may fault, so no spinlock is
 * held across uio_put, uio_get and uio_zero; sleeping locks may be, if no page fault takes them.
 */
#pragma once

#include "lib/base/types.h"

struct uio_segment { // as POSIX's struct iovec
    vaddr_t base;
    size_t size;
};

struct uio {
    const struct uio_segment *segments; // kernel memory, of the caller
    unsigned count;
    unsigned current;       // segment that is next
    size_t offset;          // within it
    size_t left;            // bytes in all that are left
    bool is_kernel;         // the segments are kernel memory
    struct uio_segment one; // for the forms below
};

// One segment.
static inline void uio_init_user(struct uio *u, vaddr_t base, size_t size)
{
    *u = (struct uio){.segments = &u->one, .count = 1, .left = size, .one = {base, size}};
}
void uio_init_kernel(struct uio *u, void *base, size_t size);

// Several; `left` is their sum, at most INT64_MAX.  ERR_INVAL: more than that.
status_t uio_init_user_vector(struct uio *u, const struct uio_segment *segments, unsigned count);

// Moves up to `size` bytes, never more than `left`, and advances by what was moved, which with
// ERR_FAULT is less: to the caller's memory, from it, and zeros to it.
status_t uio_put(struct uio *u, const void *bytes, size_t size);
status_t uio_get(struct uio *u, void *bytes, size_t size);
status_t uio_zero(struct uio *u, size_t size);

// Advances by up to `size` bytes without touching memory.
void uio_skip(struct uio *u, size_t size);
