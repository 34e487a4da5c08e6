// SPDX-License-Identifier: Apache-2.0
/* Breaks one rule, named by its argument; the kernel must end it with the right signal. */
#include "abi/gen/syscall_stubs.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "user/libswos/print.h"

extern char __ehdr_start[];
static uint32_t code[] = {0xd65f03c0}; // ret

static void read_at(uint64_t address)
{
    (void)*(volatile uint8_t *)address; // NOLINT(clang-analyzer-core.NullDereference)
}

static void read_null(void)
{
    read_at(0);
}

static void read_kernel(void)
{
    read_at(0xffff000040000000);
}

static void write_text(void)
{
    *(volatile char *)__ehdr_start = 0;
}

static void run_data(void)
{
    ((void (*)(void))(void *)code)();
}

static void run_illegal(void)
{
    __asm__ volatile("udf #0");
}

static void run_privileged(void)
{
    __asm__ volatile("msr daifset, #2");
}

static void run_breakpoint(void)
{
    __asm__ volatile("brk #7");
}

static void misalign_pc(void)
{
    ((void (*)(void))((uintptr_t)misalign_pc + 2))();
}

// Exclusive loads must be aligned.
static void misalign_data(void)
{
    __asm__ volatile("ldxr x1, [%0]" ::"r"((char *)code + 1) : "x1");
}

static void overflow_stack(void)
{
    volatile char page[65536];
    for (uint64_t address = (uint64_t)page;; address -= PAGE_SIZE) {
        *(volatile char *)address = 1;
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} faults[] = {
    {"null", read_null},
    {"kernel", read_kernel},
    {"text", write_text},
    {"data", run_data},
    {"illegal", run_illegal},
    {"privileged", run_privileged},
    {"breakpoint", run_breakpoint},
    {"pc", misalign_pc},
    {"align", misalign_data},
    {"stack", overflow_stack},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(faults); i++) {
        if (strcmp(argv[1], faults[i].name) == 0) {
            faults[i].run();
            print_error("%s: went unnoticed\n", argv[1]);
            return 1;
        }
    }
    print_error("which fault?\n");
    return 2;
}
