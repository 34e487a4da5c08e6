// SPDX-License-Identifier: Apache-2.0
/*
 * From exception syndromes to the kernel's terms (Arm ARM D17.2.37, ESR_EL1).  Interrupts and
 * system calls do not come here.
 */
#include "kernel/arch/arm64/trap.h"

#include "kernel/arch/arm64/fp.h"
#include "kernel/core/percpu.h"
#include "kernel/mm/layout.h"
#include "lib/base/bits.h"

enum exception_class {
    EC_UNKNOWN = 0x00,
    EC_FP_ACCESS = 0x07,
    EC_BRANCH_TARGET = 0x0d,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SYSREG = 0x18,
    EC_PAUTH = 0x1c,
    EC_FETCH_USER = 0x20,
    EC_FETCH_KERNEL = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DATA_USER = 0x24,
    EC_DATA_KERNEL = 0x25,
    EC_SP_ALIGN = 0x26,
    EC_FP_EXCEPTION = 0x2c,
    EC_BREAKPOINT_USER = 0x30,
    EC_WATCHPOINT_KERNEL = 0x35,
    EC_BRK = 0x3c,
};

enum { ESR_WNR = 1 << 6, ESR_CM = 1 << 8, ESR_FNV = 1 << 10 };

alignas(16) PERCPU(char, emergency_stack[EMERGENCY_STACK_SIZE]);

static unsigned exception_class(uint64_t esr)
{
    return (unsigned)(esr >> 26) & 0x3f;
}

// Fault status codes of data and instruction aborts (D17.2.37, ISS encoding for data aborts).
static enum fault_kind abort_kind(uint64_t esr)
{
    switch (esr & 0x3c) {
    case 0x04: return FAULT_TRANSLATION;
    case 0x08: // access flag: we always set it, so treat it as a missing permission
    case 0x0c: return FAULT_PERMISSION;
    case 0x20: return FAULT_ALIGNMENT;
    case 0x10:
    case 0x14:
    case 0x18:
    case 0x1c: return FAULT_BUS;
    default: return FAULT_OTHER;
    }
}

static enum fault_kind other_kind(unsigned ec)
{
    switch (ec) {
    case EC_UNKNOWN:
    case EC_BRANCH_TARGET:
    case EC_ILLEGAL_STATE:
    case EC_SYSREG:
    case EC_PAUTH: return FAULT_ILLEGAL;
    case EC_PC_ALIGN:
    case EC_SP_ALIGN: return FAULT_ALIGNMENT;
    case EC_FP_EXCEPTION: return FAULT_FP;
    case EC_BRK: return FAULT_BREAKPOINT;
    default:
        return ec >= EC_BREAKPOINT_USER && ec <= EC_WATCHPOINT_KERNEL ? FAULT_BREAKPOINT
                                                                      : FAULT_OTHER;
    }
}

static ALWAYS_INLINE struct fault decode(const struct arch_frame *frame, uint64_t esr, uint64_t far)
{
    unsigned ec = exception_class(esr);
    bool is_fetch = ec == EC_FETCH_USER || ec == EC_FETCH_KERNEL;
    bool is_data = ec == EC_DATA_USER || ec == EC_DATA_KERNEL;
    struct fault fault = {.syndrome = esr, .is_exec = is_fetch};
    if (is_fetch || is_data) {
        fault.kind = abort_kind(esr);
        fault.address = far;
        // Cache maintenance reports itself as a write but needs read access only.
        fault.is_write = is_data && (esr & ESR_WNR) != 0 && (esr & ESR_CM) == 0;
    } else {
        fault.kind = other_kind(ec);
        fault.address = ec == EC_PC_ALIGN ? far : frame->pc;
    }
    return fault;
}

void trap_user(struct arch_frame *frame, uint64_t esr, uint64_t far)
{
    if (exception_class(esr) == EC_FP_ACCESS && fp_first_use()) {
        return;
    }
    arch_time_system();
    struct fault fault = decode(frame, esr, far);
    kernel_user_fault(frame, &fault);
    arch_time_user();
}

