// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/buddy.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { FRAMES = 4096 };

struct record {
    struct buddy_frame frame;
    uint8_t rest[BUDDY_RECORD_SIZE - sizeof(struct buddy_frame)];
};

static struct record records[FRAMES];
static uint8_t owner[FRAMES]; // what each frame is in use for, as the test believes; 0: free

static struct buddy fresh(void)
{
    struct buddy b;
    memset(records, 0, sizeof(records));
    memset(owner, 0, sizeof(owner));
    buddy_init(&b, records);
    return b;
}

// Every free frame is in exactly one free block, and no two free buddies stand side by side.
static void expect_sound(const struct buddy *b)
{
    uint32_t free = 0;
    for (uint32_t frame = 0; frame < FRAMES;) {
        const struct buddy_frame *f = &records[frame].frame;
        if (f->state != BUDDY_FREE) {
            frame++;
            continue;
        }
        EXPECT_EQ(frame & ((1u << f->order) - 1), 0);
        const struct buddy_frame *other = &records[frame ^ (1u << f->order)].frame;
        EXPECT(f->order == BUDDY_MAX_ORDER || other->state != BUDDY_FREE ||
               other->order != f->order);
        for (uint32_t i = 0; i < 1u << f->order; i++) {
            EXPECT_EQ(owner[frame + i], 0);
        }
        free += 1u << f->order;
        frame += 1u << f->order;
    }
    EXPECT_EQ(b->free_frames, free);
}

static void mark(uint32_t frame, unsigned order, uint8_t value)
{
    for (uint32_t i = 0; i < 1u << order; i++) {
        EXPECT(owner[frame + i] == 0 || value == 0);
        owner[frame + i] = value;
    }
}

TEST(an_empty_buddy_has_nothing)
{
    struct buddy b = fresh();
    uint32_t frame;
    unsigned order;
    EXPECT(!buddy_alloc(&b, 0, &frame));
    EXPECT(!buddy_alloc_up_to(&b, BUDDY_MAX_ORDER, &frame, &order));
}

TEST(an_order_beyond_the_largest_is_never_there)
{
    struct buddy b = fresh();
    uint32_t frame;
    buddy_free_range(&b, 0, FRAMES);
    EXPECT(!buddy_alloc(&b, BUDDY_MAX_ORDER + 1, &frame));
    EXPECT(!buddy_alloc(&b, 64, &frame));
}

TEST(freeing_all_of_a_split_block_makes_it_whole)
{
    struct buddy b = fresh();
    uint32_t frames[16];
    uint32_t whole;
    buddy_free_range(&b, 16, 32);
    for (unsigned i = 0; i < 16; i++) {
        EXPECT(buddy_alloc(&b, 0, &frames[i]));
    }
    EXPECT(!buddy_alloc(&b, 0, &whole));
    for (unsigned i = 0; i < 16; i++) {
        buddy_free(&b, frames[(i * 5) % 16], 0);
    }
    EXPECT(buddy_alloc(&b, 4, &whole));
    EXPECT_EQ(whole, 16);
}

TEST(a_range_that_is_not_aligned_comes_in_aligned_blocks)
{
    struct buddy b = fresh();
    uint32_t frame;
    memset(owner, 1, sizeof(owner));
    memset(owner + 3, 0, 1200 - 3);
    buddy_free_range(&b, 3, 1200);
    expect_sound(&b);
    EXPECT_EQ(b.free_frames, 1197);
    EXPECT(buddy_alloc(&b, 9, &frame));
    EXPECT_EQ(frame, 512);
}

TEST(up_to_gives_the_largest_there_is)
{
    struct buddy b = fresh();
    uint32_t frame;
    unsigned order;
    buddy_free_range(&b, 0, 4);
    buddy_free_range(&b, 8, 9);
    EXPECT(buddy_alloc_up_to(&b, 5, &frame, &order));
    EXPECT_EQ(order, 2);
    EXPECT_EQ(frame, 0);
    EXPECT(buddy_alloc_up_to(&b, 5, &frame, &order));
    EXPECT_EQ(order, 0);
    EXPECT_EQ(frame, 8);
}

struct held {
    uint32_t frame;
    unsigned order;
};

TEST(random_use_never_gives_a_frame_twice_and_loses_none)
{
    static struct held held[FRAMES];
    struct buddy b = fresh();
    struct test_random random = {7};
    size_t count = 0;
    buddy_free_range(&b, 0, FRAMES);
    for (unsigned step = 0; step < 20000 && !test_has_failed(); step++) {
        unsigned order = (unsigned)test_random_below(&random, BUDDY_MAX_ORDER + 1) / 2;
        uint32_t frame;
        if (test_random_below(&random, 100) < 55 && buddy_alloc(&b, order, &frame)) {
            EXPECT_EQ(frame & ((1u << order) - 1), 0);
            mark(frame, order, 1);
            held[count++] = (struct held){frame, order};
        } else if (count > 0) {
            size_t victim = test_random_below(&random, count);
            mark(held[victim].frame, held[victim].order, 0);
            buddy_free(&b, held[victim].frame, held[victim].order);
            held[victim] = held[--count];
        }
        if (step % 500 == 0) {
            expect_sound(&b);
        }
    }
    while (count > 0) {
        count--;
        mark(held[count].frame, held[count].order, 0);
        buddy_free(&b, held[count].frame, held[count].order);
    }
    expect_sound(&b);
    EXPECT_EQ(b.free_frames, FRAMES);
    EXPECT_EQ(b.orders, 1u << BUDDY_MAX_ORDER);
}
