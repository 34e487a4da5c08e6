// SPDX-License-Identifier: Apache-2.0
#include "lib/sched/fair.h"

#include "lib/base/bits.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { PEOPLE = 64 };

// A CPU that runs the current entity until its slice is used up, as the kernel's slice timer does.
struct machine {
    struct fair_queue queue;
    struct fair_entity who[PEOPLE];
    nsec_t ran[PEOPLE];
    nsec_t now;
};
static struct machine machine;

static void start(unsigned people)
{
    machine = (struct machine){};
    fair_queue_init(&machine.queue);
    for (unsigned i = 0; i < people; i++) {
        fair_entity_init(&machine.who[i], 0);
        fair_enqueue(&machine.queue, &machine.who[i]);
    }
}

static size_t index_of(const struct fair_entity *e)
{
    return (size_t)(e - machine.who);
}

// Runs whoever should, for at most `limit`.
static size_t run_one(nsec_t limit)
{
    struct fair_entity *e = fair_next(&machine.queue);
    nsec_t ns = u64_min(u64_max(fair_slice_left(&machine.queue), 1000), limit);
    machine.ran[index_of(e)] += ns;
    machine.now += ns;
    fair_charge(&machine.queue, ns);
    return index_of(e);
}

static void run_for(nsec_t time)
{
    nsec_t end = machine.now + time;
    while (machine.now < end) {
        run_one(end - machine.now);
    }
}

TEST(an_empty_queue_has_nobody_to_run)
{
    start(0);
    EXPECT(fair_next(&machine.queue) == NULL);
}

TEST(the_only_entity_runs_on)
{
    start(1);
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_EQ(run_one(FAIR_SLICE_NS), 0);
    }
}

TEST(equal_entities_get_equal_time_within_a_slice)
{
    start(5);
    run_for(NSEC_PER_SEC);
    for (unsigned i = 0; i < 5; i++) {
        EXPECT(machine.ran[i] + FAIR_SLICE_NS >= NSEC_PER_SEC / 5);
        EXPECT(machine.ran[i] <= NSEC_PER_SEC / 5 + FAIR_SLICE_NS);
    }
}

TEST(time_is_shared_by_weight)
{
    static const int nices[] = {-5, 0, 5, 10};
    start(0);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        fair_entity_init(&machine.who[i], nices[i]);
        fair_enqueue(&machine.queue, &machine.who[i]);
        sum += fair_weight(nices[i]);
    }
    run_for(4 * NSEC_PER_SEC);
    for (unsigned i = 0; i < 4; i++) {
        nsec_t share = 4 * NSEC_PER_SEC * fair_weight(nices[i]) / sum;
        EXPECT(machine.ran[i] + 2 * FAIR_SLICE_NS >= share);
        EXPECT(machine.ran[i] <= share + 2 * FAIR_SLICE_NS);
    }
}

TEST(weights_fall_by_a_fifth_with_each_step_and_are_clamped)
{
    for (int nice = FAIR_NICE_MIN; nice < FAIR_NICE_MAX; nice++) {
        uint32_t more = fair_weight(nice) * 100;
        EXPECT(more >= fair_weight(nice + 1) * 115);
        EXPECT(more <= fair_weight(nice + 1) * 135);
    }
    EXPECT_EQ(fair_weight(0), FAIR_WEIGHT_UNIT);
    EXPECT_EQ(fair_weight(-100), fair_weight(FAIR_NICE_MIN));
    EXPECT_EQ(fair_weight(100), fair_weight(FAIR_NICE_MAX));
}

TEST(nobody_waits_longer_than_a_round_of_slices)
{
    enum { N = 10 };
    nsec_t last[N] = {};
    start(N);
    while (machine.now < NSEC_PER_SEC) {
        nsec_t began = machine.now;
        size_t i = run_one(FAIR_SLICE_NS);
        EXPECT(began - last[i] <= (N + 1) * FAIR_SLICE_NS);
        last[i] = machine.now;
    }
}

TEST(a_sleeper_gets_no_credit_for_its_sleep)
{
    start(2);
    run_for(10 * NSEC_PER_MSEC);
    while (run_one(FAIR_SLICE_NS) != 0) {
    }
    fair_leave(&machine.queue); // number 0 sleeps while 1 runs for a second
    run_for(NSEC_PER_SEC);
    nsec_t before = machine.ran[0];
    fair_enqueue(&machine.queue, &machine.who[0]);
    run_for(100 * NSEC_PER_MSEC);
    nsec_t got = machine.ran[0] - before;
    EXPECT(got <= 50 * NSEC_PER_MSEC + 3 * FAIR_SLICE_NS);
    EXPECT(got + 3 * FAIR_SLICE_NS >= 50 * NSEC_PER_MSEC);
}

TEST(sleeping_and_waking_again_and_again_gains_nothing)
{
    start(2);
    while (machine.now < NSEC_PER_SEC) {
        size_t i = run_one(FAIR_SLICE_NS / 4);
        if (i == 0) {
            fair_leave(&machine.queue);
            fair_enqueue(&machine.queue, &machine.who[0]);
        }
    }
    EXPECT(machine.ran[0] <= NSEC_PER_SEC / 2 + 10 * FAIR_SLICE_NS);
    EXPECT(machine.ran[1] + 10 * FAIR_SLICE_NS >= NSEC_PER_SEC / 2);
}

TEST(one_that_woke_runs_after_at_most_a_slice_of_the_current_one)
{
    start(2);
    while (run_one(FAIR_SLICE_NS / 10) != 0) {
    }
    fair_leave(&machine.queue);
    run_for(20 * NSEC_PER_MSEC);
    fair_enqueue(&machine.queue, &machine.who[0]);
    nsec_t woken = machine.now;
    while (index_of(fair_next(&machine.queue)) != 0) {
        run_one(FAIR_SLICE_NS);
    }
    EXPECT(machine.now - woken <= FAIR_SLICE_NS);
}

