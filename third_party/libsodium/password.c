// SPDX-License-Identifier: Apache-2.0
/* user/lib/password.h by libsodium, and what its files for that want of its others. */
#include "user/lib/password.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto_pwhash/argon2/argon2.h"
#include "sodium/core.h"
#include "sodium/crypto_hash_sha256.h"
#include "sodium/crypto_pwhash_argon2id.h"
#include "sodium/randombytes.h"
#include "sodium/utils.h"

// What one try costs: memory that a machine of 16 MiB has, and passes over it that make up for its
// smallness.
enum { MEMORY_KIB = 4096, PASSES = 3, HASH_SIZE = 32 };

static_assert(PASSWORD_STORED_SIZE == crypto_pwhash_argon2id_STRBYTES);
static_assert(PASSWORD_SALT_SIZE == crypto_pwhash_argon2id_SALTBYTES);

void sodium_misuse(void)
{
    abort();
}

void randombytes_buf(void *const out, const size_t size)
{
    if (getentropy(out, size) != 0) {
        abort();
    }
}

void password_wipe(void *memory, unsigned long size)
{
    sodium_memzero(memory, size);
}

static bool matches_old_form(const char *stored, const char *password)
{
    const char *dollar = strchr(stored, '$');
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    if (dollar == NULL || strlen(dollar + 1) != 2 * sizeof(hash)) {
        return false;
    }
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)stored, (size_t)(dollar - stored));
    crypto_hash_sha256_update(&state, (const unsigned char *)password, strlen(password));
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    return sodium_memcmp(hex, dollar + 1, 2 * sizeof(hash)) == 0;
}

bool password_matches(const char *stored, const char *password)
{
    if (strncmp(stored, "$argon2id$", 10) != 0) {
        return matches_old_form(stored, password);
    }
    return crypto_pwhash_argon2id_str_verify(stored, password, strlen(password)) == 0;
}

bool password_store(const char *password, const uint8_t *salt, char out[PASSWORD_STORED_SIZE])
{
    uint8_t fresh[PASSWORD_SALT_SIZE];
    if (salt == NULL && getentropy(fresh, sizeof(fresh)) != 0) {
        return false;
    }
    memset(out, 0, PASSWORD_STORED_SIZE);
    return argon2id_hash_encoded(PASSES, MEMORY_KIB, 1, password, strlen(password),
                                 salt == NULL ? fresh : salt, PASSWORD_SALT_SIZE, HASH_SIZE, out,
                                 PASSWORD_STORED_SIZE) == ARGON2_OK;
}
