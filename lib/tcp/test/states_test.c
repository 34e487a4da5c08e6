// SPDX-License-Identifier: Apache-2.0
/*
 * Every state and every kind of segment: which state follows, and what is answered.  In all of these
 * our next number is 2 where a FIN was sent and 1 otherwise, and so is the peer's.
 */
#include "lib/tcp/test/dialogue.h"

static struct dialogue dialogue;

struct row {
    const char *segment;
    enum tcp_state state; // that follows
    const char *answer;   // NULL: none
};

// ---- How each state is come to ----

static void come_to_syn_sent(struct dialogue *d)
{
    dialogue_begin(d);
    dialogue_connect(d, NULL);
    expect(d, "S 0");
}

static void come_to_syn_received(struct dialogue *d)
{
    dialogue_listen(d, "mss 1000 sackok");
    expect(d, "SA 0 ack 1");
}

static void come_to_established(struct dialogue *d)
{
    dialogue_open(d);
}

static void come_to_fin_wait_1(struct dialogue *d)
{
    dialogue_open(d);
    app_shutdown(d);
    expect(d, "FA 1 ack 1");
}

static void come_to_fin_wait_2(struct dialogue *d)
{
    come_to_fin_wait_1(d);
    peer(d, "A 1 ack 2");
}

static void come_to_close_wait(struct dialogue *d)
{
    dialogue_open(d);
    peer(d, "FA 1 ack 1");
    expect(d, "A 1 ack 2");
}

static void come_to_closing(struct dialogue *d)
{
    come_to_fin_wait_1(d);
    peer(d, "FA 1 ack 1");
    expect(d, "A 2 ack 2");
}

static void come_to_last_ack(struct dialogue *d)
{
    come_to_close_wait(d);
    app_shutdown(d);
    expect(d, "FA 1 ack 2");
}

static void come_to_time_wait(struct dialogue *d)
{
    come_to_fin_wait_2(d);
    peer(d, "FA 1 ack 2");
    expect(d, "A 2 ack 2");
}

static void check_row(struct dialogue *d, const struct row *r, int line)
{
    peer(d, r->segment);
    if (tcp_state(&d->t) != r->state) {
        test_fail(__FILE__, line, "after %s the state is %u, not %u", r->segment,
                  (unsigned)tcp_state(&d->t), (unsigned)r->state);
    }
    if (r->answer != NULL) {
        expect_at(d, r->answer, __FILE__, line);
    }
    if (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        test_fail(__FILE__, line, "after %s too much is answered", r->segment);
    }
}

static void check_rows(void (*come_to)(struct dialogue *), const struct row *rows, unsigned n,
                       int line)
{
    for (unsigned i = 0; i < n && !test_has_failed(); i++) {
        come_to(&dialogue);
        check_row(&dialogue, &rows[i], line + (int)i);
    }
}

// The rows stand on the lines behind.
#define CHECK(come_to, ...)                                                                        \
    check_rows(come_to, (const struct row[]){__VA_ARGS__},                                         \
               sizeof((struct row[]){__VA_ARGS__}) / sizeof(struct row), __LINE__ + 1)

// clang-format off

