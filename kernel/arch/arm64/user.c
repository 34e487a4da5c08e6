// SPDX-License-Identifier: Apache-2.0
/* User memory access that is more than a copy (user.S): strings and words. */
#include "kernel/arch/arch.h"
#include "kernel/mm/layout.h"

static_assert(offsetof(struct arch_features, has_pan) == FEATURES_HAS_PAN);
static_assert(USER_END == 1ull << USER_BITS);

int64_t user_string_in(char *to, vaddr_t from, size_t max);
int64_t user_swap(vaddr_t at, uint32_t expected, uint32_t value, uint32_t *seen);

static bool is_user_range(vaddr_t va, size_t size)
{
    return va < USER_END && size <= USER_END - va;
}

static void allow_user_access(void)
{
    if (arch_features.has_pan) {
        __asm__ volatile(".inst 0xd500409f" ::: "memory"); // msr pan, #0
    }
}

static void forbid_user_access(void)
{
    if (arch_features.has_pan) {
        __asm__ volatile(".inst 0xd500419f" ::: "memory"); // msr pan, #1
    }
}

status_t arch_copy_string_from_user(char *to, vaddr_t from, size_t max, size_t *length)
{
    if (from >= USER_END) {
        return ERR_FAULT;
    }
    size_t room = max < USER_END - from ? max : USER_END - from;
    int64_t n = user_string_in(to, from, room);
    if (n == -1 || (n == -2 && room < max)) {
        return ERR_FAULT;
    }
    if (n == -2) {
        return ERR_NAMETOOLONG;
    }
    *length = (size_t)n;
    return OK;
}

status_t arch_swap_user(vaddr_t at, uint32_t expected, uint32_t value, uint32_t *seen)
{
    if (!is_user_range(at, sizeof(uint32_t))) {
        return ERR_FAULT;
    }
    allow_user_access();
    int64_t result = user_swap(at, expected, value, seen);
    forbid_user_access();
    return result == 0 ? OK : ERR_FAULT;
}