void trap_user_irq(void)
{
    arch_time_system();
    kernel_irq();
    arch_time_user();
}

// A run of instructions that access user memory.
struct extable_entry {
    int32_t first; // relative to its own address, as the others
    int32_t end;
    int32_t fixup;
};
extern const struct extable_entry __start_extable[], __stop_extable[];

static vaddr_t extable_address(const int32_t *offset)
{
    return (vaddr_t)offset + (vaddr_t)(int64_t)*offset;
}

// The table is short (a few dozen entries).
static vaddr_t find_fixup(vaddr_t pc)
{
    for (const struct extable_entry *e = __start_extable; e < __stop_extable; e++) {
        if (pc >= extable_address(&e->first) && pc < extable_address(&e->end)) {
            return extable_address(&e->fixup);
        }
    }
    return 0;
}

// The comment field of BRK; clang's trapping sanitizer puts its kind of check into the low byte.
enum { BRK_COMMENT_MASK = 0xff00, BRK_SANITIZER = 0x5500 };

static const char *describe(const struct fault *fault, unsigned ec)
{
    if (fault->is_exec) {
        return fault->kind == FAULT_PERMISSION ? "executing memory that is not executable"
                                               : "executing unmapped memory";
    }
    if (ec == EC_BRK) {
        return (fault->syndrome & BRK_COMMENT_MASK) == BRK_SANITIZER ? "undefined behaviour"
                                                                     : "breakpoint instruction";
    }
    if (ec != EC_DATA_KERNEL) {
        return "unexpected exception";
    }
    if (fault->address < USER_END) {
        return "kernel access to a user address";
    }
    if (fault->kind == FAULT_PERMISSION && fault->is_write) {
        return "write to read-only memory";
    }
    return fault->is_write ? "write to unmapped memory" : "read of unmapped memory";
}

void trap_kernel(struct arch_frame *frame, uint64_t esr, uint64_t far)
{
    struct fault fault = decode(frame, esr, far);
    unsigned ec = exception_class(esr);
    vaddr_t fixup = ec == EC_DATA_KERNEL ? find_fixup(frame->pc) : 0;
    if (fixup == 0) {
        kernel_bug_fault(frame, &fault, describe(&fault, ec));
    }
    if (fault.address < USER_END && fault.kind != FAULT_BUS) {
        arch_irq_enable();
        if (kernel_copy_fault(&fault)) {
            return;
        }
    }
    frame->pc = fixup;
}

void trap_stack_overflow(struct arch_frame *frame, uint64_t esr, uint64_t far)
{
    struct fault fault = decode(frame, esr, far);
    kernel_bug_fault(frame, &fault, "kernel stack overflow");
}

// An SError is an access that failed after the fact; what it belonged to is unknown.
void trap_serror(struct arch_frame *frame, uint64_t esr)
{
    struct fault fault = {.kind = FAULT_BUS, .address = frame->pc, .syndrome = esr};
    kernel_bug_fault(frame, &fault, "asynchronous external abort");
}

void trap_unexpected(struct arch_frame *frame, uint64_t vector, uint64_t esr)
{
    static const char *const names[] = {
        "on the user stack pointer: synchronous",
        "on the user stack pointer: interrupt",
        "on the user stack pointer: fast interrupt",
        "on the user stack pointer: system error",
        "synchronous",
        "interrupt",
        "fast interrupt from the kernel",
        "system error",
        "synchronous",
        "interrupt",
        "fast interrupt from user mode",
        "system error",
        "32-bit user mode: synchronous",
        "32-bit user mode: interrupt",
        "32-bit user mode: fast interrupt",
        "32-bit user mode: system error",
    };
    struct fault fault = {.kind = FAULT_OTHER, .address = frame->pc, .syndrome = esr};
    kernel_bug_fault(frame, &fault, vector < ARRAY_SIZE(names) ? names[vector] : "exception");
}
