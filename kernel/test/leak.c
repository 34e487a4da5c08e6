// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/leak.h"

#include "kernel/core/cpu.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "tests/harness/test.h"

struct balance {
    size_t pages;
    size_t objects;
};

static struct balance before;

static void give_back(void *unused)
{
    (void)unused;
    page_reclaim();
}

static struct balance take_balance(void)
{
    struct heap_stats heap;
    worker_flush();
    // Twice: the last object of a slab may come back from another CPU.
    for (unsigned i = 0; i < 2; i++) {
        cpu_for_each_online(c)
        {
            cpu_call(c, give_back, NULL);
        }
    }
    heap_stats(&heap);
    return (struct balance){.pages = page_free_count(), .objects = heap.objects_in_use};
}

static bool is_equal(const struct balance *a, const struct balance *b)
{
    return a->pages == b->pages && a->objects == b->objects;
}

void leak_begin(void)
{
    before = take_balance();
}

void leak_end(void)
{
    nsec_t give_up = time_now() + NSEC_PER_SEC;
    struct balance after = take_balance();
    while (!is_equal(&before, &after) && time_now() < give_up) {
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
        after = take_balance();
    }
    if (!is_equal(&before, &after)) {
        test_fail(__FILE__, __LINE__, "%zu pages were free, now %zu; %zu heap objects, now %zu",
                  before.pages, after.pages, before.objects, after.objects);
    }
}
