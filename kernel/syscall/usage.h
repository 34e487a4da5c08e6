// SPDX-License-Identifier: Apache-2.0
/* Resources that were used, as wait4 and getrusage give them. */
#pragma once

#include "kernel/proc/process.h"

// Stores a struct abi_rusage.  ERR_FAULT.
status_t usage_to_user(vaddr_t at, const struct process_usage *u);
