// SPDX-License-Identifier: Apache-2.0
/*
 * Signs what the UEFI loader boots.  A key file holds the 32-byte seed of an Ed25519 key as 64
 * hexadecimal digits; lines that begin with # are comments.
 *
 *   sign public-key KEY OUT               the public half, as a C source for loader and kernel
 *   sign base KEY IMAGE                   a base image, in place, see lib/swosbase/swosbase.h
 *   sign manifest KEY OUT NAME=FILE...    a manifest of these files, see lib/boot/manifest.h
 *
 * The manifest's generation is SIGN_GENERATION of the environment, or 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/boot/manifest.h"
#include "lib/swosbase/swosbase.h"
#include "sodium/crypto_hash_sha256.h"
#include "sodium/crypto_sign_ed25519.h"
#include "sodium/utils.h"

struct key {
    unsigned char public_half[crypto_sign_ed25519_PUBLICKEYBYTES];
    unsigned char secret[crypto_sign_ed25519_SECRETKEYBYTES];
};

[[noreturn]] static void fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "sign: %s: %s\n", what, why);
    exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        fail(path, strerror(errno));
    }
    return file;
}

static void close_file(const char *path, FILE *file)
{
    bool has_failed = ferror(file) != 0;
    if (fclose(file) != 0 || has_failed) {
        fail(path, "cannot be read or written");
    }
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

// A line of exactly `size` bytes in hexadecimal.
static bool parse_hex(const char *line, unsigned char *out, size_t size)
{
    if (strcspn(line, "\r\n") != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(line[2 * i]);
        int low = hex_digit(line[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static struct key read_key(const char *path)
{
    unsigned char seed[crypto_sign_ed25519_SEEDBYTES];
    char line[256];
    bool is_found = false;
    FILE *file = open_file(path, "r");
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        if (is_found || !parse_hex(line, seed, sizeof(seed))) {
            fail(path, "is not one line of 64 hexadecimal digits");
        }
        is_found = true;
    }
    close_file(path, file);
    if (!is_found) {
        fail(path, "holds no key");
    }
    struct key key;
    (void)crypto_sign_ed25519_seed_keypair(key.public_half, key.secret, seed); // always 0
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(line, sizeof(line));
    return key;
}

static void write_public_key(const char *key_path, const char *path)
{
    struct key key = read_key(key_path);
    FILE *file = open_file(path, "w");
    (void)fprintf(file, "// Made by tools/sign.\n#include \"lib/boot/key.h\"\n\n"
                        "const uint8_t trust_key[CRYPT_PUBLIC_KEY_SIZE] = {");
    for (size_t i = 0; i < sizeof(key.public_half); i++) {
        (void)fprintf(file, "%s0x%02x,", i % 8 == 0 ? "\n    " : " ", key.public_half[i]);
    }
    (void)fprintf(file, "\n};\n");
    close_file(path, file);
}

// `argument` is NAME=FILE.
static struct manifest_entry describe(const char *argument)
{
    struct manifest_entry entry = {0};
    const char *equals = strchr(argument, '=');
    if (equals == NULL || (size_t)(equals - argument) >= sizeof(entry.name)) {
        fail(argument, "is not NAME=FILE with a short name");
    }
    memcpy(entry.name, argument, (size_t)(equals - argument));
    const char *path = equals + 1;
    static unsigned char block[1 << 16];
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    FILE *file = open_file(path, "rb");
    size_t got = 0;
    do {
        got = fread(block, 1, sizeof(block), file);
        (void)crypto_hash_sha256_update(&state, block, got); // always 0, like the others
        entry.size_bytes += got;
    } while (got == sizeof(block));
    close_file(path, file);
    (void)crypto_hash_sha256_final(&state, entry.sha256);
    return entry;
}

static uint64_t generation(void)
{
    const char *text = getenv("SIGN_GENERATION");
    char *end = NULL;
    errno = 0;
    unsigned long long number = text == NULL ? 1 : strtoull(text, &end, 10);
    if (errno != 0 || (end != NULL && (end == text || *end != '\0'))) {
        fail("SIGN_GENERATION", "is no number");
    }
    return number;
}

static void write_manifest(const char *key_path, const char *path, char **files, size_t count)
{
    struct manifest_entry entries[MANIFEST_ENTRIES_MAX];
    uint8_t manifest[MANIFEST_SIZE_MAX];
    size_t size = 0;
    if (count > MANIFEST_ENTRIES_MAX) {
        fail(path, "too many files");
    }
    for (size_t i = 0; i < count; i++) {
        entries[i] = describe(files[i]);
    }
    if (manifest_emit(entries, count, generation(), manifest, &size) != OK) {
        fail(path, "a name is not plain or stands there twice");
    }
    struct key key = read_key(key_path);
    (void)crypto_sign_ed25519_detached(manifest + size, NULL, manifest, size, key.secret);
    sodium_memzero(&key, sizeof(key));
    FILE *file = open_file(path, "wb");
    (void)fwrite(manifest, 1, size + MANIFEST_SIGNATURE_SIZE, file); // close_file looks
    close_file(path, file);
}

// Nothing is signed that a kernel would not take.
static void sign_base(const char *key_path, const char *path)
{
    uint8_t block[SWOSBASE_BLOCK_SIZE];
    struct swosbase base;
    FILE *file = open_file(path, "r+b");
    if (fread(block, 1, sizeof(block), file) != sizeof(block) || fseek(file, 0, SEEK_END) != 0 ||
        swosbase_open(block, (uint64_t)ftell(file), &base) != OK) {
        fail(path, "is no whole base image");
    }
    struct key key = read_key(key_path);
    struct span part = swosbase_signed_part(block);
    uint8_t signature[SWOSBASE_SIGNATURE_SIZE];
    (void)crypto_sign_ed25519_detached(signature, NULL, part.data, part.size, key.secret);
    sodium_memzero(&key, sizeof(key));
    if (fseek(file, (long)part.size, SEEK_SET) != 0) {
        fail(path, strerror(errno));
    }
    (void)fwrite(signature, 1, sizeof(signature), file); // close_file looks
    close_file(path, file);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "public-key") == 0) {
        write_public_key(argv[2], argv[3]);
    } else if (argc == 4 && strcmp(argv[1], "base") == 0) {
        sign_base(argv[2], argv[3]);
    } else if (argc > 4 && strcmp(argv[1], "manifest") == 0) {
        write_manifest(argv[2], argv[3], argv + 4, (size_t)(argc - 4));
    } else {
        (void)fprintf(stderr, "usage: sign public-key KEY OUT\n"
                              "       sign base KEY IMAGE\n"
                              "       sign manifest KEY OUT NAME=FILE...\n");
        return 2;
    }
    return 0;
}
