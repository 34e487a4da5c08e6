// SPDX-License-Identifier: Apache-2.0
#include "lib/log/ring.h"

#include "lib/fmt/fmt.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { SIZE = LOG_RING_SIZE_MIN, SLOTS = SIZE / LOG_SLOT_SHARE, WORDS = SIZE / LOG_WORD_SHARE };

static uint64_t memory[SIZE / sizeof(uint64_t)];

static void init(struct log_ring *ring)
{
    memset(memory, 0xa5, sizeof(memory));
    log_ring_init(ring, memory, sizeof(memory), 1);
}

static bool append(struct log_ring *ring, const char *text, uint32_t len)
{
    struct log_record r = {.time = 7, .source = "test", .level = LOG_WARN, .cpu = 70000};
    struct log_reservation reserved;
    if (!log_ring_reserve(ring, len, &reserved)) {
        return false;
    }
    log_ring_commit(ring, &reserved, &r, text);
    return true;
}

static void append_number(struct log_ring *ring, unsigned number)
{
    char text[32];
    EXPECT(append(ring, text, (uint32_t)fmt_print(text, sizeof(text), "record %u", number)));
}

static void expect_record(struct log_ring *ring, uint64_t sequence, const char *want)
{
    struct log_record r;
    char text[LOG_TEXT_MAX + 1];
    EXPECT_OK(log_ring_read(ring, sequence, &r, text, LOG_TEXT_MAX));
    text[r.text_len] = '\0';
    EXPECT_EQ(r.sequence, sequence);
    EXPECT_STR(text, want);
}

TEST(a_record_comes_back_whole)
{
    struct log_ring ring;
    struct log_record r;
    char text[8];
    init(&ring);
    EXPECT(append(&ring, "hello, world", 12));
    EXPECT_OK(log_ring_read(&ring, 1, &r, text, sizeof(text)));
    EXPECT_EQ(r.sequence, 1);
    EXPECT_EQ(r.time, 7);
    EXPECT_STR(r.source, "test");
    EXPECT_EQ(r.level, LOG_WARN);
    EXPECT_EQ(r.cpu, 70000);
    EXPECT_EQ(r.text_len, 12);
    EXPECT_MEM(text, "hello, w", sizeof(text));
}

TEST(a_record_that_is_not_written_yet_is_to_be_waited_for)
{
    struct log_ring ring;
    struct log_record r;
    init(&ring);
    EXPECT_STATUS(log_ring_read(&ring, 1, &r, NULL, 0), ERR_AGAIN);
    EXPECT(append(&ring, "x", 1));
    EXPECT_STATUS(log_ring_read(&ring, 2, &r, NULL, 0), ERR_AGAIN);
    EXPECT_EQ(log_ring_next(&ring), 2);
}

TEST(a_static_ring_needs_no_initialisation)
{
    static struct log_slot slots[4];
    static _Atomic uint64_t words[128];
    static struct log_ring ring = LOG_RING_INIT(slots, words);
    append_number(&ring, 1);
    append_number(&ring, 2);
    expect_record(&ring, 1, "record 1");
    expect_record(&ring, 2, "record 2");
}

TEST(when_the_ring_is_full_the_oldest_records_go)
{
    struct log_ring ring;
    struct log_record r;
    init(&ring);
    for (unsigned i = 1; i <= 1000; i++) {
        append_number(&ring, i);
    }
    EXPECT_EQ(log_ring_next(&ring), 1001);
    uint64_t oldest = log_ring_oldest(&ring);
    EXPECT(oldest > 1000 - SLOTS && oldest < 1000);
    EXPECT_OK(log_ring_read(&ring, 1, &r, NULL, 0));
    EXPECT_EQ(r.sequence, oldest);
    expect_record(&ring, 1000, "record 1000");
}

TEST(records_without_text_are_limited_by_slots)
{
    struct log_ring ring;
    init(&ring);
    for (unsigned i = 0; i < 3 * SLOTS; i++) {
        EXPECT(append(&ring, "", 0));
    }
    EXPECT_EQ(log_ring_next(&ring) - log_ring_oldest(&ring), SLOTS);
}

