// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/clock.h"

#include <stdatomic.h>

#include "abi/clock_page.h"
#include "kernel/arch/arch.h"
#include "kernel/core/interval.h"
#include "kernel/core/panic.h"
#include "kernel/core/time.h"
#include "kernel/mm/vmo.h"

static struct {
    struct mutex lock;            // one writer at a time
    struct swos_clock_page *page; // [lock to write]
    struct vmo *vmo;              // [I]
} clock;

// Readers try again while the sequence is odd or when it has changed (abi/clock_page.h).
static void publish_wall(void)
{
    struct swos_clock_page *p = clock.page;
    uint32_t sequence = p->sequence;
    __atomic_store_n(&p->sequence, sequence + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
    nsec_t offset = time_wall_offset();
    p->wall_seconds = offset / NSEC_PER_SEC;
    p->wall_nanoseconds = (uint32_t)(offset % NSEC_PER_SEC);
    __atomic_store_n(&p->sequence, sequence + 2, __ATOMIC_RELEASE);
}

// 2^(64 + CLOCK_PAGE_SHIFT) / hz, rounded up; 0 for a counter so slow that it has no place in a word.
static uint64_t scale_for(uint64_t hz)
{
    if (hz <= 1u << CLOCK_PAGE_SHIFT) {
        return 0;
    }
    // Long division by a divisor of 32 bits: 2^84 has the digits 2^20, 0, 0.
    const uint64_t top = 1ull << CLOCK_PAGE_SHIFT;
    uint64_t high = (top << 32) / hz;
    uint64_t rest = ((top << 32) % hz) << 32;
    return (high << 32) + rest / hz + (rest % hz != 0);
}

void clock_init(void)
{
    mutex_init(&clock.lock, "clock page", RANK_MODULE);
    paddr_t page;
    bool can_write;
    if (vmo_create_anonymous(1, &clock.vmo) != OK ||
        vmo_fault(clock.vmo, 0, true, &page, &can_write) != OK) {
        panic("no memory for the clock page");
    }
    clock.page = phys_to_virt(page);
    clock.page->scale = scale_for(arch_counter_hz());
    clock.page->half_nanoseconds = 2 * NSEC_PER_SEC;
    publish_wall();
}

status_t clock_map(struct aspace *as, vaddr_t va)
{
    struct mapping m = {.vmo = clock.vmo,
                        .size_pages = 1,
                        .prot = PROT_READ,
                        .max_prot = PROT_READ,
                        .flags = ASPACE_FIXED | ASPACE_SHARED};
    return aspace_map(as, &m, &va);
}

void clock_set_wall(nsec_t now)
{
    mutex_lock(&clock.lock);
    time_set_wall(now);
    publish_wall();
    mutex_unlock(&clock.lock);
    interval_clock_was_set();
}
