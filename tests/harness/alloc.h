// SPDX-License-Identifier: Apache-2.0
/*
 * An allocator for tests that counts what is live and can fail the Nth request.
 *
 *     OOM_SWEEP {
 *         status_t status = thing_create(&thing);   // allocates through test_alloc
 *         ... undo what was made, check that a failure left nothing behind ...
 *     }
 *
 * runs the body with request 0 failing, then request 1, and so on until a pass meets no failure.
 * After each pass as many allocations must be live as before it; a leak fails the test.
 * An allocator under test that has its own memory asks test_alloc_fails() at each request instead
 * and is then part of the sweep.
 *
 * One sweep at a time, on one thread.
 */
#pragma once

#include "lib/base/types.h"

// Memory aligned to 16 bytes and filled with a pattern, or NULL when it is this request's turn.
void *test_alloc(size_t size);
void test_free(void *memory); // NULL is allowed

// Counts one request, and says whether it has to fail.
bool test_alloc_fails(void);

// Allocations of test_alloc not freed yet.
size_t test_alloc_live(void);

// Ends any sweep and forgets the counts; whatever runs the tests calls it before each of them.
void test_alloc_reset(void);

struct test_sweep {
    const char *file;
    int line;
    size_t turn; // the request that fails in the current pass, plus one; 0 before the first pass
    size_t live; // allocations before the sweep
};

bool test_sweep_next(struct test_sweep *sweep);

#define OOM_SWEEP                                                                                  \
    for (struct test_sweep sweep = {.file = __FILE__, .line = __LINE__}; test_sweep_next(&sweep);)

/*
 * Where test_alloc gets its memory; given by what runs the tests (malloc on the host, the heap in
 * the kernel).
 */
void *test_memory_get(size_t size);
void test_memory_put(void *memory);
