// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/sched.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "tests/harness/test.h"

static uint64_t first_cpu_bits[1] = {1};
static struct cpu_set first_cpu = {.words = 1, .bits = first_cpu_bits};
static uint64_t last_cpu_bits[1];
static struct cpu_set last_cpu = {.words = 1, .bits = last_cpu_bits};

static unsigned index_of_last_cpu(void)
{
    unsigned index = 0;
    cpu_for_each_online(c)
    {
        index = c->index < 64 ? c->index : index;
    }
    last_cpu_bits[0] = 1ull << index;
    return index;
}

static void sleep_ms(unsigned ms)
{
    (void)thread_sleep_until(time_now() + ms * NSEC_PER_MSEC, WAIT_DEFAULT);
}

static _Atomic unsigned count;

static void count_one(void *arg)
{
    (void)arg;
    atomic_fetch_add(&count, 1);
}

TEST(a_nice_value_stays_through_the_real_time_class)
{
    struct thread *self = thread_current();
    EXPECT_OK(thread_set_realtime(self, THREAD_FIFO, 3));
    thread_set_nice(self, 7);
    struct thread_class c = thread_get_class(self);
    thread_set_fair(self);
    int nice = thread_get_class(self).nice;
    uint32_t weight = self->fair.weight;
    thread_set_nice(self, 0);
    EXPECT(c.policy == THREAD_FIFO && c.priority == 3 && c.nice == 7);
    EXPECT(nice == 7 && weight == fair_weight(7));
    EXPECT_EQ(self->fair.weight, FAIR_WEIGHT_UNIT);
}

TEST(a_thread_runs_and_is_freed_when_it_ends)
{
    atomic_store(&count, 0);
    EXPECT(test_spawn("one", count_one, NULL) != NULL);
    test_join_all();
    EXPECT_EQ(atomic_load(&count), 1);
}

static void sleep_a_little(void *arg)
{
    (void)thread_sleep_until(time_now() + ((uintptr_t)arg % 7) * 100 * NSEC_PER_USEC, WAIT_DEFAULT);
    atomic_fetch_add(&count, 1);
}

TEST(a_thousand_threads_sleep_and_end)
{
    atomic_store(&count, 0);
    unsigned made = 0;
    for (uintptr_t i = 0; i < 1000; i++) {
        made += test_spawn("many", sleep_a_little, (void *)i) != NULL;
    }
    EXPECT(made > 100);
    test_join_all();
    EXPECT_EQ(atomic_load(&count), made);
}

TEST(a_permit_given_before_the_sleep_is_not_lost)
{
    struct thread *self = thread_current();
    thread_wake(self);
    thread_park(); // whatever permit was left is used up
    EXPECT(thread_wake(self));
    EXPECT(!thread_wake(self)); // one is enough
    thread_park();              // would sleep for ever
}

// Keeps the first CPU to the calling thread, so that several threads can be started there at once.
static void hold_first_cpu(void)
{
    (void)thread_set_affinity(thread_current(), &first_cpu);
    (void)thread_set_realtime(thread_current(), THREAD_FIFO, RT_PRIORITIES - 1);
}

static void release_first_cpu(void)
{
    thread_set_fair(thread_current());
    (void)thread_set_affinity(thread_current(), NULL);
}

/* ---- Taking turns ---- */

static struct {
    _Atomic unsigned turns;
    _Atomic unsigned changes;
    _Atomic unsigned last;
} turns;

static void take_turns(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < 100; i++) {
        atomic_fetch_add(&turns.turns, 1);
        if (atomic_exchange(&turns.last, me) != me) {
            atomic_fetch_add(&turns.changes, 1);
        }
        thread_yield();
    }
}

static struct thread *spawn_on_first(void (*entry)(void *), uintptr_t arg)
{
    struct thread *t = test_spawn_held("pinned", entry, (void *)arg);
    if (t != NULL && thread_set_affinity(t, &first_cpu) != OK) {
        t = NULL;
    }
    return t;
}

TEST(threads_that_yield_take_turns)
{
    atomic_store(&turns.turns, 0);
    atomic_store(&turns.changes, 0);
    atomic_store(&turns.last, 0);
    struct thread *a = spawn_on_first(take_turns, 1);
    struct thread *b = spawn_on_first(take_turns, 2);
    EXPECT(a != NULL && b != NULL);
    hold_first_cpu();
    thread_start(a);
    thread_start(b);
    release_first_cpu();
    test_join_all();
    EXPECT_EQ(atomic_load(&turns.turns), 200);
    EXPECT(atomic_load(&turns.changes) >= 150);
}

/* ---- Sharing the CPU ---- */

static struct {
    _Atomic bool is_over;
    struct thread *threads[3];
} shares;

