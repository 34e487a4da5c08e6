// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/worker.h"

#include "kernel/core/cpu.h"
#include "kernel/core/irq.h"
#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "tests/harness/test.h"

enum { ITEMS = 30 };

struct item {
    struct work work;
    unsigned place;
    unsigned runs;
};
static struct item items[ITEMS];
static _Atomic unsigned done;
static uint64_t first_bits[1] = {1};
static struct cpu_set first_cpu = {.words = 1, .bits = first_bits};

static void run_item(struct work *w)
{
    struct item *i = container_of(w, struct item, work);
    i->place = atomic_fetch_add(&done, 1);
    i->runs++;
}

TEST(work_runs_in_the_order_it_was_queued)
{
    EXPECT_OK(thread_set_affinity(thread_current(), &first_cpu));
    atomic_store(&done, 0);
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].runs = 0;
        work_init(&items[i].work, run_item);
        EXPECT(work_queue(&items[i].work));
    }
    worker_flush();
    EXPECT_OK(thread_set_affinity(thread_current(), NULL));
    for (unsigned i = 0; i < ITEMS; i++) {
        EXPECT_EQ(items[i].place, i);
        EXPECT_EQ(items[i].runs, 1);
    }
}

TEST(queued_work_is_not_queued_twice)
{
    unsigned extra = 0;
    items[0].runs = 0;
    work_init(&items[0].work, run_item);
    for (unsigned i = 0; i < 10; i++) {
        extra += work_queue(&items[0].work);
    }
    worker_flush();
    EXPECT(extra >= 1);
    EXPECT_EQ(items[0].runs, extra);
}

static void run_again(struct work *w)
{
    struct item *i = container_of(w, struct item, work);
    if (++i->runs < 5) {
        work_queue(w);
    }
}

TEST(work_queues_itself_again)
{
    items[0].runs = 0;
    work_init(&items[0].work, run_again);
    EXPECT(work_queue(&items[0].work));
    for (unsigned i = 0; i < 5; i++) {
        worker_flush();
    }
    EXPECT_EQ(items[0].runs, 5);
}

/* ---- Cross calls ---- */

static struct {
    _Atomic unsigned calls;
    _Atomic unsigned wrong;
} crossed;

static void note_call(void *expected)
{
    atomic_fetch_add(&crossed.wrong, cpu_this() != expected || arch_irq_is_enabled());
    atomic_fetch_add(&crossed.calls, 1);
}

static void call_everybody(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 20; i++) {
        cpu_for_each_online(c)
        {
            cpu_call(c, note_call, c);
        }
        thread_yield();
    }
}

TEST(cpus_call_each_other_at_the_same_time)
{
    atomic_store(&crossed.calls, 0);
    atomic_store(&crossed.wrong, 0);
    unsigned callers = cpu_online_count() + 1;
    for (unsigned i = 0; i < callers; i++) {
        EXPECT(test_spawn("caller", call_everybody, NULL) != NULL);
    }
    test_join_all();
    EXPECT_EQ(atomic_load(&crossed.calls), callers * 20 * cpu_online_count());
    EXPECT_EQ(atomic_load(&crossed.wrong), 0);
}
