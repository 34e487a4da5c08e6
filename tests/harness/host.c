// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the linked-in tests in a host process: `lib_test [FILTER]`, where FILTER is a part of
 * "suite: name".  Exits with 1 if a test failed or none was chosen.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/alloc.h"
#include "tests/harness/runner.h"

void *test_memory_get(size_t size)
{
    return malloc(size);
}

void test_memory_put(void *memory)
{
    free(memory);
}

// Flushed line by line, so that what went before a sanitizer's abort is there to read.
static void write_line(const char *line)
{
    if (puts(line) < 0 || fflush(stdout) != 0) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const struct test_runner runner = {.write = write_line};
    struct test_result result = test_run_all(&runner, argc > 1 ? argv[1] : NULL);
    return result.failed == 0 ? 0 : 1;
}
