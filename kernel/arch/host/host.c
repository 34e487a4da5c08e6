// SPDX-License-Identifier: Apache-2.0
#include "kernel/arch/host/host.h"

#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICKS_PER_STEP = 2 };

struct host_cpu_state {
    struct arch_thread *current; // NULL: not started
    uintptr_t percpu;
    bool is_irq_enabled;
    bool is_idle; // inside arch_cpu_idle
    bool is_in_irq;
    uint64_t pending; // lines
    uint64_t timer;   // UINT64_MAX: disarmed
};

static struct {
    struct host_cpu_state cpus[HOST_CPUS_MAX];
    unsigned count;
    unsigned here;
    uint64_t counter;
    uint64_t random;
    unsigned one_in;
    uint64_t steps;
    void (*boot)(void);
    void *boot_stack_top;
    struct arch_thread *left; // by the switch of threads that is being done; NULL: of CPUs
} host;

struct arch_features arch_features;
struct arch_boot arch_boot;
bool (*host_thread_is_dead)(const struct arch_thread *t);

static struct host_cpu_state *here(void)
{
    return &host.cpus[host.here];
}

static uint64_t next_random(void)
{
    host.random ^= host.random >> 12;
    host.random ^= host.random << 25;
    host.random ^= host.random >> 27;
    return host.random * 0x2545f4914f6cdd1d;
}

/* ---- Stacks ---- */

/*
 * void host_switch_stack(void **save, void *load): pushes what a call must preserve, stores the stack
 * pointer, and goes on where `load` was stored.
 */
void host_switch_stack(void **save, void *load);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl host_switch_stack\n"
        ".type host_switch_stack, @function\n"
        "host_switch_stack:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n");
enum { SAVED_WORDS = 6 };

static void *first_frame(uintptr_t *top, void (*start)(void))
{
    *--top = 0; // as if called: the stack is 8 off its alignment at entry
    *--top = (uintptr_t)start;
    for (unsigned i = 0; i < SAVED_WORDS; i++) {
        *--top = 0;
    }
    return top;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl host_switch_stack\n"
        ".type host_switch_stack, @function\n"
        "host_switch_stack:\n"
        "    stp x29, x30, [sp, #-160]!\n"
        "    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n    stp x25, x26, [sp, #64]\n"
        "    stp x27, x28, [sp, #80]\n    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n    str x9, [x0]\n    mov sp, x1\n"
        "    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n"
        "    ldp x23, x24, [sp, #48]\n    ldp x25, x26, [sp, #64]\n"
        "    ldp x27, x28, [sp, #80]\n    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldp x29, x30, [sp], #160\n"
        "    ret\n");

static void *first_frame(uintptr_t *top, void (*start)(void))
{
    top -= 20;
    for (unsigned i = 0; i < 20; i++) {
        top[i] = 0;
    }
    top[1] = (uintptr_t)start; // x30
    return top;
}
#else
#error "host_switch_stack needs a few lines for this machine"
#endif

// What both sides of a switch tell the sanitizer.
static void switch_stack(struct arch_thread *from, struct arch_thread *to, bool from_is_dead)
{
    __sanitizer_start_switch_fiber(from_is_dead ? NULL : &from->fake_stack,
                                   (char *)to->stack_top - HOST_STACK_SIZE, HOST_STACK_SIZE);
    host_switch_stack(&from->stack_pointer, to->stack_pointer);
    // Here again, perhaps much later and on another CPU.
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
}

static void step(void);

static struct arch_thread *take_left(void)
{
    struct arch_thread *left = host.left;
    host.left = NULL;
    return left;
}

// First code on a new stack.
static void start_thread(void)
{
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
    struct arch_thread *self = here()->current;
    struct arch_thread *left = take_left();
    if (left != NULL) {
        step();
        kernel_thread_begin((struct thread *)(void *)left);
    }
    self->entry(self->argument);
    abort();
}

void arch_thread_init(struct arch_thread *t, void *stack_top, void (*entry)(void *), void *arg)
{
    uintptr_t top = (uintptr_t)stack_top & ~(uintptr_t)15;
    t->stack_top = stack_top;
    t->entry = entry;
    t->argument = arg;
    t->stack_pointer = first_frame((uintptr_t *)top, start_thread);
}

