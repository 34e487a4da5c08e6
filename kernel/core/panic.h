// SPDX-License-Identifier: Apache-2.0
/*
 * The end: panic for broken kernel invariants, never for user input, device data or disk contents.
 *
 * A panic stops the other CPUs, prints the reason, registers, a symbolised backtrace, where the
 * other CPUs were and the end of the log through the panic console (polled, no locks), keeps the
 * record in the crash area (lib/crash) that survives a warm reset, and resets after the configured
 * time.  Three panics in a row before a healthy boot halt the machine instead.
 */
#pragma once

#include "kernel/arch/arch.h"
#include "lib/base/attr.h"

NORETURN COLD void panic(const char *format, ...) PRINTF(1, 2);

// With the registers of the trap that led here.
NORETURN COLD void panic_frame(const struct arch_frame *frame, const char *format, ...) PRINTF(2, 3);

// Stays on in release builds.
#define assert(condition)                                                       \
    do {                                                                        \
        if (UNLIKELY(!(condition))) {                                           \
            panic("assertion failed: %s (%s:%d)", #condition, __FILE__, __LINE__); \
        }                                                                       \
    } while (0)

// How a panic reaches the outside: polled output that works in any state, system reset and halt.
struct panic_ops {
    void (*write)(const char *text, size_t len);
    void (*reset)(void); // returns if it cannot
    void (*exit)(int status); // ends an emulator that listens (tools/guest); may be NULL
};
void panic_set_ops(const struct panic_ops *ops);

// Seconds between a panic and the reset; negative: stay halted.
void panic_set_reset_delay(int seconds);

// Boot: the crash area (RAM that no boot overwrites, `size` bytes, mapped) - reports a record of
// the previous boot to the log and counts this boot; the system calls panic_boot_is_healthy once it
// runs user programs.  Halts when the area says that this was the third panic in a row.
void panic_set_crash_area(void *area, size_t size);
void panic_boot_is_healthy(void);

// From the stop IPI: records where this CPU was and halts it.
NORETURN void panic_stop_this_cpu(void);
bool panic_is_active(void);
