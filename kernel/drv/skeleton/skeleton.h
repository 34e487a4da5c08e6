// SPDX-License-Identifier: Apache-2.0
/*
 * A complete driver to copy: a device of one register window and one interrupt, invented for the
 * purpose ("swift-os,skeleton").  It turns numbers into their squares: a request is written to a
 * register, the interrupt says that the answer can be read.
 *
 * What every driver has, in this order: registers by specification, one struct per device with the
 * field letters of HOUSE.md, an interrupt handler that only takes the result and wakes, functions for
 * its users, probe, the table of what it drives.
 *
 * Locking: the device's lock guards its registers and `state`; it is taken with interrupts masked
 * because the handler takes it.  The wait queue is woken after it is released.
 */
#pragma once

#include "kernel/core/irq.h"
#include "kernel/core/wait.h"

enum skeleton_state {
    SKELETON_IDLE,   // --skeleton_square--> BUSY
    SKELETON_BUSY,   // --interrupt--> DONE
    SKELETON_DONE,   // --skeleton_square takes the answer--> IDLE
    SKELETON_BROKEN, // the device said something impossible; sticky
};

struct skeleton {
    vaddr_t base; // [I] registers
    struct irq_handler handler;
    struct spinlock lock;
    enum skeleton_state state; // [l]
    uint32_t answer;           // [l] in DONE
    struct wait_queue changed; // `state` changed
};

// Makes a device of the registers at `base`; attaches no interrupt.
void skeleton_init(struct skeleton *s, vaddr_t base);

// Gives the square of `number`, waiting for the device and for whoever uses it before us.
// ERR_TIMEDOUT: no answer by `deadline`.  ERR_IO: the device is broken.  Thread context.
status_t skeleton_square(struct skeleton *s, uint32_t number, nsec_t deadline, uint32_t *out);

// The interrupt handler; `context` is the struct skeleton.
void skeleton_interrupt(void *context);
