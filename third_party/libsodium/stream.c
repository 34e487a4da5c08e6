// SPDX-License-Identifier: Apache-2.0
/* The part of lib/crypt/crypt.h that the loader has no use for. */
#include "crypto_stream/chacha20/ref/chacha20_ref.h"
#include "lib/base/attr.h"
#include "lib/base/string.h"
#include "lib/crypt/crypt.h"
#include "sodium/utils.h"

static_assert(CRYPT_STREAM_KEY_SIZE == crypto_stream_chacha20_KEYBYTES);

// The library is misused, which is our mistake.
NORETURN void sodium_misuse(void);
NORETURN void sodium_misuse(void)
{
    __builtin_trap();
}

void crypt_stream(const uint8_t key[CRYPT_STREAM_KEY_SIZE], uint8_t *out, size_t size)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    // Always 0.
    (void)crypto_stream_chacha20_ref_implementation.stream(out, size, nonce, key);
}

void crypt_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}
