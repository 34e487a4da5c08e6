// SPDX-License-Identifier: Apache-2.0
/*
 * GICv3 redistributors (Arm IHI 0069H 12.10) and the routing values made from CPU affinities.
 * An affinity here is MPIDR's: Aff3 in bits 39:32, Aff2..Aff0 in bits 23:0.
 */
#pragma once

#include "lib/base/types.h"

enum {
    GICR_TYPER = 0x08,
    GICR_WAKER = 0x14,
    GICR_SGI_FRAME = 0x10000,
};

// A run of redistributors in memory, as the firmware lists them.
struct gicr_region {
    vaddr_t base;
    uint64_t size;
};

// The redistributor of the CPU with this affinity.  `stride` is the distance between two of them,
// or 0 to go by what each says of itself.  ERR_NODEV: none of the regions has it.
status_t gicr_find(const struct gicr_region *regions, size_t count, uint64_t stride,
                   uint64_t affinity, vaddr_t *out);

// Wakes the redistributor up.  ERR_TIMEDOUT.
status_t gicr_wake(vaddr_t redist);

// ICC_SGI1R_EL1 that sends SGI `intid` to one CPU (12.2.21), and GICD_IROUTER that routes to one.
uint64_t gicv3_sgi_value(uint64_t affinity, uint32_t intid);
uint64_t gicv3_route_value(uint64_t affinity);
