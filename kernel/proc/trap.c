// SPDX-License-Identifier: Apache-2.0
/* What the architecture's entry code asks of processes: user faults and work before user mode. */
#include <stdatomic.h>

#include "abi/signal.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/symbol.h"
#include "kernel/proc/process.h"
#include "kernel/proc/shortage.h"
#include "kernel/proc/signal.h"
#include "lib/fmt/fmt.h"

enum { BACKTRACE_MAX = 12 };

static const char *signal_name(int signal)
{
    switch (signal) {
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGKILL: return "SIGKILL";
    default: return "SIGSEGV";
    }
}

static int signal_for(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_ALIGNMENT:
    case FAULT_BUS: return SIGBUS;
    case FAULT_ILLEGAL: return SIGILL;
    case FAULT_BREAKPOINT: return SIGTRAP;
    case FAULT_FP: return SIGFPE;
    default: return SIGSEGV;
    }
}

// There is a mapping, but no memory behind it: beyond the end of a file, or it could not be read.
static bool is_bus_error(status_t why)
{
    return why == ERR_RANGE || why == ERR_IO || why == ERR_NOSPC;
}

static int code_for(const struct fault *fault, status_t why)
{
    switch (fault->kind) {
    case FAULT_TRANSLATION:
    case FAULT_PERMISSION:
        return is_bus_error(why)  ? ABI_BUS_ADRERR
               : why == ERR_ACCES ? ABI_SEGV_ACCERR
                                  : ABI_SEGV_MAPERR;
    case FAULT_ALIGNMENT: return ABI_BUS_ADRALN;
    case FAULT_BUS: return ABI_BUS_ADRERR;
    case FAULT_BREAKPOINT: return ABI_TRAP_BRKPT;
    case FAULT_FP: return ABI_FPE_FLTDIV;
    case FAULT_ILLEGAL:
    case FAULT_OTHER: return ABI_ILL_ILLOPC;
    }
    return ABI_SI_KERNEL;
}

// One line: who, what, where, and how the program got there.
static void log_fault(const struct arch_frame *frame, const struct fault *fault, int signal,
                      status_t why)
{
    vaddr_t calls[BACKTRACE_MAX];
    char chain[BACKTRACE_MAX * 20];
    size_t count = arch_backtrace(frame, calls, BACKTRACE_MAX);
    size_t len = 0;
    chain[0] = '\0';
    for (size_t i = 1; i < count; i++) {
        len += fmt_print(chain + len, sizeof(chain) - len, " < %#lx", (unsigned long)calls[i]);
    }
    const struct process *p = process_current();
    const char *access = fault->is_exec ? "execute" : fault->is_write ? "write" : "read";
    bool is_memory = fault->kind <= FAULT_PERMISSION;
    log_warn("proc", "%s (%d): %s: %s%s %#lx at %#lx%s", p->name, (int)p->pid, signal_name(signal),
             why == ERR_NOMEM ? "out of memory: " : "", is_memory ? access : "instruction",
             (unsigned long)fault->address, (unsigned long)arch_frame_pc(frame), chain);
}

void kernel_user_fault(struct arch_frame *frame, const struct fault *fault)
{
    status_t status = ERR_FAULT;
    if (fault->kind == FAULT_TRANSLATION || fault->kind == FAULT_PERMISSION) {
        status = aspace_fault(process_current()->aspace, fault);
        if (status == OK || (status == ERR_NOMEM && shortage_relieve())) {
            return;
        }
    }
    if (status == ERR_NOMEM) {
        log_fault(frame, fault, SIGKILL, status);
        process_exit(wait_status_signalled(SIGKILL));
    }
    struct signal_info info = {.signal = is_bus_error(status) ? SIGBUS : signal_for(fault->kind),
                               .code = code_for(fault, status),
                               .value = fault->address};
    if (!signal_force(&info)) {
        log_fault(frame, fault, info.signal, status);
    }
}

bool kernel_copy_fault(const struct fault *fault)
{
    struct aspace *as = aspace_current();
    status_t status = as == NULL ? ERR_FAULT : aspace_fault(as, fault);
    return status == OK || (status == ERR_NOMEM && shortage_relieve());
}

NORETURN void kernel_bug_fault(struct arch_frame *frame, const struct fault *fault,
                               const char *what)
{
    panic_frame(frame, "%s: address %#lx, syndrome %#lx", what, (unsigned long)fault->address,
                (unsigned long)fault->syndrome);
}

void kernel_user_return(struct arch_frame *frame)
{
    arch_time_system();
    struct thread *t = thread_current();
    struct signal_call call = signal_look_at_call(frame);
    _Atomic uint32_t *flags = (_Atomic uint32_t *)&t->arch.flags;
    for (;;) {
        arch_irq_disable();
        uint32_t work = atomic_load_explicit(flags, memory_order_acquire);
        if (work == 0) {
            signal_settle_call(frame, &call);
            arch_time_user();
            return;
        }
        arch_irq_enable();
        if ((work & THREAD_KILLED) != 0) {
            process_exit_thread(0); // the process knows the status
        }
        if ((work & THREAD_SIGNALLED) != 0) {
            // Before the look: a signal that comes later sets it anew.
            atomic_fetch_and_explicit(flags, ~(uint32_t)THREAD_SIGNALLED, memory_order_acquire);
            signal_deliver(frame, &call);
        }
        if ((work & THREAD_CPU_TIMED) != 0) {
            process_timers_returning();
        }
        if ((work & THREAD_NEED_RESCHED) != 0) {
            sched_preempt();
        }
    }
}
