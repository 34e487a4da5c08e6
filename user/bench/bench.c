// SPDX-License-Identifier: Apache-2.0
/*
 * bench NAME: one figure about the kernel, in counter nanoseconds an operation.  Under an exact
 * instruction count (tools/guest --icount) a nanosecond is an instruction.
 */
#include "abi/fcntl.h"
#include "abi/gen/syscall_stubs.h"
#include "abi/socket.h"
#include "abi/spawn.h"
#include "abi/stat.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/base/types.h"
#include "user/libswos/memory.h"
#include "user/libswos/print.h"

enum { CALLS = 10000, PAGES = 2048, ROUNDS = 200, CHUNK_SIZE = 65536 };

static uint64_t ticks(void)
{
    uint64_t value;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value)::"memory");
    return value;
}

static uint64_t ticks_per_second(void)
{
    uint64_t value;
    __asm__("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

static void report(const char *name, uint64_t from, uint64_t to, uint64_t operations)
{
    uint64_t tenths = (to - from) * (10 * NSEC_PER_SEC / ticks_per_second()) / operations;
    print("%s %llu.%llu\n", name, (unsigned long long)(tenths / 10),
          (unsigned long long)(tenths % 10));
}

// The counter starts with the machine, and this is the first program when tools/guest runs it.
static void bench_boot(void)
{
    report("boot", 0, ticks(), 1);
}

// The same loop without the call is taken off, so that the figure is SVC, kernel and ERET.
static void bench_syscall(void)
{
    uint64_t start = ticks();
    for (int i = 0; i < CALLS; i++) {
        register uint64_t x8 __asm__("x8") = SYS_null;
        register uint64_t x0 __asm__("x0") = 0;
        __asm__ volatile("" : "+r"(x0) : "r"(x8) : "memory", "cc");
    }
    uint64_t from = ticks();
    for (int i = 0; i < CALLS; i++) {
        sys_null();
    }
    report("syscall", from + (from - start), ticks(), CALLS);
}

// First touch of anonymous pages; page tables for them are there after the first round.
static void bench_fault(void)
{
    int64_t memory = map_memory((uint64_t)PAGES * PAGE_SIZE);
    if (memory < 0) {
        sys_exit_group(1);
    }
    uint64_t from = ticks();
    for (uint64_t i = 0; i < PAGES; i++) {
        *(volatile char *)((uint64_t)memory + i * PAGE_SIZE) = 1;
    }
    report("fault", from, ticks(), PAGES);
}

static void bench_mmap(void)
{
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        int64_t memory = map_memory(16ull * PAGE_SIZE);
        *(volatile char *)memory = 1;
        sys_munmap((const void *)memory, 16ull * PAGE_SIZE);
    }
    report("mmap", from, ticks(), ROUNDS);
}

static void fork_and_wait(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t pid = sys_fork();
        if (pid == 0) {
            sys_exit_group(0);
        }
        sys_wait4((int32_t)pid, NULL, 0, NULL);
    }
}

static void bench_fork(void)
{
    uint64_t from = ticks();
    fork_and_wait();
    report("fork", from, ticks(), ROUNDS);
}

// What each page that was written adds to a fork and the end of the child.
static void bench_share(void)
{
    int64_t memory = map_memory((uint64_t)PAGES * PAGE_SIZE);
    if (memory < 0) {
        sys_exit_group(1);
    }
    uint64_t start = ticks();
    fork_and_wait();
    uint64_t bare = ticks() - start;
    for (uint64_t i = 0; i < PAGES; i++) {
        *(volatile char *)((uint64_t)memory + i * PAGE_SIZE) = 1;
    }
    uint64_t from = ticks();
    fork_and_wait();
    report("share", from + bare, ticks(), (uint64_t)ROUNDS * PAGES);
}

static void bench_spawn(void)
{
    const char *argv[] = {"/bin/bench", "nothing", NULL};
    const char *paths[] = {argv[0], NULL};
    struct swos_spawn request = {
        .flags = SWOS_SPAWN_INHERIT,
        .directory = ABI_AT_FDCWD,
        .paths = (uintptr_t)paths,
        .argv = (uintptr_t)argv,
    };
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        int64_t pid = sys_spawn(&request, sizeof(request));
        sys_wait4((int32_t)pid, NULL, 0, NULL);
    }
    report("spawn", from, ticks(), ROUNDS);
}

/* ---- Files: one of 64 KiB in /tmp ---- */

static char chunk[CHUNK_SIZE];

static const char *const file_path = "/tmp/bench";

