// SPDX-License-Identifier: Apache-2.0
/* Checks of a test program: one that fails says where, and the program goes on and ends with 1. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_failures;

static inline int check_at(int holds, const char *what, const char *file, int line)
{
    if (!holds && check_failures++ < 20) { // a loop may fail for ever
        fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, what, strerror(errno));
    }
    return holds;
}

#define CHECK(condition)     check_at(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_STR(got, want) CHECK(strcmp((got), (want)) == 0)

// What main returns.
static inline int check_end(void)
{
    return check_failures != 0;
}
