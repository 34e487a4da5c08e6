// SPDX-License-Identifier: Apache-2.0
#include "lib/gpt/gpt.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

// The protective MBR (5.2.3).
enum {
    MBR_SIZE = 512,
    MBR_SIGNATURE = 510,
    MBR_RECORDS = 446,
    MBR_RECORD_SIZE = 16,
    MBR_RECORD_COUNT = 4,
    MBR_RECORD_TYPE = 4,
    MBR_TYPE_GPT = 0xee,
};

// The header (5.3.2).
enum {
    REVISION = 8,
    HEADER_SIZE = 12,
    HEADER_CRC = 16,
    MY_LBA = 24,
    FIRST_USABLE = 40,
    LAST_USABLE = 48,
    ENTRIES = 72,
    ENTRY_COUNT = 80,
    ENTRY_SIZE = 84,
    ENTRIES_CRC = 88,
    REVISION_1 = 0x00010000,
};

// An entry (5.3.3).
enum {
    ENTRY_FIRST = 32,
    ENTRY_LAST = 40,
    ENTRY_NAME = 56,
    ENTRY_NAME_UNITS = 36,
    ENTRY_SIZE_MIN = 128,
};

uint32_t gpt_crc32(uint32_t crc, struct span bytes)
{
    // Of four bits at a time: 64 bytes of table instead of 1 KiB.
    static const uint32_t table[] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    crc = ~crc;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

bool gpt_is_protective(struct span block)
{
    if (block.size < MBR_SIZE || read_le16(block.data + MBR_SIGNATURE) != 0xaa55) {
        return false;
    }
    for (size_t i = 0; i < MBR_RECORD_COUNT; i++) {
        if (block.data[MBR_RECORDS + i * MBR_RECORD_SIZE + MBR_RECORD_TYPE] == MBR_TYPE_GPT) {
            return true;
        }
    }
    return false;
}

// The checksum was taken with its own field zero.
static uint32_t header_crc(struct span header)
{
    static const uint8_t zeros[4];
    uint32_t crc = gpt_crc32(0, span_of(header.data, HEADER_CRC));
    crc = gpt_crc32(crc, span_of(zeros, sizeof(zeros)));
    return gpt_crc32(crc, span_of(header.data + MY_LBA - 4, header.size - MY_LBA + 4));
}

static bool is_header(struct span block, uint64_t lba)
{
    static_assert(HEADER_CRC + 4 == MY_LBA - 4);
    if (block.size < MBR_SIZE || memcmp(block.data, "EFI PART", REVISION) != 0 ||
        read_le32(block.data + REVISION) != REVISION_1) {
        return false;
    }
    uint32_t size = read_le32(block.data + HEADER_SIZE);
    return size >= GPT_HEADER_SIZE && size <= block.size &&
           read_le32(block.data + HEADER_CRC) == header_crc(span_of(block.data, size)) &&
           read_le64(block.data + MY_LBA) == lba;
}

status_t gpt_parse(struct span block, uint64_t lba, uint64_t blocks, struct gpt *out)
{
    if (!is_header(block, lba)) {
        return ERR_INVAL;
    }
    struct gpt g = {
        .entries = read_le64(block.data + ENTRIES),
        .entry_size = read_le32(block.data + ENTRY_SIZE),
        .entry_count = read_le32(block.data + ENTRY_COUNT),
        .entries_crc = read_le32(block.data + ENTRIES_CRC),
        .first_usable = read_le64(block.data + FIRST_USABLE),
        .last_usable = read_le64(block.data + LAST_USABLE),
    };
    if (!is_pow2(g.entry_size) || g.entry_size < ENTRY_SIZE_MIN || g.entry_count == 0 ||
        g.entry_size > GPT_ENTRIES_SIZE_MAX ||
        g.entry_count > GPT_ENTRIES_SIZE_MAX / g.entry_size) {
        return ERR_INVAL;
    }
    uint64_t length = (gpt_entries_size(&g) + block.size - 1) / block.size;
    if (g.entries <= GPT_PRIMARY || g.entries >= blocks || length > blocks - g.entries ||
        g.first_usable <= GPT_PRIMARY || g.first_usable > g.last_usable ||
        g.last_usable >= blocks) {
        return ERR_INVAL;
    }
    *out = g;
    return OK;
}

bool gpt_entries_match(const struct gpt *g, struct span entries)
{
    return entries.size == gpt_entries_size(g) && gpt_crc32(0, entries) == g->entries_crc;
}

// ---- Names ----

// The character at *i of a name, and moves on; halves of pairs without the other are '?'.
static uint32_t next_character(const uint8_t *name, size_t *i)
{
    uint32_t unit = read_le16(name + 2 * (*i)++);
    if (unit < 0xd800 || unit > 0xdfff) {
        return unit < 0x20 || unit == 0x7f ? '?' : unit;
    }
    uint32_t low = *i < ENTRY_NAME_UNITS ? read_le16(name + 2 * *i) : 0;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) {
        return '?';
    }
    (*i)++;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_utf8(char *at, uint32_t c)
{
    static const uint32_t limits[] = {0x80, 0x800, 0x10000};
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    size_t more = 0;
    while (more < ARRAY_SIZE(limits) && c >= limits[more]) {
        more++;
    }
    for (size_t i = more; i > 0; i--) {
        at[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    at[0] = (char)(leads[more] | c);
    return more + 1;
}

// A pair of units makes four bytes, less than three for each.
static void read_name(const uint8_t *name, char out[GPT_NAME_SIZE])
{
    size_t len = 0;
    size_t i = 0;
    while (i < ENTRY_NAME_UNITS && read_le16(name + 2 * i) != 0) {
        len += put_utf8(out + len, next_character(name, &i));
    }
    out[len] = '\0';
}

status_t gpt_entry(const struct gpt *g, struct span entries, uint32_t index, struct gpt_entry *out)
{
    static const uint8_t unused[GPT_GUID_SIZE];
    uint64_t at = (uint64_t)index * g->entry_size;
    if (index >= g->entry_count || !span_has(entries, at, g->entry_size)) {
        return ERR_NOENT;
    }
    const uint8_t *entry = entries.data + at;
    if (memcmp(entry, unused, sizeof(unused)) == 0) {
        return ERR_NOENT;
    }
    uint64_t first = read_le64(entry + ENTRY_FIRST);
    uint64_t last = read_le64(entry + ENTRY_LAST);
    if (first < g->first_usable || last > g->last_usable || first > last) {
        return ERR_INVAL;
    }
    memcpy(out->type, entry, sizeof(out->type));
    out->first = first;
    out->count = last - first + 1;
    read_name(entry + ENTRY_NAME, out->name);
    return OK;
}
