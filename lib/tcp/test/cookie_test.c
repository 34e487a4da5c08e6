// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/cookie.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { ALL_OPTIONS = 15 };
constexpr nsec_t NOW = 1000 * NSEC_PER_SEC;
constexpr nsec_t PERIOD = 60 * NSEC_PER_SEC;

static const struct tcp_secret secret = {"0123456789abcde"};
static const struct tcp_secret other_secret = {"0123456789abcdf"};

static const struct tcp_offer ours = {.mss = 1460, .scale = 7, .window = 100000};

static struct tcp_names some_names(void)
{
    return (struct tcp_names){ip4(0x0a000001), ip4(0x0a000002), 80, 40000};
}

static struct tcp_segment some_syn(uint8_t has)
{
    return (struct tcp_segment){.source_port = 40000,
                                .destination_port = 80,
                                .seq = 0xfffffff0,
                                .window = 64000,
                                .flags = TCP_SYN,
                                .has = has,
                                .mss = 1400,
                                .scale = 9,
                                .ts_value = 4711};
}

static struct tcp_segment answer_at(const struct tcp_segment *syn, nsec_t now)
{
    struct tcp_names names = some_names();
    struct tcp_segment out;
    tcp_cookie_answer(&secret, &names, syn, &ours, now, &out);
    return out;
}

// What a peer says to that.
static struct tcp_segment ack_of(const struct tcp_segment *answer)
{
    return (struct tcp_segment){.source_port = answer->destination_port,
                                .destination_port = answer->source_port,
                                .seq = answer->ack,
                                .ack = answer->seq + 1,
                                .window = 500,
                                .flags = TCP_ACK,
                                .has = answer->has & TCP_HAS_TIMESTAMPS,
                                .ts_value = 4720,
                                .ts_echo = answer->ts_value};
}

static bool accepts(const struct tcp_segment *ack, nsec_t now)
{
    struct tcp_names names = some_names();
    struct tcp_segment syn;
    uint32_t isn;
    return tcp_cookie_check(&secret, &names, ack, now, &syn, &isn);
}

TEST(a_cookie_brings_the_options_back)
{
    struct tcp_names names = some_names();
    for (unsigned has = 0; has <= ALL_OPTIONS; has++) {
        struct tcp_segment syn = some_syn((uint8_t)has);
        struct tcp_segment answer = answer_at(&syn, NOW);
        struct tcp_segment ack = ack_of(&answer);
        struct tcp_segment got;
        uint32_t isn;
        EXPECT(tcp_cookie_check(&secret, &names, &ack, NOW + NSEC_PER_SEC, &got, &isn));
        unsigned want = (has & TCP_HAS_TIMESTAMPS) != 0 ? has | TCP_HAS_MSS : TCP_HAS_MSS;
        EXPECT_EQ(got.has, want);
        EXPECT_EQ(got.seq, syn.seq);
        EXPECT_EQ(isn, answer.seq);
        EXPECT_EQ(got.mss, (has & TCP_HAS_MSS) != 0 ? 1400 : 536);
        EXPECT_EQ(got.scale, (want & TCP_HAS_SCALE) != 0 ? 9 : 0);
    }
}

TEST(the_answer_promises_only_what_comes_back)
{
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    struct tcp_segment answer = answer_at(&syn, NOW);
    EXPECT_EQ(answer.flags, TCP_SYN | TCP_ACK);
    EXPECT_EQ(answer.ack, syn.seq + 1);
    EXPECT_EQ(answer.has, ALL_OPTIONS);
    EXPECT_EQ(answer.mss, ours.mss);
    EXPECT_EQ(answer.scale, ours.scale);
    EXPECT_EQ(answer.window, UINT16_MAX);
    EXPECT_EQ(answer.ts_echo, 4711);
    syn.has = TCP_HAS_MSS | TCP_HAS_SCALE | TCP_HAS_SACK_PERMITTED;
    answer = answer_at(&syn, NOW);
    EXPECT_EQ(answer.has, TCP_HAS_MSS);
}

TEST(the_mss_that_comes_back_is_never_above_the_peers)
{
    struct tcp_names names = some_names();
    for (unsigned mss = 64; mss <= UINT16_MAX; mss += 13) {
        struct tcp_segment syn = some_syn(TCP_HAS_MSS);
        syn.mss = (uint16_t)mss;
        struct tcp_segment answer = answer_at(&syn, NOW);
        struct tcp_segment ack = ack_of(&answer);
        struct tcp_segment got;
        uint32_t isn;
        EXPECT(tcp_cookie_check(&secret, &names, &ack, NOW, &got, &isn));
        EXPECT(got.mss <= mss && (mss < 536 || got.mss >= 536));
    }
}

