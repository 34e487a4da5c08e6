// SPDX-License-Identifier: Apache-2.0
/*
 * The devices of one device tree in the two steps of device_probe_fdt, and the way back, which only
 * tests take.
 */
#pragma once

#include "kernel/dev/device.h"

struct fdt_devices;

// Collects what has a driver.  The blob is kept.  ERR_INVAL: not a device tree.  ERR_NOMEM.
status_t fdt_devices_create(struct span fdt, struct fdt_devices **out);

// Probes them, stage by stage.
void fdt_devices_probe(struct fdt_devices *tree);

// Frees the records; no driver may have kept one.
void fdt_devices_destroy(struct fdt_devices *tree);
