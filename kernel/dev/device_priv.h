// SPDX-License-Identifier: Apache-2.0
/* Between device.c and the sources of devices. */
#pragma once

#include "kernel/dev/device.h"
#include "lib/base/list.h"

// A device and its driver, waiting for its stage.
struct device_match {
    struct device device;
    const struct driver *driver;
    struct list link;
};

struct device_plan {
    struct list stages[DEVICE_STAGES]; // struct device_match
};

void device_plan_init(struct device_plan *plan);

// The linked-in driver for `compatible`, or NULL.
const struct driver *driver_find(const char *compatible);

// Queues a match behind those of its stage, or before them.
enum device_order { DEVICE_LAST, DEVICE_FIRST };
void device_plan_add(struct device_plan *plan, struct device_match *m, enum device_order order);

// Probes all matches stage by stage.
void device_plan_run(struct device_plan *plan);
