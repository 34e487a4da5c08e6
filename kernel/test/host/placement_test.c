// SPDX-License-Identifier: Apache-2.0
/* Where wake-ups put threads; here, because only simulated time knows no stalls. */
#include "kernel/core/sched.h"
#include "kernel/core/test/spawn.h"
#include "tests/harness/test.h"

enum { ROUNDS = 200 };

static struct wait_queue queues[2];
static _Atomic unsigned turn;

static void play(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        status_t status;
        WAIT_UNTIL(&queues[me], atomic_load(&turn) % 2 == me, NSEC_NEVER, WAIT_DEFAULT, &status);
        atomic_fetch_add(&turn, 1);
        wait_wake_one(&queues[1 - me]);
    }
}

static uint64_t all_ipis(void)
{
    uint64_t sum = 0;
    cpu_for_each_online(c)
    {
        struct sched_stats stats;
        sched_cpu_stats(c, &stats);
        sum += stats.ipis;
    }
    return sum;
}

TEST(threads_that_talk_to_each_other_stay_together)
{
    wait_init(&queues[0], "test ping");
    wait_init(&queues[1], "test pong");
    atomic_store(&turn, 0);
    uint64_t before = all_ipis();
    test_spawn("ping", play, (void *)0);
    test_spawn("pong", play, (void *)1);
    test_join_all();
    EXPECT(all_ipis() - before < 2 * ROUNDS / 4);
}
