// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/arena.h"

#include "abi/gen/syscall_stubs.h"
#include "abi/mman.h"
#include "lib/base/bits.h"

enum { WRITABLE_PAGES = 8, READABLE_PAGES = 1, HOLE_PAGES = 1, ZONE_PAGES = 64 };
constexpr uint64_t WRITABLE = (uint64_t)WRITABLE_PAGES * PAGE_SIZE;
constexpr uint64_t ZONE = 0x1000000000;

static uint64_t arena;

bool arena_map(struct random *r)
{
    uint64_t pages = WRITABLE_PAGES + READABLE_PAGES + HOLE_PAGES;
    uint32_t sharing = random_one_in(r, 2) ? ABI_MAP_SHARED : ABI_MAP_PRIVATE;
    int64_t at = sys_mmap(NULL, pages * PAGE_SIZE, ABI_PROT_READ | ABI_PROT_WRITE,
                          sharing | ABI_MAP_ANONYMOUS, -1, 0);
    if (at <= 0) {
        return false;
    }
    arena = (uint64_t)at;
    return sys_mprotect((void *)(arena + WRITABLE), PAGE_SIZE, ABI_PROT_READ) == 0 &&
           sys_munmap((void *)(arena + WRITABLE + PAGE_SIZE), PAGE_SIZE) == 0;
}

uint64_t arena_end(void)
{
    return arena + WRITABLE;
}

uint64_t arena_place(struct random *r, uint64_t size)
{
    if (random_one_in(r, 16)) {
        return arena_end() - align_up(size, 8);
    }
    return arena + align_down(random_below(r, WRITABLE - PAGE_SIZE), 8);
}

uint64_t arena_wild(struct random *r)
{
    switch (random_below(r, 10)) {
    case 0: return 0;
    case 1: return random_below(r, PAGE_SIZE);
    case 2: return arena + random_below(r, WRITABLE - PAGE_SIZE); // misaligned
    case 3: return arena_end() - random_below(r, 64);
    case 4: return arena_end() + PAGE_SIZE - random_below(r, 64);
    case 5: return arena_end() + random_below(r, PAGE_SIZE);
    case 6: return 0xffff000000000000 + align_down(random_below(r, 1ull << 40), 8);
    case 7: return UINT64_MAX - random_below(r, 64);
    case 8: return 1ull << random_below(r, 64);
    default: return random_next(r);
    }
}

uint64_t arena_zone(struct random *r)
{
    if (random_one_in(r, 64)) {
        return arena_wild(r);
    }
    if (random_one_in(r, 16)) {
        return 0;
    }
    return ZONE + random_below(r, ZONE_PAGES) * PAGE_SIZE + (random_one_in(r, 32) ? 8 : 0);
}
