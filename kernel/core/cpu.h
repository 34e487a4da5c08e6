// SPDX-License-Identifier: Apache-2.0
/*
 * The CPUs of the machine.  CPU 0 is the one that booted; the others are added while devices are
 * discovered, numbered from 1 in the order of discovery, and started by cpu_start_all.  There is no
 * limit on their number: records are allocated.
 *
 * Locking: the list only grows, and only before the secondary CPUs run; afterwards it is read
 * without a lock.  `online` is set by the CPU itself (release) and read with acquire.
 */
#pragma once

#include "kernel/core/percpu.h"
#include "lib/base/list.h"

struct thread;

struct cpu {
    unsigned index;            // [I] 0 is the boot CPU
    uint64_t hwid;             // [I] MPIDR affinity
    uintptr_t percpu;          // [I] offset of its per-CPU variables
    struct thread *idle;       // [I]
    _Atomic bool is_online;    // [a]
    void *irq_chip_data;       // [I] of the interrupt controller (redistributor, ...)
};

// The record of the running CPU, and of CPU `index` (NULL past the end).
struct cpu *cpu_this(void);
struct cpu *cpu_get(unsigned index);

// CPUs known, and CPUs that are running.
unsigned cpu_count(void);
unsigned cpu_online_count(void);

// for (unsigned i = 0; ...) over online CPUs.
#define cpu_for_each_online(c) \
    for (struct cpu *c = cpu_next_online(NULL); (c) != NULL; (c) = cpu_next_online(c))
struct cpu *cpu_next_online(const struct cpu *after);

// Boot: the record of the boot CPU (static storage).
void cpu_init_boot(void);

// Boot: adds a CPU.  Takes `c` (zeroed), its idle thread and its per-CPU area, all of which live for
// ever; `percpu_area` is percpu_size() bytes, zeroed, aligned to 64.
void cpu_add(struct cpu *c, uint64_t hwid, void *percpu_area, struct thread *idle);
size_t percpu_size(void);

// How secondary CPUs are started, handed over by the firmware driver: PSCI CPU_ON.
struct cpu_start_ops {
    status_t (*start)(uint64_t hwid, paddr_t entry, uint64_t argument);
};

// Boot: starts every added CPU and waits until each is online or failed to start (a log line names
// those).  Functions in `on_start` tables run on each CPU as it comes up, see cpu_on_start.
void cpu_start_all(const struct cpu_start_ops *ops);

// Registers (boot, before cpu_start_all) a function that each secondary CPU calls on itself with
// interrupts masked before it takes work: interrupt controller, timer.  `hook` is the caller's.
struct cpu_start_hook {
    void (*run)(struct cpu *self);
    struct list link;
};
void cpu_on_start(struct cpu_start_hook *hook);

// Inter-processor interrupts.  Callable anywhere.
enum ipi {
    IPI_RESCHEDULE, // look at need_resched
    IPI_CALL,       // run queued cross calls
    IPI_STOP,       // panic: record where you are and halt
    IPI_COUNT,
};
void cpu_send_ipi(struct cpu *target, enum ipi ipi);
void cpu_handle_ipi(enum ipi ipi); // from the interrupt controller

// Runs fn(arg) on `target` in interrupt context and waits until it has run (directly when target is
// this CPU).  Interrupts enabled, no spinlock held.  fn must be short.
void cpu_call(struct cpu *target, void (*fn)(void *), void *arg);
