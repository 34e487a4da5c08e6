// SPDX-License-Identifier: Apache-2.0
/* Half-open connections, and those that are over, as records. */
#include "lib/tcp/request.h"

#include "lib/tcp/machine.h"
#include "lib/tcp/wait.h"
#include "tests/harness/test.h"

enum { PEER_ISN = 5000, ISN = 9000, PORT = 80, PEER_PORT = 40000, ALL_OPTIONS = 0xf };
static constexpr nsec_t NOW = 100 * NSEC_PER_SEC;

static struct tcp_segment segment(uint8_t flags, uint32_t seq, uint32_t ack)
{
    return (struct tcp_segment){.source_port = PEER_PORT,
                                .destination_port = PORT,
                                .seq = seq,
                                .ack = ack,
                                .flags = flags,
                                .window = 1000,
                                .has = TCP_HAS_TIMESTAMPS,
                                .ts_value = 77};
}

static void make(struct tcp_request *r)
{
    const struct tcp_open o = {
        .local_port = PORT, .peer_port = PEER_PORT, .isn = ISN, .ts_offset = 3};
    const struct tcp_offer ours = {.mss = 1400, .scale = 7, .window = 100000};
    struct tcp_segment syn = segment(TCP_SYN, PEER_ISN, 0);
    syn.has = ALL_OPTIONS;
    syn.mss = 1200;
    syn.scale = 5;
    tcp_request_init(r, &o, &ours, &syn);
}

TEST(request_answers_with_what_was_agreed_on)
{
    struct tcp_request r;
    struct tcp_segment answer;
    make(&r);
    tcp_request_answer(&r, NOW, &answer);
    EXPECT_EQ(answer.flags, TCP_SYN | TCP_ACK);
    EXPECT_EQ(answer.seq, ISN);
    EXPECT_EQ(answer.ack, PEER_ISN + 1);
    EXPECT_EQ(answer.source_port, PORT);
    EXPECT_EQ(answer.mss, 1400);
    EXPECT_EQ(answer.scale, 7);
    EXPECT_EQ(answer.window, UINT16_MAX);
    EXPECT_EQ(answer.has, ALL_OPTIONS);
    EXPECT_EQ(answer.ts_echo, 77);
}

TEST(request_knows_the_acknowledgement_that_opens_it)
{
    struct tcp_request r;
    make(&r);
    struct tcp_segment s = segment(TCP_ACK, PEER_ISN + 1, ISN + 1);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_OPEN);
    s.ack = ISN;
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_REFUSE);
    s = segment(TCP_ACK, PEER_ISN + 1 + 70000, ISN + 1);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_NOTHING);
    s = segment(TCP_ACK, PEER_ISN + 1, ISN + 1);
    s.has = 0;
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_NOTHING);
    s = segment(TCP_SYN, PEER_ISN, 0);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_REPEAT);
    s = segment(TCP_SYN | TCP_ACK, PEER_ISN, ISN + 1);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_REFUSE);
    s = segment(0, PEER_ISN + 1, 0);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_NOTHING);
}

TEST(request_ends_by_the_exact_reset_only)
{
    struct tcp_request r;
    make(&r);
    struct tcp_segment s = segment(TCP_RST, PEER_ISN + 2, 0);
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_NOTHING);
    s.seq = PEER_ISN + 1;
    EXPECT_EQ(tcp_request_input(&r, &s), TCP_REQUEST_END);
}

TEST(request_makes_the_machine_that_a_syn_would_have_made)
{
    struct tcp_request r;
    struct tcp_open o;
    struct tcp_segment syn;
    struct tcp t;
    struct tcp_result result;
    const struct tcp_config c = {.receive_buffer = 65535, .mss_max = 1400};
    make(&r);
    tcp_request_open(&r, &o, &syn);
    tcp_init(&t, &c);
    tcp_accept_cookie(&t, &o, &syn, NOW);
    struct tcp_segment s = segment(TCP_ACK, PEER_ISN + 1, ISN + 1);
    s.payload_size = 10;
    tcp_input(&t, &s, NOW, &result);
    EXPECT_EQ(tcp_state(&t), TCP_ESTABLISHED);
    EXPECT_EQ(result.take, 10);
    EXPECT_EQ(result.offset, 0);
    struct tcp_info info;
    tcp_info(&t, NOW, &info);
    EXPECT_EQ(info.send_mss, 1188); // less what timestamps take
    EXPECT_EQ(info.send_scale, 5);
    EXPECT_EQ(info.send_window, 1000 << 5);
}

// One that has sent up to ISN + 1 and received up to PEER_ISN + 1, with a window of 1000 bytes.
static struct tcp_wait waiting(void)
{
    return (struct tcp_wait){.send_next = ISN + 1,
                             .receive_next = PEER_ISN + 1,
                             .edge = PEER_ISN + 1001,
                             .ts_recent = 77,
                             .ts_recent_at = (uint32_t)(NOW >> 20),
                             .local_port = PORT,
                             .peer_port = PEER_PORT,
                             .window = 1000,
                             .has = TCP_HAS_TIMESTAMPS};
}

TEST(time_wait_answers_what_comes_again)
{
    struct tcp_wait w = waiting();
    struct tcp_segment out;
    struct tcp_segment s = segment(TCP_FIN | TCP_ACK, PEER_ISN, ISN + 1);
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_RENEW);
    tcp_wait_answer(&w, NOW, &out);
    EXPECT_EQ(out.flags, TCP_ACK);
    EXPECT_EQ(out.seq, ISN + 1);
    EXPECT_EQ(out.ack, PEER_ISN + 1);
    s = segment(TCP_ACK, PEER_ISN + 1, ISN + 1);
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_NOTHING);
    s.payload_size = 5;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_ANSWER);
    s.seq = PEER_ISN + 5000;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_ANSWER);
}

TEST(time_wait_is_not_ended_by_resets)
{
    struct tcp_wait w = waiting();
    struct tcp_segment s = segment(TCP_RST, PEER_ISN + 1, 0);
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_NOTHING);
}

TEST(time_wait_lets_newer_connections_have_its_names)
{
    struct tcp_wait w = waiting();
    struct tcp_segment s = segment(TCP_SYN, PEER_ISN - 1000, 0);
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_ANSWER); // the timestamp is no later
    s.ts_value = 78;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_REOPEN);
    s.ts_value = 76;
    s.seq = PEER_ISN + 1000;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_ANSWER);
    w.has = 0;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_REOPEN);
    s.flags |= TCP_ACK;
    EXPECT_EQ(tcp_wait_input(&w, &s, NOW), TCP_WAIT_ANSWER);
}

TEST(time_wait_lets_this_end_connect_after_a_second)
{
    struct tcp_wait w = waiting();
    EXPECT(!tcp_wait_may_connect(&w, NOW));
    EXPECT(tcp_wait_may_connect(&w, NOW + 2 * NSEC_PER_SEC));
    w.has = 0;
    EXPECT(!tcp_wait_may_connect(&w, NOW + 2 * NSEC_PER_SEC));
}
