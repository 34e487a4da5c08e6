// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/leak.h"

#include "kernel/core/cpu.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/page.h"
#include "tests/harness/test.h"

struct balance {
    size_t pages;
    size_t objects;
};

enum { STACKS_WARM = 1024 };

static struct balance before;
static bool is_known; // `before` is

// Tables of the kernel's mappings are made when first needed and stay, so all that tests with many
// threads need are made now.  Without memory for it the tests will do with less as well.
static void make_tables(void)
{
    void **first = NULL;
    void *stack;
    for (unsigned i = 0; i < STACKS_WARM && kmap_stack_alloc(&stack) == OK; i++) {
        *(void **)stack = first;
        first = stack;
    }
    while (first != NULL) {
        void **next = *first;
        kmap_stack_free(first);
        first = next;
    }
}

static void give_back(void *unused)
{
    (void)unused;
    page_reclaim();
}

static struct balance take_balance(void)
{
    struct heap_stats heap;
    worker_flush();
    cache_shrink(SIZE_MAX); // what the base image has in the page cache comes and goes
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

// What can be had without disturbing the other CPUs, which costs more than most tests.
static bool is_untouched(void)
{
    struct heap_stats heap;
    heap_stats(&heap);
    return page_free_count() == before.pages && heap.objects_in_use == before.objects;
}

void leak_begin(void)
{
    if (!is_known) {
        make_tables();
    }
    if (!is_known || !is_untouched()) {
        before = take_balance();
        is_known = true;
    }
}

void leak_end(void)
{
    if (is_untouched()) {
        return;
    }
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
