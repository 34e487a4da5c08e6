// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/poll.h"

#include "kernel/core/test/spawn.h"
#include "kernel/ipc/epoll.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/ipc/timerfd.h"
#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

static struct file *make_counter(uint64_t value, uint32_t flags)
{
    struct file *f = NULL;
    if (eventfd_create(value, false, flags, &f) == OK) {
        object_handle_add(&f->object);
    }
    return f;
}

static struct file *make_set(void)
{
    struct file *f = NULL;
    epoll_init();
    if (epoll_create(&f) == OK) {
        object_handle_add(&f->object);
    }
    return f;
}

static void drop(struct file *f)
{
    object_handle_drop(&f->object);
    file_unref(f);
}

static status_t add(struct file *f, uint64_t value)
{
    struct uio u;
    uio_init_kernel(&u, &value, sizeof(value));
    return file_write(f, &u);
}

static status_t take(struct file *f, uint64_t *value)
{
    struct uio u;
    *value = 0;
    uio_init_kernel(&u, value, sizeof(*value));
    return file_read(f, &u);
}

TEST(a_counter_gives_its_sum_and_starts_again)
{
    uint64_t value;
    struct file *f = make_counter(3, FILE_NONBLOCK);
    EXPECT_EQ(file_poll(f, NULL), EVENT_IN | EVENT_OUT);
    EXPECT_OK(add(f, 4));
    EXPECT_OK(take(f, &value));
    EXPECT_EQ(value, 7);
    EXPECT_STATUS(take(f, &value), ERR_AGAIN);
    EXPECT_OK(add(f, UINT64_MAX - 1));
    EXPECT_EQ(file_poll(f, NULL), EVENT_IN);
    EXPECT_STATUS(add(f, 1), ERR_AGAIN);
    EXPECT_STATUS(add(f, UINT64_MAX), ERR_INVAL);
    drop(f);
}

TEST(a_semaphore_gives_one_at_a_time)
{
    uint64_t value;
    struct file *f;
    EXPECT_OK(eventfd_create(2, true, FILE_NONBLOCK, &f));
    EXPECT_OK(take(f, &value));
    EXPECT_EQ(value, 1);
    EXPECT_OK(take(f, &value));
    EXPECT_STATUS(take(f, &value), ERR_AGAIN);
    file_unref(f);
}

static void add_later(void *arg)
{
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    EXPECT_OK(add(arg, 1));
}

TEST(a_poll_sleeps_until_one_of_its_files_is_ready)
{
    struct file *f[3];
    struct poll_entry entries[3] = {0};
    size_t count;
    for (unsigned i = 0; i < 3; i++) {
        f[i] = make_counter(0, 0);
        entries[i].file = f[i];
        entries[i].wanted = EVENT_IN;
    }
    EXPECT_OK(poll_wait(entries, 3, 0, &count));
    EXPECT_EQ(count, 0);
    test_spawn("adder", add_later, f[1]);
    EXPECT_OK(poll_wait(entries, 3, NSEC_NEVER, &count));
    EXPECT_EQ(count, 1);
    EXPECT_EQ(entries[1].found, EVENT_IN);
    EXPECT_EQ(entries[0].found, 0);
    test_join_all();
    nsec_t deadline = time_now() + 2 * NSEC_PER_MSEC;
    entries[1].file = NULL;
    entries[1].found = 0;
    EXPECT_OK(poll_wait(entries, 3, deadline, &count));
    EXPECT_EQ(count, 0);
    EXPECT(time_now() >= deadline);
    for (unsigned i = 0; i < 3; i++) {
        drop(f[i]);
    }
}

TEST(a_timer_counts_what_expired)
{
    struct file *f;
    uint64_t value;
    struct interval_setting s = {.value = NSEC_PER_MSEC, .interval = NSEC_PER_MSEC};
    EXPECT_OK(timerfd_create(false, 0, &f));
    EXPECT_OK(timerfd_set(f, 0, &s, NULL));
    EXPECT_OK(take(f, &value));
    EXPECT(value >= 1);
    (void)thread_sleep_until(time_now() + 3 * NSEC_PER_MSEC, WAIT_DEFAULT);
    EXPECT_OK(take(f, &value));
    EXPECT(value >= 2);
    EXPECT_OK(take(f, &value));
    EXPECT_OK(timerfd_get(f, &s));
    EXPECT_EQ(s.interval, NSEC_PER_MSEC);
    s = (struct interval_setting){0};
    EXPECT_OK(timerfd_set(f, 0, &s, NULL));
    EXPECT_EQ(file_poll(f, NULL), 0);
    file_unref(f);
}