static void refuse_running(const struct arch_thread *t)
{
    for (unsigned i = 0; i < host.count; i++) {
        if (host.cpus[i].current == t) {
            (void)fprintf(stderr, "# CPU %u switches to what CPU %u runs\n", host.here, i);
            abort();
        }
    }
}

struct thread *arch_thread_switch(struct arch_thread *from, struct arch_thread *to)
{
    step(); // who believes that `from` is off its stack already is wrong
    refuse_running(to);
    here()->current = to;
    host.left = from;
    switch_stack(from, to, host_thread_is_dead != NULL && host_thread_is_dead(from));
    struct arch_thread *left = take_left();
    step(); // a good moment for others to meddle with what was left
    return (struct thread *)(void *)left;
}

static void switch_cpu(unsigned to)
{
    struct arch_thread *mine = here()->current;
    host.here = to;
    host.left = NULL;
    switch_stack(mine, here()->current, false);
}

/* ---- Time and interrupts ---- */

static void expire_timers(void)
{
    for (unsigned i = 0; i < host.count; i++) {
        if (host.cpus[i].timer <= host.counter) {
            host.cpus[i].timer = UINT64_MAX;
            host.cpus[i].pending |= 1ull << HOST_LINE_TIMER;
        }
    }
}

static bool can_run(const struct host_cpu_state *c)
{
    return c->current != NULL && (!c->is_idle || c->pending != 0);
}

// A CPU that can go on, at random; the number of CPUs if there is none.
static unsigned pick_cpu(void)
{
    unsigned able = 0;
    for (unsigned i = 0; i < host.count; i++) {
        able += can_run(&host.cpus[i]);
    }
    if (able == 0) {
        return host.count;
    }
    uint64_t n = next_random() % able;
    for (unsigned i = 0; i < host.count; i++) {
        if (can_run(&host.cpus[i]) && n-- == 0) {
            return i;
        }
    }
    return host.count;
}

static void go_on(unsigned cpu)
{
    if (cpu != host.here) {
        switch_cpu(cpu);
    }
}

static void take_interrupts(void)
{
    struct host_cpu_state *c = here();
    if (!c->is_irq_enabled || c->pending == 0) {
        return;
    }
    c->is_irq_enabled = false;
    kernel_irq();
    here()->is_irq_enabled = true; // handlers do not switch threads, so this is still the same CPU
}

// A point between two operations: time passes, another CPU may go on, interrupts come.
static void step(void)
{
    host.steps++;
    host.counter += TICKS_PER_STEP;
    expire_timers();
    if (next_random() % host.one_in == 0) {
        go_on(pick_cpu());
    }
    take_interrupts();
}

static void stuck(void)
{
    (void)fprintf(stderr, "# the machine is stuck: every CPU waits and no timer runs\n");
    for (unsigned i = 0; i < host.count; i++) {
        const struct host_cpu_state *c = &host.cpus[i];
        (void)fprintf(stderr, "# CPU %u: %s, interrupts %s\n", i,
                      c->current == NULL ? "not started"
                      : c->is_idle       ? "idle"
                                         : "running",
                      c->is_irq_enabled ? "on" : "off");
    }
    (void)fflush(NULL);
    abort();
}

// Lets time jump to the first timer.
static void skip_time(void)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < host.count; i++) {
        next = host.cpus[i].timer < next ? host.cpus[i].timer : next;
    }
    if (next == UINT64_MAX) {
        stuck();
    }
    host.counter = next > host.counter ? next : host.counter;
    expire_timers();
}

void arch_cpu_idle(void)
{
    step();
    while (here()->pending == 0) {
        here()->is_idle = true;
        unsigned next = pick_cpu();
        if (next == host.count) {
            skip_time();
        } else {
            go_on(next);
        }
    }
    here()->is_idle = false;
}

// Somebody else must do something before it makes sense to go on here.
static void let_others_run(void)
{
    step();
    go_on(pick_cpu());
    take_interrupts();
}

void arch_relax(void)
{
    let_others_run();
}

void arch_spin_wait(const uint32_t *word, uint32_t seen)
{
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen) {
        let_others_run();
    }
}

uint64_t arch_counter(void)
{
    step();
    return host.counter;
}

void host_work(uint64_t ticks)
{
    uint64_t end = host.counter + ticks;
    while (host.counter < end) {
        uint64_t next = end;
        for (unsigned i = 0; i < host.count; i++) {
            next = host.cpus[i].timer < next ? host.cpus[i].timer : next;
        }
        host.counter = next > host.counter ? next : host.counter;
        step();
    }
}

