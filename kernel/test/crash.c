// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/crash.h"

#include <limits.h>

#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/dev/console.h"
#include "kernel/dev/power.h"
#include "kernel/mm/kthread.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { SURVIVED_STATUS = 1, UNKNOWN_STATUS = 126 };

// What the optimiser must not see through.
static void *opaque(const volatile void *p)
{
    __asm__ volatile("" : "+r"(p));
    return (void *)(uintptr_t)p;
}

static uint32_t writable[16];
static const uint32_t constant[16] = {1};

static void write_text(void)
{
    *(volatile uint32_t *)opaque((const void *)(uintptr_t)write_text) = 0;
}

static void write_constant(void)
{
    *(volatile uint32_t *)opaque(constant) = 0;
}

static void write_code_alias(void)
{
    paddr_t pa;
    uint32_t prot;
    vaddr_t text = (vaddr_t)write_code_alias;
    if (arch_query(&arch_kernel_aspace, text, &pa, &prot) == OK) {
        *(volatile uint32_t *)phys_to_virt(pa) = 0;
    }
}

static void execute_data(void)
{
    void (*run)(void) = (void (*)(void))(uintptr_t)opaque(writable);
    run();
}

static void execute_null(void)
{
    void (*run)(void) = (void (*)(void))(uintptr_t)opaque(NULL);
    run();
}

// Through a pointer, so that no compiler makes a loop of it.
static void (*volatile deeper)(void);

static void overflow_stack(void)
{
    volatile char room[256];
    room[0] = 1;
    deeper = overflow_stack;
    deeper();
    room[1] = 2;
}

static void read_null(void)
{
    (void)*(volatile uint32_t *)opaque((void *)8);
}

static void read_user(void)
{
    (void)*(volatile uint32_t *)opaque((void *)0x400000);
}

static void read_unmapped(void)
{
    (void)*(volatile uint32_t *)opaque((void *)(uintptr_t)0xffff8fff00000000);
}

static void fail_assertion(void)
{
    assert(opaque(NULL) != NULL);
}

static void plain(void)
{
    panic("as it was asked to");
}

static void healthy(void)
{
    panic_boot_is_healthy();
    panic("after a healthy boot");
}

// A fault while the report is being printed.
static void write_then_fault(const char *text, size_t len)
{
    static unsigned calls;
    console_panic_write(text, len);
    if (++calls == 5) {
        write_text();
    }
}

static void twice(void)
{
    static const struct panic_ops ops = {
        .write = write_then_fault, .reset = power_reset, .exit = power_exit};
    panic_set_ops(&ops);
    panic("the first one");
}

static void fire(struct timer *timer)
{
    (void)timer;
    panic("in an interrupt handler");
}

static void in_interrupt(void)
{
    static struct timer timer;
    timer_init(&timer, fire);
    timer_start(&timer, time_now() + NSEC_PER_MSEC);
    (void)thread_sleep_until(time_now() + NSEC_PER_SEC, WAIT_DEFAULT);
}

static _Atomic uint32_t is_stuck;

// The two stay apart: a thread that waits behind one that never gives its CPU up may wait forever.
static status_t stay_on(struct cpu_set *set, unsigned cpu)
{
    set->bits[0] = 1ull << cpu;
    return thread_set_affinity(thread_current(), set);
}

static void be_stuck(void *unused)
{
    (void)unused;
    static uint64_t bits[1];
    static struct cpu_set set = {1, bits};
    if (stay_on(&set, 1) != OK) {
        return;
    }
    arch_irq_disable();
    is_stuck = cpu_this()->index + 1;
    for (;;) {
        arch_relax();
    }
}

// Another CPU that does not answer.
static void with_cpu_stuck(void)
{
    static uint64_t bits[1];
    static struct cpu_set set = {1, bits};
    if (stay_on(&set, 0) != OK || kthread_create("stuck", be_stuck, NULL, NULL) != OK) {
        return;
    }
    while (is_stuck == 0) {
        thread_yield();
    }
    panic("CPU %u is stuck", is_stuck - 1);
}

static struct spinlock outer;
static struct spinlock inner;

static void init_locks(void)
{
    spin_init(&outer, "the outer lock", RANK_DEVICE);
    spin_init(&inner, "the inner lock", RANK_TTY);
}

static void lock_order(void) NO_THREAD_ANALYSIS
{
    init_locks();
    spin_lock(&inner);
    spin_lock(&outer);
}

static void sleep_locked(void) NO_THREAD_ANALYSIS
{
    init_locks();
    spin_lock(&outer);
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
}

static void undefined(void)
{
    volatile int number = INT_MAX;
    number = number + 1;
}

static const struct {
    const char *name;
    void (*run)(void);
} causes[] = {
    {"text", write_text},
    {"constant", write_constant},
    {"alias", write_code_alias},
    {"data", execute_data},
    {"jump", execute_null},
    {"stack", overflow_stack},
    {"null", read_null},
    {"user", read_user},
    {"unmapped", read_unmapped},
    {"assert", fail_assertion},
    {"panic", plain},
    {"healthy", healthy},
    {"twice", twice},
    {"interrupt", in_interrupt},
    {"stuck", with_cpu_stuck},
    {"rank", lock_order},
    {"sleep", sleep_locked},
    {"undefined", undefined},
};

int crash_now(struct span cause)
{
    for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
        if (span_is(cause, causes[i].name)) {
            causes[i].run();
            log_error("test", "%s: nothing has stopped it", causes[i].name);
            return SURVIVED_STATUS;
        }
    }
    log_error("test", "crash:%.*s: not known", (int)cause.size, (const char *)cause.data);
    return UNKNOWN_STATUS;
}
