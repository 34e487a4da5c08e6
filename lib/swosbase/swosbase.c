// SPDX-License-Identifier: Apache-2.0
#include "lib/swosbase/swosbase.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    VERSION = 4,
    INODE_SIZE = 32,
    ENTRY_SIZE = 16,
    SUPERBLOCK_END = SWOSBASE_SIGNED_SIZE + SWOSBASE_SIGNATURE_SIZE,
};

// Types in a mode, as POSIX has them.
enum {
    MODE_TYPE = 0170000,
    MODE_DIRECTORY = 0040000,
    MODE_FILE = 0100000,
    MODE_LINK = 0120000,
    MODE_PERMISSIONS = 07777,
};

constexpr uint64_t BLOCKS_MAX = 1ull << 40; // so that no number of bytes overflows

static const uint8_t magic[8] = "SWOSBASE";

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++) {
        all |= bytes[i];
    }
    return all == 0;
}

// Where the levels of the tree lie follows from the number of blocks that it covers.
static uint64_t lay_out_tree(struct swosbase *s)
{
    uint64_t count = s->tree_start - 1;
    uint64_t at = s->tree_start;
    s->levels = 0;
    do {
        count = (count + SWOSBASE_HASHES_PER_BLOCK - 1) / SWOSBASE_HASHES_PER_BLOCK;
        s->level_start[s->levels] = at;
        s->level_blocks[s->levels] = count;
        s->levels++;
        at += count;
    } while (count > 1);
    return at;
}

static bool has_good_label(const struct swosbase *s)
{
    size_t len = strlen(s->label);
    for (size_t i = 0; i < len; i++) {
        if (s->label[i] < ' ' || s->label[i] > '~') {
            return false;
        }
    }
    return is_zero((const uint8_t *)s->label + len, SWOSBASE_LABEL_SIZE - len);
}

static bool is_consistent(struct swosbase *s)
{
    if (s->tree_start < 2 || s->tree_start > BLOCKS_MAX) {
        return false;
    }
    uint64_t content = (s->tree_start - 1) * SWOSBASE_BLOCK_SIZE;
    return lay_out_tree(s) == s->blocks && s->meta_size <= content && s->inodes != 0 &&
           s->inodes <= s->meta_size / INODE_SIZE && s->meta_size <= UINT32_MAX &&
           has_good_label(s);
}

status_t swosbase_open(const uint8_t block[SWOSBASE_BLOCK_SIZE], uint64_t size,
                       struct swosbase *out)
{
    if (memcmp(block, magic, sizeof(magic)) != 0) {
        return ERR_NOEXEC;
    }
    if (read_le32(block + 8) != VERSION) {
        return ERR_NOTSUP;
    }
    struct swosbase s = {
        .blocks = read_le64(block + 16),
        .tree_start = read_le64(block + 24),
        .meta_size = read_le64(block + 32),
        .inodes = read_le32(block + 40),
        .generation = read_le64(block + 48),
        .time = read_le64(block + 56),
    };
    memcpy(s.root_hash, block + 64, sizeof(s.root_hash));
    memcpy(s.label, block + 96, SWOSBASE_LABEL_SIZE);
    bool is_plain = read_le32(block + 12) == SWOSBASE_BLOCK_SIZE && read_le32(block + 44) == 0 &&
                    is_zero(block + SUPERBLOCK_END, SWOSBASE_BLOCK_SIZE - SUPERBLOCK_END);
    if (!is_plain || !is_consistent(&s)) {
        return ERR_INVAL;
    }
    if (s.blocks > size / SWOSBASE_BLOCK_SIZE) {
        return ERR_NODATA;
    }
    *out = s;
    return OK;
}

struct span swosbase_signed_part(const uint8_t block[SWOSBASE_BLOCK_SIZE])
{
    return span_of(block, SWOSBASE_SIGNED_SIZE);
}

const uint8_t *swosbase_signature(const uint8_t block[SWOSBASE_BLOCK_SIZE])
{
    return block + SWOSBASE_SIGNED_SIZE;
}

static bool is_inside(uint64_t place, uint64_t size, uint64_t end)
{
    return place <= end && size <= end - place;
}

