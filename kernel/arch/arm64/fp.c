// SPDX-License-Identifier: Apache-2.0
#include "kernel/arch/arm64/fp.h"

#include "lib/base/string.h"

void fp_save(struct arch_fp_state *state);
void fp_load(const struct arch_fp_state *state);

enum { CPACR_FP_OFF = 0, CPACR_FP_ON = 3 << 20 };

static void set_access(uint64_t cpacr)
{
    __asm__ volatile("msr cpacr_el1, %0\n\tisb" ::"r"(cpacr) : "memory");
}

static struct arch_thread *current_arch(void)
{
    return (struct arch_thread *)(void *)arch_current();
}

bool fp_first_use(void)
{
    struct arch_thread *t = current_arch();
    if (t->fp == NULL || t->fp_in_use != 0) {
        return false;
    }
    memset(t->fp, 0, sizeof(*t->fp));
    irqflags_t flags = arch_irq_save();
    t->fp_in_use = 1;
    set_access(CPACR_FP_ON);
    fp_load(t->fp);
    arch_irq_restore(flags);
    return true;
}

void fp_switch(struct arch_thread *from, struct arch_thread *to)
{
    if (from->fp_in_use != 0) {
        fp_save(from->fp);
    } else {
        set_access(CPACR_FP_ON);
    }
    if (to->fp_in_use != 0) {
        fp_load(to->fp);
    } else {
        set_access(CPACR_FP_OFF);
    }
}

void fp_fork(struct arch_thread *child)
{
    struct arch_thread *parent = current_arch();
    child->fp_in_use = parent->fp_in_use;
    if (parent->fp_in_use != 0) {
        irqflags_t flags = arch_irq_save();
        fp_save(child->fp);
        arch_irq_restore(flags);
    }
}

bool fp_read(struct arch_fp_state *out)
{
    struct arch_thread *t = current_arch();
    if (t->fp_in_use == 0) {
        return false;
    }
    irqflags_t flags = arch_irq_save();
    fp_save(out);
    arch_irq_restore(flags);
    return true;
}

void fp_write(const struct arch_fp_state *state)
{
    struct arch_thread *t = current_arch();
    irqflags_t flags = arch_irq_save();
    if (t->fp_in_use == 0) {
        t->fp_in_use = 1;
        set_access(CPACR_FP_ON);
    }
    fp_load(state);
    arch_irq_restore(flags);
}

void fp_reset(void)
{
    struct arch_thread *t = current_arch();
    irqflags_t flags = arch_irq_save();
    t->fp_in_use = 0;
    set_access(CPACR_FP_OFF);
    arch_irq_restore(flags);
}
