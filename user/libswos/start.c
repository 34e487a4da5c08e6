// SPDX-License-Identifier: Apache-2.0
/* Relocates a static position-independent program and calls main. */
#include <stdint.h>

#include "abi/gen/syscall_stubs.h"

int main(int argc, char **argv);
_Noreturn void swos_start(uint64_t *stack, const uint64_t *dynamic, uint64_t base);

enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_AARCH64_RELATIVE = 1027 };

struct rela {
    uint64_t offset;
    uint64_t info;
    uint64_t addend;
};

static void relocate(const uint64_t *dynamic, uint64_t base)
{
    const struct rela *rela = 0;
    uint64_t size = 0;
    for (; dynamic[0] != DT_NULL; dynamic += 2) {
        if (dynamic[0] == DT_RELA) {
            rela = (const struct rela *)(base + dynamic[1]);
        } else if (dynamic[0] == DT_RELASZ) {
            size = dynamic[1];
        }
    }
    for (uint64_t i = 0; rela != 0 && i < size / sizeof(*rela); i++) {
        if (rela[i].info == R_AARCH64_RELATIVE) {
            *(uint64_t *)(base + rela[i].offset) = base + rela[i].addend;
        }
    }
}

_Noreturn void swos_start(uint64_t *stack, const uint64_t *dynamic, uint64_t base)
{
    relocate(dynamic, base);
    int status = main((int)stack[0], (char **)(stack + 1));
    for (;;) {
        sys_exit_group(status);
    }
}
