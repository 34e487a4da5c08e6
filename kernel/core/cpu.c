// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/cpu.h"

#include <lock_check.h>

#include "kernel/core/irq.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"

static struct {
    struct cpu boot;
    struct cpu *last;
    unsigned count;
    _Atomic unsigned online;
    struct list hooks; // struct cpu_start_hook
    struct wait_queue came_up;
} cpus = {
    .hooks = LIST_INIT(cpus.hooks),
    .came_up = WAIT_QUEUE_INIT(cpus.came_up, "CPU start"),
};

// A cross call in flight, on the stack of the caller, which waits for is_done.
struct cpu_call {
    struct cpu_call *next;
    void (*fn)(void *);
    void *arg;
    _Atomic uint32_t is_done; // [a] release by the target, acquire by the caller
};

struct cpu *cpu_this(void)
{
    return atomic_load_explicit(&thread_current()->cpu, memory_order_relaxed);
}

struct cpu *cpu_get(unsigned index)
{
    struct cpu *c = &cpus.boot;
    while (c != NULL && c->index != index) {
        c = c->next;
    }
    return c;
}

unsigned cpu_count(void)
{
    return cpus.count;
}

unsigned cpu_online_count(void)
{
    return atomic_load_explicit(&cpus.online, memory_order_relaxed);
}

struct cpu *cpu_next_online(const struct cpu *after)
{
    struct cpu *c = after == NULL ? &cpus.boot : after->next;
    while (c != NULL && !atomic_load_explicit(&c->is_online, memory_order_acquire)) {
        c = c->next;
    }
    return c;
}

static void mark_online(struct cpu *c)
{
    atomic_store_explicit(&c->is_online, true, memory_order_release);
    atomic_fetch_add_explicit(&cpus.online, 1, memory_order_relaxed);
}

void cpu_init_boot(void)
{
    cpus.boot.idle = sched_boot_thread();
    cpus.last = &cpus.boot;
    cpus.count = 1;
    arch_set_current(cpus.boot.idle, 0);
    atomic_init(&cpus.boot.idle->cpu, &cpus.boot);
    mark_online(&cpus.boot);
}

void cpu_add(struct cpu *c, uint64_t hwid, void *percpu_area, struct thread *idle)
{
    c->index = cpus.count;
    c->hwid = hwid;
    c->percpu = percpu_offset(percpu_area);
    c->idle = idle;
    thread_init_idle(idle, c->index);
    sched_init_cpu(c);
    cpus.last->next = c;
    cpus.last = c;
    cpus.count++;
}

void cpu_on_start(struct cpu_start_hook *hook)
{
    list_add_tail(&cpus.hooks, &hook->link);
}

static bool start_one(const struct cpu_start_ops *ops, struct cpu *c)
{
    vaddr_t stack_top = c->idle->stack_base + c->idle->stack_size;
    uint64_t argument = arch_secondary_argument(c->idle, (void *)stack_top, c->percpu);
    status_t status = ops->start(c->hwid, arch_secondary_entry(), argument);
    if (status != OK) {
        log_error("cpu", "CPU %u (%#llx) does not start: status %d", c->index,
                  (unsigned long long)c->hwid, (int)status);
    }
    return status == OK;
}

static void report_absent(void)
{
    for (struct cpu *c = cpus.boot.next; c != NULL; c = c->next) {
        if (!atomic_load_explicit(&c->is_online, memory_order_acquire)) {
            log_error("cpu", "CPU %u (%#llx) is not online; none came up for a second", c->index,
                      (unsigned long long)c->hwid);
        }
    }
}

void cpu_start_all(const struct cpu_start_ops *ops)
{
    unsigned expected = cpu_online_count();
    for (struct cpu *c = cpus.boot.next; c != NULL; c = c->next) {
        if (!atomic_load_explicit(&c->is_online, memory_order_relaxed)) {
            expected += start_one(ops, c);
        }
    }
    // The second begins anew with each arrival: how long all of them take grows with their number,
    // and under a hypervisor with what else its host does.
    unsigned seen = cpu_online_count();
    while (seen != expected) {
        status_t status;
        WAIT_UNTIL(&cpus.came_up, cpu_online_count() != seen, time_now() + NSEC_PER_SEC,
                   WAIT_DEFAULT, &status);
        if (status != OK) {
            report_absent();
            return;
        }
        seen = cpu_online_count();
    }
}

void kernel_secondary_main(void)
{
    struct cpu *self = cpu_this();
    list_for_each (node, &cpus.hooks) {
        container_of(node, struct cpu_start_hook, link)->run(self);
    }
    mark_online(self);
    wait_wake_all(&cpus.came_up);
    sched_run_idle();
}

void cpu_send_ipi(struct cpu *target, enum ipi ipi)
{
    irq_send_ipi(target, ipi);
}

static void run_calls(struct cpu *self)
{
    // Acquire: the records were filled before they were pushed (release in cpu_call).
    struct cpu_call *newest = atomic_exchange_explicit(&self->calls, NULL, memory_order_acquire);
    struct cpu_call *oldest = NULL;
    while (newest != NULL) {
        struct cpu_call *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct cpu_call *call = oldest;
        oldest = call->next;
        call->fn(call->arg);
        atomic_store_explicit(&call->is_done, 1, memory_order_release); // gone from here on
    }
}

void cpu_handle_ipi(enum ipi ipi)
{
    switch (ipi) {
    case IPI_RESCHEDULE: sched_reschedule_ipi(); break;
    case IPI_CALL: run_calls(cpu_this()); break;
    case IPI_STOP: panic_stop_this_cpu();
    case IPI_LOG: log_wake_readers(); break;
    case IPI_COUNT: break;
    }
}

void cpu_call(struct cpu *target, void (*fn)(void *), void *arg)
{
    lock_check_may_sleep();
    irqflags_t flags = arch_irq_save();
    if (target == cpu_this()) {
        fn(arg);
        arch_irq_restore(flags);
        return;
    }
    arch_irq_restore(flags);

    struct cpu_call call = {.fn = fn, .arg = arg};
    call.next = atomic_load_explicit(&target->calls, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&target->calls, &call.next, &call,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    // Whoever found the list empty sends the interrupt for all that follow.
    if (call.next == NULL) {
        cpu_send_ipi(target, IPI_CALL);
    }
    // Interrupts stay enabled, so that two CPUs may call each other.
    while (atomic_load_explicit(&call.is_done, memory_order_acquire) == 0) {
        arch_spin_wait((const uint32_t *)&call.is_done, 0);
    }
}
