// SPDX-License-Identifier: Apache-2.0
/*
 * Calls with arguments that no correct program passes: wild pointers, absurd sizes, numbers that do
 * not exist.  Each must be refused with the error that the table names, and registers survive.
 */
#include "abi/gen/syscall_stubs.h"
#include "abi/mman.h"
#include "abi/spawn.h"
#include "abi/sys.h"
#include "lib/base/bits.h"
#include "lib/base/types.h"
#include "user/libswos/print.h"

static int failures;

static void expect(const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        print_error("%s: %lld, expected %lld\n", what, (long long)got, (long long)want);
        failures++;
    }
}

static int64_t raw_call(uint64_t number)
{
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = 1;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
    return (int64_t)x0;
}

static const void *at(uint64_t address)
{
    return (const void *)address;
}

static void wild_pointers(void)
{
    static const uint64_t addresses[] = {
        0,
        1,
        0xfff,
        0x0000ffffffffffff,
        0x0000fffffffffff8,
        0x0001000000000000,
        0x00ff000000000000,
        0xffff000000000000,
        0xffff000040000000,
        0xffffa00000000000,
        0xfffffffffffffff8,
        0xffffffffffffffff,
    };
    static const char *const argv[] = {"/bin/args", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        const void *p = at(addresses[i]);
        expect("write", sys_write(STDOUT_HANDLE, p, 1), ERR_FAULT);
        expect("write past the end", sys_write(STDOUT_HANDLE, p, UINT64_MAX), ERR_FAULT);
        expect("spawn", sys_spawn(p, sizeof(struct swos_spawn)), ERR_FAULT);
        expect("spawn path", sys_spawn_handles(p, argv, NULL, 0), ERR_FAULT);
        if (p != NULL) { // which is an empty list
            expect("spawn argv", sys_spawn_handles(argv[0], p, NULL, 0), ERR_FAULT);
        }
        expect("spawn handles", sys_spawn_handles(argv[0], argv, p, 1), ERR_FAULT);
        expect("meminfo", sys_meminfo(p, sizeof(struct sys_meminfo), 0), ERR_FAULT);
        expect("log_read", sys_log_read(0, p, 4096), ERR_FAULT);
        expect("setaffinity", sys_sched_setaffinity(0, 8, p), ERR_FAULT);
    }
}

static int64_t map(uint64_t address, uint64_t size, uint32_t prot, uint32_t flags)
{
    return sys_mmap(at(address), size, prot, flags | ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS, -1, 0);
}

static void absurd_ranges(void)
{
    expect("mmap of nothing", map(0, 0, ABI_PROT_READ, 0), ERR_INVAL);
    expect("mmap of everything", map(0, UINT64_MAX, ABI_PROT_READ, 0), ERR_NOMEM);
    expect("mmap unaligned", map(1, 4096, ABI_PROT_READ, ABI_MAP_FIXED), ERR_INVAL);
    expect("mmap of the kernel", map(0xffff000040000000, 4096, ABI_PROT_READ, ABI_MAP_FIXED),
           ERR_INVAL);
    expect("mmap at zero", map(0, 4096, ABI_PROT_READ, ABI_MAP_FIXED), ERR_INVAL);
    expect("mmap W+X", map(0, 4096, ABI_PROT_WRITE | ABI_PROT_EXEC, 0), ERR_NOTSUP);
    expect("mmap bad protection", map(0, 4096, 1u << 20, 0), ERR_INVAL);
    expect("mmap shared and not", sys_mmap(0, 4096, ABI_PROT_READ, ABI_MAP_ANONYMOUS, -1, 0),
           ERR_INVAL);
    expect("mmap of no file", sys_mmap(0, 4096, ABI_PROT_READ, ABI_MAP_PRIVATE, 99, 0), ERR_BADF);
    expect("mmap between pages",
           sys_mmap(0, 4096, ABI_PROT_READ, ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS, -1, 1), ERR_INVAL);
    expect("munmap wrapping", sys_munmap(at(0xfffffffffffff000), UINT64_MAX - 4095), ERR_INVAL);
    expect("mprotect of a hole", sys_mprotect(at(0x700000000000), 4096, ABI_PROT_READ), ERR_NOMEM);
}

int main(void)
{
    expect("call 0", raw_call(0), ERR_NOSYS);
    expect("call past the end", raw_call(SYSCALL_COUNT), ERR_NOSYS);
    expect("call far past the end", raw_call(UINT64_MAX), ERR_NOSYS);
    expect("call with high bits", raw_call(1ull << 32 | SYS_getpid), ERR_NOSYS);
    expect("bad handle", sys_write(7, "x", 1), ERR_BADF);
    expect("kill nobody", sys_kill(1 << 21, 9), ERR_SRCH);
    expect("kill with a bad signal", sys_kill((int32_t)sys_getpid(), 65), ERR_INVAL);
    expect("wait without children", sys_wait4(-1, NULL, 0, NULL), ERR_CHILD);
    wild_pointers();
    absurd_ranges();
    return failures == 0 ? 0 : 1;
}
