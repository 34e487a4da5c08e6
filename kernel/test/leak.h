// SPDX-License-Identifier: Apache-2.0
/* Around each test: whether it left memory behind. */
#pragma once

// Notes free pages and heap objects, with all caches of all CPUs given back.  Thread context.
void leak_begin(void);

// Fails the running test if there are fewer now, or more.  What is freed off the side (dead threads,
// work items) gets a second to be gone.
void leak_end(void);
