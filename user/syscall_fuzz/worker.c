// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/worker.h"

#include <stdatomic.h>

#include "abi/fcntl.h"
#include "abi/gen/syscall_grammar.h"
#include "abi/gen/syscall_stubs.h"
#include "abi/mman.h"
#include "abi/records.h"
#include "abi/signal.h"
#include "abi/status.h"
#include "lib/base/bits.h"
#include "user/libswos/memory.h"
#include "user/syscall_fuzz/arena.h"
#include "user/syscall_fuzz/clone.h"
#include "user/syscall_fuzz/value.h"

enum {
    THREADS_MAX = 4,
    STACK_SIZE = 64 << 10,
    DEPTH_MAX = 2,         // processes below a worker
    CHILD_CALLS_MAX = 200, // that one of those makes
    CURRENT_DIRECTORY = -100,
    LIMIT_HANDLES = 7, // RLIMIT_NOFILE
    LIMIT_SPACE = 9,   // RLIMIT_AS
    // CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM
    THREAD_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000,
};

// One thread's.
struct caller {
    struct random random;
    struct worker_counts *counts;
    unsigned depth;
    uint64_t calls_left;
};

/* ---- Calls ---- */

static int64_t call_with(uint64_t number, const uint64_t *a)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a[0];
    register uint64_t x1 __asm__("x1") = a[1];
    register uint64_t x2 __asm__("x2") = a[2];
    register uint64_t x3 __asm__("x3") = a[3];
    register uint64_t x4 __asm__("x4") = a[4];
    register uint64_t x5 __asm__("x5") = a[5];
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return (int64_t)x0;
}

// Calls that end the caller, or keep it long: made now and then.
static bool is_seldom(uint32_t number)
{
    switch (number) {
    case SYS_exit:
    case SYS_exit_group:
    case SYS_execve:
    case SYS_execveat:
    case SYS_rt_sigreturn:
    case SYS_rt_sigsuspend:
    case SYS_close_range:
    case SYS_grant_drop:
    case SYS_set_identity: return true;
    default: return false;
    }
}

static const struct call_grammar *choose_call(struct random *r)
{
    const struct call_grammar *call;
    do {
        call = &random_pick(r, syscall_grammar);
    } while (is_seldom(call->number) && !random_one_in(r, 40));
    return call;
}

static void note(struct caller *c, uint32_t number, int64_t result)
{
    atomic_fetch_add_explicit(&c->counts->calls[number].made, 1, memory_order_relaxed);
    if (result >= 0) {
        atomic_fetch_add_explicit(&c->counts->calls[number].succeeded, 1, memory_order_relaxed);
    } else if (result < -4095 && number != SYS_rt_sigreturn) {
        atomic_store_explicit(&c->counts->wrong, number, memory_order_relaxed);
    }
}

// A real-time thread that never sleeps would keep everybody from the CPU, who keeps the time too.
static bool asks_for_real_time(const struct call_grammar *call, const uint64_t *arguments)
{
    enum { FIFO = 1, ROUND_ROBIN = 2 };
    int32_t policy = (int32_t)arguments[1];
    return call->number == SYS_sched_setscheduler && (policy == FIFO || policy == ROUND_ROBIN);
}

static void make_call(struct caller *c)
{
    uint64_t arguments[6];
    const struct call_grammar *call = choose_call(&c->random);
    for (unsigned i = 0; i < ARRAY_SIZE(arguments); i++) {
        arguments[i] = value_of(&c->random, call, i);
    }
    if (asks_for_real_time(call, arguments)) {
        return;
    }
    if (call->number == SYS_clone) {
        note(c, SYS_clone, clone_and_leave(arguments));
        return;
    }
    int64_t result = call_with(call->number, arguments);
    note(c, call->number, result);
    if (call->number == SYS_fork && result == 0) {
        c->depth++;
        c->calls_left = c->depth > DEPTH_MAX ? 0 : random_below(&c->random, CHILD_CALLS_MAX);
        c->random.state += (uint64_t)sys_getpid();
    }
}

