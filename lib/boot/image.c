// SPDX-License-Identifier: Apache-2.0
#include "lib/boot/image.h"

// Offsets in the header.
enum {
    TEXT_OFFSET = 8,
    IMAGE_SIZE = 16,
    FLAGS = 24,
    MAGIC = 56,
};

enum { IMAGE_MAGIC = 0x644d5241 }; // "ARM\x64"

enum image_flag : uint64_t {
    FLAG_BIG_ENDIAN = 1 << 0,
    FLAG_PAGE_MASK = 3 << 1,
    FLAG_PAGE_4K = 1 << 1, // 0 in these bits: not said
    FLAG_ANYWHERE = 1 << 3,
};

static bool has_known_flags(uint64_t flags)
{
    uint64_t page = flags & FLAG_PAGE_MASK;
    return (flags & FLAG_BIG_ENDIAN) == 0 && (flags & FLAG_ANYWHERE) != 0 &&
           (page == 0 || page == FLAG_PAGE_4K);
}

status_t image_check(struct span file, uint64_t *out_size_bytes)
{
    if (file.size < IMAGE_HEADER_SIZE || read_le32(file.data + MAGIC) != IMAGE_MAGIC) {
        return ERR_NOEXEC;
    }
    if (!has_known_flags(read_le64(file.data + FLAGS)) || read_le64(file.data + TEXT_OFFSET) != 0) {
        return ERR_NOTSUP;
    }
    uint64_t size = read_le64(file.data + IMAGE_SIZE);
    if (size < file.size || size > IMAGE_SIZE_MAX) {
        return ERR_INVAL;
    }
    *out_size_bytes = size;
    return OK;
}
