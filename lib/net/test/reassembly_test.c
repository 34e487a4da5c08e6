// SPDX-License-Identifier: Apache-2.0
#include "lib/net/reassembly.h"

#include "lib/net/address.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static struct reassembly_piece pieces[REASSEMBLY_PIECES_MAX];
static struct reassembly r;

static void begin(void)
{
    reassembly_init(&r, pieces, REASSEMBLY_PIECES_MAX);
}

static enum reassembly_end add(uint32_t offset, uint32_t size, bool has_more)
{
    return reassembly_add(&r,
                          &(struct reassembly_fragment){.offset = (uint16_t)offset,
                                                        .size = size,
                                                        .has_more = has_more,
                                                        .protocol = IP_PROTOCOL_UDP,
                                                        .header_size = 20},
                          pieces);
}

TEST(fragments_in_order_make_a_whole)
{
    begin();
    EXPECT_EQ(add(0, 1480, true), REASSEMBLY_KEPT);
    EXPECT(reassembly_has_first(&r));
    EXPECT_EQ(add(1480, 1480, true), REASSEMBLY_KEPT);
    EXPECT_EQ(add(2960, 1, false), REASSEMBLY_WHOLE);
    EXPECT(r.count == 3 && r.total == 2961);
}

TEST(fragments_in_any_order_make_a_whole)
{
    struct test_random random = {.state = 31};
    for (unsigned turn = 0; turn < 300 && !test_has_failed(); turn++) {
        unsigned order[32] = {};
        unsigned count = 2 + (unsigned)test_random_below(&random, 30);
        for (unsigned i = 0; i < count; i++) {
            unsigned other = (unsigned)test_random_below(&random, i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        begin();
        for (unsigned i = 0; i < count; i++) {
            bool is_last = order[i] == count - 1;
            enum reassembly_end want = i == count - 1 ? REASSEMBLY_WHOLE : REASSEMBLY_KEPT;
            EXPECT_EQ(add(order[i] * 64, is_last ? 5 : 64, !is_last), want);
        }
        for (unsigned i = 0; i < count; i++) {
            EXPECT_EQ(r.pieces[i].offset, i * 64);
        }
    }
}

TEST(a_repeated_fragment_is_ignored)
{
    begin();
    EXPECT_EQ(add(0, 800, true), REASSEMBLY_KEPT);
    EXPECT_EQ(add(0, 800, true), REASSEMBLY_IGNORED);
    EXPECT_EQ(add(800, 8, false), REASSEMBLY_WHOLE);
}

// A datagram that has [800, 1600) of it ends with that fragment.
static void expect_dead(uint32_t offset, uint32_t size, bool has_more)
{
    begin();
    EXPECT_EQ(add(800, 800, true), REASSEMBLY_KEPT);
    EXPECT_EQ(add(offset, size, has_more), REASSEMBLY_DEAD);
    EXPECT_EQ(add(0, 800, true), REASSEMBLY_IGNORED);
}

TEST(an_overlap_ends_the_datagram_for_good)
{
    expect_dead(0, 808, true);
    expect_dead(792, 16, true);
    expect_dead(800, 792, true);
    expect_dead(800, 808, true);
    expect_dead(808, 8, true);
    expect_dead(1592, 100, false);
    expect_dead(0, 1608, true);
}

TEST(ends_that_contradict_each_other_end_the_datagram)
{
    expect_dead(0, 800, false); // something lies behind the end
    begin();
    EXPECT_EQ(add(1600, 8, false), REASSEMBLY_KEPT);
    EXPECT_EQ(add(1608, 8, false), REASSEMBLY_DEAD);
    begin();
    EXPECT_EQ(add(1600, 8, false), REASSEMBLY_KEPT);
    EXPECT_EQ(add(1608, 8, true), REASSEMBLY_DEAD);
    begin();
    EXPECT_EQ(add(1600, 8, false), REASSEMBLY_KEPT);
    EXPECT_EQ(add(800, 808, true), REASSEMBLY_DEAD);
    begin();
    EXPECT_EQ(add(1600, 8, false), REASSEMBLY_KEPT);
    EXPECT_EQ(add(792, 808, true), REASSEMBLY_KEPT);
}

TEST(a_fragment_that_cannot_be_is_dropped_alone)
{
    begin();
    EXPECT_EQ(add(0, 804, true), REASSEMBLY_BAD_SIZE);
    EXPECT_EQ(add(65528, 8, true), REASSEMBLY_TOO_LONG);
    EXPECT_EQ(add(65504, 12, false), REASSEMBLY_TOO_LONG);
    EXPECT_EQ(add(8, 0, true), REASSEMBLY_IGNORED);
    EXPECT_EQ(add(0, 800, true), REASSEMBLY_KEPT);
    EXPECT_EQ(add(800, 8, false), REASSEMBLY_WHOLE);
}

TEST(the_largest_datagram_fits_and_one_byte_more_does_not)
{
    for (uint32_t more = 0; more < 2; more++) {
        begin();
        EXPECT_EQ(add(65504, 11, false), REASSEMBLY_KEPT);
        // The first fragment has options that the last did not have.
        struct reassembly_fragment first = {.size = 65504, .has_more = true, .header_size = 20};
        first.header_size = (uint16_t)(first.header_size + more * 4);
        EXPECT_EQ(reassembly_add(&r, &first, pieces),
                  more == 0 ? REASSEMBLY_WHOLE : REASSEMBLY_DEAD);
    }
}

TEST(a_first_fragment_has_the_transports_header)
{
    struct reassembly_fragment f = {.size = 16, .has_more = true, .protocol = IP_PROTOCOL_TCP};
    begin();
    EXPECT_EQ(reassembly_add(&r, &f, pieces), REASSEMBLY_DEAD);
    f.size = 24;
    begin();
    EXPECT_EQ(reassembly_add(&r, &f, pieces), REASSEMBLY_KEPT);
}

TEST(more_pieces_than_there_is_room_for_end_the_datagram)
{
    begin();
    for (uint32_t i = 0; i < REASSEMBLY_PIECES_MAX; i++) {
        EXPECT_EQ(add(i * 16, 8, true), REASSEMBLY_KEPT);
    }
    EXPECT_EQ(add(8, 8, true), REASSEMBLY_DEAD);
}

static enum reassembly_end with_ecn(uint8_t first, uint8_t last)
{
    struct reassembly_fragment f = {.size = 80, .has_more = true, .ecn = first};
    begin();
    (void)reassembly_add(&r, &f, pieces);
    f = (struct reassembly_fragment){.offset = 80, .size = 80, .ecn = last};
    return reassembly_add(&r, &f, pieces);
}

TEST(congestion_of_one_fragment_marks_all)
{
    EXPECT_EQ(with_ecn(2, 3), REASSEMBLY_WHOLE);
    EXPECT_EQ(reassembly_ecn(&r, 2), 3);
    EXPECT_EQ(with_ecn(2, 2), REASSEMBLY_WHOLE);
    EXPECT_EQ(reassembly_ecn(&r, 2), 2);
    EXPECT_EQ(with_ecn(0, 3), REASSEMBLY_DEAD);
}