// Whether what the inode refers to lies where its type has it.
static bool is_in_place(const struct swosbase *s, const struct swosbase_inode *i)
{
    uint64_t meta_end = align_up(SWOSBASE_BLOCK_SIZE + s->meta_size, SWOSBASE_BLOCK_SIZE);
    switch (i->type) {
    case SWOSBASE_FILE:
        return i->size == 0 ? i->place == 0
                            : i->place >= meta_end && is_aligned(i->place, SWOSBASE_BLOCK_SIZE) &&
                                  is_inside(i->place, i->size, s->tree_start * SWOSBASE_BLOCK_SIZE);
    case SWOSBASE_DIRECTORY:
        return i->size <= s->meta_size / ENTRY_SIZE &&
               is_inside(i->place, i->size * ENTRY_SIZE, s->meta_size);
    case SWOSBASE_LINK:
        return i->size != 0 && i->size <= SWOSBASE_TARGET_MAX &&
               is_inside(i->place, i->size, s->meta_size);
    }
    return false;
}

status_t swosbase_inode(const struct swosbase *s, const struct swosbase_reader *r, uint32_t number,
                        struct swosbase_inode *out)
{
    uint8_t bytes[INODE_SIZE];
    if (number >= s->inodes) {
        return ERR_INVAL;
    }
    status_t status = r->read(r->context, (uint64_t)number * INODE_SIZE, bytes, sizeof(bytes));
    if (status != OK) {
        return status;
    }
    uint32_t mode = read_le32(bytes);
    struct swosbase_inode i = {
        .mode = mode & MODE_PERMISSIONS,
        .owner = read_le32(bytes + 4),
        .group = read_le32(bytes + 8),
        .links = read_le32(bytes + 12),
        .size = read_le64(bytes + 16),
        .place = read_le64(bytes + 24),
    };
    switch (mode & ~(uint32_t)MODE_PERMISSIONS) {
    case MODE_FILE: i.type = SWOSBASE_FILE; break;
    case MODE_DIRECTORY: i.type = SWOSBASE_DIRECTORY; break;
    case MODE_LINK: i.type = SWOSBASE_LINK; break;
    default: return ERR_INVAL;
    }
    if (i.links == 0 || !is_in_place(s, &i)) {
        return ERR_INVAL;
    }
    *out = i;
    return OK;
}

static bool is_good_name(const struct swosbase_entry *e)
{
    bool is_dots =
        e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.'));
    return !is_dots && strlen(e->name) == e->name_len && memchr(e->name, '/', e->name_len) == NULL;
}

status_t swosbase_entry(const struct swosbase *s, const struct swosbase_reader *r,
                        const struct swosbase_inode *directory, uint64_t index,
                        struct swosbase_entry *out)
{
    uint8_t bytes[ENTRY_SIZE];
    if (index >= directory->size) {
        return ERR_NOENT;
    }
    status_t status =
        r->read(r->context, directory->place + index * ENTRY_SIZE, bytes, sizeof(bytes));
    if (status != OK) {
        return status;
    }
    uint32_t place = read_le32(bytes + 4);
    out->inode = read_le32(bytes);
    out->name_len = read_le16(bytes + 8);
    if (out->inode >= s->inodes || out->name_len == 0 || out->name_len > SWOSBASE_NAME_MAX ||
        !is_inside(place, out->name_len, s->meta_size) || !is_zero(bytes + 10, 6)) {
        return ERR_INVAL;
    }
    status = r->read(r->context, place, out->name, out->name_len);
    if (status != OK) {
        return status;
    }
    out->name[out->name_len] = '\0';
    return is_good_name(out) ? OK : ERR_INVAL;
}

// How `name` compares with that of the entry: byte by byte, a beginning before what goes on.
static int compare(struct span name, const struct swosbase_entry *e)
{
    int order = memcmp(name.data, e->name, u64_min(name.size, e->name_len));
    return order != 0 ? order : (name.size > e->name_len) - (name.size < e->name_len);
}

status_t swosbase_lookup(const struct swosbase *s, const struct swosbase_reader *r,
                         const struct swosbase_inode *directory, struct span name, uint32_t *out)
{
    uint64_t low = 0;
    uint64_t high = directory->size;
    while (low < high) {
        struct swosbase_entry e;
        uint64_t middle = low + (high - low) / 2;
        status_t status = swosbase_entry(s, r, directory, middle, &e);
        if (status != OK) {
            return status;
        }
        int order = compare(name, &e);
        if (order == 0) {
            *out = e.inode;
            return OK;
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return ERR_NOENT;
}
