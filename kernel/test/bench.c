// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/bench.h"

#include "kernel/core/log.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kthread.h"
#include "kernel/mm/page.h"
#include "kernel/test/bench_priv.h"

enum { SWITCHES = 20000, ALLOCATIONS = 20000, LINES = 2000 };

struct partner {
    struct completion started;
    struct completion ended;
    _Atomic bool is_over;
};

static void yield_until_over(void *arg)
{
    struct partner *p = arg;
    completion_signal(&p->started);
    while (!p->is_over) {
        thread_yield();
    }
    completion_signal(&p->ended);
}

// Two threads on one CPU give way to each other: every yield is one switch.
static status_t measure_switch(uint64_t *tenths)
{
    struct partner p = {};
    completion_init(&p.started, "bench start");
    completion_init(&p.ended, "bench end");
    status_t status = kthread_create("bench", yield_until_over, &p, NULL);
    if (status != OK) {
        return status;
    }
    completion_wait(&p.started);
    nsec_t from = time_now();
    for (int i = 0; i < SWITCHES; i++) {
        thread_yield();
    }
    nsec_t to = time_now();
    p.is_over = true;
    completion_wait(&p.ended);
    *tenths = 10 * (to - from) / SWITCHES / 2; // there and back
    return OK;
}

static status_t measure_pages(uint64_t *tenths)
{
    nsec_t from = time_now();
    for (int i = 0; i < ALLOCATIONS; i++) {
        struct page *page;
        status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page);
        if (status != OK) {
            return status;
        }
        page_free(page, 0);
    }
    *tenths = 10 * (time_now() - from) / ALLOCATIONS;
    return OK;
}

static status_t measure_heap(uint64_t *tenths)
{
    nsec_t from = time_now();
    for (int i = 0; i < ALLOCATIONS; i++) {
        void *memory;
        status_t status = heap_alloc(64, &memory);
        if (status != OK) {
            return status;
        }
        heap_free(memory);
    }
    *tenths = 10 * (time_now() - from) / ALLOCATIONS;
    return OK;
}

// A line of a usual kind, kept but shown nowhere (consoles are quiet).
static status_t measure_log(uint64_t *tenths)
{
    nsec_t from = time_now();
    for (unsigned i = 0; i < LINES; i++) {
        log_info("bench", "line %u of %u, at %#llx", i, LINES, (unsigned long long)from);
    }
    *tenths = 10 * (time_now() - from) / LINES;
    return OK;
}

static const struct {
    const char *name;
    status_t (*measure)(uint64_t *tenths);
} benches[] = {
    {"thread switch", measure_switch},
    {"page alloc and free", measure_pages},
    {"heap alloc and free", measure_heap},
    {"log line", measure_log},
    {"packet alloc and free", bench_packet},
    {"path look-up", bench_path},
    {"path look-up anew", bench_new_path},
    {"IP out", bench_send},
    {"IP in", bench_receive},
};

int bench_run(void (*report)(const char *name, uint64_t tenths))
{
    int failures = 0;
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
        uint64_t tenths;
        if (benches[i].measure(&tenths) == OK) {
            report(benches[i].name, tenths);
        } else {
            failures++;
        }
    }
    return failures;
}