TEST(in_syn_sent_only_an_answer_to_our_syn_counts)
{
    CHECK(come_to_syn_sent,
          {"SA 0 ack 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"S 0", TCP_SYN_RECEIVED, "SA 0 ack 1"},
          {"SA 0 ack 0", TCP_SYN_SENT, "R 0"},
          {"SA 0 ack 2", TCP_SYN_SENT, "R 2"},
          {"A 1 ack 1", TCP_SYN_SENT, NULL},
          {"A 1 ack 0", TCP_SYN_SENT, "R 0"},
          {"A 1+10 ack 1", TCP_SYN_SENT, NULL},
          {"FA 1 ack 1", TCP_SYN_SENT, NULL},
          {"F 1", TCP_SYN_SENT, NULL},
          {"R 0", TCP_SYN_SENT, NULL},
          {"RA 0 ack 0", TCP_SYN_SENT, NULL},
          {"RA 0 ack 1", TCP_CLOSED, NULL},
          {"SR 0", TCP_SYN_SENT, NULL},
          {"SFA 0 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"- 1", TCP_SYN_SENT, NULL});
}

TEST(in_syn_received_the_acknowledgement_of_our_syn_opens)
{
    CHECK(come_to_syn_received,
          {"A 1 ack 1", TCP_ESTABLISHED, NULL},
          {"A 1+10 ack 1", TCP_ESTABLISHED, NULL},
          {"FA 1 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"A 1 ack 0", TCP_SYN_RECEIVED, "R 0"},
          {"A 1 ack 2", TCP_SYN_RECEIVED, "R 2"},
          {"S 0", TCP_SYN_RECEIVED, "SA 0 ack 1"},
          {"SA 0 ack 1", TCP_ESTABLISHED, NULL},
          {"R 1", TCP_CLOSED, NULL},
          {"R 0", TCP_SYN_RECEIVED, NULL},
          {"R 50000", TCP_SYN_RECEIVED, NULL},
          {"F 1", TCP_SYN_RECEIVED, NULL},
          {"P 1+10", TCP_SYN_RECEIVED, NULL},
          {"- 1", TCP_SYN_RECEIVED, NULL});
}

TEST(in_established_all_kinds_of_segments_have_their_answers)
{
    CHECK(come_to_established,
          {"A 1 ack 1", TCP_ESTABLISHED, NULL},
          {"A 1+10 ack 1", TCP_ESTABLISHED, NULL},
          {"A 1+1000 ack 1", TCP_ESTABLISHED, "A 1 ack 1001"},
          {"A 11+10 ack 1", TCP_ESTABLISHED, "A 1 ack 1 sack 11-21"},
          {"A 50001+10 ack 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"A -9+10 ack 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"A 1 ack 2", TCP_ESTABLISHED, "A 1 ack 1"},
          {"A 1 ack -70000", TCP_ESTABLISHED, "A 1 ack 1"},
          {"FA 1 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"FA 11 ack 1", TCP_ESTABLISHED, "A 1 ack 1 sack 11-12"},
          {"F 1", TCP_ESTABLISHED, NULL},
          {"S 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"SA 0 ack 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"SFRPAUEC 1 ack 1", TCP_CLOSED, NULL},
          {"SFPUA 1 ack 1", TCP_ESTABLISHED, "A 1 ack 1"},
          {"R 1", TCP_CLOSED, NULL},
          {"R 2", TCP_ESTABLISHED, "A 1 ack 1"},
          {"R 0", TCP_ESTABLISHED, NULL},
          {"R 50001", TCP_ESTABLISHED, NULL},
          {"P 1+10", TCP_ESTABLISHED, NULL},
          {"UA 1+10 ack 1", TCP_ESTABLISHED, NULL},
          {"- 1", TCP_ESTABLISHED, NULL});
}

TEST(in_fin_wait_1_the_fins_acknowledgement_and_the_peers_fin_count)
{
    CHECK(come_to_fin_wait_1,
          {"A 1 ack 1", TCP_FIN_WAIT_1, NULL},
          {"A 1 ack 2", TCP_FIN_WAIT_2, NULL},
          {"A 1 ack 3", TCP_FIN_WAIT_1, "A 2 ack 1"},
          {"A 1+10 ack 1", TCP_FIN_WAIT_1, NULL},
          {"A 1+10 ack 2", TCP_FIN_WAIT_2, NULL},
          {"FA 1 ack 1", TCP_CLOSING, "A 2 ack 2"},
          {"FA 1 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"FA 1+10 ack 2", TCP_TIME_WAIT, "A 2 ack 12"},
          {"FA 11 ack 2", TCP_FIN_WAIT_2, "A 2 ack 1"},
          {"F 1", TCP_FIN_WAIT_1, NULL},
          {"S 1", TCP_FIN_WAIT_1, "A 2 ack 1"},
          {"R 1", TCP_CLOSED, NULL},
          {"R 2", TCP_FIN_WAIT_1, "A 2 ack 1"},
          {"R 0", TCP_FIN_WAIT_1, NULL},
          {"- 1", TCP_FIN_WAIT_1, NULL});
}

TEST(in_fin_wait_2_the_peers_fin_leads_on)
{
    CHECK(come_to_fin_wait_2,
          {"A 1 ack 2", TCP_FIN_WAIT_2, NULL},
          {"A 1+10 ack 2", TCP_FIN_WAIT_2, NULL},
          {"A 1 ack 3", TCP_FIN_WAIT_2, "A 2 ack 1"},
          {"FA 1 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"FA 1 ack 1", TCP_TIME_WAIT, "A 2 ack 2"},
          {"FA 11 ack 2", TCP_FIN_WAIT_2, "A 2 ack 1"},
          {"F 1", TCP_FIN_WAIT_2, NULL},
          {"S 1", TCP_FIN_WAIT_2, "A 2 ack 1"},
          {"R 1", TCP_CLOSED, NULL},
          {"R 2", TCP_FIN_WAIT_2, "A 2 ack 1"},
          {"R 50001", TCP_FIN_WAIT_2, NULL},
          {"- 1", TCP_FIN_WAIT_2, NULL});
}

TEST(in_close_wait_nothing_more_comes)
{
    CHECK(come_to_close_wait,
          {"A 2 ack 1", TCP_CLOSE_WAIT, NULL},
          {"A 2+10 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"A 1 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"FA 1 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"FA 2 ack 1", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"A 2 ack 2", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"S 2", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"R 2", TCP_CLOSED, NULL},
          {"R 1", TCP_CLOSE_WAIT, NULL},
          {"R 3", TCP_CLOSE_WAIT, "A 1 ack 2"},
          {"- 2", TCP_CLOSE_WAIT, NULL});
}

TEST(in_closing_only_the_fins_acknowledgement_leads_on)
{
    CHECK(come_to_closing,
          {"A 2 ack 2", TCP_TIME_WAIT, NULL},
          {"A 2 ack 1", TCP_CLOSING, NULL},
          {"FA 1 ack 1", TCP_CLOSING, "A 2 ack 2"},
          {"FA 1 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"A 2+10 ack 1", TCP_CLOSING, "A 2 ack 2"},
          {"A 2 ack 3", TCP_CLOSING, "A 2 ack 2"},
          {"S 2", TCP_CLOSING, "A 2 ack 2"},
          {"R 2", TCP_CLOSED, NULL},
          {"R 3", TCP_CLOSING, "A 2 ack 2"},
          {"- 2", TCP_CLOSING, NULL});
}

TEST(in_last_ack_the_fins_acknowledgement_ends)
{
    CHECK(come_to_last_ack,
          {"A 2 ack 2", TCP_CLOSED, NULL},
          {"A 2 ack 1", TCP_LAST_ACK, NULL},
          {"FA 1 ack 1", TCP_LAST_ACK, "A 2 ack 2"},
          {"FA 1 ack 2", TCP_CLOSED, NULL},
          {"A 2+10 ack 1", TCP_LAST_ACK, "A 2 ack 2"},
          {"A 2 ack 3", TCP_LAST_ACK, "A 2 ack 2"},
          {"S 2", TCP_LAST_ACK, "A 2 ack 2"},
          {"R 2", TCP_CLOSED, NULL},
          {"R 3", TCP_LAST_ACK, "A 2 ack 2"},
          {"- 2", TCP_LAST_ACK, NULL});
}

TEST(in_time_wait_only_fins_and_odd_things_are_answered)
{
    CHECK(come_to_time_wait,
          {"A 2 ack 2", TCP_TIME_WAIT, NULL},
          {"FA 1 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"A 2+10 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"A 1+1 ack 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"A 2 ack 3", TCP_TIME_WAIT, "A 2 ack 2"},
          {"S 2", TCP_TIME_WAIT, "A 2 ack 2"},
          {"S 100000", TCP_TIME_WAIT, "A 2 ack 2"},
          {"R 2", TCP_CLOSED, NULL},
          {"R 1", TCP_TIME_WAIT, NULL},
          {"R 3", TCP_TIME_WAIT, "A 2 ack 2"},
          {"- 2", TCP_TIME_WAIT, NULL});
}
