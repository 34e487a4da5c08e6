// SPDX-License-Identifier: Apache-2.0
/*
 * syscall_fuzz [SEED [SECONDS [ROUND]]]: random calls of abi/syscalls.tbl, for that long.
 *
 * In each round a few workers make calls, are killed after some milliseconds and replaced.  At its end
 * everybody is gone, what they mounted is unmounted, and as many pages and heap objects are free as
 * after the first round, which fills the caches.  A round follows from SEED and its number, as far as
 * time lets it; ROUND starts with that one.
 */
#include <stdatomic.h>

#include "abi/gen/syscall_grammar.h"
#include "abi/gen/syscall_stubs.h"
#include "abi/mman.h"
#include "abi/records.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/status.h"
#include "abi/sys.h"
#include "lib/base/bits.h"
#include "user/libswos/number.h"
#include "user/libswos/print.h"
#include "user/syscall_fuzz/random.h"
#include "user/syscall_fuzz/sandbox.h"
#include "user/syscall_fuzz/worker.h"

enum {
    WORKERS = 6,
    ROUND_MS = 600,
    LIFE_MS_MAX = 200,
    END_SECONDS = 20, // within which a killed process must be gone
    SETTLE_MS = 1000, // within which memory must be free
    CLOCK_MONOTONIC_ID = 1,
    POLICY_FIFO = 1,
    PRIORITY_TOP = 99,
};

static struct random dice;
static struct worker_counts *counts;
static uint64_t started_workers;

#define FAIL(...) (print_error("syscall_fuzz: " __VA_ARGS__), (void)sys_exit_group(1))

static uint64_t now(void)
{
    struct abi_timespec t = {};
    (void)sys_clock_gettime(CLOCK_MONOTONIC_ID, &t);
    return (uint64_t)t.seconds * NSEC_PER_SEC + (uint64_t)t.nanoseconds;
}

static struct abi_timespec timespec_of(uint64_t ns)
{
    return (struct abi_timespec){.seconds = (int64_t)(ns / NSEC_PER_SEC),
                                 .nanoseconds = (int64_t)(ns % NSEC_PER_SEC)};
}

/* ---- Processes ---- */

static void start_worker(void)
{
    uint64_t seed = random_next(&dice);
    int64_t pid = sys_fork();
    if (pid == 0) {
        worker_run(seed, counts);
    }
    started_workers += pid > 0; // memory may be short
}

// Waits for SIGCHLD, or until then.  False: it is time.
static bool wait_for_child(uint64_t deadline)
{
    uint64_t set = signal_bit(SIGCHLD);
    uint64_t at = now();
    struct abi_timespec left = timespec_of(deadline > at ? deadline - at : 0);
    return sys_rt_sigtimedwait(&set, NULL, &left, sizeof(set)) != ERR_AGAIN;
}

// Takes the children that have ended; counts them down.  False: there are no more children.
static bool reap(uint64_t *alive)
{
    int64_t pid;
    while ((pid = sys_wait4(-1, NULL, ABI_WNOHANG, NULL)) > 0) {
        *alive -= *alive > 0;
    }
    return pid != ERR_CHILD;
}

static void list_processes(void)
{
    static struct swos_process list[16];
    int64_t size = sys_process_list(list, sizeof(list), 0);
    for (int64_t i = 0; i < size / (int64_t)sizeof(list[0]); i++) {
        print_error("%d of %d: %c, %d threads, %s\n", list[i].pid, list[i].parent, list[i].state,
                    list[i].threads, list[i].command);
    }
}

static void kill_all(void)
{
    uint64_t deadline = now() + END_SECONDS * NSEC_PER_SEC;
    uint64_t unused = 0;
    while (reap(&unused)) {
        (void)sys_kill(-1, SIGKILL); // those that were born meanwhile as well
        if (!wait_for_child(deadline)) {
            list_processes();
            FAIL("processes that were killed do not end\n");
        }
    }
    (void)wait_for_child(0); // a SIGCHLD that nobody took would count as memory
}

/* ---- Rounds ---- */

static void fuzz_until(uint64_t deadline)
{
    uint64_t alive = 0;
    while (now() < deadline) {
        while (alive < WORKERS) {
            start_worker();
            alive++;
        }
        // Those that live until the end of it are killed, in the middle of whatever they do.
        uint64_t end = now() + random_below(&dice, LIFE_MS_MAX) * NSEC_PER_MSEC;
        while (alive > WORKERS / 2 && wait_for_child(u64_min(end, deadline))) {
            (void)reap(&alive);
        }
        if (random_one_in(&dice, 2)) {
            kill_all();
            alive = 0;
        }
    }
}

