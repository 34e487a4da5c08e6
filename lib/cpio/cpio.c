// SPDX-License-Identifier: Apache-2.0
#include "lib/cpio/cpio.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { HEADER_SIZE = 110, ALIGNMENT = 4, MODE_TYPE = 0170000, MODE_FILE = 0100000 };

// Fields are 8 hexadecimal digits each.
static bool read_field(const uint8_t *p, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < 8; i++) {
        uint8_t c = p[i] >= 'a' ? (uint8_t)(p[i] - 0x20) : p[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'A' || c > 'F')) {
            return false;
        }
        value = value << 4 | (uint32_t)(is_digit ? c - '0' : c - 'A' + 10);
    }
    *out = value;
    return true;
}

// Archivers write "bin/x", "./bin/x" or "/bin/x" for the same file.
static const char *skip_prefix(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && path[1] == '/')) {
        path++;
    }
    return path;
}

status_t cpio_next(struct span archive, struct cpio_entry *e)
{
    uint32_t mode;
    uint32_t data_size;
    uint32_t name_size;
    uint64_t at = e->next;
    if (!span_has(archive, at, HEADER_SIZE)) {
        return ERR_INVAL;
    }
    const uint8_t *p = archive.data + at;
    if (memcmp(p, "070701", 6) != 0 || !read_field(p + 14, &mode) ||
        !read_field(p + 54, &data_size) || !read_field(p + 94, &name_size)) {
        return ERR_INVAL;
    }
    uint64_t name = at + HEADER_SIZE;
    uint64_t data = align_up(name + name_size, ALIGNMENT);
    if (name_size == 0 || !span_has(archive, name, name_size) ||
        archive.data[name + name_size - 1] != 0 || !span_has(archive, data, data_size)) {
        return ERR_INVAL;
    }
    if (strcmp((const char *)archive.data + name, "TRAILER!!!") == 0) {
        return ERR_NOENT;
    }
    e->name = skip_prefix((const char *)archive.data + name);
    e->mode = mode;
    e->data = span_of(archive.data + data, data_size);
    e->next = align_up(data + data_size, ALIGNMENT);
    return OK;
}

status_t cpio_find(struct span archive, const char *path, struct span *data)
{
    struct cpio_entry e = {};
    status_t status;
    path = skip_prefix(path);
    while ((status = cpio_next(archive, &e)) == OK) {
        if ((e.mode & MODE_TYPE) == MODE_FILE && strcmp(e.name, path) == 0) {
            *data = e.data;
            return OK;
        }
    }
    return status;
}
