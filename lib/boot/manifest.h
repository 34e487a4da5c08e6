// SPDX-License-Identifier: Apache-2.0
/*
 * The manifest of a boot volume: the signed list of the files that are trusted there.  It stands
 * beside them; whoever holds a file that matches its entry has what the signer had.
 *
 *     offset  size
 *     0       8     "SWOSMNFT"
 *     8       4     version, 1
 *     12      4     number of entries, 1 to 16
 *     16      8     generation: a later manifest of the same system has a higher one
 *     24      8     0
 *     32      80 n  entries: name[32] (padded with NULs), size (8), SHA-256 (32), 0 (8)
 *     ...     64    Ed25519 signature (RFC 8032) of everything before it
 *
 * Numbers are little endian.  The parser says what is written; who checks the signature must do so
 * before believing any of it.
 */
#pragma once

#include "lib/base/span.h"

enum {
    MANIFEST_HEADER_SIZE = 32,
    MANIFEST_ENTRY_SIZE = 80,
    MANIFEST_ENTRIES_MAX = 16,
    MANIFEST_NAME_SIZE = 32, // with its final NUL
    MANIFEST_HASH_SIZE = 32,
    MANIFEST_SIGNATURE_SIZE = 64,
    MANIFEST_SIZE_MAX =
        MANIFEST_HEADER_SIZE + MANIFEST_ENTRIES_MAX * MANIFEST_ENTRY_SIZE + MANIFEST_SIGNATURE_SIZE,
};

struct manifest {
    struct span body; // what is signed
    const uint8_t *signature;
    uint64_t generation;
    size_t entry_count;
};

struct manifest_entry {
    char name[MANIFEST_NAME_SIZE];
    uint64_t size_bytes;
    uint8_t sha256[MANIFEST_HASH_SIZE];
};

/*
 * Checks the form of a whole manifest file, which stays borrowed.  ERR_NOEXEC: it is no manifest.
 * ERR_NOTSUP: of another version.  ERR_INVAL: its length is not what its header says, a field that
 * must be 0 is not, or a name is empty, not plain (letters, digits, - . _) or there twice.
 */
status_t manifest_parse(struct span file, struct manifest *out);

// ERR_NOENT: no entry of that name.
status_t manifest_find(const struct manifest *manifest, const char *name,
                       struct manifest_entry *out);

/*
 * Writes what is to be signed into `buf` and gives its length; the signature goes behind it.
 * ERR_INVAL: nothing that manifest_parse would accept.
 */
status_t manifest_emit(const struct manifest_entry *entries, size_t count, uint64_t generation,
                       uint8_t buf[MANIFEST_SIZE_MAX], size_t *out_size);
