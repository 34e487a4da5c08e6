// SPDX-License-Identifier: Apache-2.0
/*
 * The cryptography that the system asks for, in its own words.  The code is libsodium's, see
 * third_party/libsodium; nothing here is written by us.
 */
#pragma once

#include "lib/base/span.h"

enum {
    CRYPT_SHA256_SIZE = 32,
    CRYPT_SIGNATURE_SIZE = 64,
    CRYPT_PUBLIC_KEY_SIZE = 32,
    CRYPT_STREAM_KEY_SIZE = 32,
    CRYPT_SIPHASH_KEY_SIZE = 16,
};

// SHA-256 (FIPS 180-4).
void crypt_sha256(struct span data, uint8_t out[CRYPT_SHA256_SIZE]);

// Whether the Ed25519 signature (RFC 8032) of the message is of the holder of that key.
bool crypt_is_signed(struct span message, const uint8_t signature[CRYPT_SIGNATURE_SIZE],
                     const uint8_t public_key[CRYPT_PUBLIC_KEY_SIZE]);

// The first `size` bytes of the ChaCha20 stream (RFC 8439 2.4, nonce and counter zero) of a key, which
// is used for one stream only.  `out` and `key` may overlap.
void crypt_stream(const uint8_t key[CRYPT_STREAM_KEY_SIZE], uint8_t *out, size_t size);

// SipHash-2-4 (Aumasson and Bernstein, 2012): who does not know the key can neither guess the hash nor
// find data that have the same.
uint64_t crypt_siphash(const uint8_t key[CRYPT_SIPHASH_KEY_SIZE], struct span data);

// Zeroes what must not stay in memory; the compiler does not leave it out.
void crypt_wipe(void *secret, size_t size);
