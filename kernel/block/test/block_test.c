// SPDX-License-Identifier: Apache-2.0
#include "kernel/block/block.h"

#include "kernel/block/ramdisk.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { DISK_SIZE = 16384, SECTOR = 512 };

// A RAM disk whose bytes tell their place.
static struct ramdisk ram;
static uint8_t *memory;

static bool make_ram(enum ramdisk_access access)
{
    void *bytes;
    if (heap_alloc(DISK_SIZE, &bytes) != OK) {
        return false;
    }
    memory = bytes;
    for (size_t i = 0; i < DISK_SIZE; i++) {
        memory[i] = (uint8_t)(i / SECTOR + i);
    }
    ramdisk_init(&ram, memory, DISK_SIZE, access);
    return true;
}

TEST(what_is_read_is_what_stands_there)
{
    void *bytes;
    EXPECT(make_ram(RAMDISK_WRITABLE));
    EXPECT_OK(heap_alloc(4096, &bytes));
    EXPECT_OK(block_read(&ram.block, 1024, bytes, 4096));
    EXPECT_MEM(bytes, memory + 1024, 4096);
    memset(bytes, 0x5a, SECTOR);
    EXPECT_OK(block_write(&ram.block, DISK_SIZE - SECTOR, bytes, SECTOR));
    EXPECT_OK(block_flush(&ram.block));
    EXPECT_MEM(memory + DISK_SIZE - SECTOR, bytes, SECTOR);
    heap_free(bytes);
    heap_free(memory);
}

TEST(a_request_that_is_not_whole_sectors_within_the_disk_is_refused)
{
    void *bytes;
    EXPECT(make_ram(RAMDISK_READ_ONLY));
    EXPECT_OK(heap_alloc(2ul * SECTOR, &bytes));
    EXPECT_STATUS(block_read(&ram.block, 1, bytes, SECTOR), ERR_INVAL);
    EXPECT_STATUS(block_read(&ram.block, 0, bytes, 100), ERR_INVAL);
    EXPECT_STATUS(block_read(&ram.block, DISK_SIZE, bytes, SECTOR), ERR_RANGE);
    EXPECT_STATUS(block_read(&ram.block, DISK_SIZE - SECTOR, bytes, 2ul * SECTOR), ERR_RANGE);
    EXPECT_STATUS(block_read(&ram.block, UINT64_MAX - SECTOR + 1, bytes, SECTOR), ERR_RANGE);
    EXPECT_STATUS(block_write(&ram.block, 0, bytes, SECTOR), ERR_ROFS);
    heap_free(bytes);
    heap_free(memory);
}

TEST(a_partition_is_a_part_of_its_disk)
{
    void *bytes;
    EXPECT(make_ram(RAMDISK_WRITABLE));
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    struct block_device part = ram.block;
    part.parent = &ram.block;
    part.start = 4096;
    part.size_bytes = 2048;
    block_init(&part);
    EXPECT_OK(block_read(&part, SECTOR, bytes, SECTOR));
    EXPECT_MEM(bytes, memory + 4096 + SECTOR, SECTOR);
    EXPECT_STATUS(block_read(&part, 2048, bytes, SECTOR), ERR_RANGE);
    heap_free(bytes);
    heap_free(memory);
}

// A device with room for two requests, which ends one each millisecond, the newest first.
static struct {
    struct block_device block;
    struct timer timer;
    struct block_request *inside[2];
    unsigned count;
    unsigned most;
} slow;

static bool slow_start(struct block_device *d, struct block_request *r)
{
    (void)d;
    if (slow.count == ARRAY_SIZE(slow.inside)) {
        return false;
    }
    slow.inside[slow.count++] = r;
    slow.most = slow.count > slow.most ? slow.count : slow.most;
    timer_start(&slow.timer, time_now() + NSEC_PER_MSEC);
    return true;
}

static void slow_end(struct timer *t)
{
    irqflags_t flags = spin_lock_irqsave(&slow.block.lock);
    struct block_request *r = slow.count == 0 ? NULL : slow.inside[--slow.count];
    bool has_more = slow.count != 0;
    spin_unlock_irqrestore(&slow.block.lock, flags);
    if (r != NULL) {
        block_finish(&slow.block, r, r->offset == 0 ? ERR_IO : OK);
    }
    if (has_more) {
        timer_start(t, time_now() + NSEC_PER_MSEC);
    }
}

// As a driver would, but that it holds no memory of the device's.
static void slow_abandon(struct block_device *d)
{
    block_set_gone(d);
    while (slow.count != 0) {
        block_finish(d, slow.inside[--slow.count], ERR_IO);
    }
}

static const struct block_ops slow_ops = {.start = slow_start, .abandon = slow_abandon};

static void make_slow(void)
{
    memset(&slow, 0, sizeof(slow));
    slow.block.ops = &slow_ops;
    slow.block.size_bytes = 1 << 20;
    slow.block.sector_size = SECTOR;
    slow.block.segments_max = 1;
    slow.block.request_max = SECTOR;
    block_init(&slow.block);
    timer_init(&slow.timer, slow_end);
}

static void forget_slow(void)
{
    (void)timer_cancel(&slow.timer);
    block_fini(&slow.block);
}

enum { MANY = 9 };

static struct {
    struct block_request requests[MANY];
    struct wait_queue queue;
    _Atomic unsigned done;
} many;

static void count_done(struct block_request *r)
{
    (void)r;
    atomic_fetch_add(&many.done, 1);
    (void)wait_wake_all(&many.queue);
}

static void submit_many(const struct block_segment *segment)
{
    wait_init(&many.queue, "test");
    atomic_store(&many.done, 0);
    for (unsigned i = 0; i < MANY; i++) {
        many.requests[i] = (struct block_request){
            .op = BLOCK_READ,
            .offset = (uint64_t)i * SECTOR,
            .segments = segment,
            .segment_count = 1,
            .done = count_done,
        };
        block_submit(&slow.block, &many.requests[i]);
    }
}

TEST(requests_beyond_the_room_of_a_device_wait_for_it)
{
    status_t status;
    const struct block_segment segment = {.base = paddr(0), .size_bytes = SECTOR};
    make_slow();
    submit_many(&segment);
    WAIT_UNTIL(&many.queue, atomic_load(&many.done) == MANY, time_now() + 10 * NSEC_PER_SEC,
               WAIT_DEFAULT, &status);
    EXPECT_OK(status);
    EXPECT_EQ(slow.most, 2);
    EXPECT_STATUS(many.requests[0].status, ERR_IO);
    for (unsigned i = 1; i < MANY; i++) {
        EXPECT_OK(many.requests[i].status);
    }
    forget_slow();
}

TEST(what_waits_for_a_device_that_goes_away_ends_with_an_error)
{
    status_t status;
    const struct block_segment segment = {.base = paddr(0), .size_bytes = SECTOR};
    make_slow();
    submit_many(&segment);
    block_set_gone(&slow.block);
    WAIT_UNTIL(&many.queue, atomic_load(&many.done) == MANY, time_now() + 10 * NSEC_PER_SEC,
               WAIT_DEFAULT, &status);
    EXPECT_OK(status);
    EXPECT_STATUS(many.requests[MANY - 1].status, ERR_NODEV);
    EXPECT_STATUS(block_flush(&slow.block), OK); // nothing is cached anywhere
    struct block_request late = many.requests[1];
    EXPECT_STATUS(block_run(&slow.block, &late), ERR_NODEV);
    forget_slow();
}
