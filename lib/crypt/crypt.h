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
};

// SHA-256 (FIPS 180-4).
void crypt_sha256(struct span data, uint8_t out[CRYPT_SHA256_SIZE]);

// Whether the Ed25519 signature (RFC 8032) of the message is of the holder of that key.
bool crypt_is_signed(struct span message, const uint8_t signature[CRYPT_SIGNATURE_SIZE],
                     const uint8_t public_key[CRYPT_PUBLIC_KEY_SIZE]);
