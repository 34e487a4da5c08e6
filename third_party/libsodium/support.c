// SPDX-License-Identifier: Apache-2.0
/*
 * What the few files of libsodium that we build want of its others, which are about threads, guarded
 * heaps and operating systems.
 */
#include <stdlib.h>
#include <string.h>

#include "sodium/randombytes.h"
#include "sodium/utils.h"

// The compiler must not know that nobody reads the bytes again.
void sodium_memzero(void *const memory, const size_t size)
{
    memset(memory, 0, size);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

int sodium_memcmp(const void *const a, const void *const b, size_t size)
{
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= (unsigned char)(x[i] ^ y[i]);
    }
    return difference == 0 ? 0 : -1;
}

int sodium_is_zero(const unsigned char *bytes, const size_t size)
{
    const volatile unsigned char *x = bytes;
    unsigned char all = 0;
    for (size_t i = 0; i < size; i++) {
        all |= x[i];
    }
    return all == 0;
}
