// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/host/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/core/irq.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "kernel/mm/kthread.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

/* ---- Interrupts and time ---- */

static void dispatch(void)
{
    unsigned line;
    while (host_irq_take(&line)) {
        if (line < HOST_LINE_IPI + IPI_COUNT) {
            cpu_handle_ipi((enum ipi)(line - HOST_LINE_IPI));
        } else {
            irq_deliver(line);
        }
    }
}

static void nothing_to_set(irq_t irq)
{
    (void)irq;
}

static void enable(irq_t irq, enum irq_trigger trigger)
{
    (void)irq;
    (void)trigger;
}

static void send_ipi(struct cpu *target, enum ipi ipi)
{
    host_irq_raise((unsigned)target->hwid, HOST_LINE_IPI + ipi);
}

static const struct irq_chip_ops chip = {
    .dispatch = dispatch,
    .enable = enable,
    .disable = nothing_to_set,
    .send_ipi = send_ipi,
    .irq_count = HOST_LINES,
};

static const struct time_device_ops timer = {.arm = host_timer_arm, .disarm = host_timer_disarm};

static void timer_fired(void *context)
{
    (void)context;
    time_interrupt();
}

static void attach_timer(void)
{
    static struct irq_handler handler = {.handle = timer_fired, .name = "timer"};
    static struct irq_handler *table[HOST_LINES];
    irq_set_chip(&chip, table);
    time_set_device(&timer);
    if (irq_attach(&handler, HOST_LINE_TIMER, IRQ_LEVEL) != OK) {
        panic("no timer");
    }
}

/* ---- CPUs ---- */

static void no_entry(void *arg)
{
    (void)arg;
}

static void add_cpu(unsigned index)
{
    struct cpu *c = calloc(1, sizeof(*c));
    struct thread *idle = calloc(1, sizeof(*idle));
    size_t size = (percpu_size() + PERCPU_ALIGN - 1) & ~(size_t)(PERCPU_ALIGN - 1);
    void *area = aligned_alloc(PERCPU_ALIGN, size);
    void *stack = host_stack_alloc();
    if (c == NULL || idle == NULL || area == NULL || stack == NULL) {
        abort();
    }
    memset(area, 0, size);
    thread_init(idle, "idle", stack, HOST_STACK_SIZE, no_entry, NULL);
    cpu_add(c, index, area, idle);
}

static status_t start_cpu(uint64_t hwid, paddr_t entry, uint64_t argument)
{
    (void)entry;
    host_cpu_start((unsigned)hwid, argument);
    return OK;
}

static bool is_dead(const struct arch_thread *t)
{
    return ((const struct thread *)(const void *)t)->state == THREAD_DEAD;
}

void machine_start_cpus(void)
{
    static const struct cpu_start_ops ops = {.start = start_cpu};
    cpu_start_all(&ops);
}

void machine_boot(unsigned cpus)
{
    host_thread_is_dead = is_dead;
    cpu_init_boot();
    arch_cpu_init();
    time_init();
    sched_init_boot();
    attach_timer();
    for (unsigned i = 1; i < cpus; i++) {
        add_cpu(i);
    }
    for (unsigned i = 0; i < cpus; i++) {
        machine_thread("worker", worker_run, cpu_get(i));
    }
}

/* ---- Threads for tests ---- */

static _Atomic unsigned live; // threads of tests that are not freed yet
static struct wait_queue all_gone = WAIT_QUEUE_INIT(all_gone, "all gone");

static void reap(struct thread *t)
{
    host_stack_free((void *)t->stack_base);
    free(t);
    if (atomic_fetch_sub(&live, 1) == 1) {
        wait_wake_all(&all_gone);
    }
}

static struct thread *make_thread(const char *name, void (*entry)(void *), void *arg)
{
    static const struct thread_ops ops = {.reap = reap};
    struct thread *t = calloc(1, sizeof(*t));
    void *stack = host_stack_alloc();
    if (t == NULL || stack == NULL) {
        abort();
    }
    thread_init(t, name, stack, HOST_STACK_SIZE, entry, arg);
    t->ops = &ops;
    return t;
}

void machine_thread(const char *name, void (*entry)(void *), void *arg)
{
    thread_start(make_thread(name, entry, arg));
}

struct thread *test_spawn_held(const char *name, void (*entry)(void *), void *arg)
{
    atomic_fetch_add(&live, 1);
    return make_thread(name, entry, arg);
}

struct thread *test_spawn(const char *name, void (*entry)(void *), void *arg)
{
    struct thread *t = test_spawn_held(name, entry, arg);
    thread_start(t);
    return t;
}

// The kernel's own threads, those that a test has to end.
status_t kthread_create(const char *name, void (*entry)(void *), void *arg, struct thread **out)
{
    struct thread *t = test_spawn_held(name, entry, arg);
    if (out != NULL) {
        *out = t;
    }
    thread_start(t);
    return OK;
}

void test_join_all(void)
{
    status_t status;
    WAIT_UNTIL(&all_gone, atomic_load(&live) == 0, NSEC_NEVER, WAIT_DEFAULT, &status);
}

void test_work(nsec_t ns)
{
    for (nsec_t done = 0; done < ns; done += TEST_WORK_CHUNK_NS) {
        host_work(time_to_ticks(TEST_WORK_CHUNK_NS));
        thread_preempt_point();
    }
}

/* ---- Panics ---- */

static struct {
    struct thread *thread; // whose panics are caught; NULL: nobody's
    jmp_buf out;
    char message[256];
} caught;

bool panic_is_active(void)
{
    return false;
}

void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fmt_format(caught.message, sizeof(caught.message), format, arguments);
    va_end(arguments);
    if (caught.thread != NULL && caught.thread == thread_current()) {
        longjmp(caught.out, 1);
    }
    (void)fprintf(stderr, "# panic on CPU %u: %s\n", host_cpu(), caught.message);
    (void)fflush(NULL);
    abort();
}

void panic_stop_this_cpu(void)
{
    abort();
}

bool machine_panics(void (*fn)(void *), void *arg, const char **message)
{
    caught.thread = thread_current();
    bool has_panicked = setjmp(caught.out) != 0;
    if (!has_panicked) {
        fn(arg);
    }
    caught.thread = NULL;
    if (message != NULL) {
        *message = caught.message;
    }
    return has_panicked;
}
