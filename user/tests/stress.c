// SPDX-License-Identifier: Apache-2.0
/*
 * stress SECONDS [WORKERS [SEED]]: processes that map, unmap, protect, fork, migrate between CPUs
 * and are killed at any moment, for that long.  At the end all of them are gone, and as many pages
 * and heap objects must be free as at the beginning.
 */
#include "abi/gen/syscall_stubs.h"
#include "abi/signal.h"
#include "abi/sys.h"
#include "lib/base/bits.h"
#include "lib/base/types.h"
#include "user/libswos/memory.h"
#include "user/libswos/number.h"
#include "user/libswos/print.h"
#include "user/libswos/time.h"

enum { REGIONS = 16, REGION_PAGES_MAX = 64, DEPTH_MAX = 3 };

static uint64_t seed;

static uint64_t random_below(uint64_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

struct region {
    uint64_t address;
    uint64_t pages;
    uint32_t tag; // first word of every page
};

static void check(bool is_right, const char *what)
{
    if (!is_right) {
        print_error("stress: %s\n", what);
        sys_exit_group(99);
    }
}

static void fill(struct region *r)
{
    r->tag = (uint32_t)random_below(UINT32_MAX);
    for (uint64_t i = 0; i < r->pages; i++) {
        *(volatile uint32_t *)(r->address + i * PAGE_SIZE) = r->tag;
    }
}

static void verify(const struct region *r)
{
    for (uint64_t i = 0; i < r->pages; i++) {
        check(*(volatile uint32_t *)(r->address + i * PAGE_SIZE) == r->tag, "memory changed");
    }
}

// Memory may run out; that is an answer, not a failure.
static void map(struct region *r)
{
    uint64_t pages = 1 + random_below(REGION_PAGES_MAX);
    int64_t address = map_memory(pages * PAGE_SIZE);
    check(address > 0 || address == ERR_NOMEM, "mmap failed");
    if (address > 0) {
        *r = (struct region){.address = (uint64_t)address, .pages = pages};
        fill(r);
    }
}

static void unmap(struct region *r)
{
    verify(r);
    uint64_t cut = random_below(r->pages + 1); // in two pieces, so that regions split
    const char *at = (const char *)r->address;
    if (cut > 0) {
        check(sys_munmap(at + (r->pages - cut) * PAGE_SIZE, cut * PAGE_SIZE) != ERR_INVAL,
              "munmap");
    }
    if (cut < r->pages) {
        check(sys_munmap(at, (r->pages - cut) * PAGE_SIZE) != ERR_INVAL, "munmap");
    }
    r->pages = 0;
}

static void protect(struct region *r)
{
    const char *at = (const char *)r->address;
    uint64_t first = random_below(r->pages);
    uint64_t size = (r->pages - first) * PAGE_SIZE;
    (void)sys_mprotect(at + first * PAGE_SIZE, size, ABI_PROT_READ);
    verify(r);
    check(sys_mprotect(at + first * PAGE_SIZE, size, ABI_PROT_READ | ABI_PROT_WRITE) <= 0,
          "mprotect");
}

static void migrate(void)
{
    uint64_t mask = 1ull << random_below(4);
    uint32_t cpu = 0;
    if (sys_sched_setaffinity(0, sizeof(mask), &mask) == 0) {
        check(sys_getcpu(&cpu, NULL) == 0 && 1ull << cpu == mask, "runs on a forbidden CPU");
    }
}

static void worker(unsigned depth, nsec_t deadline);

// A child does the same for a while and is killed or ends by itself.
static void fork_child(unsigned depth)
{
    nsec_t until = monotonic_time() + random_below(20 * NSEC_PER_MSEC);
    int64_t pid = sys_fork();
    if (pid == 0) {
        seed += (uint64_t)sys_getpid() * 0x9e3779b97f4a7c15;
        worker(depth + 1, until);
        sys_exit_group(0);
    }
    if (pid < 0) {
        check(pid == ERR_NOMEM, "fork failed");
        return;
    }
    bool is_killed = random_below(2) == 0;
    if (is_killed) {
        (void)sleep_until(monotonic_time() + random_below(5 * NSEC_PER_MSEC));
        sys_kill((int32_t)pid, SIGKILL);
    }
    int status = 0;
    check(sys_wait4((int32_t)pid, &status, 0, NULL) == pid, "wait failed");
    check(status == 0 || status == wait_status_signalled(SIGKILL), "child failed");
}

static void step(struct region *r, unsigned depth)
{
    switch (random_below(8)) {
    case 0:
    case 1:
    case 2:
        if (r->pages == 0) {
            map(r);
        } else {
            unmap(r);
        }
        break;
    case 3:
        if (r->pages != 0) {
            protect(r);
        }
        break;
    case 4:
        if (r->pages != 0) {
            fill(r);
        }
        break;
    case 5: migrate(); break;
    case 6:
        if (depth < DEPTH_MAX) {
            fork_child(depth);
        }
        break;
    default: sys_sched_yield(); break;
    }
}

static void worker(unsigned depth, nsec_t deadline)
{
    struct region regions[REGIONS] = {};
    while (monotonic_time() < deadline) {
        step(&regions[random_below(REGIONS)], depth);
    }
    for (size_t i = 0; i < REGIONS; i++) {
        if (regions[i].pages != 0) {
            verify(&regions[i]);
        }
    }
}

// One round: workers run until the deadline and all of them end well.
static void round_of(uint64_t workers, nsec_t deadline)
{
    for (uint64_t i = 0; i < workers; i++) {
        int64_t pid = sys_fork();
        check(pid >= 0, "cannot start a worker");
        if (pid == 0) {
            seed = seed * 31 + i + 1;
            worker(0, deadline);
            sys_exit_group(0);
        }
    }
    // As the first process this also inherits the children of those who were killed.
    int status = 0;
    int64_t pid;
    while ((pid = sys_wait4(-1, &status, 0, NULL)) > 0) {
        check(status == 0 || status == wait_status_signalled(SIGKILL), "worker failed");
    }
    check(pid == ERR_CHILD, "wait failed");
}

int main(int argc, char **argv)
{
    uint64_t seconds = argc > 1 ? parse_number(argv[1]) : 10;
    uint64_t workers = argc > 2 ? parse_number(argv[2]) : 8;
    seed = argc > 3 ? parse_number(argv[3]) : 1;
    seed = seed * 0x9e3779b97f4a7c15 + 1;
    nsec_t start = monotonic_time();
    round_of(workers, start + 200 * NSEC_PER_MSEC); // caches fill
    struct sys_meminfo before = {};
    struct sys_meminfo after = {};
    sys_meminfo(&before, sizeof(before), SYS_MEMINFO_RECLAIM);
    round_of(workers, start + seconds * NSEC_PER_SEC);
    sys_meminfo(&after, sizeof(after), SYS_MEMINFO_RECLAIM);
    print("free pages: %llu before, %llu after; heap objects: %llu before, %llu after\n",
          (unsigned long long)before.free_pages, (unsigned long long)after.free_pages,
          (unsigned long long)before.heap_objects, (unsigned long long)after.heap_objects);
    return before.free_pages == after.free_pages && before.heap_objects == after.heap_objects ? 0
                                                                                              : 1;
}