TEST(a_cookie_lasts_for_a_minute_and_never_for_more_than_two)
{
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    for (nsec_t at = 0; at < 3 * PERIOD; at += 7 * NSEC_PER_SEC) {
        struct tcp_segment answer = answer_at(&syn, NOW + at);
        struct tcp_segment ack = ack_of(&answer);
        EXPECT(accepts(&ack, NOW + at));
        EXPECT(accepts(&ack, NOW + at + PERIOD));
        EXPECT(!accepts(&ack, NOW + at + 2 * PERIOD));
        EXPECT(!accepts(&ack, NOW + at - PERIOD));
    }
}

TEST(a_cookie_is_of_its_connection_number_and_options_only)
{
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    struct tcp_segment answer = answer_at(&syn, NOW);
    const struct tcp_segment right = ack_of(&answer);
    struct tcp_segment ack = right;
    ack.seq++;
    EXPECT(!accepts(&ack, NOW));
    ack = right;
    ack.ts_echo ^= 1;
    EXPECT(!accepts(&ack, NOW));
    ack = right;
    ack.has = 0;
    EXPECT(!accepts(&ack, NOW));
    for (unsigned bit = 0; bit < 32; bit++) {
        ack = right;
        ack.ack = ((right.ack - 1) ^ (uint32_t)1 << bit) + 1;
        EXPECT(!accepts(&ack, NOW));
    }
    ack = right;
    ack.flags |= TCP_RST;
    EXPECT(!accepts(&ack, NOW));
    EXPECT(accepts(&right, NOW));
}

TEST(a_cookie_is_of_its_names_and_secret_only)
{
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    struct tcp_segment answer = answer_at(&syn, NOW);
    struct tcp_segment ack = ack_of(&answer);
    struct tcp_names names[] = {some_names(), some_names(), some_names(), some_names()};
    names[0].local = ip4(0x0a000003);
    names[1].peer = ip4(0x0a000003);
    names[2].local_port++;
    names[3].peer_port++;
    uint32_t isn;
    for (unsigned i = 0; i < 4; i++) {
        EXPECT(!tcp_cookie_check(&secret, &names[i], &ack, NOW, &syn, &isn));
    }
    struct tcp_names right = some_names();
    EXPECT(!tcp_cookie_check(&other_secret, &right, &ack, NOW, &syn, &isn));
}

TEST(guesses_are_right_no_more_often_than_chance)
{
    struct test_random random = {.state = 4987};
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    struct tcp_segment answer = answer_at(&syn, NOW);
    struct tcp_segment ack = ack_of(&answer);
    unsigned right = 0;
    for (unsigned i = 0; i < 200000; i++) {
        ack.ack = (uint32_t)test_random_next(&random);
        right += accepts(&ack, NOW) ? 1 : 0;
    }
    EXPECT(right <= 1); // 16 of 2^32 are
}

TEST(timestamps_with_options_are_not_ahead_of_the_clock)
{
    struct tcp_names names = some_names();
    uint32_t offset = tcp_timestamp_offset(&secret, &names);
    struct tcp_segment syn = some_syn(ALL_OPTIONS);
    for (nsec_t now = NOW; now < NOW + NSEC_PER_SEC; now += NSEC_PER_MSEC) {
        struct tcp_segment answer = answer_at(&syn, now);
        uint32_t clock = (uint32_t)(now >> 20) + offset;
        EXPECT(tcp_seq_le(answer.ts_value, clock) && clock - answer.ts_value < 32);
    }
}

TEST(initial_numbers_grow_with_time_and_differ_by_connection)
{
    struct tcp_names names = some_names();
    uint32_t first = tcp_isn(&secret, &names, NOW);
    EXPECT_EQ(tcp_isn(&secret, &names, NOW + 6400) - first, 100);
    names.peer_port++;
    EXPECT(tcp_isn(&secret, &names, NOW) != first);
    names = some_names();
    EXPECT(tcp_isn(&other_secret, &names, NOW) != first);
}

TEST(timestamps_are_counted_by_peer_not_by_port)
{
    struct tcp_names names = some_names();
    uint32_t offset = tcp_timestamp_offset(&secret, &names);
    names.local_port++;
    names.peer_port++;
    EXPECT_EQ(tcp_timestamp_offset(&secret, &names), offset);
    names.peer = ip4(0x0a000003);
    EXPECT(tcp_timestamp_offset(&secret, &names) != offset);
}
