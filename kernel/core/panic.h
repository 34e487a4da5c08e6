// SPDX-License-Identifier: Apache-2.0
/*
 * The end: panic for broken kernel invariants, never for user input, device data or disk contents.
 *
 *   panic --> reason --> the other CPUs stop --> registers, backtrace, where the others were, the
 *   end of the log --> the crash area --> exit of an emulator, or a wait and a reset, or halt
 *
 * All text goes to the panic console (polled, no locks) and, as far as it fits, to the crash area
 * (lib/crash/record.h), RAM that survives a warm reset: the next boot logs what is there and counts
 * panics.  The third in a row without a healthy boot halts the machine instead of resetting it.
 *
 * Invariants: 1. one CPU reports, the first to come; any other that gets here only tells where it
 * was.  2. Nothing in here takes a lock, allocates or waits without a bound.  3. A panic inside the
 * report cuts it short: what stands so far is kept, its own reason is added; the next one halts.
 *
 * Options: `panic=SECONDS` until the reset, 10 by default, negative to stay halted.
 */
#pragma once

#include "kernel/arch/arch.h"
#include "lib/base/attr.h"
#include "lib/base/span.h"

NORETURN COLD void panic(const char *format, ...) PRINTF(1, 2);

// With the registers of the trap that led here.
NORETURN COLD void panic_frame(const struct arch_frame *frame, const char *format, ...)
    PRINTF(2, 3);

// Stays on in release builds.
#define assert(condition)                                                                          \
    do {                                                                                           \
        if (UNLIKELY(!(condition))) {                                                              \
            panic("assertion failed: %s (%s:%d)", #condition, __FILE__, __LINE__);                 \
        }                                                                                          \
    } while (0)

enum { PANIC_EXIT_STATUS = 125 }; // for `exit` below; tools/guest knows it

// How a panic reaches the outside; all work in any state and may be NULL.
struct panic_ops {
    void (*write)(const char *text, size_t len); // polled output
    void (*reset)(void);                         // returns if it cannot
    void (*exit)(int status);                    // ends an emulator; returns if none listens
};
void panic_set_ops(const struct panic_ops *ops);

// Boot: the crash area, at the place of lib/crash/place.h, mapped for ever.  Logs the record of the
// previous boot if that ended in a panic.
void panic_set_crash_area(void *area, size_t size);

// The system runs user programs: panics before do not count any more.
void panic_boot_is_healthy(void);

// The text of the previous boot's panic; false: it ended otherwise, or nobody knows.
bool panic_previous_record(struct span *out);

// From the stop interrupt: records where this CPU was and halts it.
NORETURN void panic_stop_this_cpu(void);

bool panic_is_active(void);
