// SPDX-License-Identifier: Apache-2.0
/*
 * ASIDs with generations.  An address space's ASID word is generation | number; a word of an older
 * generation means nothing.  When the numbers run out a new generation begins: every CPU flushes its
 * TLB before it next enters user mode, and the numbers that CPUs are running with right now carry
 * over, so running threads are not disturbed.
 *
 * Fast path: the word is of this generation; the CPU publishes it in `active` with a compare and
 * exchange that fails if a roll-over took the old value away (it stores 0).  Slow path: under the
 * lock.  Pairing: the exchange in roll_over (acquire-release) against the one in activate.
 *
 * A CPU that runs no user code keeps its ASID with an empty table: going back to the same address
 * space then changes no ASID, which emulators punish with a flush of their whole TLB.
 */
#include "kernel/arch/arm64/mmu.h"

#include <stdatomic.h>

#include "kernel/arch/arm64/boot.h"
#include "kernel/core/percpu.h"
#include "kernel/core/spinlock.h"
#include "lib/base/bits.h"

enum { ASID_BITS_MAX = 16, WORD_BITS = 64 };

struct asid_cpu {
    _Atomic uint64_t active;     // [a] word in use on this CPU; 0: taken away by a roll-over
    uint64_t reserved;           // [lock] word in use when the generation ended
    _Atomic bool flush_pending;  // [a] the TLB may hold entries of an older generation
    struct arch_aspace *current; // [c] in TTBR0; NULL: the empty table
    struct asid_cpu *next;       // [lock] all CPUs
};
static PERCPU(struct asid_cpu, asid_cpu);

static struct {
    struct spinlock lock;
    _Atomic uint64_t generation; // [a] above the number's bits
    uint64_t next;               // [lock] where to search
    struct asid_cpu *cpus;       // [lock]
} asids = {
    .lock = SPINLOCK_INIT("asid", RANK_ASID),
    .generation = 1ull << ASID_BITS_MAX,
    .next = 1,
};

// [asids.lock] Numbers of this generation.  Apart, because the image would hold its zeroes.
static uint64_t used[(1u << ASID_BITS_MAX) / WORD_BITS];

uint16_t asid_number(const struct arch_aspace *as)
{
    return (uint16_t)atomic_load_explicit(&as->asid, memory_order_relaxed);
}

void asid_cpu_init(void)
{
    struct asid_cpu *self = this_cpu(asid_cpu);
    irqflags_t flags = spin_lock_irqsave(&asids.lock);
    self->next = asids.cpus;
    asids.cpus = self;
    spin_unlock_irqrestore(&asids.lock, flags);
}

static bool is_current_generation(uint64_t word)
{
    uint64_t generation = atomic_load_explicit(&asids.generation, memory_order_acquire);
    return word >> ASID_BITS_MAX == generation >> ASID_BITS_MAX;
}

static bool test_and_set(uint64_t number)
{
    uint64_t bit = 1ull << number % WORD_BITS;
    bool was_set = (used[number / WORD_BITS] & bit) != 0;
    used[number / WORD_BITS] |= bit;
    return was_set;
}

static void roll_over(void) REQUIRES(asids.lock)
{
    atomic_fetch_add_explicit(&asids.generation, 1ull << ASID_BITS_MAX, memory_order_acq_rel);
    for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
        used[i] = 0;
    }
    for (struct asid_cpu *c = asids.cpus; c != NULL; c = c->next) {
        uint64_t word = atomic_exchange_explicit(&c->active, 0, memory_order_acq_rel);
        if (word == 0) {
            word = c->reserved; // still running on what the last roll-over reserved
        }
        c->reserved = word;
        test_and_set((uint16_t)word);
        atomic_store_explicit(&c->flush_pending, true, memory_order_relaxed);
    }
    asids.next = 1;
}

// A word that a CPU was running with when its generation ended keeps its number in the new one.
static bool keep_reserved(uint64_t old, uint64_t new)
{
    bool is_reserved = false;
    for (struct asid_cpu *c = asids.cpus; c != NULL; c = c->next) {
        if (c->reserved == old) {
            c->reserved = new;
            is_reserved = true;
        }
    }
    return is_reserved;
}

static uint64_t find_number(void) REQUIRES(asids.lock)
{
    uint64_t limit = 1ull << arch_features.asid_bits;
    for (uint64_t number = asids.next; number < limit; number++) {
        if (!test_and_set(number)) {
            asids.next = number + 1;
            return number;
        }
    }
    return 0;
}

static uint64_t assign(uint64_t old) REQUIRES(asids.lock)
{
    uint64_t generation = atomic_load_explicit(&asids.generation, memory_order_relaxed);
    if (old != 0) {
        uint64_t renewed = generation | (uint16_t)old;
        if (keep_reserved(old, renewed) || !test_and_set((uint16_t)old)) {
            return renewed;
        }
    }
    uint64_t number = find_number();
    if (number == 0) {
        roll_over();
        generation = atomic_load_explicit(&asids.generation, memory_order_relaxed);
        number = find_number(); // CPUs hold fewer numbers than there are
    }
    return generation | number;
}

static COLD uint64_t activate_slow(struct asid_cpu *self, struct arch_aspace *as)
{
    spin_lock(&asids.lock);
    uint64_t word = atomic_load_explicit(&as->asid, memory_order_relaxed);
    if (!is_current_generation(word)) {
        word = assign(word);
        atomic_store_explicit(&as->asid, word, memory_order_relaxed);
    }
    if (atomic_exchange_explicit(&self->flush_pending, false, memory_order_relaxed)) {
        tlb_flush_all_local();
    }
    atomic_store_explicit(&self->active, word, memory_order_relaxed);
    spin_unlock(&asids.lock);
    return word;
}

static void write_ttbr0(uint64_t root, uint64_t number)
{
    __asm__ volatile("msr ttbr0_el1, %0\n\tisb" ::"r"(root | number << 48) : "memory");
}

void arch_aspace_activate(struct arch_aspace *as)
{
    struct asid_cpu *self = this_cpu(asid_cpu);
    if (as == self->current && as != NULL) {
        return;
    }
    self->current = as;
    if (as == NULL) {
        uint64_t word = atomic_load_explicit(&self->active, memory_order_relaxed);
        write_ttbr0(image_to_phys(empty_root).raw, (uint16_t)(word != 0 ? word : self->reserved));
        return;
    }
    uint64_t word = atomic_load_explicit(&as->asid, memory_order_relaxed);
    uint64_t old = atomic_load_explicit(&self->active, memory_order_relaxed);
    if (old == 0 || !is_current_generation(word) ||
        !atomic_compare_exchange_strong_explicit(&self->active, &old, word, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        word = activate_slow(self, as);
    }
    write_ttbr0(as->root.raw, (uint16_t)word);
}
