// SPDX-License-Identifier: Apache-2.0
/*
 * Message-signalled interrupts: a device writes a number to an address, and a controller makes an
 * interrupt of that.  Controllers are found by their phandle, as the device tree names them
 * ("msi-parent", "msi-map").
 *
 * The list of controllers grows at boot and is not locked; controllers lock themselves.
 */
#pragma once

#include "kernel/core/irq.h"
#include "lib/base/list.h"

struct msi_message {
    paddr_t address;
    uint32_t data;
};

struct msi_controller {
    const struct msi_ops *ops; // [I]
    uint32_t phandle;          // [I]
    struct list link;
};

struct msi_ops {
    // Gives an interrupt (edge) that nobody else has, and the message that raises it.  ERR_NOENT: none
    // is left.
    status_t (*alloc)(struct msi_controller *c, irq_t *irq, struct msi_message *message);

    // Takes it back; nobody is attached to it.
    void (*free)(struct msi_controller *c, irq_t irq);
};

// Boot: from a controller's probe.
void msi_add(struct msi_controller *c);

// The controller of that phandle; NULL: it has no driver.
struct msi_controller *msi_find(uint32_t phandle);