TEST(the_longest_texts_survive_the_end_of_the_ring)
{
    struct log_ring ring;
    char text[LOG_TEXT_MAX + 1];
    init(&ring);
    for (unsigned i = 0; i < 100; i++) {
        memset(text, 'a' + (int)(i % 26), LOG_TEXT_MAX);
        text[LOG_TEXT_MAX] = '\0';
        uint32_t len = LOG_TEXT_MAX - i; // so that the places shift
        EXPECT(append(&ring, text, len));
        text[len] = '\0';
        expect_record(&ring, i + 1, text);
    }
}

TEST(random_lengths_leave_the_newest_records_intact)
{
    struct test_random random = {42};
    struct log_ring ring;
    char text[LOG_TEXT_MAX + 1];
    uint32_t lens[64];
    init(&ring);
    for (unsigned i = 0; i < 20000; i++) {
        lens[i % 64] = (uint32_t)test_random_below(&random, LOG_TEXT_MAX + 1);
        memset(text, (int)(i % 251), lens[i % 64]);
        EXPECT(append(&ring, text, lens[i % 64]));
        uint64_t oldest = log_ring_oldest(&ring);
        EXPECT(oldest + 2 <= i + 1 || i < 2);
        struct log_record r;
        uint64_t any = oldest + test_random_below(&random, i + 2 - oldest);
        EXPECT_OK(log_ring_read(&ring, any, &r, text, LOG_TEXT_MAX));
        EXPECT_EQ(r.text_len, lens[(any - 1) % 64]);
        EXPECT(r.text_len == 0 || (uint8_t)text[r.text_len - 1] == (any - 1) % 251);
        EXPECT(r.text_len == 0 || (uint8_t)text[0] == (any - 1) % 251);
    }
}

TEST(a_writer_that_was_interrupted_holds_up_nobody)
{
    struct log_ring ring;
    struct log_reservation slow;
    struct log_record r = {.source = "slow"};
    init(&ring);
    EXPECT(log_ring_reserve(&ring, 4, &slow));
    append_number(&ring, 2);
    expect_record(&ring, 2, "record 2");
    EXPECT_STATUS(log_ring_read(&ring, 1, &r, NULL, 0), ERR_AGAIN);
    log_ring_commit(&ring, &slow, &(struct log_record){.source = "slow"}, "done");
    expect_record(&ring, 1, "done");
}

TEST(a_record_in_the_way_of_a_slow_writer_is_refused_and_counted)
{
    struct log_ring ring;
    struct log_reservation slow;
    init(&ring);
    append_number(&ring, 1);
    EXPECT(log_ring_reserve(&ring, 4, &slow));
    unsigned written = 0;
    while (append(&ring, "text", 4)) {
        written++;
    }
    EXPECT_EQ(written, SLOTS - 1);
    EXPECT_EQ(ring.dropped, 1);
    EXPECT_EQ(log_ring_oldest(&ring), 2);

    // Nobody wrote where it still had to write, and everything goes on when it has.
    log_ring_commit(&ring, &slow, &(struct log_record){.source = "slow"}, "done");
    expect_record(&ring, 2, "done");
    expect_record(&ring, 3, "text");
    EXPECT(append(&ring, "text", 4));
    EXPECT_EQ(log_ring_oldest(&ring), 3);
}

TEST(records_of_the_system_before_a_warm_reset_are_not_seen)
{
    struct log_ring ring;
    struct log_record r;
    init(&ring);
    append_number(&ring, 1);
    append_number(&ring, 2);
    log_ring_init(&ring, memory, sizeof(memory), 1);
    EXPECT_STATUS(log_ring_read(&ring, 1, &r, NULL, 0), ERR_AGAIN);
    struct log_reservation reserved;
    EXPECT(log_ring_reserve(&ring, 8, &reserved));
    EXPECT_STATUS(log_ring_read(&ring, 1, &r, NULL, 0), ERR_AGAIN);
}
