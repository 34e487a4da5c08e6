// SPDX-License-Identifier: Apache-2.0
#include "lib/virtio/ring.h"

#include "lib/base/bits.h"
#include "lib/base/span.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { SIZE = 8, DESCRIPTOR_SIZE = 16, WRITE = 2, NEXT = 1 };

// The ring, and its device's view: shared memory as bytes, and how far the device has come.
static struct {
    _Alignas(16) uint8_t shared[512];
    struct ring_entry entries[SIZE];
    struct ring ring;
    struct ring_layout at;
    uint16_t seen;
    uint16_t used;
} d;

static void put16(size_t at, unsigned value)
{
    d.shared[at] = (uint8_t)value;
    d.shared[at + 1] = (uint8_t)(value >> 8);
}

static void put32(size_t at, uint32_t value)
{
    put16(at, value & 0xffff);
    put16(at + 2, value >> 16);
}

static struct ring *fresh(void)
{
    memset(&d, 0, sizeof(d));
    d.at = ring_layout(SIZE);
    ring_init(&d.ring, SIZE, d.shared, d.entries);
    return &d.ring;
}

static bool device_has(void)
{
    return read_le16(d.shared + d.at.avail + 2) != d.seen;
}

// The head of the next chain that the device is given.
static uint16_t device_get(void)
{
    size_t place = d.at.avail + 4 + 2 * (size_t)(d.seen++ % SIZE);
    return read_le16(d.shared + place);
}

static void device_put(uint32_t head, uint32_t written)
{
    size_t entry = d.at.used + 4 + 8 * (size_t)(d.used++ % SIZE);
    put32(entry, head);
    put32(entry + 4, written);
    put16(d.at.used + 2, d.used);
}

// A chain of one buffer to read and `more` to write, each of 100 bytes.
static bool give(struct ring *r, unsigned more, void *token)
{
    ring_add(r, 0x1000, 100, RING_DEVICE_READS);
    for (unsigned i = 0; i < more; i++) {
        ring_add(r, 0x2000 + i, 100, RING_DEVICE_WRITES);
    }
    return ring_publish(r, token);
}

TEST(the_parts_of_a_ring_lie_where_the_format_wants_them)
{
    struct ring_layout l = ring_layout(256);
    EXPECT_EQ(l.descriptors, 0);
    EXPECT_EQ(l.avail, 4096);
    EXPECT(l.used % 4 == 0 && l.used >= 4096 + 6 + 512);
    EXPECT(l.size >= l.used + 6 + 2048);
}

TEST(the_device_sees_a_chain_of_descriptors)
{
    struct ring *r = fresh();
    int token;
    uint16_t head = ring_next_head(r);
    EXPECT(!device_has());
    EXPECT(give(r, 2, &token));
    EXPECT(device_has());
    EXPECT_EQ(device_get(), head);
    const uint8_t *first = d.shared + DESCRIPTOR_SIZE * (size_t)head;
    EXPECT_EQ(read_le64(first), 0x1000);
    EXPECT_EQ(read_le32(first + 8), 100);
    EXPECT_EQ(read_le16(first + 12), NEXT);
    const uint8_t *second = d.shared + DESCRIPTOR_SIZE * (size_t)read_le16(first + 14);
    EXPECT_EQ(read_le64(second), 0x2000);
    EXPECT_EQ(read_le16(second + 12), NEXT | WRITE);
    const uint8_t *third = d.shared + DESCRIPTOR_SIZE * (size_t)read_le16(second + 14);
    EXPECT_EQ(read_le64(third), 0x2001);
    EXPECT_EQ(read_le16(third + 12), WRITE);
}

TEST(what_the_device_has_done_comes_back_with_its_token)
{
    struct ring *r = fresh();
    int tokens[2];
    struct ring_taken taken;
    (void)give(r, 1, &tokens[0]);
    (void)give(r, 2, &tokens[1]);
    EXPECT(!ring_take(r, &taken));
    uint16_t first = device_get();
    device_put(device_get(), 200); // the second one before the first
    EXPECT(ring_take(r, &taken));
    EXPECT(taken.token == &tokens[1]);
    EXPECT_EQ(taken.written, 200);
    EXPECT(!ring_take(r, &taken));
    device_put(first, 0);
    EXPECT(ring_take(r, &taken));
    EXPECT(taken.token == &tokens[0]);
    EXPECT_EQ(ring_room(r), SIZE);
}

TEST(a_ring_goes_round_many_times_at_every_filling)
{
    struct ring *r = fresh();
    int tokens[SIZE];
    struct ring_taken taken;
    for (unsigned round = 0; round < 70000; round++) {
        unsigned count = round % 4 + 1;
        for (unsigned i = 0; i < count; i++) {
            EXPECT(ring_room(r) >= 2);
            (void)give(r, 1, &tokens[i]);
        }
        for (unsigned i = 0; i < count; i++) {
            device_put(device_get(), i);
            EXPECT(ring_take(r, &taken));
            EXPECT(taken.token == &tokens[i]);
        }
        EXPECT_EQ(ring_room(r), SIZE);
    }
}

TEST(a_device_that_asks_for_it_is_not_told)
{
    struct ring *r = fresh();
    int token;
    put16(d.at.used, 1);
    EXPECT(!give(r, 1, &token));
    put16(d.at.used, 0);
    EXPECT(give(r, 1, &token));
}

