// SPDX-License-Identifier: Apache-2.0
#include "lib/swosbase/swosbase.h"

#include <limits.h>

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

/*
 * A small image: / holds the folder "bin", the file "motd" of 5000 bytes and the link "sh" to
 * "/bin/sh"; /bin holds nothing.  Metadata: 4 inodes, 3 entries, names, the target.
 */
enum {
    BLOCK = SWOSBASE_BLOCK_SIZE,
    ENTRIES = 4 * 32,
    NAMES = ENTRIES + 3 * 16,
    TARGET = NAMES + 9,
    META_SIZE = TARGET + 7,
    TREE_START = 1 + 1 + 2,
    BLOCKS = TREE_START + 1,
    MOTD_SIZE = 5000,
};

static struct {
    uint8_t superblock[BLOCK];
    uint8_t meta[META_SIZE];
    struct swosbase base;
    unsigned reads_left; // then ERR_IO
} image;

static void put(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static void put_inode(uint32_t number, uint32_t mode, uint64_t size, uint64_t place)
{
    uint8_t *at = image.meta + (size_t)32 * number;
    put(at, mode, 4);
    put(at + 4, 7, 4);
    put(at + 8, 8, 4);
    put(at + 12, 1, 4);
    put(at + 16, size, 8);
    put(at + 24, place, 8);
}

static void put_entry(unsigned index, uint32_t inode, uint32_t name, uint16_t len)
{
    uint8_t *at = image.meta + ENTRIES + (size_t)16 * index;
    put(at, inode, 4);
    put(at + 4, name, 4);
    put(at + 8, len, 2);
}

static void make_image(void)
{
    memset(&image, 0, sizeof(image));
    image.reads_left = UINT_MAX;
    memcpy(image.superblock, "SWOSBASE", 8);
    put(image.superblock + 8, 4, 4);
    put(image.superblock + 12, BLOCK, 4);
    put(image.superblock + 16, BLOCKS, 8);
    put(image.superblock + 24, TREE_START, 8);
    put(image.superblock + 32, META_SIZE, 8);
    put(image.superblock + 40, 4, 4);
    put(image.superblock + 48, 3, 8);
    put(image.superblock + 56, 1000, 8);
    memcpy(image.superblock + 96, "a label", 7);
    put_inode(0, 0040755, 3, ENTRIES);
    put_inode(1, 0040700, 0, ENTRIES);
    put_inode(2, 0100644, MOTD_SIZE, 2ull * BLOCK);
    put_inode(3, 0120777, 7, TARGET);
    put_entry(0, 1, NAMES, 3);
    put_entry(1, 2, NAMES + 3, 4);
    put_entry(2, 3, NAMES + 7, 2);
    memcpy(image.meta + NAMES, "binmotdsh/bin/sh", 16);
}

static status_t read_meta(void *context, uint64_t offset, void *bytes, size_t size)
{
    (void)context;
    if (image.reads_left == 0) {
        return ERR_IO;
    }
    image.reads_left--;
    if (offset > META_SIZE || size > META_SIZE - offset) {
        return ERR_RANGE;
    }
    memcpy(bytes, image.meta + offset, size);
    return OK;
}

static const struct swosbase_reader reader = {.read = read_meta};

static status_t open_image(void)
{
    return swosbase_open(image.superblock, (uint64_t)BLOCKS * BLOCK, &image.base);
}

static status_t look_up(const char *name, uint32_t *number)
{
    struct swosbase_inode root;
    status_t status = swosbase_inode(&image.base, &reader, SWOSBASE_ROOT, &root);
    return status != OK
               ? status
               : swosbase_lookup(&image.base, &reader, &root, span_of(name, strlen(name)), number);
}

TEST(an_image_says_what_was_packed)
{
    struct swosbase_inode inode;
    uint32_t number = 0;
    make_image();
    EXPECT_OK(open_image());
    EXPECT_EQ(image.base.levels, 1);
    EXPECT_EQ(image.base.level_start[0], TREE_START);
    EXPECT_EQ(image.base.generation, 3);
    EXPECT_STR(image.base.label, "a label");
    EXPECT_OK(look_up("motd", &number));
    EXPECT_EQ(number, 2);
    EXPECT_OK(swosbase_inode(&image.base, &reader, number, &inode));
    EXPECT_EQ(inode.type, SWOSBASE_FILE);
    EXPECT_EQ(inode.mode, 0644);
    EXPECT_EQ(inode.owner, 7);
    EXPECT_EQ(inode.group, 8);
    EXPECT_EQ(inode.size, MOTD_SIZE);
    EXPECT_EQ(inode.place, 2 * BLOCK);
}

TEST(every_name_is_found_and_no_other)
{
    static const char *const others[] = {"", "a", "bi", "bina", "motd2", "mote", "s", "shh", "z"};
    uint32_t number = 0;
    make_image();
    EXPECT_OK(open_image());
    EXPECT_OK(look_up("bin", &number));
    EXPECT_EQ(number, 1);
    EXPECT_OK(look_up("sh", &number));
    EXPECT_EQ(number, 3);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        EXPECT_STATUS(look_up(others[i], &number), ERR_NOENT);
    }
}

TEST(entries_come_in_their_order_and_end)
{
    static const char *const names[] = {"bin", "motd", "sh"};
    struct swosbase_inode root;
    struct swosbase_entry e;
    make_image();
    EXPECT_OK(open_image());
    EXPECT_OK(swosbase_inode(&image.base, &reader, SWOSBASE_ROOT, &root));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        EXPECT_OK(swosbase_entry(&image.base, &reader, &root, i, &e));
        EXPECT_STR(e.name, names[i]);
        EXPECT_EQ(e.name_len, strlen(names[i]));
    }
    EXPECT_STATUS(swosbase_entry(&image.base, &reader, &root, 3, &e), ERR_NOENT);
}