// What many calls want to be there.
static void provide(struct random *r)
{
    int32_t two[2];
    static const char *const names[] = {"a", "b", "d", "/dev/ptmx", "/dev/null", "/bin/args", "."};
    switch (random_below(r, 6)) {
    case 0: (void)sys_pipe2(two, ABI_O_NONBLOCK); break;
    case 1: (void)sys_eventfd2(1, ABI_O_NONBLOCK); break;
    case 2: (void)sys_epoll_create1(0); break;
    case 3: (void)sys_mkdirat(CURRENT_DIRECTORY, "d", 0777); break;
    case 4:
        (void)sys_openat(CURRENT_DIRECTORY, random_pick(r, names), ABI_O_RDONLY | ABI_O_NONBLOCK,
                         0);
        break;
    default:
        (void)sys_openat(CURRENT_DIRECTORY, "a", ABI_O_RDWR | ABI_O_CREAT | ABI_O_NONBLOCK, 0666);
        break;
    }
}

static void make_calls(void *argument)
{
    struct caller *c = argument;
    for (; c->calls_left > 0; c->calls_left--) {
        if (random_one_in(&c->random, 24)) {
            provide(&c->random);
        }
        make_call(c);
    }
    (void)sys_exit_group(0);
}

/* ---- A worker ---- */

static void start_thread(struct caller *c)
{
    int64_t stack = map_memory(STACK_SIZE);
    if (stack <= 0) {
        return;
    }
    struct caller *theirs = (struct caller *)stack; // at the end that the stack never reaches
    *theirs = *c;
    theirs->random.state = random_next(&c->random);
    (void)clone_thread(THREAD_FLAGS, (uint64_t)stack + STACK_SIZE, make_calls, theirs);
}

// From everything but the power to end the system down to nothing at all.
static void give_up_authority(struct random *r)
{
    struct swos_identity user = {.principal = 1000, .group = 1000};
    uint64_t few[2] = {8 + random_below(r, 32), 40};
    uint64_t small[2] = {(4 + random_below(r, 64)) << 20, 128ull << 20};
    (void)sys_grant_drop(SWOS_GRANT_POWER);
    if (random_one_in(r, 2)) {
        return;
    }
    user.caps = random_one_in(r, 2) ? SWOS_CAP_SPAWN | SWOS_CAP_FS_READ | SWOS_CAP_TMP_WRITE
                                    : (uint32_t)random_below(r, SWOS_CAP_ALL + 1);
    (void)sys_set_identity(&user, sizeof(user));
    if (random_one_in(r, 4)) {
        (void)sys_grant_drop(SWOS_GRANT_NAMESPACE);
    }
    if (random_one_in(r, 2)) {
        (void)sys_setrlimit(LIMIT_HANDLES, few);
        (void)sys_setrlimit(LIMIT_SPACE, small);
    }
}

// Standard streams are the harness's.
static void lose_streams(void)
{
    (void)sys_close_range(0, UINT32_MAX, 0);
    for (int i = 0; i < 3; i++) {
        (void)sys_openat(CURRENT_DIRECTORY, "/dev/null", ABI_O_RDWR, 0);
    }
}

_Noreturn void worker_run(uint64_t seed, struct worker_counts *counts)
{
    struct caller c = {.random = {seed}, .counts = counts, .calls_left = UINT64_MAX};
    uint64_t none = 0;
    (void)sys_rt_sigprocmask(ABI_SIG_SETMASK, &none, NULL, sizeof(none));
    lose_streams();
    (void)sys_chdir("/data");
    if (random_one_in(&c.random, 2)) {
        (void)sys_setsid();
    }
    give_up_authority(&c.random);
    if (arena_map(&c.random)) {
        for (uint64_t more = random_below(&c.random, THREADS_MAX); more > 0; more--) {
            start_thread(&c);
        }
        make_calls(&c);
    }
    for (;;) {
        (void)sys_exit_group(0);
    }
}