static int32_t make_file(void)
{
    int64_t file = sys_openat(ABI_AT_FDCWD, file_path, ABI_O_RDWR | ABI_O_CREAT, 0600);
    if (file < 0 || sys_write((int32_t)file, chunk, sizeof(chunk)) != CHUNK_SIZE) {
        sys_exit_group(1);
    }
    return (int32_t)file;
}

static void bench_open(void)
{
    make_file();
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        sys_close((int32_t)sys_openat(ABI_AT_FDCWD, file_path, ABI_O_RDONLY, 0));
    }
    report("open", from, ticks(), ROUNDS);
}

static void bench_stat(void)
{
    struct abi_stat s;
    make_file();
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        sys_newfstatat(ABI_AT_FDCWD, file_path, &s, 0);
    }
    report("stat", from, ticks(), ROUNDS);
}

static void bench_byte(void)
{
    int32_t file = make_file();
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        sys_pread64(file, chunk, 1, 0);
    }
    report("byte", from, ticks(), ROUNDS);
}

static void bench_read(void)
{
    int32_t file = make_file();
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        sys_pread64(file, chunk, sizeof(chunk), 0);
    }
    report("read", from, ticks(), (uint64_t)ROUNDS * (CHUNK_SIZE / PAGE_SIZE));
}

/* ---- TCP, to this machine ---- */

static void expect_ok(int64_t result)
{
    if (result < 0) {
        print_error("bench: %lld\n", (long long)result);
        sys_exit_group(1);
    }
}

static int32_t new_socket(void)
{
    int64_t s = sys_socket(ABI_AF_INET, ABI_SOCK_STREAM, 0);
    expect_ok(s);
    return (int32_t)s;
}

// A socket that listens at 127.0.0.1, and its address.
static int32_t listener(struct abi_sockaddr_in *name)
{
    int32_t s = new_socket();
    uint32_t size = sizeof(*name);
    *name = (struct abi_sockaddr_in){.family = ABI_AF_INET, .address = {127, 0, 0, 1}};
    expect_ok(sys_bind(s, name, size));
    expect_ok(sys_listen(s, 1));
    expect_ok(sys_getsockname(s, name, &size));
    return s;
}

static int32_t dial(const struct abi_sockaddr_in *name)
{
    int32_t s = new_socket();
    expect_ok(sys_connect(s, name, sizeof(*name)));
    return s;
}

// A child that sends each byte back that it gets.
static void start_echo(int32_t connection)
{
    if (sys_fork() == 0) {
        while (sys_read(connection, chunk, 1) == 1) {
            sys_write(connection, chunk, 1);
        }
        sys_exit_group(0);
    }
}

static void bench_tcp(void)
{
    struct abi_sockaddr_in name;
    int32_t waiting = listener(&name);
    int32_t mine = dial(&name);
    int64_t its = sys_accept4(waiting, NULL, NULL, 0);
    expect_ok(its);
    start_echo((int32_t)its);
    uint64_t from = 0;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        from = i == ROUNDS ? ticks() : from; // what comes before warms up
        expect_ok(sys_write(mine, chunk, 1));
        expect_ok(sys_read(mine, chunk, 1));
    }
    report("tcp", from, ticks(), ROUNDS);
}

static void bench_dial(void)
{
    struct abi_sockaddr_in name;
    int32_t waiting = listener(&name);
    uint64_t from = ticks();
    for (int i = 0; i < ROUNDS; i++) {
        int32_t mine = dial(&name);
        sys_close((int32_t)sys_accept4(waiting, NULL, NULL, 0));
        sys_close(mine);
    }
    report("dial", from, ticks(), ROUNDS);
}

static void nothing(void)
{}

static const struct {
    const char *name;
    void (*run)(void);
} benches[] = {
    {"boot", bench_boot}, {"syscall", bench_syscall}, {"fault", bench_fault}, {"mmap", bench_mmap},
    {"fork", bench_fork}, {"share", bench_share},     {"spawn", bench_spawn}, {"open", bench_open},
    {"stat", bench_stat}, {"byte", bench_byte},       {"read", bench_read},   {"tcp", bench_tcp},
    {"dial", bench_dial}, {"nothing", nothing},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(benches); i++) {
        if (strcmp(argv[1], benches[i].name) == 0) {
            benches[i].run();
            return 0;
        }
    }
    print_error(
        "usage: bench boot|syscall|fault|mmap|fork|share|spawn|open|stat|byte|read|tcp|dial\n");
    return 2;
}
