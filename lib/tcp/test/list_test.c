// SPDX-License-Identifier: Apache-2.0
/* Memory that is lent for many holes. */
#include "lib/tcp/test/dialogue.h"

enum { WORDS = 4096 };

static struct dialogue dialogue;
static uint64_t memory[2][WORDS];

static struct dialogue *with_holes(unsigned n)
{
    struct dialogue *d = dialogue_open(&dialogue);
    for (unsigned i = 1; i <= n; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1", i * 20 + 1);
        peer(d, text);
    }
    return d;
}

// `n` times ten bytes are told as come, each behind a hole of ten.
static void tell_holes(struct dialogue *d, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A 1 ack 1 sack %u-%u", 11 + i * 20, 21 + i * 20);
        peer(d, text);
    }
}

static struct dialogue *in_flight(void)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write_segments(d, 1, 10);
    return d;
}

TEST(a_connection_without_holes_wants_no_memory)
{
    struct dialogue *d = in_flight();
    peer(d, "A 1+10 ack 10001");
    EXPECT_EQ(d->events & TCP_EVENT_CROWDED, 0);
    EXPECT_EQ(tcp_list_wants(&d->t, TCP_LIST_FLIGHT), 0);
    EXPECT_EQ(tcp_list_wants(&d->t, TCP_LIST_RECEIVED), 0);
}

TEST(many_holes_in_what_comes_want_memory_and_use_it)
{
    struct dialogue *d = with_holes(8);
    EXPECT_EQ(d->events & TCP_EVENT_CROWDED, 0);
    d = with_holes(9);
    EXPECT(d->events & TCP_EVENT_CROWDED);
    size_t size = tcp_list_wants(&d->t, TCP_LIST_RECEIVED);
    EXPECT(size > 0 && size <= sizeof(memory[0]));
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_RECEIVED, memory[0], size) == NULL);
    for (unsigned i = 10; i <= 30; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1", i * 20 + 1);
        peer(d, text);
        EXPECT_EQ(d->result.take, 10);
    }
    for (unsigned i = 0; i <= 30; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+20 ack 1", i * 20 + 1);
        peer(d, text);
    }
    EXPECT_EQ(d->readable, 620);
}

TEST(many_holes_in_what_goes_want_memory_and_use_it)
{
    struct dialogue *d = in_flight();
    tell_holes(d, 0, 9);
    EXPECT(d->events & TCP_EVENT_CROWDED);
    size_t size = tcp_list_wants(&d->t, TCP_LIST_FLIGHT);
    EXPECT(size > 0 && size <= sizeof(memory[0]));
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, memory[0], size) == NULL);
    tell_holes(d, 9, 51);
    EXPECT_EQ(dialogue_info(d).in_flight + dialogue_info(d).lost, 10000 - 600);
}

TEST(without_more_memory_some_blocks_are_forgotten_and_all_arrives)
{
    struct dialogue *d = in_flight();
    tell_holes(d, 0, 60);
    EXPECT(dialogue_info(d).in_flight + dialogue_info(d).lost > 10000 - 600);
    for (unsigned i = 0; i < 50; i++) {
        while (tcp_output(&d->t, d->now, 0, &d->output, &d->payload)) {
        }
        pass(d, 500 * MS);
    }
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(d->acked, 10000);
}

TEST(more_memory_gives_back_what_was_lent_before)
{
    struct dialogue *d = in_flight();
    tell_holes(d, 0, 9);
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, memory[0], sizeof(memory[0]) / 16) == NULL);
    tell_holes(d, 9, 51);
    size_t size = tcp_list_wants(&d->t, TCP_LIST_FLIGHT);
    EXPECT(size > 0);
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, memory[1], size) == memory[0]);
    tell_holes(d, 60, 10);
    EXPECT_EQ(dialogue_info(d).in_flight + dialogue_info(d).lost, 10000 - 700);
}

TEST(less_memory_than_there_is_is_given_back_at_once)
{
    struct dialogue *d = in_flight();
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, memory[0], 64) == memory[0]);
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_RECEIVED, memory[0], 1) == memory[0]);
}

TEST(memory_can_be_taken_back_when_the_holes_are_gone)
{
    struct dialogue *d = in_flight();
    tell_holes(d, 0, 9);
    (void)tcp_list_lend(&d->t, TCP_LIST_FLIGHT, memory[0], sizeof(memory[0]));
    tell_holes(d, 9, 51);
    EXPECT(!tcp_list_is_short(&d->t, TCP_LIST_FLIGHT));
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, NULL, 0) == NULL);
    peer(d, "A 1 ack 9001");
    EXPECT(tcp_list_is_short(&d->t, TCP_LIST_FLIGHT));
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, NULL, 0) == memory[0]);
    peer(d, "A 1 ack 10001");
    EXPECT_EQ(d->acked, 10000);
}

TEST(a_closed_connection_gives_all_memory_back)
{
    struct dialogue *d = with_holes(9);
    (void)tcp_list_lend(&d->t, TCP_LIST_RECEIVED, memory[0], sizeof(memory[0]));
    for (unsigned i = 10; i <= 30; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+10 ack 1", i * 20 + 1);
        peer(d, text);
    }
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_RECEIVED, NULL, 0) == NULL);
    tcp_abort(&d->t);
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_RECEIVED, NULL, 0) == memory[0]);
    EXPECT(tcp_list_lend(&d->t, TCP_LIST_FLIGHT, NULL, 0) == NULL);
}
