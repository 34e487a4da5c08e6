// SPDX-License-Identifier: Apache-2.0
/*
 * User memory access: range checks, and privileged-access-never lifted for just the copy.
 */
#include "kernel/arch/arch.h"
#include "kernel/mm/layout.h"

size_t user_copy_in(void *to, vaddr_t from, size_t size);
size_t user_copy_out(vaddr_t to, const void *from, size_t size);
size_t user_zero(vaddr_t to, size_t size);
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

size_t arch_copy_from_user(void *to, vaddr_t from, size_t size)
{
    if (!is_user_range(from, size)) {
        return size;
    }
    allow_user_access();
    size_t left = user_copy_in(to, from, size);
    forbid_user_access();
    return left;
}

size_t arch_copy_to_user(vaddr_t to, const void *from, size_t size)
{
    if (!is_user_range(to, size)) {
        return size;
    }
    allow_user_access();
    size_t left = user_copy_out(to, from, size);
    forbid_user_access();
    return left;
}

size_t arch_zero_user(vaddr_t to, size_t size)
{
    if (!is_user_range(to, size)) {
        return size;
    }
    allow_user_access();
    size_t left = user_zero(to, size);
    forbid_user_access();
    return left;
}

status_t arch_copy_string_from_user(char *to, vaddr_t from, size_t max, size_t *length)
{
    if (from >= USER_END) {
        return ERR_FAULT;
    }
    size_t room = max < USER_END - from ? max : USER_END - from;
    allow_user_access();
    int64_t n = user_string_in(to, from, room);
    forbid_user_access();
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
