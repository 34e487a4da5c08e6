// SPDX-License-Identifier: Apache-2.0
/* A header and a table of any content, whose checksums are made right so that the rest is reached. */
#include "lib/gpt/gpt.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { BLOCK = 512, HEADER_CRC = 16 };

static void check_entries(const struct gpt *g, struct span entries, uint64_t blocks)
{
    struct gpt_entry e;
    for (uint32_t i = 0; i < g->entry_count; i++) {
        if (gpt_entry(g, entries, i, &e) == OK) {
            require(e.count != 0 && e.first < blocks && e.count <= blocks - e.first);
            require(strnlen(e.name, sizeof(e.name)) < sizeof(e.name));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gpt g;
    uint8_t block[BLOCK];
    if (size < BLOCK + 8) {
        return 0;
    }
    uint64_t blocks = read_le64(data);
    memcpy(block, data + 8, BLOCK);
    (void)gpt_is_protective(span_of(block, BLOCK));
    uint32_t length = read_le32(block + 12);
    if (length >= GPT_HEADER_SIZE && length <= BLOCK) {
        write_le32(block + HEADER_CRC, 0);
        write_le32(block + HEADER_CRC, gpt_crc32(0, span_of(block, length)));
    }
    if (gpt_parse(span_of(block, BLOCK), GPT_PRIMARY, blocks, &g) == OK) {
        require(gpt_entries_size(&g) <= GPT_ENTRIES_SIZE_MAX && g.last_usable < blocks);
        struct span entries = span_of(data + BLOCK + 8, size - BLOCK - 8);
        (void)gpt_entries_match(&g, entries);
        check_entries(&g, entries, blocks);
    }
    return 0;
}
