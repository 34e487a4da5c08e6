// SPDX-License-Identifier: Apache-2.0
#include "lib/bpf/filter.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

static void copy(const void *context, size_t offset, void *to, size_t size)
{
    memcpy(to, (const uint8_t *)context + offset, size);
}

static uint32_t run(const struct bpf_instruction *program, const void *bytes, size_t size)
{
    const struct bpf_packet p = {.size = size, .copy = copy, .context = bytes};
    return bpf_run(program, &p);
}

// UDP from port 53, on Ethernet, as tcpdump's compiler writes it.
static const struct bpf_instruction udp_53[] = {
    {0x28, 0, 0, 12}, {0x15, 0, 4, 0x86dd}, {0x30, 0, 0, 20},     {0x15, 0, 11, 17},
    {0x28, 0, 0, 54}, {0x15, 8, 9, 53},     {0x15, 0, 8, 0x0800}, {0x30, 0, 0, 23},
    {0x15, 0, 6, 17}, {0x28, 0, 0, 20},     {0x45, 4, 0, 0x1fff}, {0xb1, 0, 0, 14},
    {0x48, 0, 0, 14}, {0x15, 0, 1, 53},     {0x06, 0, 0, 262144}, {0x06, 0, 0, 0},
};

static uint8_t frame[64];

static void make_frame(uint8_t protocol, uint8_t port)
{
    memset(frame, 0, sizeof(frame));
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = protocol;
    frame[35] = port;
}

TEST(a_filter_takes_what_its_expression_says)
{
    EXPECT_OK(bpf_check(udp_53, ARRAY_SIZE(udp_53)));
    make_frame(17, 53);
    EXPECT_EQ(run(udp_53, frame, sizeof(frame)), 262144);
    make_frame(6, 53);
    EXPECT_EQ(run(udp_53, frame, sizeof(frame)), 0);
    make_frame(17, 54);
    EXPECT_EQ(run(udp_53, frame, sizeof(frame)), 0);
}

TEST(a_packet_that_ends_before_what_is_asked_is_not_wanted)
{
    make_frame(17, 53);
    EXPECT_EQ(run(udp_53, frame, 35), 0);
    EXPECT_EQ(run(udp_53, frame, 0), 0);
}

TEST(numbers_are_worked_with)
{
    static const struct bpf_instruction p[] = {
        {0x00, 0, 0, 100}, {0x01, 0, 0, 7}, {0x3c, 0, 0, 0}, // 100 / X
        {0x02, 0, 0, 3},   {0x94, 0, 0, 4}, {0x07, 0, 0, 0}, // 14 kept, X = 14 % 4
        {0x60, 0, 0, 3},   {0x0c, 0, 0, 0}, {0x64, 0, 0, 2}, // (14 + X) << 2
        {0x16, 0, 0, 0},
    };
    EXPECT_OK(bpf_check(p, ARRAY_SIZE(p)));
    EXPECT_EQ(run(p, frame, 1), 64);
}

TEST(a_division_by_zero_wants_nothing)
{
    static const struct bpf_instruction p[] = {{0x00, 0, 0, 100}, {0x3c, 0, 0, 0}, {0x06, 0, 0, 1}};
    EXPECT_OK(bpf_check(p, ARRAY_SIZE(p)));
    EXPECT_EQ(run(p, frame, 1), 0);
}

static void refuse(struct bpf_instruction bad)
{
    const struct bpf_instruction p[] = {bad, {0x06, 0, 0, 1}};
    EXPECT_STATUS(bpf_check(p, 2), ERR_INVAL);
}

TEST(programs_that_could_go_astray_are_refused)
{
    refuse((struct bpf_instruction){0x15, 1, 0, 0});  // a jump beyond the end
    refuse((struct bpf_instruction){0x15, 0, 1, 0});  // the same
    refuse((struct bpf_instruction){0x05, 0, 0, 1});  // the same, always
    refuse((struct bpf_instruction){0x02, 0, 0, 16}); // no such word
    refuse((struct bpf_instruction){0x60, 0, 0, 16}); // the same
    refuse((struct bpf_instruction){0x34, 0, 0, 0});  // a division by 0
    refuse((struct bpf_instruction){0xb4, 0, 0, 0});  // no such operation
    refuse((struct bpf_instruction){0xa0, 0, 0, 0});  // no such load
    refuse((struct bpf_instruction){0x106, 0, 0, 0}); // no code at all
    static const struct bpf_instruction endless[] = {{0x00, 0, 0, 1}};
    EXPECT_STATUS(bpf_check(endless, 1), ERR_INVAL);
    EXPECT_STATUS(bpf_check(endless, 0), ERR_INVAL);
}