TEST(a_timer_of_the_wall_clock_learns_that_it_was_set)
{
    struct file *f;
    uint64_t value;
    struct interval_setting s = {.value = time_wall() + 1000 * NSEC_PER_SEC};
    EXPECT_OK(timerfd_create(true, FILE_NONBLOCK, &f));
    EXPECT_OK(timerfd_set(f, TIMERFD_ABSOLUTE | TIMERFD_CANCEL_ON_SET, &s, NULL));
    EXPECT_STATUS(take(f, &value), ERR_AGAIN);
    interval_clock_was_set();
    EXPECT_EQ(file_poll(f, NULL), EVENT_IN);
    EXPECT_STATUS(take(f, &value), ERR_CANCELED);
    EXPECT_STATUS(take(f, &value), ERR_AGAIN);
    file_unref(f);
}

/* ---- epoll ---- */

static size_t ready(struct file *set, struct epoll_event *events, size_t max)
{
    size_t count = 99;
    return epoll_wait(set, events, max, 0, &count) == OK ? count : 98;
}

static status_t watch(struct file *set, struct file *f, int32_t handle, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = (uint64_t)handle};
    return epoll_add(set, f, handle, &e);
}

TEST(a_set_gives_what_is_ready_as_long_as_it_is)
{
    struct epoll_event e[4];
    uint64_t value;
    struct file *set = make_set();
    struct file *a = make_counter(0, 0);
    struct file *b = make_counter(1, 0);
    EXPECT_OK(watch(set, a, 3, EVENT_IN));
    EXPECT_OK(watch(set, b, 4, EVENT_IN));
    EXPECT_STATUS(watch(set, b, 4, EVENT_IN), ERR_EXIST);
    EXPECT_STATUS(watch(set, set, 5, EVENT_IN), ERR_INVAL);
    EXPECT_EQ(ready(set, e, 4), 1);
    EXPECT_EQ(e[0].data, 4);
    EXPECT_EQ(e[0].events, EVENT_IN);
    EXPECT_OK(add(a, 1));
    EXPECT_EQ(ready(set, e, 4), 2);
    EXPECT_EQ(ready(set, e, 1), 1);
    uint64_t first = e[0].data;
    EXPECT_EQ(ready(set, e, 1), 1);
    EXPECT(e[0].data != first);
    EXPECT_OK(take(a, &value));
    EXPECT_OK(take(b, &value));
    EXPECT_EQ(ready(set, e, 4), 0);
    EXPECT_EQ(file_poll(set, NULL), 0);
    drop(a);
    drop(b);
    drop(set);
}

TEST(what_left_a_set_is_told_no_more)
{
    struct epoll_event e[4];
    struct file *set = make_set();
    struct file *a = make_counter(0, 0);
    EXPECT_OK(watch(set, a, 3, EVENT_IN));
    EXPECT_OK(epoll_remove(set, a, 3));
    EXPECT_STATUS(epoll_remove(set, a, 3), ERR_NOENT);
    EXPECT_OK(add(a, 1));
    EXPECT_EQ(ready(set, e, 4), 0);
    drop(a);
    drop(set);
}

TEST(an_edge_is_told_once)
{
    struct epoll_event e[2];
    struct file *set = make_set();
    struct file *f = make_counter(1, 0);
    EXPECT_OK(watch(set, f, 3, EVENT_IN | 1u << 31));
    EXPECT_EQ(ready(set, e, 2), 1);
    EXPECT_EQ(ready(set, e, 2), 0);
    EXPECT_OK(add(f, 1));
    EXPECT_EQ(ready(set, e, 2), 1);
    EXPECT_EQ(ready(set, e, 2), 0);
    drop(f);
    drop(set);
}

TEST(a_oneshot_item_rests_until_it_is_changed)
{
    struct epoll_event e[2];
    struct epoll_event again = {.events = EVENT_IN | 1u << 30, .data = 8};
    struct file *set = make_set();
    struct file *f = make_counter(1, 0);
    EXPECT_OK(watch(set, f, 3, EVENT_IN | 1u << 30));
    EXPECT_EQ(ready(set, e, 2), 1);
    EXPECT_OK(add(f, 1));
    EXPECT_EQ(ready(set, e, 2), 0);
    EXPECT_OK(epoll_modify(set, f, 3, &again));
    EXPECT_EQ(ready(set, e, 2), 1);
    EXPECT_EQ(e[0].data, 8);
    EXPECT_STATUS(epoll_modify(set, f, 4, &again), ERR_NOENT);
    drop(set);
    drop(f);
}

