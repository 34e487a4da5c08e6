// SPDX-License-Identifier: Apache-2.0
/*
 * The one source of random numbers: a ChaCha20 generator with fast key erasure (Bernstein,
 * "Fast-key-erasure random-number generators", 2017), fed by whatever is there: the seeds of the
 * device tree and of the firmware, the CPU's instruction (RNDR), virtio-rng, and the jitter of
 * timers where nothing else is.
 *
 *   random_add --SHA-256--> pool --256 bits are credited--> key, a new generation
 *        --> each CPU's own key --> bytes, and the next key before any byte goes out
 *
 * There is no fallback: until 256 bits of entropy are credited nothing comes out.  Bytes that were
 * given out cannot be computed from what is in memory afterwards.
 *
 * Locking: the pool and the key have a spinlock (RANK_RANDOM, interrupts masked); a CPU's own key is
 * touched with interrupts masked.  What sleeps says so.
 */
#pragma once

#include "kernel/core/wait.h"

// Fills `out`; sleeps until the generator is seeded if it is not yet.  Thread context without
// spinlocks, any context once it is seeded.
void random_bytes(void *out, size_t size);

// As random_bytes, but never sleeps: ERR_AGAIN, nothing written, while there is no seed.  Any context.
status_t random_try_bytes(void *out, size_t size);

// A number below `limit` (not 0), all equally likely; as random_bytes.
uint64_t random_below(uint64_t limit);

bool random_is_seeded(void);

// Sleeps until the generator is seeded.  ERR_TIMEDOUT; ERR_INTR with WAIT_INTERRUPTIBLE.
status_t random_wait(nsec_t deadline, enum wait_flags flags);

// Mixes bytes in that are worth `bits` of entropy (0: who knows, but no harm).  Any context in which
// nothing of rank RANK_WAIT or above is held.
void random_add(const void *bytes, size_t size, unsigned bits);
