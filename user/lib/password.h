// SPDX-License-Identifier: Apache-2.0
/*
 * Passwords as /etc/swos/passwd stores them: "$argon2id$v=19$m=...,t=...,p=1$SALT$HASH" (RFC 9106,
 * encoded as its reference does), by libsodium.  The form of older images, SALT$SHA-256 of salt and
 * password in hexadecimal, still verifies.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PASSWORD_SALT_SIZE = 16, PASSWORD_STORED_SIZE = 128, PASSWORD_MAX = 256 };

// False for another password, for what is no stored form, and when there is no memory for the work.
bool password_matches(const char *stored, const char *password);

// The stored form of a password of less than PASSWORD_MAX bytes.  `salt` NULL: a random one.  False:
// no memory, or no random bytes.
bool password_store(const char *password, const uint8_t *salt, char out[PASSWORD_STORED_SIZE]);

// Forgets what lies there, for good.
void password_wipe(void *memory, unsigned long size);
