// SPDX-License-Identifier: Apache-2.0
/* lib/crypt/crypt.h by libsodium. */
#include "lib/crypt/crypt.h"

#include "sodium/crypto_hash_sha256.h"
#include "sodium/crypto_sign_ed25519.h"

static_assert(CRYPT_SHA256_SIZE == crypto_hash_sha256_BYTES);
static_assert(CRYPT_SIGNATURE_SIZE == crypto_sign_ed25519_BYTES);
static_assert(CRYPT_PUBLIC_KEY_SIZE == crypto_sign_ed25519_PUBLICKEYBYTES);

void crypt_sha256(struct span data, uint8_t out[CRYPT_SHA256_SIZE])
{
    (void)crypto_hash_sha256(out, data.data, data.size); // always 0
}

bool crypt_is_signed(struct span message, const uint8_t signature[CRYPT_SIGNATURE_SIZE],
                     const uint8_t public_key[CRYPT_PUBLIC_KEY_SIZE])
{
    return crypto_sign_ed25519_verify_detached(signature, message.data, message.size, public_key) ==
           0;
}