static void work_until_over(void *arg)
{
    (void)arg;
    while (!atomic_load(&shares.is_over)) {
        test_work(TEST_WORK_CHUNK_NS);
    }
}

// Weights 1024, 1024, 335.
static bool are_shares_right(void)
{
    nsec_t ran[3];
    for (unsigned i = 0; i < 3; i++) {
        ran[i] = thread_run_time(shares.threads[i]);
    }
    return ran[0] * 10 > ran[1] * 7 && ran[1] * 10 > ran[0] * 7 && ran[0] > ran[2] * 2 &&
           ran[0] < ran[2] * 5;
}

// A CPU that the machine's host stops for a while charges that to whoever was running; what the
// scheduler owes the others then, it pays back soon.
TEST(busy_threads_share_a_cpu_by_weight_without_yielding)
{
    atomic_store(&shares.is_over, false);
    for (uintptr_t i = 0; i < 3; i++) {
        shares.threads[i] = spawn_on_first(work_until_over, 0);
        EXPECT(shares.threads[i] != NULL);
        thread_set_nice(shares.threads[i], i == 2 ? 5 : 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        thread_start(shares.threads[i]);
    }
    bool is_right = false;
    for (unsigned i = 0; i < 20 && !is_right; i++) {
        sleep_ms(200);
        is_right = are_shares_right();
    }
    atomic_store(&shares.is_over, true);
    test_join_all();
    EXPECT(is_right);
}

TEST(sleeping_is_not_counted_as_run_time)
{
    nsec_t before = thread_run_time(thread_current());
    sleep_ms(20);
    EXPECT(thread_run_time(thread_current()) - before < 15 * NSEC_PER_MSEC);
}

/* ---- Where threads run ---- */

static void note_cpu(void *arg)
{
    test_work(NSEC_PER_MSEC);
    atomic_store((_Atomic unsigned *)arg, cpu_this()->index);
}

TEST(a_thread_runs_only_where_it_may)
{
    unsigned last = index_of_last_cpu();
    _Atomic unsigned seen[4];
    for (unsigned i = 0; i < 4; i++) {
        atomic_init(&seen[i], 1000);
        struct thread *t = test_spawn_held("pinned", note_cpu, &seen[i]);
        EXPECT(t != NULL);
        EXPECT_OK(thread_set_affinity(t, i % 2 == 0 ? &first_cpu : &last_cpu));
        thread_start(t);
    }
    test_join_all();
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(atomic_load(&seen[i]), i % 2 == 0 ? 0 : last);
    }
}

TEST(a_running_thread_moves_at_once)
{
    unsigned last = index_of_last_cpu();
    struct thread *self = thread_current();
    for (unsigned i = 0; i < 20; i++) {
        EXPECT_OK(thread_set_affinity(self, &last_cpu));
        EXPECT_EQ(cpu_this()->index, last);
        EXPECT_OK(thread_set_affinity(self, &first_cpu));
        EXPECT_EQ(cpu_this()->index, 0);
    }
    EXPECT_OK(thread_set_affinity(self, NULL));
}

TEST(a_set_without_a_cpu_that_is_online_is_refused)
{
    uint64_t nothing[2] = {0, 1ull << 63};
    struct cpu_set set = {.words = 2, .bits = nothing};
    EXPECT_STATUS(thread_set_affinity(thread_current(), &set), ERR_INVAL);
    set.words = 0;
    EXPECT_STATUS(thread_set_affinity(thread_current(), &set), ERR_INVAL);
}

TEST(a_set_comes_back_when_another_takes_its_place)
{
    uint64_t bits[1] = {};
    struct cpu_set allowed = {.words = 1, .bits = bits};
    uint64_t nothing = 0;
    struct cpu_set empty = {.words = 1, .bits = &nothing};
    struct cpu_set *old = &empty;
    struct thread *self = thread_current();
    EXPECT_OK(thread_swap_affinity(self, &first_cpu, &old));
    EXPECT_EQ(old, NULL);
    thread_get_affinity(self, &allowed);
    EXPECT_EQ(bits[0], 1);
    EXPECT_STATUS(thread_swap_affinity(self, &empty, &old), ERR_INVAL);
    EXPECT_EQ(old, NULL);
    EXPECT_OK(thread_swap_affinity(self, NULL, &old));
    EXPECT_EQ(old, &first_cpu);
    thread_get_affinity(self, &allowed);
    EXPECT_EQ(bits[0], (1ull << cpu_online_count()) - 1);
}

static struct {
    _Atomic uint64_t cpus; // that ran some thread
    _Atomic bool may_go;
} spread;

static void work_and_note_cpus(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 200; i++) {
        atomic_fetch_or(&spread.cpus, 1ull << cpu_this()->index % 64);
        test_work(TEST_WORK_CHUNK_NS);
    }
}

