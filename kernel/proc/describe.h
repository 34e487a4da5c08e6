// SPDX-License-Identifier: Apache-2.0
/* What tools that list processes are told of one. */
#pragma once

#include "abi/records.h"
#include "kernel/proc/process.h"

// Fills the record; false: the process has left the tree meanwhile.  Thread context, no locks.
bool process_describe(struct process *p, struct swos_process *out);
