// SPDX-License-Identifier: Apache-2.0
/*
 * What every runner of tests shares: choosing tests, running them in order, and the report in TAP
 * form ("ok 1 - fdt: a bad magic is refused").  The runner gives the output and what must hold
 * around each test.
 */
#pragma once

#include "tests/harness/test.h"

struct test_runner {
    void (*write)(const char *line); // one line without its end; borrowed for the call
    void (*before)(void);            // NULL, or runs before each test
    void (*after)(void);             // NULL, or runs after each test and may test_fail (leaks)
};

struct test_result {
    unsigned passed;
    unsigned failed;
};

/*
 * Runs the tests whose "suite: name" contains `filter` (NULL or "": all), then writes
 * "N passed, N failed".  A filter that matches nothing counts as one failure, so that a mistyped
 * name cannot pass.
 */
struct test_result test_run_all(const struct test_runner *runner, const char *filter);