TEST(work_spreads_over_the_cpus)
{
    atomic_store(&spread.cpus, 0);
    for (unsigned i = 0; i < 2 * cpu_online_count(); i++) {
        EXPECT(test_spawn("busy", work_and_note_cpus, NULL) != NULL);
    }
    test_join_all();
    EXPECT_EQ(__builtin_popcountll(atomic_load(&spread.cpus)), cpu_online_count());
}

TEST(idle_cpus_take_threads_that_wait_elsewhere)
{
    struct thread *busy[4];
    atomic_store(&spread.cpus, 0);
    for (unsigned i = 0; i < 4; i++) {
        busy[i] = spawn_on_first(work_and_note_cpus, 0);
        EXPECT(busy[i] != NULL);
        thread_start(busy[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_OK(thread_set_affinity(busy[i], NULL)); // they wait where they are until fetched
    }
    test_join_all();
    EXPECT(cpu_online_count() == 1 || __builtin_popcountll(atomic_load(&spread.cpus)) > 1);
}

static uint64_t ipis_elsewhere(void)
{
    uint64_t sum = 0;
    cpu_for_each_online(c)
    {
        struct sched_stats stats;
        sched_cpu_stats(c, &stats);
        sum += c->index == 0 ? 0 : stats.ipis;
    }
    return sum;
}

TEST(idle_cpus_are_left_alone_by_threads_that_may_not_come)
{
    atomic_store(&shares.is_over, false);
    for (uintptr_t i = 0; i < 3; i++) {
        struct thread *t = spawn_on_first(work_until_over, i);
        EXPECT(t != NULL);
        thread_start(t);
    }
    sleep_ms(5);
    uint64_t before = ipis_elsewhere();
    sleep_ms(100); // fifty slices
    uint64_t after = ipis_elsewhere();
    atomic_store(&shares.is_over, true);
    test_join_all();
    EXPECT(after - before < 20);
}

/* ---- Real time ---- */

static struct {
    _Atomic bool is_over;
    _Atomic unsigned order;
    unsigned place[3];
} race;

static void finish_race(void *arg)
{
    test_work(2 * NSEC_PER_MSEC);
    race.place[(uintptr_t)arg] = atomic_fetch_add(&race.order, 1);
}

static struct thread *spawn_racer(uintptr_t number, enum thread_policy policy, uint32_t priority)
{
    struct thread *t = spawn_on_first(finish_race, number);
    return t != NULL && thread_set_realtime(t, policy, priority) == OK ? t : NULL;
}

TEST(higher_priorities_finish_first)
{
    atomic_store(&race.order, 0);
    struct thread *low = spawn_racer(0, THREAD_FIFO, 3);
    struct thread *high = spawn_racer(1, THREAD_FIFO, 9);
    struct thread *fair = spawn_on_first(finish_race, 2);
    EXPECT(low != NULL && high != NULL && fair != NULL);
    hold_first_cpu();
    thread_start(fair);
    thread_start(low);
    thread_start(high);
    release_first_cpu();
    test_join_all();
    EXPECT_EQ(race.place[1], 0);
    EXPECT_EQ(race.place[0], 1);
    EXPECT_EQ(race.place[2], 2);
}

TEST(an_unknown_policy_or_priority_is_refused)
{
    struct thread *self = thread_current();
    EXPECT_STATUS(thread_set_realtime(self, THREAD_FAIR, 1), ERR_INVAL);
    EXPECT_STATUS(thread_set_realtime(self, THREAD_FIFO, RT_PRIORITIES), ERR_INVAL);
}

static void round_robin(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < 800; i++) {
        if (atomic_exchange(&turns.last, me) != me) {
            atomic_fetch_add(&turns.changes, 1);
        }
        test_work(TEST_WORK_CHUNK_NS);
    }
}

TEST(round_robin_threads_take_turns_by_time)
{
    atomic_store(&turns.changes, 0);
    atomic_store(&turns.last, 0);
    for (uintptr_t i = 1; i <= 2; i++) {
        struct thread *t = spawn_on_first(round_robin, i);
        EXPECT(t != NULL);
        EXPECT_OK(thread_set_realtime(t, THREAD_ROUND_ROBIN, 1));
        thread_start(t);
    }
    test_join_all();
    EXPECT(atomic_load(&turns.changes) >= 4); // 2 times 40 ms in turns of 10
    EXPECT(atomic_load(&turns.changes) <= 30);
}

TEST(a_running_thread_changes_its_class_and_back)
{
    struct thread *self = thread_current();
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_OK(thread_set_realtime(self, THREAD_FIFO, i));
        thread_yield();
        thread_set_fair(self);
        thread_set_nice(self, (int)i - 5);
        sleep_ms(1);
    }
    thread_set_nice(self, 0);
}
