// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/hash.h"

#include "kernel/arch/arch.h"
#include "tests/harness/test.h"

// By the CPU or not, at every length around the ends of blocks and from every alignment.
TEST(the_hash_is_that_of_the_library)
{
    static uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 64);
    }
    for (size_t size = 0; size <= 260; size++) {
        uint8_t got[CRYPT_SHA256_SIZE];
        uint8_t want[CRYPT_SHA256_SIZE];
        struct span data = span_of(bytes + size % 8, size);
        hash_sha256(data, got);
        crypt_sha256(data, want);
        EXPECT_MEM(got, want, sizeof(got));
    }
}