TEST(a_closed_file_leaves_the_set)
{
    struct epoll_event e[2];
    struct file *set = make_set();
    struct file *f = make_counter(1, 0);
    EXPECT_OK(watch(set, f, 3, EVENT_IN));
    EXPECT_OK(watch(set, f, 4, EVENT_IN));
    EXPECT_EQ(epoll_size(set), 2);
    drop(f);
    EXPECT_EQ(epoll_size(set), 0);
    EXPECT_EQ(ready(set, e, 2), 0);
    drop(set);
}

TEST(sets_watch_sets_but_not_in_circles)
{
    struct epoll_event e[2];
    uint64_t value;
    struct file *sets[7];
    struct file *f = make_counter(0, 0);
    for (unsigned i = 0; i < 7; i++) {
        sets[i] = make_set();
    }
    EXPECT_OK(watch(sets[0], f, 3, EVENT_IN));
    for (int i = 1; i < 5; i++) {
        EXPECT_OK(watch(sets[i], sets[i - 1], i, EVENT_IN));
    }
    EXPECT_STATUS(watch(sets[5], sets[4], 5, EVENT_IN), ERR_LOOP);
    EXPECT_STATUS(watch(sets[0], sets[6], 5, EVENT_IN), ERR_LOOP);
    EXPECT_STATUS(watch(sets[0], sets[3], 5, EVENT_IN), ERR_LOOP);
    EXPECT_EQ(ready(sets[4], e, 2), 0);
    EXPECT_OK(add(f, 1));
    worker_flush();
    worker_flush();
    worker_flush();
    worker_flush();
    EXPECT_EQ(ready(sets[4], e, 2), 1);
    EXPECT_EQ(e[0].data, 4);
    EXPECT_OK(take(f, &value));
    EXPECT_EQ(ready(sets[4], e, 2), 0);
    for (unsigned i = 0; i < 7; i++) {
        drop(sets[i]);
    }
    drop(f);
}

static struct {
    struct file *set;
    _Atomic uint64_t taken;
    _Atomic bool is_over;
} shared;

static void take_what_is_ready(void *arg)
{
    (void)arg;
    while (!atomic_load(&shared.is_over)) {
        struct epoll_event e[2];
        size_t count;
        EXPECT_OK(epoll_wait(shared.set, e, 2, time_now() + 5 * NSEC_PER_MSEC, &count));
        for (size_t i = 0; i < count; i++) {
            uint64_t value;
            if (take((struct file *)e[i].data, &value) == OK) { // NOLINT(performance-no-int-to-ptr)
                atomic_fetch_add(&shared.taken, value);
            }
        }
    }
}

TEST(threads_that_wait_on_one_set_miss_nothing)
{
    enum { FILES = 5, ADDS = 200 };
    struct file *f[FILES];
    shared.set = make_set();
    atomic_store(&shared.taken, 0);
    atomic_store(&shared.is_over, false);
    for (int i = 0; i < FILES; i++) {
        f[i] = make_counter(0, FILE_NONBLOCK);
        struct epoll_event e = {.events = EVENT_IN, .data = (uint64_t)(uintptr_t)f[i]};
        EXPECT_OK(epoll_add(shared.set, f[i], i, &e));
    }
    for (unsigned i = 0; i < 3; i++) {
        test_spawn("waiter", take_what_is_ready, NULL);
    }
    for (unsigned i = 0; i < ADDS; i++) {
        EXPECT_OK(add(f[i % FILES], 1));
        thread_yield();
    }
    nsec_t patience = time_now() + 5 * NSEC_PER_SEC;
    while (atomic_load(&shared.taken) < ADDS && time_now() < patience) {
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    EXPECT_EQ(atomic_load(&shared.taken), ADDS);
    atomic_store(&shared.is_over, true);
    test_join_all();
    for (int i = 0; i < FILES; i++) {
        drop(f[i]);
    }
    drop(shared.set);
}

TEST(a_set_survives_every_allocation_failing)
{
    struct file *f = make_counter(1, 0);
    for (size_t n = 0; inject_is_available(); n++) {
        struct file *set;
        inject_arm(n);
        status_t status = epoll_create(&set);
        if (status == OK) {
            status = watch(set, f, 3, EVENT_IN);
            object_handle_add(&set->object);
            drop(set);
        }
        if (!inject_disarm()) {
            EXPECT_OK(status);
            break;
        }
        EXPECT_STATUS(status, ERR_NOMEM);
    }
    drop(f);
}
