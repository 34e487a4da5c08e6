// SPDX-License-Identifier: Apache-2.0
#include "kernel/block/partition.h"

#include "kernel/block/ramdisk.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "lib/base/span.h"
#include "lib/base/string.h"
#include "lib/gpt/gpt.h"
#include "tests/harness/test.h"

enum { SECTOR = 512, SECTORS = 128, ENTRIES = 8, ENTRY = 128, TABLE = ENTRIES * ENTRY, FIRST = 8 };

static struct ramdisk ram;
static uint8_t *memory;

static void put64(uint8_t *at, uint64_t value)
{
    write_le32(at, (uint32_t)value);
    write_le32(at + 4, (uint32_t)(value >> 32));
}

static void put_entry(uint8_t *table, unsigned index, uint64_t first, uint64_t last, char name)
{
    uint8_t *entry = table + (size_t)index * ENTRY;
    memset(entry, 1, 32);
    put64(entry + 32, first);
    put64(entry + 40, last);
    entry[56] = (uint8_t)name;
}

static void put_table(uint64_t lba, uint64_t entries)
{
    uint8_t *table = memory + entries * SECTOR;
    uint8_t *header = memory + lba * SECTOR;
    put_entry(table, 1, FIRST, FIRST + 1, 'a');
    put_entry(table, 4, 20, 99, 'b');
    put_entry(table, 5, 100, SECTORS, 'c'); // past the end
    static const uint8_t signature[] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};
    memcpy(header, signature, sizeof(signature));
    write_le32(header + 8, 0x10000);
    write_le32(header + 12, GPT_HEADER_SIZE);
    put64(header + 24, lba);
    put64(header + 40, FIRST);
    put64(header + 48, SECTORS - 8);
    put64(header + 72, entries);
    write_le32(header + 80, ENTRIES);
    write_le32(header + 84, ENTRY);
    write_le32(header + 88, gpt_crc32(0, span_of(table, TABLE)));
    write_le32(header + 16, gpt_crc32(0, span_of(header, GPT_HEADER_SIZE)));
}

static bool make_disk(void)
{
    void *bytes;
    if (heap_zalloc((size_t)SECTORS * SECTOR, &bytes) != OK) {
        return false;
    }
    memory = bytes;
    memory[446 + 4] = 0xee;
    memory[510] = 0x55;
    memory[511] = 0xaa;
    put_table(GPT_PRIMARY, 2);
    put_table(SECTORS - 1, SECTORS - 1 - TABLE / SECTOR);
    ramdisk_init(&ram, memory, (size_t)SECTORS * SECTOR, RAMDISK_WRITABLE);
    return true;
}

static struct {
    struct block_device parts[ENTRIES];
    unsigned numbers[ENTRIES];
    char names[ENTRIES];
    unsigned count;
} seen;

static status_t note(void *context, const struct block_device *part, unsigned number)
{
    (void)context;
    seen.parts[seen.count] = *part;
    seen.names[seen.count] = part->label[0];
    seen.numbers[seen.count++] = number;
    return OK;
}

static status_t read_disk(void)
{
    memset(&seen, 0, sizeof(seen));
    return partition_read(&ram.block, note, NULL);
}

TEST(the_partitions_of_a_table_are_parts_of_their_disk)
{
    void *bytes;
    EXPECT(make_disk());
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(read_disk());
    EXPECT_EQ(seen.count, 2);
    EXPECT_EQ(seen.numbers[0], 2);
    EXPECT_EQ(seen.names[0], 'a');
    EXPECT_EQ(seen.parts[0].size_bytes, 2 * SECTOR);
    EXPECT_EQ(seen.numbers[1], 5);
    struct block_device *part = &seen.parts[1];
    block_init(part);
    memset(memory + 21ul * SECTOR, 0x77, SECTOR);
    EXPECT_OK(block_read(part, SECTOR, bytes, SECTOR));
    EXPECT_MEM(bytes, memory + 21ul * SECTOR, SECTOR);
    EXPECT_STATUS(block_write(part, 80ul * SECTOR, bytes, SECTOR), ERR_RANGE);
    heap_free(bytes);
    heap_free(memory);
}

TEST(a_damaged_table_is_replaced_by_its_backup)
{
    EXPECT(make_disk());
    memory[SECTOR + 40] ^= 1; // the header
    EXPECT_OK(read_disk());
    EXPECT_EQ(seen.count, 2);
    put_table(GPT_PRIMARY, 2);
    memory[2 * SECTOR + 60] ^= 1; // the entries
    EXPECT_OK(read_disk());
    EXPECT_EQ(seen.count, 2);
    memory[(SECTORS - 1ul) * SECTOR] ^= 1;
    EXPECT_STATUS(read_disk(), ERR_INVAL);
    EXPECT_EQ(seen.count, 0);
    heap_free(memory);
}

TEST(a_disk_without_a_protective_record_has_no_table)
{
    EXPECT(make_disk());
    memory[446 + 4] = 0x83;
    EXPECT_STATUS(read_disk(), ERR_NOENT);
    ramdisk_init(&ram, memory, SECTOR, RAMDISK_WRITABLE);
    memory[446 + 4] = 0xee;
    EXPECT_STATUS(read_disk(), ERR_NOENT); // there is no second sector
    heap_free(memory);
}

TEST(a_table_for_which_there_is_no_memory_is_not_read)
{
    bool has_failed = inject_is_available();
    EXPECT(make_disk());
    for (size_t n = 0; has_failed; n++) {
        inject_arm(n);
        status_t status = read_disk();
        has_failed = inject_disarm();
        EXPECT(status == OK || status == ERR_NOMEM);
    }
    heap_free(memory);
}
