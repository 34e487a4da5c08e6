// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/alloc.h"

#include "tests/harness/test.h"

static struct {
    bool is_armed;   // a request will fail or has failed in this pass
    size_t fail_at;  // which one
    size_t requests; // in this pass
    size_t live;
} state;

bool test_alloc_fails(void)
{
    return state.requests++ == state.fail_at && state.is_armed;
}

void *test_alloc(size_t size)
{
    if (test_alloc_fails()) {
        return NULL;
    }
    void *memory = test_memory_get(size);
    if (memory != NULL) {
        // A value that is neither zero nor a plausible pointer shows what was left uninitialised.
        memset(memory, 0xa5, size);
        state.live++;
    }
    return memory;
}

void test_free(void *memory)
{
    if (memory != NULL) {
        state.live--;
        test_memory_put(memory);
    }
}

size_t test_alloc_live(void)
{
    return state.live;
}

void test_alloc_reset(void)
{
    state.is_armed = false;
    state.requests = 0;
    state.live = 0;
}

// Judges the pass that has just ended: false ends the sweep.
static bool pass_was_met(const struct test_sweep *sweep)
{
    if (state.live != sweep->live) {
        test_fail(sweep->file, sweep->line,
                  "%zu allocations live, %zu before the pass that failed request %zu", state.live,
                  sweep->live, state.fail_at);
        return false;
    }
    return state.requests > state.fail_at;
}

bool test_sweep_next(struct test_sweep *sweep)
{
    if (sweep->turn == 0) {
        sweep->live = state.live;
    } else if (test_has_failed() || !pass_was_met(sweep)) {
        state.is_armed = false;
        return false;
    }
    state.is_armed = true;
    state.fail_at = sweep->turn++;
    state.requests = 0;
    return true;
}
