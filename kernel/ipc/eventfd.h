// SPDX-License-Identifier: Apache-2.0
/*
 * Counters to wait on (eventfd): a write adds to the 64-bit count, a read takes it all, or one at a
 * time where it is a semaphore.  A read of 0 waits, and so does a write that would reach the limit.
 */
#pragma once

#include "kernel/object/file.h"

// `flags`: FILE_NONBLOCK.  Gives a reference.  ERR_NOMEM.
status_t eventfd_create(uint64_t value, bool is_semaphore, uint32_t flags, struct file **out);