static void round_of(uint64_t seed, uint64_t number, uint64_t deadline)
{
    dice.state = seed + number * 0x632be59bd9b4e019;
    if (!sandbox_open()) {
        FAIL("/data: cannot be mounted on\n");
    }
    fuzz_until(u64_min(deadline, now() + ROUND_MS * NSEC_PER_MSEC));
    kill_all();
    if (!sandbox_close()) {
        FAIL("round %llu: something is held\n", (unsigned long long)number);
    }
    uint32_t wrong = atomic_load_explicit(&counts->wrong, memory_order_relaxed);
    if (wrong != 0) {
        FAIL("round %llu: call %u gave neither a result nor an error\n", (unsigned long long)number,
             wrong);
    }
}

static struct sys_meminfo measure(void)
{
    struct sys_meminfo info = {};
    (void)sys_meminfo(&info, sizeof(info), SYS_MEMINFO_RECLAIM);
    return info;
}

// Pages that are free or lie behind what is counted by itself: how many slabs the objects take depends
// on which of them go, and the kernel keeps its tables.
static uint64_t accounted_pages(const struct sys_meminfo *info)
{
    return info->free_pages + info->slab_pages + info->kernel_table_pages;
}

static bool is_even(const struct sys_meminfo *before, const struct sys_meminfo *after)
{
    return accounted_pages(before) == accounted_pages(after) &&
           before->heap_objects == after->heap_objects;
}

static struct sys_meminfo measure_later(void)
{
    (void)wait_for_child(now() + 20 * NSEC_PER_MSEC);
    return measure();
}

// What is freed off the side gets time to be gone.
static struct sys_meminfo measure_settled(void)
{
    struct sys_meminfo last = measure();
    struct sys_meminfo info = measure_later();
    for (uint64_t deadline = now() + SETTLE_MS * NSEC_PER_MSEC;
         !is_even(&last, &info) && now() < deadline;) {
        last = info;
        info = measure_later();
    }
    return info;
}

static void check_memory(const struct sys_meminfo *before, uint64_t number)
{
    struct sys_meminfo after = measure();
    if (!is_even(before, &after)) {
        after = measure_settled();
    }
    if (!is_even(before, &after)) {
        FAIL("round %llu: %llu pages, then %llu; %llu heap objects, then %llu\n",
             (unsigned long long)number, (unsigned long long)accounted_pages(before),
             (unsigned long long)accounted_pages(&after), (unsigned long long)before->heap_objects,
             (unsigned long long)after.heap_objects);
    }
}

/* ---- All of it ---- */

static void report(uint64_t rounds)
{
    uint64_t made = 0;
    unsigned succeeded = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(syscall_grammar); i++) {
        uint32_t number = syscall_grammar[i].number;
        made += atomic_load_explicit(&counts->calls[number].made, memory_order_relaxed);
        succeeded +=
            atomic_load_explicit(&counts->calls[number].succeeded, memory_order_relaxed) > 0;
    }
    print("%llu rounds, %llu workers, %llu calls; %u of %u kinds succeeded\n",
          (unsigned long long)rounds, (unsigned long long)started_workers, (unsigned long long)made,
          succeeded, (unsigned)ARRAY_SIZE(syscall_grammar));
}

static void prepare(void)
{
    uint64_t only_children = signal_bit(SIGCHLD);
    int32_t top[2] = {PRIORITY_TOP};
    (void)sys_rt_sigprocmask(ABI_SIG_SETMASK, &only_children, NULL, sizeof(only_children));
    (void)sys_sched_setscheduler(0, POLICY_FIFO, top); // who keeps the time is not kept waiting
    int64_t at = sys_mmap(NULL, sizeof(*counts), ABI_PROT_READ | ABI_PROT_WRITE,
                          ABI_MAP_SHARED | ABI_MAP_ANONYMOUS, -1, 0);
    if (at <= 0) {
        FAIL("no memory\n");
    }
    counts = (struct worker_counts *)at;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? parse_number(argv[1]) : 1;
    uint64_t seconds = argc > 2 ? parse_number(argv[2]) : 10;
    uint64_t first = argc > 3 ? parse_number(argv[3]) : 1;
    uint64_t number = first;
    print("syscall_fuzz: seed %llu, %llu seconds\n", (unsigned long long)seed,
          (unsigned long long)seconds);
    prepare();
    sandbox_prepare();
    uint64_t deadline = now() + seconds * NSEC_PER_SEC;
    round_of(seed, 0, UINT64_MAX); // caches fill
    struct sys_meminfo before = measure_settled();
    for (; now() < deadline; number++) {
        round_of(seed, number, deadline);
        check_memory(&before, number);
    }
    report(number - first);
    return 0;
}
