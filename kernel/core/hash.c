// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/hash.h"

#include "kernel/arch/arch.h"
#include "lib/base/string.h"

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8, STATE_WORDS = 8 };

static void put_be32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

// The last bytes, a one bit, zeros, and the length in bits (5.1.1): one block or two.
static void finish(uint32_t state[STATE_WORDS], const uint8_t *rest, size_t size, uint64_t total)
{
    uint8_t last[2 * BLOCK_SIZE] = {0};
    memcpy(last, rest, size);
    last[size] = 0x80;
    size_t blocks = size + 1 + LENGTH_SIZE <= BLOCK_SIZE ? 1 : 2;
    uint8_t *length = last + blocks * BLOCK_SIZE - LENGTH_SIZE;
    put_be32(length, (uint32_t)(total >> 29));
    put_be32(length + 4, (uint32_t)(total << 3));
    arch_sha256(state, last, blocks);
    crypt_wipe(last, sizeof(last));
}

static void hash_by_cpu(struct span data, uint8_t out[CRYPT_SHA256_SIZE])
{
    uint32_t state[STATE_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t rest = data.size % BLOCK_SIZE;
    size_t whole = data.size - rest;
    arch_sha256(state, data.data, whole / BLOCK_SIZE);
    finish(state, data.data + whole, rest, data.size);
    for (size_t i = 0; i < STATE_WORDS; i++) {
        put_be32(out + 4 * i, state[i]);
    }
}

void hash_sha256(struct span data, uint8_t out[CRYPT_SHA256_SIZE])
{
    if (arch_features.has_sha256) {
        hash_by_cpu(data, out);
    } else {
        crypt_sha256(data, out);
    }
}
