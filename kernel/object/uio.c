// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/uio.h"

#include "kernel/arch/arch.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

void uio_init_kernel(struct uio *u, void *base, size_t size)
{
    uio_init_user(u, (vaddr_t)base, size);
    u->is_kernel = true;
}

status_t uio_init_user_vector(struct uio *u, const struct uio_segment *segments, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        if (segments[i].size > (uint64_t)INT64_MAX - total) {
            return ERR_INVAL;
        }
        total += segments[i].size;
    }
    *u = (struct uio){.segments = segments, .count = count, .left = total};
    return OK;
}

enum direction { PUT, GET, ZERO };

// Bytes not moved.
static size_t move(const struct uio *u, enum direction direction, vaddr_t at, void *bytes, size_t n)
{
    if (u->is_kernel) {
        switch (direction) {
        case PUT: memcpy((void *)at, bytes, n); break;
        case GET: memcpy(bytes, (const void *)at, n); break;
        case ZERO: memset((void *)at, 0, n); break;
        }
        return 0;
    }
    switch (direction) {
    case PUT: return arch_copy_to_user(at, bytes, n);
    case GET: return arch_copy_from_user(bytes, at, n);
    case ZERO: return arch_zero_user(at, n);
    }
    return n;
}

static status_t advance(struct uio *u, enum direction direction, char *bytes, size_t size)
{
    size = u64_min(size, u->left);
    while (size > 0) {
        const struct uio_segment *s = &u->segments[u->current];
        size_t n = u64_min(size, s->size - u->offset);
        size_t missed = n == 0 ? 0 : move(u, direction, s->base + u->offset, bytes, n);
        size_t moved = n - missed;
        u->offset += moved;
        u->left -= moved;
        size -= moved;
        bytes = bytes == NULL ? NULL : bytes + moved;
        if (missed != 0) {
            return ERR_FAULT;
        }
        if (u->offset == s->size) {
            u->current++;
            u->offset = 0;
        }
    }
    return OK;
}

// Whether `size` bytes of user memory are left in the current segment.
static bool is_simple(const struct uio *u, size_t size)
{
    return size - 1 < u->left && !u->is_kernel && // 0 is not simple
           size <= u->segments[u->current].size - u->offset;
}

// What is_simple allows: the segment may be empty afterwards, which `advance` takes for what it is.
static status_t advance_simply(struct uio *u, size_t size, size_t missed)
{
    u->offset += size - missed;
    u->left -= size - missed;
    return missed == 0 ? OK : ERR_FAULT;
}

static vaddr_t place_of(const struct uio *u)
{
    return u->segments[u->current].base + u->offset;
}

status_t uio_put(struct uio *u, const void *bytes, size_t size)
{
    if (LIKELY(is_simple(u, size))) {
        return advance_simply(u, size, arch_copy_to_user(place_of(u), bytes, size));
    }
    return advance(u, PUT, (char *)(uintptr_t)bytes, size);
}

status_t uio_get(struct uio *u, void *bytes, size_t size)
{
    if (LIKELY(is_simple(u, size))) {
        return advance_simply(u, size, arch_copy_from_user(bytes, place_of(u), size));
    }
    return advance(u, GET, bytes, size);
}

status_t uio_zero(struct uio *u, size_t size)
{
    return advance(u, ZERO, NULL, size);
}

void uio_skip(struct uio *u, size_t size)
{
    size = u64_min(size, u->left);
    u->left -= size;
    while (size > 0) {
        size_t n = u64_min(size, u->segments[u->current].size - u->offset);
        u->offset += n;
        size -= n;
        if (u->offset == u->segments[u->current].size) {
            u->current++;
            u->offset = 0;
        }
    }
}