TEST(who_yields_lets_the_other_run)
{
    start(2);
    size_t last = run_one(1000);
    for (unsigned i = 0; i < 100; i++) {
        fair_charge_yield(&machine.queue, 100);
        size_t next = run_one(1000);
        EXPECT(next != last);
        last = next;
    }
}

TEST(a_change_of_weight_while_running_takes_effect)
{
    start(2);
    run_for(100 * NSEC_PER_MSEC);
    size_t i = run_one(FAIR_SLICE_NS);
    fair_leave(&machine.queue);
    fair_set_nice(&machine.who[i], 10);
    fair_join_current(&machine.queue, &machine.who[i]);
    nsec_t before = machine.ran[i];
    run_for(NSEC_PER_SEC);
    nsec_t share = NSEC_PER_SEC * fair_weight(10) / (fair_weight(10) + fair_weight(0));
    EXPECT(machine.ran[i] - before <= share + 3 * FAIR_SLICE_NS);
    EXPECT(machine.ran[i] - before + 3 * FAIR_SLICE_NS >= share);
}

TEST(an_entity_that_was_not_charged_for_ages_does_not_break_the_arithmetic)
{
    start(3);
    fair_next(&machine.queue);
    size_t hog = index_of(machine.queue.current);
    for (unsigned i = 0; i < 1000; i++) {
        fair_charge(&machine.queue, NSEC_PER_SEC);
    }
    for (unsigned i = 0; i < 100; i++) {
        EXPECT(run_one(FAIR_SLICE_NS) != hog);
    }
    run_for(60 * NSEC_PER_SEC);
    EXPECT(machine.ran[hog] > 0);
}

TEST(the_waiting_ones_can_be_visited_each_once)
{
    start(20);
    fair_next(&machine.queue);
    uint64_t seen = 1ull << index_of(machine.queue.current);
    for (struct fair_entity *e = fair_last(&machine.queue); e != NULL;
         e = fair_before(&machine.queue, e)) {
        uint64_t bit = 1ull << index_of(e);
        EXPECT((seen & bit) == 0);
        seen |= bit;
    }
    EXPECT_EQ(seen, (1ull << 20) - 1);
}

/* ---- Against a model that does everything the slow way ---- */

static struct {
    bool is_on[PEOPLE];
    size_t on;
} model;

// V * W as a sum, and W, from nothing but the entities.
static void sums(__int128 *sum, __int128 *weight)
{
    *sum = 0;
    *weight = 0;
    for (unsigned i = 0; i < PEOPLE; i++) {
        if (model.is_on[i]) {
            int64_t key = (int64_t)(machine.who[i].vruntime - machine.queue.zero);
            *sum += (__int128)key * machine.who[i].weight;
            *weight += machine.who[i].weight;
        }
    }
}

// Unsigned inside: the kernel image has no function for a checked multiplication of this width.
static __int128 product(__int128 a, __int128 b)
{
    return (__int128)((unsigned __int128)a * (unsigned __int128)b);
}

static bool is_eligible(const struct fair_entity *e)
{
    __int128 sum;
    __int128 weight;
    sums(&sum, &weight);
    return sum >= product((int64_t)(e->vruntime - machine.queue.zero), weight);
}

// Nobody eligible has an earlier deadline than the one that was chosen, which is eligible.
static void check_choice(const struct fair_entity *chosen)
{
    EXPECT(is_eligible(chosen));
    for (unsigned i = 0; i < PEOPLE; i++) {
        if (model.is_on[i] && is_eligible(&machine.who[i])) {
            EXPECT(!fair_is_before(machine.who[i].deadline, chosen->deadline));
        }
    }
}

static void check_sums(void)
{
    __int128 sum;
    __int128 weight;
    sums(&sum, &weight);
    EXPECT(sum == machine.queue.sum);
    EXPECT(weight == machine.queue.weight);
    EXPECT_EQ(machine.queue.waiting + (machine.queue.current != NULL), model.on);
}

static void step(struct test_random *r)
{
    struct fair_queue *q = &machine.queue;
    size_t i = test_random_below(r, PEOPLE);
    struct fair_entity *e = &machine.who[i];
    switch (test_random_below(r, 6)) {
    case 0:
        if (!model.is_on[i]) {
            fair_enqueue(q, e);
            model.is_on[i] = true;
            model.on++;
        }
        break;
    case 1:
        if (model.is_on[i] && q->current != e) {
            fair_dequeue(q, e);
            model.is_on[i] = false;
            model.on--;
        }
        break;
    case 2:
        if (q->current != NULL) {
            model.is_on[index_of(q->current)] = false;
            model.on--;
            fair_leave(q);
        }
        break;
    case 3:
        if (q->current != NULL) {
            fair_put(q);
        }
        break;
    case 4:
        if (!model.is_on[i]) {
            fair_set_nice(e, (int)test_random_below(r, 40) - 20);
        }
        break;
    default:
        e = fair_next(q);
        if (e != NULL) {
            check_choice(e);
            fair_charge(q, test_random_below(r, 3 * FAIR_SLICE_NS));
        }
        break;
    }
}

TEST(any_sequence_of_operations_chooses_as_a_slow_model_does)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct test_random r = {seed};
        start(0);
        memset(&model, 0, sizeof(model));
        for (unsigned i = 0; i < PEOPLE; i++) {
            fair_entity_init(&machine.who[i], (int)test_random_below(&r, 40) - 20);
        }
        for (unsigned i = 0; i < 3000 && !test_has_failed(); i++) {
            step(&r);
            check_sums();
        }
    }
}
