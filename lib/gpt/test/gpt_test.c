// SPDX-License-Identifier: Apache-2.0
#include "lib/gpt/gpt.h"

#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { BLOCK = 512, BLOCKS = 2048, ENTRY = 128, ENTRIES = 4, HEADER_CRC = 16 };

static uint8_t header[BLOCK];
static uint8_t table[ENTRIES * ENTRY];

static void put64(uint8_t *at, uint64_t value)
{
    write_le32(at, (uint32_t)value);
    write_le32(at + 4, (uint32_t)(value >> 32));
}

static void sign(void)
{
    write_le32(header + 88, gpt_crc32(0, span_of(table, sizeof(table))));
    write_le32(header + HEADER_CRC, 0);
    write_le32(header + HEADER_CRC, gpt_crc32(0, span_of(header, GPT_HEADER_SIZE)));
}

static void set_entry(unsigned index, uint64_t first, uint64_t last, const uint16_t *name)
{
    uint8_t *entry = table + (size_t)index * ENTRY;
    memset(entry, 0x5a, 32);
    put64(entry + 32, first);
    put64(entry + 40, last);
    for (size_t i = 0; i < 36 && name[i] != 0; i++) {
        entry[56 + 2 * i] = (uint8_t)name[i];
        entry[57 + 2 * i] = (uint8_t)(name[i] >> 8);
    }
    sign();
}

static struct span fresh(void)
{
    memset(header, 0, sizeof(header));
    memset(table, 0, sizeof(table));
    static const uint8_t signature[] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};
    memcpy(header, signature, sizeof(signature));
    write_le32(header + 8, 0x10000);
    write_le32(header + 12, GPT_HEADER_SIZE);
    put64(header + 24, GPT_PRIMARY);
    put64(header + 32, BLOCKS - 1);
    put64(header + 40, 34);
    put64(header + 48, BLOCKS - 34);
    put64(header + 72, 2);
    write_le32(header + 80, ENTRIES);
    write_le32(header + 84, ENTRY);
    sign();
    return span_of(header, sizeof(header));
}

static struct span entries(void)
{
    return span_of(table, sizeof(table));
}

TEST(the_checksum_is_that_of_ieee_802_3)
{
    EXPECT_EQ(gpt_crc32(0, span_of("123456789", 9)), 0xcbf43926);
    EXPECT_EQ(gpt_crc32(gpt_crc32(0, span_of("1234", 4)), span_of("56789", 5)), 0xcbf43926);
}

TEST(a_protective_record_stands_in_any_of_four_places)
{
    static uint8_t mbr[BLOCK];
    memset(mbr, 0, sizeof(mbr));
    mbr[446 + 3 * 16 + 4] = 0xee;
    EXPECT(!gpt_is_protective(span_of(mbr, sizeof(mbr))));
    mbr[510] = 0x55;
    mbr[511] = 0xaa;
    EXPECT(gpt_is_protective(span_of(mbr, sizeof(mbr))));
    EXPECT(!gpt_is_protective(span_of(mbr, 511)));
    mbr[446 + 3 * 16 + 4] = 0x83;
    EXPECT(!gpt_is_protective(span_of(mbr, sizeof(mbr))));
}

TEST(entries_are_where_and_what_the_table_says)
{
    struct gpt g;
    struct gpt_entry e;
    struct span block = fresh();
    set_entry(1, 34, 34, u"swift-os-base");
    set_entry(2, 100, BLOCKS - 34, u"");
    EXPECT_OK(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g));
    EXPECT(gpt_entries_match(&g, entries()));
    EXPECT_STATUS(gpt_entry(&g, entries(), 0, &e), ERR_NOENT);
    EXPECT_OK(gpt_entry(&g, entries(), 1, &e));
    EXPECT_EQ(e.first, 34);
    EXPECT_EQ(e.count, 1);
    EXPECT_STR(e.name, "swift-os-base");
    EXPECT_OK(gpt_entry(&g, entries(), 2, &e));
    EXPECT_EQ(e.count, BLOCKS - 34 - 100 + 1);
    EXPECT_STR(e.name, "");
    EXPECT_STATUS(gpt_entry(&g, entries(), ENTRIES, &e), ERR_NOENT);
}

