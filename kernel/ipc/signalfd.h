// SPDX-License-Identifier: Apache-2.0
/*
 * Signals to read (signalfd): a read takes signals of a set that are pending for whoever reads, as
 * records of abi/wait.h.
 */
#pragma once

#include "kernel/object/file.h"

// `flags`: FILE_NONBLOCK.  Gives a reference.  ERR_NOMEM, ERR_INVAL: the caller has no signals.
status_t signalfd_create(uint64_t set, uint32_t flags, struct file **out);

// ERR_INVAL: not one of these files.
status_t signalfd_set(struct file *f, uint64_t set);
