// SPDX-License-Identifier: Apache-2.0
/*
 * The generic timer of each CPU (Arm ARM D12).  The virtual timer is used: it counts as
 * arch_counter does, and a hypervisor leaves it to its guest.
 */
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/dev/device.h"

// The order of "interrupts" where no names are given (device tree binding of arm,armv8-timer).
enum { VIRTUAL_TIMER = 2 };

static constexpr uint64_t CTL_ENABLE = 1;

static struct irq_handler handler;
static enum irq_trigger trigger;

// Whether this CPU's timer runs: setting a new time costs one register write then.
static PERCPU(bool, is_armed);

static void write_ctl(uint64_t value)
{
    __asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"(value) : "memory");
}

static void arm(uint64_t counter_value)
{
    __asm__ volatile("msr cntv_cval_el0, %0" ::"r"(counter_value) : "memory");
    if (!*this_cpu(is_armed)) {
        *this_cpu(is_armed) = true;
        write_ctl(CTL_ENABLE);
    }
}

static void disarm(void)
{
    if (*this_cpu(is_armed)) {
        *this_cpu(is_armed) = false;
        write_ctl(0);
    }
}

static const struct time_device_ops ops = {.arm = arm, .disarm = disarm};

// The line is level: time_interrupt ends it by arming a later time or disarming.
static void handle(void *context)
{
    (void)context;
    time_interrupt();
}

static void start_cpu(struct cpu *self)
{
    (void)self;
    write_ctl(0);
    irq_enable_percpu(handler.irq, trigger);
}

static struct cpu_start_hook start_hook = {.run = start_cpu};

static status_t probe(struct device *d)
{
    unsigned index;
    if (device_find_name(d, "interrupt-names", "virt", &index) != OK) {
        index = VIRTUAL_TIMER;
    }
    irq_t irq;
    status_t status = device_irq(d, index, &irq, &trigger);
    if (status != OK) {
        return status;
    }
    uint32_t hz;
    if (device_property_u32(d, "clock-frequency", &hz) == OK && hz != arch_counter_hz()) {
        log_warn("timer", "the device tree says %u Hz, the counter %llu Hz", hz,
                 (unsigned long long)arch_counter_hz());
    }
    write_ctl(0);
    handler = (struct irq_handler){.handle = handle, .name = "timer"};
    status = irq_attach(&handler, irq, trigger);
    if (status != OK) {
        return status;
    }
    cpu_on_start(&start_hook);
    time_set_device(&ops);
    log_debug("timer", "virtual timer at %llu Hz", (unsigned long long)arch_counter_hz());
    return OK;
}

static const char *const compatible[] = {"arm,armv8-timer", NULL};

static const struct driver arch_timer_driver = {
    .name = "arch_timer",
    .compatible = compatible,
    .stage = DEVICE_TIMER,
    .probe = probe,
};
DRIVER(arch_timer_driver);
