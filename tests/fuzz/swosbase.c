// SPDX-License-Identifier: Apache-2.0
/*
 * Base images: the first 128 bytes of the input are the superblock's, the rest is metadata.  Whatever
 * is accepted lies within the image.
 */
#include "lib/swosbase/swosbase.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { INODES_LOOKED_AT = 32, ENTRIES_LOOKED_AT = 32 };

static status_t read_meta(void *context, uint64_t offset, void *bytes, size_t size)
{
    const struct span *meta = context;
    if (!span_has(*meta, offset, size)) {
        return ERR_IO;
    }
    memcpy(bytes, meta->data + offset, size);
    return OK;
}

static void list(const struct swosbase *s, const struct swosbase_reader *r,
                 const struct swosbase_inode *directory)
{
    struct swosbase_entry e;
    uint32_t number;
    for (uint64_t i = 0; i < ENTRIES_LOOKED_AT; i++) {
        if (swosbase_entry(s, r, directory, i, &e) == OK) {
            require(e.name_len != 0 && strlen(e.name) == e.name_len && e.inode < s->inodes);
            if (swosbase_lookup(s, r, directory, span_of(e.name, e.name_len), &number) == OK) {
                require(number < s->inodes);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t block[SWOSBASE_BLOCK_SIZE] = {0};
    struct swosbase s;
    memcpy(block, data, u64_min(size, SWOSBASE_SIGNED_SIZE));
    if (size < SWOSBASE_SIGNED_SIZE || swosbase_open(block, UINT64_MAX, &s) != OK) {
        return 0;
    }
    require(s.levels >= 1 && s.levels <= SWOSBASE_LEVELS_MAX);
    require(s.level_start[s.levels - 1] + 1 == s.blocks && s.level_blocks[s.levels - 1] == 1);
    struct span meta = span_of(data + SWOSBASE_SIGNED_SIZE, size - SWOSBASE_SIGNED_SIZE);
    const struct swosbase_reader r = {.read = read_meta, .context = &meta};
    for (uint32_t i = 0; i < INODES_LOOKED_AT && i < s.inodes; i++) {
        struct swosbase_inode inode;
        if (swosbase_inode(&s, &r, i, &inode) != OK) {
            continue;
        }
        if (inode.type == SWOSBASE_DIRECTORY) {
            list(&s, &r, &inode);
        } else if (inode.type == SWOSBASE_FILE) {
            require(inode.place + inode.size <= s.tree_start * SWOSBASE_BLOCK_SIZE);
        }
    }
    return 0;
}