TEST(the_tree_of_a_large_image_has_levels)
{
    uint64_t content = 128 * 128 + 1; // one hash more than two levels hold
    make_image();
    put(image.superblock + 24, content + 1, 8);
    put(image.superblock + 16, content + 1 + 129 + 2 + 1, 8);
    EXPECT_OK(swosbase_open(image.superblock, UINT64_MAX, &image.base));
    EXPECT_EQ(image.base.levels, 3);
    EXPECT_EQ(image.base.level_blocks[0], 129);
    EXPECT_EQ(image.base.level_blocks[1], 2);
    EXPECT_EQ(image.base.level_start[2], content + 1 + 131);
}

// One field of the superblock has another value.
static void expect_refused(size_t at, uint64_t value, size_t size, status_t want)
{
    make_image();
    put(image.superblock + at, value, size);
    EXPECT_STATUS(open_image(), want);
}

TEST(a_superblock_that_is_not_as_described_is_refused)
{
    expect_refused(0, 'x', 1, ERR_NOEXEC);
    expect_refused(8, 3, 4, ERR_NOTSUP);
    expect_refused(12, 8192, 4, ERR_INVAL);
    expect_refused(16, BLOCKS + 1, 8, ERR_INVAL);
    expect_refused(16, 0, 8, ERR_INVAL);
    expect_refused(24, 0, 8, ERR_INVAL);
    expect_refused(24, 1, 8, ERR_INVAL);
    expect_refused(24, UINT64_MAX, 8, ERR_INVAL);
    expect_refused(32, 4ull * BLOCK, 8, ERR_INVAL);
    expect_refused(32, UINT64_MAX, 8, ERR_INVAL);
    expect_refused(40, 0, 4, ERR_INVAL);
    expect_refused(40, UINT32_MAX, 4, ERR_INVAL);
    expect_refused(44, 1, 4, ERR_INVAL);
    expect_refused(97, 0, 1, ERR_INVAL);    // the label goes on behind its end
    expect_refused(98, 0x7f, 1, ERR_INVAL); // not printable
    expect_refused(192, 1, 1, ERR_INVAL);
    expect_refused(BLOCK - 1, 1, 1, ERR_INVAL);
}

TEST(an_image_that_was_cut_short_is_refused)
{
    make_image();
    EXPECT_STATUS(swosbase_open(image.superblock, (uint64_t)BLOCKS * BLOCK - 1, &image.base),
                  ERR_NODATA);
}

static void expect_bad_inode(uint32_t mode, uint64_t size, uint64_t place)
{
    struct swosbase_inode inode;
    make_image();
    EXPECT_OK(open_image());
    put_inode(2, mode, size, place);
    EXPECT_STATUS(swosbase_inode(&image.base, &reader, 2, &inode), ERR_INVAL);
}

TEST(an_inode_that_points_elsewhere_is_refused)
{
    expect_bad_inode(0100644, 1, BLOCK);                    // into the metadata
    expect_bad_inode(0100644, 1, 2 * BLOCK + 1);            // not at a block
    expect_bad_inode(0100644, 2 * BLOCK + 1, 2ull * BLOCK); // into the tree
    expect_bad_inode(0100644, UINT64_MAX, 2ull * BLOCK);
    expect_bad_inode(0100644, 0, 2ull * BLOCK);
    expect_bad_inode(0040755, 4, NAMES + 7);
    expect_bad_inode(0040755, UINT64_MAX, 0);
    expect_bad_inode(0120777, 0, TARGET);
    expect_bad_inode(0120777, 8, TARGET);
    expect_bad_inode(0060644, 0, 0); // a device
    expect_bad_inode(0300644, 0, 0); // no type at all
    struct swosbase_inode inode;
    EXPECT_STATUS(swosbase_inode(&image.base, &reader, 4, &inode), ERR_INVAL);
}

static void expect_bad_entry(uint32_t inode, uint32_t name, uint16_t len)
{
    struct swosbase_inode root;
    struct swosbase_entry e;
    make_image();
    EXPECT_OK(open_image());
    put_entry(1, inode, name, len);
    EXPECT_OK(swosbase_inode(&image.base, &reader, SWOSBASE_ROOT, &root));
    EXPECT_STATUS(swosbase_entry(&image.base, &reader, &root, 1, &e), ERR_INVAL);
    uint32_t number;
    EXPECT_STATUS(look_up("motd", &number), ERR_INVAL);
}

TEST(an_entry_that_is_no_name_is_refused)
{
    expect_bad_entry(4, NAMES, 3);
    expect_bad_entry(2, NAMES, 0);
    expect_bad_entry(2, NAMES, 256);
    expect_bad_entry(2, META_SIZE - 1, 2);
    expect_bad_entry(2, UINT32_MAX, 2);
    expect_bad_entry(2, TARGET, 7); // has a slash
    expect_bad_entry(2, 0, 4);      // has a NUL
}

TEST(errors_of_reading_are_passed_on)
{
    uint32_t number;
    make_image();
    EXPECT_OK(open_image());
    for (unsigned reads = 0; reads < 3; reads++) {
        image.reads_left = reads;
        EXPECT_STATUS(look_up("motd", &number), ERR_IO);
    }
    image.reads_left = 3;
    EXPECT_OK(look_up("motd", &number));
}
