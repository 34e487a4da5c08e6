// SPDX-License-Identifier: Apache-2.0
/*
 * A console: a stream of bytes between one serial device and whoever reads and writes it (a
 * terminal's line discipline, the kernel log, a panic).  No meaning is given to bytes here, but for
 * the log and the panic, whose line ends become CR LF.
 *
 *   UART FIFO --receive interrupt--> receive ring --console_try_read--> user
 *   user --console_try_write--> transmit ring --transmit interrupt--> UART FIFO
 *   log sink --------------------^
 *
 * Invariants:
 *   1. No input is lost by us: while the receive ring is full the device's receive interrupt is
 *      off and bytes stay in its FIFO, where the device's own flow control acts; a reader that makes
 *      room turns the interrupt on again.
 *   2. Nobody waits for the device: its user is told when half of the transmit ring is free and when
 *      it is empty, the log pauses its sink; both are resumed by the transmit interrupt.
 *   3. While the transmit ring has bytes, the device was filled and its transmit interrupt is on.
 *
 * Locking: one spinlock guards both rings and the device's registers.  Its rank is that of log
 * sinks, because lines are logged while nearly anything is held.  Wake-ups happen after it is
 * released.
 */
#pragma once

#include "kernel/core/log.h"
#include "kernel/core/wait.h"
#include "lib/base/ring.h"

// Conditions on which the device shall interrupt.
enum {
    CONSOLE_RECEIVE = 1u << 0,
    CONSOLE_TRANSMIT = 1u << 1,
};

// The serial device, by its driver.  All but write_polled are called with the console's lock held;
// they do not block and do not call back.
struct console_device {
    // Takes up to `max` received bytes out of the device; gives their number, 0 when there are none.
    size_t (*receive)(void *uart, uint8_t *bytes, size_t max);
    // Gives the device as many bytes as it takes at once; gives their number.
    size_t (*transmit)(void *uart, const uint8_t *bytes, size_t len);
    // Chooses the conditions (CONSOLE_*) that interrupt from now on.
    void (*set_interrupts)(void *uart, unsigned conditions);
    // Puts bytes on the wire, waiting for the device; no lock, any state of it.
    void (*write_polled)(void *uart, const uint8_t *bytes, size_t len);
};

// Where a console keeps its bytes; sizes are powers of two, 1 KiB at least.
struct console_storage {
    uint8_t *receive;
    uint32_t receive_size;
    uint8_t *transmit;
    uint32_t transmit_size;
};

struct console;

// Who reads and writes a console without sleeping: its terminal (console_tty.h).
struct console_user {
    // There is input, or room for output again.  Any context, no lock held.
    void (*changed)(struct console *c, bool has_input, bool has_room);
};

struct console {
    struct spinlock lock;
    const struct console_device *device;     // [l] set once
    void *uart;                              // [l] set once
    struct ring rx;                          // [l]
    struct ring tx;                          // [l]
    bool is_sink_waiting;                    // [l] the log's sink was refused a line
    bool is_polled;                          // panic: what was queued has been flushed
    const struct console_user *_Atomic user; // [a] NULL: none; set once
    struct wait_queue drainers;
    struct log_sink sink; // for log_add_sink
};

// Boot: makes a console of `device`, whose interrupts are off until now, and takes what it has
// received so far.  Device, uart and storage are kept.
void console_init(struct console *c, const struct console_device *device, void *uart,
                  const struct console_storage *storage);

// The system's console.  Until a device is attached its output is dropped and input never comes.
struct console *console_system(void);

// From a driver's probe: the device becomes that of the system's console, which takes what it has
// received so far and joins the log's sinks.  ERR_BUSY: there is one already.
status_t console_attach(const struct console_device *device, void *uart);

// From the driver's interrupt handler: moves bytes both ways.
void console_interrupt(struct console *c);

// As much as there is, or room for, at once; give the number of bytes.  Any context.
size_t console_try_read(struct console *c, void *bytes, size_t size);
size_t console_try_write(struct console *c, const void *bytes, size_t size);

// From now on `user` is told; it looks first for what is there already.
void console_set_user(struct console *c, const struct console_user *user);

// Sleeps until everything queued has been handed to the device.  ERR_INTR.
status_t console_drain(struct console *c, enum wait_flags flags);

// Hands everything queued to the device, polled: before the machine goes off.  Any context.
void console_flush(struct console *c);

// Bytes that can be queued at once.
size_t console_writable(struct console *c);

// Whether a device is attached.
bool console_has_device(const struct console *c);

// For panic_ops: what the system's console has queued, then `text`; polled, without a lock, from any
// state.
void console_panic_write(const char *text, size_t len);
