// SPDX-License-Identifier: Apache-2.0
/* Register frames and thread contexts: making, reading, printing them; backtraces. */
#include "kernel/arch/arch.h"

#include "kernel/arch/arm64/fp.h"
#include "kernel/mm/layout.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { PSR_MODE_MASK = 0xf, PSR_EL0 = 0 };

struct thread *context_switch(struct arch_thread *from, struct arch_thread *to);
NORETURN void frame_enter(const struct arch_frame *frame);
void thread_start_trampoline(void);

void arch_thread_init(struct arch_thread *t, void *stack_top, void (*entry)(void *), void *arg)
{
    t->callee[0] = (uint64_t)entry;
    t->callee[1] = (uint64_t)arg;
    t->fp_reg = 0;
    t->sp = (uint64_t)stack_top - sizeof(struct arch_frame); // the user frame's place
    t->stack_top = (uint64_t)stack_top;
    t->pc = (uint64_t)thread_start_trampoline;
}

struct thread *arch_thread_switch(struct arch_thread *from, struct arch_thread *to)
{
    if (UNLIKELY((from->fp_in_use | to->fp_in_use) != 0)) {
        fp_switch(from, to);
    }
    if (from->fp != NULL) {
        __asm__ volatile("mrs %0, tpidr_el0" : "=r"(from->tpidr));
    }
    if (to->fp != NULL) {
        __asm__ volatile("msr tpidr_el0, %0" ::"r"(to->tpidr));
    }
    return context_switch(from, to);
}

void arch_thread_fork_user(struct arch_thread *child)
{
    fp_fork(child);
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(child->tpidr));
}

void arch_thread_reset_user(void)
{
    fp_reset();
    __asm__ volatile("msr tpidr_el0, xzr");
}

void arch_thread_set_tls(struct arch_thread *t, uint64_t tls)
{
    t->tpidr = tls;
}

static struct arch_thread *current_arch(void)
{
    return (struct arch_thread *)(void *)arch_current();
}

enum { CALL_NUMBER_REGISTER = 8, CALL_SIZE = 4 };

bool arch_take_call(struct arch_frame *frame, uint64_t *number, int64_t *result)
{
    struct arch_thread *t = current_arch();
    if (t->is_call == 0) {
        return false;
    }
    t->is_call = 0;
    *number = frame->x[CALL_NUMBER_REGISTER];
    *result = (int64_t)frame->x[0];
    return true;
}

uint64_t arch_frame_call(const struct arch_frame *frame)
{
    return frame->x[CALL_NUMBER_REGISTER];
}

void arch_call_again(struct arch_frame *frame)
{
    frame->x[0] = current_arch()->call_argument;
    frame->pc -= CALL_SIZE;
}

void arch_frame_set_stack(struct arch_frame *frame, vaddr_t sp)
{
    frame->sp = sp;
}

vaddr_t arch_frame_stack(const struct arch_frame *frame)
{
    return frame->sp;
}

struct arch_frame *arch_user_frame(struct thread *t)
{
    const struct arch_thread *arch = (const struct arch_thread *)(const void *)t;
    return (struct arch_frame *)(arch->stack_top - sizeof(struct arch_frame));
}

// The frame moves to the top of the kernel stack, where every entry from user mode has it, so that
// the stack is empty once we have left.
NORETURN void arch_enter_user(const struct arch_frame *frame)
{
    struct arch_frame *top = arch_user_frame(arch_current());
    if (top != frame) {
        memmove(top, frame, sizeof(*top));
    }
    frame_enter(top);
}

void arch_frame_init_user(struct arch_frame *frame, vaddr_t pc, vaddr_t sp, uint64_t arg)
{
    memset(frame, 0, sizeof(*frame));
    frame->x[0] = arg;
    frame->pc = pc;
    frame->sp = sp;
    frame->psr = PSR_EL0;
}

void arch_frame_set_result(struct arch_frame *frame, int64_t value)
{
    frame->x[0] = (uint64_t)value;
}

int64_t arch_frame_result(const struct arch_frame *frame)
{
    return (int64_t)frame->x[0];
}

vaddr_t arch_frame_pc(const struct arch_frame *frame)
{
    return frame->pc;
}

bool arch_frame_is_user(const struct arch_frame *frame)
{
    return (frame->psr & PSR_MODE_MASK) == PSR_EL0;
}

// A frame record is {caller's frame pointer, return address} (AAPCS64 6.4.6).
static bool read_record(vaddr_t fp, bool is_user, uint64_t record[2])
{
    if (!is_aligned(fp, 8)) {
        return false;
    }
    if (is_user) {
        return arch_copy_from_user(record, fp, 2 * sizeof(record[0])) == 0;
    }
    return fp >= LINEAR_BASE && arch_probe_read(fp, &record[0]) &&
           arch_probe_read(fp + 8, &record[1]);
}

size_t arch_backtrace(const struct arch_frame *frame, vaddr_t *out, size_t max)
{
    vaddr_t fp;
    size_t n = 0;
    bool is_user = frame != NULL && arch_frame_is_user(frame);
    if (frame == NULL) {
        fp = (vaddr_t)__builtin_frame_address(0);
    } else {
        fp = frame->x[29];
        if (n < max) {
            out[n++] = frame->pc;
        }
    }
    uint64_t record[2];
    while (n < max && read_record(fp, is_user, record) && record[1] != 0) {
        out[n++] = record[1];
        if (record[0] <= fp && is_user) { // a user chain that does not climb is damage
            break;
        }
        if (record[0] == fp) {
            break;
        }
        fp = record[0];
    }
    return n;
}

void arch_frame_print(const struct arch_frame *frame, void (*emit)(void *, const char *line),
                      void *context)
{
    char line[112];
    fmt_print(line, sizeof(line), "pc %016llx  sp %016llx  psr %08llx  lr %016llx",
              (unsigned long long)frame->pc, (unsigned long long)frame->sp,
              (unsigned long long)frame->psr, (unsigned long long)frame->x[30]);
    emit(context, line);
    for (unsigned i = 0; i < 30; i += 3) {
        fmt_print(line, sizeof(line), "x%-2u %016llx  x%-2u %016llx  x%-2u %016llx", i,
                  (unsigned long long)frame->x[i], i + 1, (unsigned long long)frame->x[i + 1],
                  i + 2, (unsigned long long)frame->x[i + 2]);
        emit(context, line);
    }
}
