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
    GICR_FRAMES_SIZE = 0x20000, // the register frame and the SGI frame
};

/*
 * The redistributors of a region, one after the other:
 *
 *     for (struct gicr_walk w = {.size = ..., .stride = ...}; gicr_walk_has(&w);) {
 *         uint64_t typer = ...GICR_TYPER of the one at w.offset...;
 *         gicr_walk_next(&w, typer);
 *     }
 */
struct gicr_walk {
    uint64_t size;   // of the region
    uint64_t stride; // from one to the next, or 0 to go by what each says of itself
    uint64_t offset; // of the current one
    bool is_over;    // the last one has been seen
};

// Whether there is one at w->offset, with its frames inside the region.
bool gicr_walk_has(const struct gicr_walk *w);
void gicr_walk_next(struct gicr_walk *w, uint64_t typer);

// Whether the redistributor with this GICR_TYPER is that of the CPU.
bool gicr_is_of(uint64_t typer, uint64_t affinity);

// Wakes the redistributor up.  ERR_TIMEDOUT.
status_t gicr_wake(vaddr_t redist);

// ICC_SGI1R_EL1 that sends SGI `intid` to one CPU (12.2.21), and GICD_IROUTER that routes to one.
uint64_t gicv3_sgi_value(uint64_t affinity, uint32_t intid);
uint64_t gicv3_route_value(uint64_t affinity);
