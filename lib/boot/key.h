// SPDX-License-Identifier: Apache-2.0
/*
 * The public half of the build's SIGN_KEY: part of the loader, which believes what it signed on the
 * boot volume, and of the kernel, which believes base images.  tools/sign writes the definition.
 */
#pragma once

#include "lib/crypt/crypt.h"

extern const uint8_t trust_key[CRYPT_PUBLIC_KEY_SIZE];
