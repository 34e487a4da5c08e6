// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/log.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "lib/fmt/fmt.h"
#include "tests/harness/test.h"

enum { LINES_MAX = 64, LINE_MAX_BYTES = 64 };

// Keeps the lines that have the mark in them; a sink is for ever, so one serves all tests.
static struct {
    struct log_sink sink;
    const char *mark; // NULL: keeps nothing
    _Atomic unsigned room;
    _Atomic unsigned count;
    unsigned refused;
    bool is_added;
    bool is_entered;
    bool was_reentered;
    char lines[LINES_MAX][LINE_MAX_BYTES];
} seen;

static bool has(const char *line, size_t len, const char *part)
{
    size_t size = strlen(part);
    for (size_t i = 0; i + size <= len; i++) {
        if (memcmp(line + i, part, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool keep(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    seen.was_reentered |= seen.is_entered;
    if (seen.mark == NULL || !has(line, len, seen.mark)) {
        return true;
    }
    seen.is_entered = true;
    bool has_room = atomic_load(&seen.room) != 0;
    if (has_room) {
        unsigned n = atomic_load(&seen.count);
        // From the source on: the time differs from run to run.
        fmt_print(seen.lines[n % LINES_MAX], LINE_MAX_BYTES, "%.*s", (int)len - 16, line + 15);
        atomic_fetch_sub(&seen.room, 1);
        atomic_fetch_add(&seen.count, 1);
    } else {
        seen.refused++;
    }
    seen.is_entered = false;
    return has_room;
}

// From now on the sink keeps lines with this mark, `room` of them.
static void watch(const char *mark, unsigned room, enum log_level level)
{
    seen.mark = mark;
    seen.refused = 0;
    atomic_store(&seen.room, room);
    atomic_store(&seen.count, 0);
    seen.sink.level = level;
    if (!seen.is_added) {
        seen.is_added = true;
        seen.sink.write = keep;
        log_add_sink(&seen.sink);
    }
}

static void stop_watching(void)
{
    seen.mark = NULL;
    log_resume_sink(&seen.sink);
}

TEST(a_sink_gets_each_line_as_it_is_written)
{
    watch("alpha", LINES_MAX, LOG_INFO);
    log_info("test", "alpha %d", 1);
    EXPECT_EQ(atomic_load(&seen.count), 1);
    log_warn("test", "alpha %d", 2);
    EXPECT_STR(seen.lines[0], "test: alpha 1");
    EXPECT_STR(seen.lines[1], "test: warning: alpha 2");
    stop_watching();
}

TEST(a_sink_without_room_gets_everything_later_and_in_order)
{
    watch("beta", 2, LOG_INFO);
    for (int i = 0; i < 10; i++) {
        log_info("test", "beta %d", i);
    }
    EXPECT_EQ(atomic_load(&seen.count), 2);
    EXPECT(seen.refused != 0);
    atomic_store(&seen.room, LINES_MAX);
    log_resume_sink(&seen.sink);
    EXPECT_EQ(atomic_load(&seen.count), 10);
    EXPECT_STR(seen.lines[2], "test: beta 2");
    EXPECT_STR(seen.lines[9], "test: beta 9");
    stop_watching();
}

TEST(a_quiet_sink_gets_warnings_only)
{
    watch("gamma", LINES_MAX, LOG_WARN);
    log_info("test", "gamma info");
    log_error("test", "gamma error");
    EXPECT_EQ(atomic_load(&seen.count), 1);
    EXPECT_STR(seen.lines[0], "test: error: gamma error");
    stop_watching();
}

TEST(what_is_not_wanted_takes_no_sequence_number)
{
    uint64_t before = log_next();
    log_debug("test", "nobody asked for it");
    EXPECT_EQ(log_next(), before);
}

TEST(a_record_is_read_by_its_sequence)
{
    struct log_record r;
    char text[LOG_TEXT_MAX + 1];
    uint64_t sequence = log_next();
    log_info("test", "delta %s", "x");
    EXPECT_OK(log_read(sequence, &r, text, LOG_TEXT_MAX));
    text[r.text_len] = '\0';
    EXPECT_EQ(r.sequence, sequence);
    EXPECT_STR(r.source, "test");
    EXPECT_EQ(r.level, LOG_INFO);
    EXPECT_STR(text, "delta x");
    EXPECT(r.time <= time_now());
    EXPECT_STATUS(log_read(log_next(), &r, text, LOG_TEXT_MAX), ERR_AGAIN);
}

TEST(a_text_that_is_too_long_is_cut)
{
    static char longer[2 * LOG_TEXT_MAX];
    struct log_record r;
    uint64_t sequence = log_next();
    memset(longer, 'x', sizeof(longer) - 1);
    log_info("test", "%s", longer);
    EXPECT_OK(log_read(sequence, &r, NULL, 0));
    EXPECT_EQ(r.text_len, LOG_TEXT_MAX);
}

static struct {
    _Atomic bool is_waiting;
    _Atomic int status;
    uint64_t sequence;
} follower;

static void follow(void *arg)
{
    (void)arg;
    atomic_store(&follower.is_waiting, true);
    atomic_store(&follower.status, log_wait(follower.sequence, NSEC_NEVER, WAIT_DEFAULT));
}

TEST(who_waits_for_a_record_is_woken_by_it)
{
    for (unsigned round = 0; round < 20; round++) {
        follower.sequence = log_next();
        atomic_store(&follower.is_waiting, false);
        atomic_store(&follower.status, 1);
        EXPECT(test_spawn("follower", follow, NULL) != NULL);
        // In some rounds the record comes before the wait, in others after it.
        while (round % 2 == 0 && !atomic_load(&follower.is_waiting)) {
            EXPECT_OK(thread_sleep_until(time_now() + 100 * NSEC_PER_USEC, WAIT_DEFAULT));
        }
        log_info("test", "round %u", round);
        test_join_all();
        EXPECT_EQ(atomic_load(&follower.status), OK);
    }
}

TEST(a_wait_for_a_record_that_never_comes_times_out)
{
    EXPECT_STATUS(log_wait(UINT64_MAX >> 20, time_now() + NSEC_PER_MSEC, WAIT_DEFAULT),
                  ERR_TIMEDOUT);
}

// Interrupts that log, some of them in the middle of this thread's writing.  They end by themselves:
// where a line takes longer than the time to the next one, the thread would never go on.
enum { INTERRUPTS = 50 };
static unsigned interrupts_left;

static void log_from_interrupt(struct timer *timer)
{
    log_info("test", "epsilon");
    if (--interrupts_left != 0) {
        timer_start(timer, time_now() + 20 * NSEC_PER_USEC);
    }
}

TEST(threads_and_interrupts_write_at_once_and_nothing_is_lost)
{
    static struct timer timer;
    watch("zeta", 1000, LOG_INFO);
    uint64_t dropped = log_dropped();
    interrupts_left = INTERRUPTS;
    timer_init(&timer, log_from_interrupt);
    timer_start(&timer, time_now());
    for (unsigned i = 0; i < 200; i++) {
        log_info("test", "zeta %u", i);
    }
    (void)timer_cancel(&timer);
    EXPECT_EQ(atomic_load(&seen.count), 200);
    EXPECT_EQ(log_dropped(), dropped);
    EXPECT(!seen.was_reentered);
    stop_watching();
}

static void log_many(void *arg)
{
    for (unsigned i = 0; i < 50; i++) {
        log_info("test", "eta %u of %u", i, (unsigned)(uintptr_t)arg);
    }
}

TEST(a_sink_is_never_entered_twice)
{
    watch("eta", 100000, LOG_INFO);
    seen.was_reentered = false;
    for (uintptr_t i = 0; i < 4; i++) {
        EXPECT(test_spawn("writer", log_many, (void *)i) != NULL);
    }
    test_join_all();
    log_resume_sink(&seen.sink);
    EXPECT_EQ(atomic_load(&seen.count), 200);
    EXPECT(!seen.was_reentered);
    stop_watching();
}
