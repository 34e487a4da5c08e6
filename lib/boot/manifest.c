// SPDX-License-Identifier: Apache-2.0
#include "lib/boot/manifest.h"

#include "lib/base/string.h"

static const uint8_t magic[8] = {'S', 'W', 'O', 'S', 'M', 'N', 'F', 'T'};

enum { MANIFEST_VERSION = 1 };

// Offsets in the header and in an entry.
enum {
    HEADER_VERSION = 8,
    HEADER_COUNT = 12,
    HEADER_GENERATION = 16,
    HEADER_ZERO = 24,
    ENTRY_SIZE = 32,
    ENTRY_HASH = 40,
    ENTRY_ZERO = 72,
};

static const uint8_t *entry_at(const struct manifest *manifest, size_t index)
{
    return manifest->body.data + MANIFEST_HEADER_SIZE + index * MANIFEST_ENTRY_SIZE;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

// A name is plain, ends inside its field, and has only NULs behind it.
static bool is_name(const uint8_t *field)
{
    size_t length = strnlen((const char *)field, MANIFEST_NAME_SIZE);
    if (length == 0 || length == MANIFEST_NAME_SIZE) {
        return false;
    }
    for (size_t i = 0; i < MANIFEST_NAME_SIZE; i++) {
        if (i < length ? !is_plain((char)field[i]) : field[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool is_good_entry(const struct manifest *manifest, size_t index)
{
    const uint8_t *entry = entry_at(manifest, index);
    if (!is_name(entry) || read_le64(entry + ENTRY_ZERO) != 0) {
        return false;
    }
    for (size_t i = 0; i < index; i++) {
        if (memcmp(entry, entry_at(manifest, i), MANIFEST_NAME_SIZE) == 0) {
            return false;
        }
    }
    return true;
}

// The form of the signed part, whose length is known to be right.
static status_t check_body(const struct manifest *manifest)
{
    if (read_le64(manifest->body.data + HEADER_ZERO) != 0) {
        return ERR_INVAL;
    }
    for (size_t i = 0; i < manifest->entry_count; i++) {
        if (!is_good_entry(manifest, i)) {
            return ERR_INVAL;
        }
    }
    return OK;
}

status_t manifest_parse(struct span file, struct manifest *out)
{
    if (file.size < MANIFEST_HEADER_SIZE || memcmp(file.data, magic, sizeof(magic)) != 0) {
        return ERR_NOEXEC;
    }
    if (read_le32(file.data + HEADER_VERSION) != MANIFEST_VERSION) {
        return ERR_NOTSUP;
    }
    size_t count = read_le32(file.data + HEADER_COUNT);
    if (count == 0 || count > MANIFEST_ENTRIES_MAX) {
        return ERR_INVAL;
    }
    size_t body = MANIFEST_HEADER_SIZE + count * MANIFEST_ENTRY_SIZE;
    if (file.size != body + MANIFEST_SIGNATURE_SIZE) {
        return ERR_INVAL;
    }
    struct manifest manifest = {
        .body = span_of(file.data, body),
        .signature = file.data + body,
        .generation = read_le64(file.data + HEADER_GENERATION),
        .entry_count = count,
    };
    status_t status = check_body(&manifest);
    if (status == OK) {
        *out = manifest;
    }
    return status;
}

status_t manifest_find(const struct manifest *manifest, const char *name,
                       struct manifest_entry *out)
{
    for (size_t i = 0; i < manifest->entry_count; i++) {
        const uint8_t *entry = entry_at(manifest, i);
        if (strncmp((const char *)entry, name, MANIFEST_NAME_SIZE) == 0) {
            memcpy(out->name, entry, MANIFEST_NAME_SIZE);
            out->size_bytes = read_le64(entry + ENTRY_SIZE);
            memcpy(out->sha256, entry + ENTRY_HASH, MANIFEST_HASH_SIZE);
            return OK;
        }
    }
    return ERR_NOENT;
}

static void write_le(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

status_t manifest_emit(const struct manifest_entry *entries, size_t count, uint64_t generation,
                       uint8_t buf[MANIFEST_SIZE_MAX], size_t *out_size)
{
    if (count > MANIFEST_ENTRIES_MAX) {
        return ERR_INVAL;
    }
    memset(buf, 0, MANIFEST_SIZE_MAX);
    memcpy(buf, magic, sizeof(magic));
    write_le(buf + HEADER_VERSION, MANIFEST_VERSION, sizeof(uint32_t));
    write_le(buf + HEADER_COUNT, count, sizeof(uint32_t));
    write_le(buf + HEADER_GENERATION, generation, sizeof(uint64_t));
    for (size_t i = 0; i < count; i++) {
        uint8_t *entry = buf + MANIFEST_HEADER_SIZE + i * MANIFEST_ENTRY_SIZE;
        memcpy(entry, entries[i].name, MANIFEST_NAME_SIZE);
        write_le(entry + ENTRY_SIZE, entries[i].size_bytes, sizeof(uint64_t));
        memcpy(entry + ENTRY_HASH, entries[i].sha256, MANIFEST_HASH_SIZE);
    }
    size_t body = MANIFEST_HEADER_SIZE + count * MANIFEST_ENTRY_SIZE;
    struct manifest check;
    status_t status = manifest_parse(span_of(buf, body + MANIFEST_SIGNATURE_SIZE), &check);
    if (status == OK) {
        *out_size = body;
        return OK;
    }
    return ERR_INVAL;
}