TEST(a_backup_is_believed_at_its_own_place_only)
{
    struct gpt g;
    struct span block = fresh();
    put64(header + 24, BLOCKS - 1);
    sign();
    EXPECT_OK(gpt_parse(block, BLOCKS - 1, BLOCKS, &g));
    EXPECT_STATUS(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g), ERR_INVAL);
}

TEST(every_damaged_bit_of_header_or_table_is_found)
{
    struct gpt g;
    struct span block = fresh();
    set_entry(0, 34, 40, u"x");
    for (size_t bit = 0; bit < 8ul * GPT_HEADER_SIZE; bit++) {
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT_STATUS(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g), ERR_INVAL);
        header[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    EXPECT_OK(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g));
    table[77] ^= 4;
    EXPECT(!gpt_entries_match(&g, entries()));
}

static void check_refused(size_t at, uint64_t value, size_t size)
{
    struct gpt g;
    struct span block = fresh();
    if (size == 8) {
        put64(header + at, value);
    } else {
        write_le32(header + at, (uint32_t)value);
    }
    write_le32(header + HEADER_CRC, 0);
    write_le32(header + HEADER_CRC, gpt_crc32(0, span_of(header, GPT_HEADER_SIZE)));
    EXPECT_STATUS(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g), ERR_INVAL);
}

TEST(a_header_of_absurd_values_is_refused)
{
    check_refused(8, 0x20000, 4); // revision
    check_refused(12, 91, 4);     // size of the header
    check_refused(12, UINT32_MAX, 4);
    check_refused(40, 1, 8); // first usable block
    check_refused(40, BLOCKS, 8);
    check_refused(48, BLOCKS, 8); // last usable block
    check_refused(48, UINT64_MAX, 8);
    check_refused(72, 1, 8); // the table
    check_refused(72, BLOCKS, 8);
    check_refused(72, UINT64_MAX, 8);
    check_refused(80, 0, 4); // number of entries
    check_refused(80, UINT32_MAX, 4);
    check_refused(84, 64, 4); // their size
    check_refused(84, 130, 4);
    check_refused(84, 1u << 31, 4);
}

TEST(a_partition_outside_of_the_usable_blocks_is_refused)
{
    struct gpt g;
    struct gpt_entry e;
    struct span block = fresh();
    set_entry(0, 33, 40, u"early");
    set_entry(1, 40, BLOCKS - 33, u"late");
    set_entry(2, 41, 40, u"backwards");
    set_entry(3, UINT64_MAX, UINT64_MAX, u"far");
    EXPECT_OK(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g));
    for (uint32_t i = 0; i < ENTRIES; i++) {
        EXPECT_STATUS(gpt_entry(&g, entries(), i, &e), ERR_INVAL);
    }
}

static void check_name(const uint16_t *name, const char *want)
{
    struct gpt g;
    struct gpt_entry e;
    struct span block = fresh();
    set_entry(0, 34, 40, name);
    EXPECT_OK(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g));
    EXPECT_OK(gpt_entry(&g, entries(), 0, &e));
    EXPECT_STR(e.name, want);
}

TEST(names_become_utf_8_that_can_be_printed)
{
    static const uint16_t full[] = u"\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff"
                                   u"\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff"
                                   u"\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff\xffff"
                                   u"\xffff\xffff\xffff\xffff\xffff\xffff";
    check_name(u"\u00fcber", "\u00fcber");
    check_name(u"\u20ac", "\u20ac");
    check_name(u"\U0001f600", "\U0001f600");
    check_name((const uint16_t[]){0xd83d, 'x', 0}, "?x");
    check_name((const uint16_t[]){0xde00, 0}, "?");
    check_name(u"a\nb\x7f", "a?b?");
    struct gpt g;
    struct gpt_entry e;
    struct span block = fresh();
    set_entry(0, 34, 40, full);
    EXPECT_OK(gpt_parse(block, GPT_PRIMARY, BLOCKS, &g));
    EXPECT_OK(gpt_entry(&g, entries(), 0, &e));
    EXPECT_EQ(strlen(e.name), GPT_NAME_SIZE - 1);
}
