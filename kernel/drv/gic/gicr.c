// SPDX-License-Identifier: Apache-2.0
#include "kernel/drv/gic/gicr.h"

#include "kernel/arch/arch.h"
#include "kernel/drv/gic/gic_priv.h"

// GICR_TYPER
static constexpr uint64_t TYPER_VLPIS = 1u << 1; // has two more frames, for virtual LPIs
static constexpr uint64_t TYPER_LAST = 1u << 4;  // the last one of its region

enum {
    FRAMES_SIZE_VLPIS = 0x40000,
    WAKER_PROCESSOR_SLEEP = 1u << 1,
    WAKER_CHILDREN_ASLEEP = 1u << 2,
};

static constexpr uint64_t AFFINITY_MASK = 0xff00ffffff;

// MPIDR's layout to the dense one of GICR_TYPER bits 63:32.
static uint32_t pack_affinity(uint64_t affinity)
{
    return (uint32_t)(affinity >> 32 & 0xff) << 24 | (uint32_t)(affinity & 0xffffff);
}

// A region that does not say which one is its last ends with its window.
bool gicr_walk_has(const struct gicr_walk *w)
{
    return !w->is_over && w->size >= GICR_FRAMES_SIZE && w->offset <= w->size - GICR_FRAMES_SIZE;
}

void gicr_walk_next(struct gicr_walk *w, uint64_t typer)
{
    uint64_t own = (typer & TYPER_VLPIS) != 0 ? FRAMES_SIZE_VLPIS : GICR_FRAMES_SIZE;
    w->offset += w->stride != 0 ? w->stride : own;
    w->is_over = (typer & TYPER_LAST) != 0;
}

bool gicr_is_of(uint64_t typer, uint64_t affinity)
{
    return typer >> 32 == pack_affinity(affinity);
}

status_t gicr_wake(vaddr_t redist)
{
    uint32_t waker = arch_mmio_read32(redist + GICR_WAKER);
    arch_mmio_write32(redist + GICR_WAKER, waker & ~(uint32_t)WAKER_PROCESSOR_SLEEP);
    return gic_wait(redist + GICR_WAKER, WAKER_CHILDREN_ASLEEP, 0);
}

uint64_t gicv3_sgi_value(uint64_t affinity, uint32_t intid)
{
    uint64_t aff0 = affinity & 0xff;
    uint64_t aff1 = affinity >> 8 & 0xff;
    uint64_t aff2 = affinity >> 16 & 0xff;
    uint64_t aff3 = affinity >> 32 & 0xff;
    // One target in the list of 16 that the range selector picks.
    return aff3 << 48 | aff0 / 16 << 44 | aff2 << 32 | (uint64_t)intid << 24 | aff1 << 16 |
           1ull << aff0 % 16;
}

uint64_t gicv3_route_value(uint64_t affinity)
{
    return affinity & AFFINITY_MASK;
}