irqflags_t arch_irq_save(void)
{
    step();
    irqflags_t flags = here()->is_irq_enabled;
    here()->is_irq_enabled = false;
    return flags;
}

void arch_irq_restore(irqflags_t flags)
{
    here()->is_irq_enabled = flags != 0;
    step();
}

void arch_irq_enable(void)
{
    here()->is_irq_enabled = true;
    step();
}

void arch_irq_disable(void)
{
    step();
    here()->is_irq_enabled = false;
}

bool arch_irq_is_enabled(void)
{
    return here()->is_irq_enabled;
}

struct thread *arch_current(void)
{
    step();
    return (struct thread *)(void *)here()->current;
}

uintptr_t arch_percpu(void)
{
    return here()->percpu;
}

/* ---- The machine ---- */

void *host_stack_alloc(void)
{
    return aligned_alloc(4096, HOST_STACK_SIZE);
}

void host_stack_free(void *stack)
{
    free(stack);
}

static void boot_entry(void *argument)
{
    (void)argument;
    host.boot();
}

void host_run(unsigned cpus, uint64_t seed, unsigned one_in, void (*boot)(void))
{
    static struct arch_thread outside;
    static struct arch_thread first;
    host.count = cpus;
    host.random = seed * 2 + 1;
    host.one_in = one_in;
    host.counter = 1;
    host.boot = boot;
    for (unsigned i = 0; i < cpus; i++) {
        host.cpus[i].timer = UINT64_MAX;
    }
    host.boot_stack_top = (char *)host_stack_alloc() + HOST_STACK_SIZE;
    arch_thread_init(&first, host.boot_stack_top, boot_entry, NULL);
    here()->current = &first;
    switch_stack(&outside, &first, false);
    abort();
}

unsigned host_cpu(void)
{
    return host.here;
}

uint64_t host_steps(void)
{
    return host.steps;
}

void host_irq_raise(unsigned cpu, unsigned line)
{
    host.cpus[cpu].pending |= 1ull << line;
}

bool host_irq_take(unsigned *line)
{
    uint64_t pending = here()->pending;
    if (pending == 0) {
        return false;
    }
    *line = (unsigned)__builtin_ctzll(pending);
    here()->pending = pending & (pending - 1);
    return true;
}

void host_timer_arm(uint64_t ticks)
{
    here()->timer = ticks;
    here()->pending &= ~(1ull << HOST_LINE_TIMER);
    expire_timers();
}

void host_timer_disarm(void)
{
    here()->timer = UINT64_MAX;
    here()->pending &= ~(1ull << HOST_LINE_TIMER);
}

static void secondary_entry(void *argument)
{
    (void)argument;
    kernel_secondary_main();
}

void host_cpu_start(unsigned index, uint64_t argument)
{
    struct arch_thread *t = (struct arch_thread *)(uintptr_t)argument;
    host.cpus[index].current = t;
    host.cpus[index].percpu = (uintptr_t)t->argument;
}

uint64_t arch_secondary_argument(struct thread *t, void *stack_top, uintptr_t percpu)
{
    struct arch_thread *a = (struct arch_thread *)(void *)t;
    arch_thread_init(a, stack_top, secondary_entry, (void *)percpu);
    return (uint64_t)(uintptr_t)a;
}

paddr_t arch_secondary_entry(void)
{
    return paddr(0);
}

void arch_set_current(struct thread *t, uintptr_t percpu)
{
    here()->current = (struct arch_thread *)(void *)t;
    here()->current->stack_top = host.boot_stack_top;
    here()->percpu = percpu;
}

void arch_cpu_init(void)
{
    arch_features.asid_bits = 16;
    arch_features.pa_bits = 48;
}

uint64_t arch_cpu_hwid(void)
{
    return host.here;
}

uint64_t arch_cpu_model(void)
{
    return 0;
}

uint64_t arch_counter_hz(void)
{
    return 62500000;
}

void arch_cpu_halt(void)
{
    abort();
}

void arch_sha256([[maybe_unused]] uint32_t state[8], const void *blocks, size_t count)
{
    (void)blocks;
    (void)count;
    abort(); // not one of the features
}

bool arch_random(uint64_t *out)
{
    *out = next_random();
    return true;
}
