// SPDX-License-Identifier: Apache-2.0
/* The clock page (abi/clock_page.h), which every process has mapped read-only. */
#pragma once

#include "kernel/mm/aspace.h"

// Boot, once the wall clock has been read.
void clock_init(void);

// Maps it at `va`.
status_t clock_map(struct aspace *as, vaddr_t va);

// Sets the wall clock, and says so in the page.
void clock_set_wall(nsec_t now);
