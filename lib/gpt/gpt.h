// SPDX-License-Identifier: Apache-2.0
/*
 * GUID partition tables (UEFI 2.10, 5.2.3 and 5.3): a protective MBR, a header at LBA 1 and its backup at
 * the last LBA, each with a table of entries.
 *
 *   gpt_is_protective(LBA 0) -> gpt_parse(LBA 1, else the last LBA) -> gpt_entries_match -> gpt_entry...
 *
 * Nothing is trusted: what gpt_parse and gpt_entry give lies within the disk.  Checksums find damage,
 * not malice.  Whether partitions overlap is not looked at.
 */
#pragma once

#include "lib/base/span.h"

enum {
    GPT_PRIMARY = 1,      // LBA of the first header
    GPT_HEADER_SIZE = 92, // at least
    GPT_ENTRIES_SIZE_MAX =
        1 << 17, // bytes of a table that is looked at: 1024 entries as all write them
    GPT_GUID_SIZE = 16,
    GPT_NAME_SIZE = 36 * 3 + 1, // of 36 UTF-16 units in UTF-8, terminated
};

struct gpt {
    uint64_t entries;     // LBA
    uint32_t entry_size;  // bytes
    uint32_t entry_count; // used or not
    uint32_t entries_crc;
    uint64_t first_usable; // LBA
    uint64_t last_usable;  // LBA
};

struct gpt_entry {
    uint8_t type[GPT_GUID_SIZE];
    uint64_t first;           // LBA
    uint64_t count;           // of blocks, not 0
    char name[GPT_NAME_SIZE]; // UTF-8; what cannot be printed is '?'
};

// Whether the disk's first block says that a GPT follows.
bool gpt_is_protective(struct span block);

// The header in block `lba` of a disk of `blocks` blocks of block.size bytes.  ERR_INVAL.
status_t gpt_parse(struct span block, uint64_t lba, uint64_t blocks, struct gpt *out);

// Bytes of the table: at most GPT_ENTRIES_SIZE_MAX.
static inline uint32_t gpt_entries_size(const struct gpt *g)
{
    return g->entry_size * g->entry_count;
}

// Whether the table of gpt_entries_size bytes is the one that the header is of.
bool gpt_entries_match(const struct gpt *g, struct span entries);

// Entry `index` of such a table.  ERR_NOENT: not used.  ERR_INVAL: not within the usable blocks.
status_t gpt_entry(const struct gpt *g, struct span entries, uint32_t index, struct gpt_entry *out);

// CRC-32 as IEEE 802.3 has it; `crc` is 0 at the beginning, or what the bytes before gave.
uint32_t gpt_crc32(uint32_t crc, struct span bytes);
