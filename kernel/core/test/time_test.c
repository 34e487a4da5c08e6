// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/time.h"

#include "kernel/core/test/spawn.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { TIMERS = 50 };

struct alarm {
    struct timer timer;
    _Atomic nsec_t rang; // 0: not yet
    unsigned place;
};
static struct alarm alarms[TIMERS];
static _Atomic unsigned rung;

static void ring(struct timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    a->place = atomic_fetch_add(&rung, 1);
    atomic_store(&a->rang, time_now());
}

static void prepare(void)
{
    atomic_store(&rung, 0);
    for (unsigned i = 0; i < TIMERS; i++) {
        timer_init(&alarms[i].timer, ring);
        atomic_store(&alarms[i].rang, 0);
    }
}

static void sleep_ms(unsigned ms)
{
    (void)thread_sleep_until(time_now() + ms * NSEC_PER_MSEC, WAIT_DEFAULT);
}

// Waits until so many have rung, but not for ever.
static void await_rings(unsigned count)
{
    for (unsigned ms = 0; ms < 2000 && atomic_load(&rung) < count; ms++) {
        sleep_ms(1);
    }
}

TEST(the_clock_never_goes_backwards)
{
    nsec_t last = time_now();
    for (unsigned i = 0; i < 1000; i++) {
        nsec_t now = time_now();
        EXPECT(now >= last);
        last = now;
    }
}

TEST(a_deadline_in_ticks_is_the_first_tick_at_or_after_it)
{
    struct test_random r = {1};
    for (unsigned i = 0; i < 1000; i++) {
        // Up to 70 years.
        nsec_t ns = test_random_next(&r) >> (3 + test_random_below(&r, 60));
        uint64_t ticks = time_to_ticks(ns);
        EXPECT(time_from_ticks(ticks) >= ns);
        EXPECT(ticks == 0 || time_from_ticks(ticks - 1) < ns);
    }
    EXPECT_EQ(time_to_ticks(NSEC_NEVER), UINT64_MAX);
}

TEST(wall_time_is_what_it_was_set_to_and_goes_on)
{
    nsec_t before = time_wall();
    time_set_wall(1000000 * NSEC_PER_SEC);
    nsec_t set = time_wall();
    sleep_ms(2);
    nsec_t later = time_wall();
    time_set_wall(before == 0 ? time_now() : before + (later - set));
    EXPECT(set >= 1000000 * NSEC_PER_SEC);
    EXPECT(later - set >= 2 * NSEC_PER_MSEC);
}

TEST(a_timer_rings_once_and_not_before_its_time)
{
    prepare();
    nsec_t deadline = time_now() + 2 * NSEC_PER_MSEC;
    timer_start(&alarms[0].timer, deadline);
    await_rings(1);
    sleep_ms(5);
    EXPECT(atomic_load(&alarms[0].rang) >= deadline);
    EXPECT_EQ(atomic_load(&rung), 1);
}

TEST(a_deadline_that_has_passed_rings_at_once)
{
    prepare();
    timer_start(&alarms[0].timer, 0);
    await_rings(1);
    EXPECT_EQ(atomic_load(&rung), 1);
}

TEST(a_cancelled_timer_does_not_ring)
{
    prepare();
    timer_start(&alarms[0].timer, time_now() + 5 * NSEC_PER_MSEC);
    EXPECT(timer_cancel(&alarms[0].timer));
    EXPECT(!timer_cancel(&alarms[0].timer));
    sleep_ms(10);
    EXPECT_EQ(atomic_load(&rung), 0);
}

TEST(cancelling_a_timer_that_was_never_started_is_harmless)
{
    prepare();
    EXPECT(!timer_cancel(&alarms[0].timer));
}

TEST(a_restarted_timer_rings_at_its_new_time_only)
{
    prepare();
    nsec_t now = time_now();
    timer_start(&alarms[0].timer, now + 100 * NSEC_PER_MSEC); // far enough for any machine
    timer_start(&alarms[0].timer, now + 110 * NSEC_PER_MSEC);
    await_rings(1);
    sleep_ms(5);
    EXPECT_EQ(atomic_load(&rung), 1);
    EXPECT(atomic_load(&alarms[0].rang) >= now + 110 * NSEC_PER_MSEC);
}

TEST(timers_of_a_cpu_ring_in_the_order_of_their_deadlines)
{
    struct test_random r = {7};
    prepare();
    static uint64_t bits[1] = {1};
    static struct cpu_set first = {.words = 1, .bits = bits};
    EXPECT_OK(thread_set_affinity(thread_current(), &first));
    irqflags_t flags = arch_irq_save(); // none rings before all are started
    nsec_t from = time_now();
    for (unsigned i = 0; i < TIMERS; i++) {
        timer_start(&alarms[i].timer, from + test_random_below(&r, 5 * NSEC_PER_MSEC));
    }
    arch_irq_restore(flags);
    EXPECT_OK(thread_set_affinity(thread_current(), NULL));
    await_rings(TIMERS);
    EXPECT_EQ(atomic_load(&rung), TIMERS);
    for (unsigned i = 0; i < TIMERS; i++) {
        for (unsigned j = 0; j < TIMERS; j++) {
            bool is_earlier = alarms[i].timer.deadline < alarms[j].timer.deadline;
            EXPECT(!is_earlier || alarms[i].place < alarms[j].place);
        }
    }
}

static void ring_again(struct timer *t)
{
    if (atomic_fetch_add(&rung, 1) < 9) {
        timer_start(t, t->deadline + 200 * NSEC_PER_USEC);
    }
}

TEST(a_timer_starts_itself_again_from_its_function)
{
    struct timer periodic;
    atomic_store(&rung, 0);
    timer_init(&periodic, ring_again);
    timer_start(&periodic, time_now() + 200 * NSEC_PER_USEC);
    await_rings(10);
    EXPECT(!timer_cancel(&periodic));
    EXPECT_EQ(atomic_load(&rung), 10);
}

static _Atomic unsigned too_late; // functions that found their timer gone

static void ring_slowly(struct timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    for (unsigned i = 0; i < 20; i++) {
        (void)time_now();
        atomic_fetch_add(&too_late, a->place != 1234);
    }
}

static uint64_t even_bits[1] = {0x5555555555555555};
static uint64_t odd_bits[1] = {0xaaaaaaaaaaaaaaaa};
static struct cpu_set even = {.words = 1, .bits = even_bits};
static struct cpu_set odd = {.words = 1, .bits = odd_bits};

// The storage goes as soon as the cancel returns, whatever the function was doing.
static void use_and_cancel(void *arg)
{
    struct test_random r = {(uintptr_t)arg * 77 + 1};
    for (unsigned i = 0; i < 100; i++) {
        struct alarm a = {.place = 1234};
        timer_init(&a.timer, ring_slowly);
        timer_start(&a.timer, time_now() + test_random_below(&r, 3000));
        // The function may be running on the CPU that we leave.
        (void)thread_set_affinity(thread_current(), i % 2 == 0 ? &odd : &even);
        (void)timer_cancel(&a.timer);
        memset(&a, 0xa5, sizeof(a));
    }
}

TEST(a_timer_may_be_gone_as_soon_as_it_is_cancelled)
{
    atomic_store(&too_late, 0);
    for (uintptr_t i = 0; i < 6; i++) {
        EXPECT(test_spawn("timers", use_and_cancel, (void *)i) != NULL);
    }
    test_join_all();
    EXPECT_EQ(atomic_load(&too_late), 0);
}
