// SPDX-License-Identifier: Apache-2.0
/*
 * SHA-256 in the kernel: by the CPU's instructions where it has them, else by the library
 * (lib/crypt).  See docs/decisions/012.
 */
#pragma once

#include "lib/crypt/crypt.h"

// SHA-256 (FIPS 180-4) of the data.  Any context.
void hash_sha256(struct span data, uint8_t out[CRYPT_SHA256_SIZE]);
