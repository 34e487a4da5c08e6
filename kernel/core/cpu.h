// SPDX-License-Identifier: Apache-2.0
/*
 * The CPUs of the machine.  CPU 0 is the one that booted; the others are added while devices are
 * discovered, numbered from 1 in the order of discovery, and started by cpu_start_all.  There is no
 * limit on their number: records are allocated.
 *
 * Locking: the list only grows, and only before the secondary CPUs run; afterwards it is read
 * without a lock.  `is_online` is set by the CPU itself (release) and read with acquire, so whoever
 * sees it also sees what the CPU prepared before.
 */
#pragma once

#include <stdatomic.h>

#include "kernel/core/percpu.h"
#include "lib/base/list.h"

struct thread;
struct cpu_call;

struct cpu {
    unsigned index;                 // [I] 0 is the boot CPU
    uint64_t hwid;                  // [I] MPIDR affinity
    uintptr_t percpu;               // [I] offset of its per-CPU variables
    struct thread *idle;            // [I]
    struct cpu *next;               // [I] in index order
    struct cpu_call *_Atomic calls; // [a] cross calls not run yet, newest first
    _Atomic bool is_online;         // [a]
    void *irq_chip_data;            // [I] of the interrupt controller (redistributor, ...)
};

// The record of the running CPU, and of CPU `index` (NULL past the end).
struct cpu *cpu_this(void);
struct cpu *cpu_get(unsigned index);

// CPUs known, and CPUs that are running.
unsigned cpu_count(void);
unsigned cpu_online_count(void);

// The online CPU after `after` in index order (NULL: the first); NULL past the last.
struct cpu *cpu_next_online(const struct cpu *after);

#define cpu_for_each_online(c)                                                                     \
    for (struct cpu *c = cpu_next_online(NULL); (c) != NULL; (c) = cpu_next_online(c))

// A set of CPUs of any number: a bitmap in the caller's storage; CPUs past its end are not in it.
struct cpu_set {
    size_t words;
    uint64_t *bits;
};

static inline bool cpu_set_has(const struct cpu_set *set, unsigned index)
{
    return index / 64 < set->words && (set->bits[index / 64] >> (index % 64) & 1) != 0;
}

// Boot, the first call of all: the record of the boot CPU, its per-CPU variables (the linked ones),
// and a current thread, which sched_init_boot completes.
void cpu_init_boot(void);

// Boot: adds a CPU.  Takes `c` (zeroed), its idle thread (made by thread_init, whose entry never
// runs) and its per-CPU area, all of which live for ever; `percpu_area` is percpu_size() bytes,
// zeroed, aligned to PERCPU_ALIGN.
void cpu_add(struct cpu *c, uint64_t hwid, void *percpu_area, struct thread *idle);

// How secondary CPUs are started, handed over by the firmware driver: PSCI CPU_ON.
struct cpu_start_ops {
    status_t (*start)(uint64_t hwid, paddr_t entry, uint64_t argument);
};

// Boot: starts every added CPU that is not online and waits until each is or failed to start, or
// until none has come up for a second (a log line names the absent).  Sleeps: in a thread.
void cpu_start_all(const struct cpu_start_ops *ops);

// Registers (boot, before cpu_start_all) a function that each secondary CPU calls on itself with
// interrupts masked before it takes work: interrupt controller, timer.  Hooks run in the order of
// registration; `hook` is the caller's and lives for ever.
struct cpu_start_hook {
    void (*run)(struct cpu *self);
    struct list link;
};
void cpu_on_start(struct cpu_start_hook *hook);

// Inter-processor interrupts.  Callable anywhere.
enum ipi {
    IPI_RESCHEDULE, // look at the run queue and at need_resched
    IPI_CALL,       // run queued cross calls
    IPI_STOP,       // panic: record where you are and halt
    IPI_LOG,        // wake who waits for log records
    IPI_COUNT,
};
void cpu_send_ipi(struct cpu *target, enum ipi ipi);
void cpu_handle_ipi(enum ipi ipi); // from the interrupt controller, in interrupt context

// Runs fn(arg) on `target` in interrupt context and waits until it has run (directly, with
// interrupts masked, when target is this CPU).  Interrupts enabled, no spinlock held.  fn is short
// and does not wait for another CPU.
void cpu_call(struct cpu *target, void (*fn)(void *), void *arg);
