// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/clock.h"

#include <stdatomic.h>

#include "abi/clock_page.h"
#include "kernel/core/panic.h"
#include "kernel/core/time.h"
#include "kernel/mm/vmo.h"

static struct {
    struct mutex lock;            // one writer at a time
    struct swos_clock_page *page; // [lock to write]
    struct vmo *vmo;              // [I]
} clock;

// Readers try again while the sequence is odd or when it has changed (abi/clock_page.h).
static void publish(void)
{
    struct swos_clock_page *p = clock.page;
    uint32_t sequence = p->sequence;
    __atomic_store_n(&p->sequence, sequence + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
    p->whole = time_scale_to_ns.whole;
    p->fraction = time_scale_to_ns.fraction;
    nsec_t wall = time_wall();
    p->wall_offset_ns = wall == 0 ? 0 : wall - time_now();
    __atomic_store_n(&p->sequence, sequence + 2, __ATOMIC_RELEASE);
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
    publish();
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
    publish();
    mutex_unlock(&clock.lock);
}
