// SPDX-License-Identifier: Apache-2.0
/* The hash of lib/crypt/crypt.h for tables and cookies, which the loader has no use for either. */
#include "lib/crypt/crypt.h"
#include "sodium/crypto_shorthash_siphash24.h"

static_assert(CRYPT_SIPHASH_KEY_SIZE == crypto_shorthash_siphash24_KEYBYTES);

uint64_t crypt_siphash(const uint8_t key[CRYPT_SIPHASH_KEY_SIZE], struct span data)
{
    uint8_t out[crypto_shorthash_siphash24_BYTES];
    (void)crypto_shorthash_siphash24(out, data.data, data.size, key); // always 0
    return read_le64(out);
}