// Each of these is one lie of a device that has one chain, of 100 writable bytes.
static void expect_broken(uint32_t head, uint32_t written, uint16_t index)
{
    struct ring *r = fresh();
    int token;
    struct ring_taken taken;
    (void)give(r, 1, &token);
    device_put(head, written);
    put16(d.at.used + 2, index);
    EXPECT(!ring_take(r, &taken));
    EXPECT(r->is_broken);
    EXPECT_EQ(ring_room(r), 0);
    EXPECT(ring_give_up(r, &taken));
    EXPECT(taken.token == &token);
    EXPECT(!ring_give_up(r, &taken));
}

TEST(a_device_that_lies_breaks_the_ring_and_nothing_else)
{
    expect_broken(1, 0, 1);          // not the first of a chain
    expect_broken(SIZE, 0, 1);       // no descriptor
    expect_broken(UINT32_MAX, 0, 1); //
    expect_broken(0, 101, 1);        // more than it may write
    expect_broken(0, 0, 2);          // more than it was given
    expect_broken(0, 0, UINT16_MAX); // backwards
}

TEST(a_chain_does_not_come_back_twice)
{
    struct ring *r = fresh();
    int tokens[2];
    struct ring_taken taken;
    (void)give(r, 1, &tokens[0]);
    (void)give(r, 1, &tokens[1]);
    uint16_t head = device_get();
    device_put(head, 0);
    device_put(head, 0);
    EXPECT(ring_take(r, &taken));
    EXPECT(!ring_take(r, &taken));
    EXPECT(r->is_broken);
}

TEST(what_a_device_writes_over_descriptors_is_not_believed)
{
    struct ring *r = fresh();
    int token;
    struct ring_taken taken;
    (void)give(r, 3, &token);
    memset(d.shared, 0xff, d.at.avail);
    device_put(device_get(), 300);
    EXPECT(ring_take(r, &taken));
    EXPECT_EQ(ring_room(r), SIZE);
    for (unsigned i = 0; i < SIZE; i++) {
        EXPECT(d.entries[i].token == NULL);
    }
}

// ---- Who is told when ----

static size_t used_event_place(void)
{
    return d.at.avail + 4 + 2 * (size_t)SIZE;
}

static size_t avail_event_place(void)
{
    return d.at.used + 4 + 8 * (size_t)SIZE;
}

static struct ring *fresh_with_events(void)
{
    struct ring *r = fresh();
    r->has_events = true;
    return r;
}

TEST(a_device_with_events_is_told_when_its_index_is_passed)
{
    struct ring *r = fresh_with_events();
    int token;
    put16(avail_event_place(), 1); // when the second one is there
    EXPECT(!give(r, 0, &token));
    EXPECT(give(r, 0, &token));
    EXPECT(!give(r, 0, &token));
    put16(avail_event_place(), 3);
    EXPECT(give(r, 0, &token));
}

TEST(of_several_chains_one_look_tells_whether_any_passed_the_index)
{
    struct ring *r = fresh_with_events();
    int token;
    put16(avail_event_place(), 1);
    for (unsigned i = 0; i < 4; i++) {
        ring_add(r, 0x1000, 100, RING_DEVICE_READS);
        ring_put(r, &token);
    }
    EXPECT(device_has());
    EXPECT(ring_wants_notice(r));
    EXPECT(!ring_wants_notice(r));
}

TEST(events_work_across_the_end_of_the_indices)
{
    struct ring *r = fresh_with_events();
    int token;
    struct ring_taken taken;
    for (unsigned i = 0; i < 70000; i++) {
        bool is_wanted = i % 3 == 0;
        put16(avail_event_place(), is_wanted ? i : i + 1);
        EXPECT_EQ(give(r, 0, &token), is_wanted);
        EXPECT(ring_arm(r, 1));
        EXPECT_EQ(read_le16(d.shared + used_event_place()), (uint16_t)i);
        device_put(device_get(), 0);
        EXPECT(ring_has_news(r));
        EXPECT(!ring_arm(r, 1));
        EXPECT(ring_take(r, &taken));
        EXPECT(!ring_has_news(r));
    }
}

TEST(interrupts_can_wait_for_several_chains)
{
    struct ring *r = fresh_with_events();
    int token;
    for (unsigned i = 0; i < 4; i++) {
        (void)give(r, 0, &token);
    }
    EXPECT(ring_arm(r, 3));
    EXPECT_EQ(read_le16(d.shared + used_event_place()), 2);
    device_put(device_get(), 0);
    device_put(device_get(), 0);
    EXPECT(ring_arm(r, 3));
    device_put(device_get(), 0);
    EXPECT(!ring_arm(r, 3));
}

TEST(without_events_interrupts_are_on_or_off)
{
    struct ring *r = fresh();
    int token;
    (void)give(r, 0, &token);
    (void)give(r, 0, &token);
    ring_disarm(r);
    EXPECT_EQ(read_le16(d.shared + d.at.avail), 1);
    EXPECT(ring_arm(r, 2));
    EXPECT_EQ(read_le16(d.shared + d.at.avail), 0);
    device_put(device_get(), 0);
    EXPECT(!ring_arm(r, 2));
}
