// SPDX-License-Identifier: Apache-2.0
/*
 * What a signal handler finds on its stack, and the way back from it: the layouts of musl's aarch64
 * <signal.h> (siginfo_t, ucontext_t with struct fpsimd_context in its reserved part).
 */
#include "abi/signal.h"
#include "kernel/arch/arch.h"
#include "kernel/arch/arm64/fp.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    FPSIMD_MAGIC = 0x46508001,
    RESERVED_SIZE = 4096,
    STACK_ALIGN = 16,
    FP_REGISTER = 29,
    LINK_REGISTER = 30,
};

// Flags that a handler may change; the rest of PSTATE is the kernel's to say.
constexpr uint64_t PSR_USER_BITS = 0xf0000000;

struct fpsimd_context {
    uint32_t magic;
    uint32_t size;
    uint32_t fpsr;
    uint32_t fpcr;
    __uint128_t v[32];
};

struct ucontext {
    uint64_t flags;
    uint64_t link;
    struct abi_sigaltstack stack;
    uint64_t mask[16];
    uint64_t pad;
    uint64_t fault_address;
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t psr;
    uint64_t pad2;
    struct fpsimd_context fp;
    uint64_t end[2]; // a record without magic and size ends the list
};
static_assert(offsetof(struct ucontext, mask) == 40 && offsetof(struct ucontext, x) == 184);
static_assert(offsetof(struct ucontext, psr) == 448 && offsetof(struct ucontext, fp) == 464);

struct signal_frame {
    struct abi_siginfo info;
    struct ucontext context;
    uint8_t unused[RESERVED_SIZE - sizeof(struct fpsimd_context) - 2 * sizeof(uint64_t)];
    uint64_t record[2]; // a frame record, so that backtraces go on through the handler
};

static void save_fp(struct fpsimd_context *out)
{
    struct arch_fp_state state;
    *out = (struct fpsimd_context){.magic = FPSIMD_MAGIC, .size = sizeof(*out)};
    if (fp_read(&state)) {
        memcpy(out->v, state.v, sizeof(out->v));
        out->fpsr = state.fpsr;
        out->fpcr = state.fpcr;
    }
}

static void load_fp(const struct fpsimd_context *in)
{
    struct arch_fp_state state = {.fpsr = in->fpsr, .fpcr = in->fpcr};
    memcpy(state.v, in->v, sizeof(state.v));
    fp_write(&state);
}

status_t arch_signal_enter(struct arch_frame *frame, const struct arch_signal *s)
{
    vaddr_t at = align_down(s->stack_top - sizeof(struct signal_frame), STACK_ALIGN);
    if (at > s->stack_top) {
        return ERR_FAULT;
    }
    struct ucontext context = {
        .stack = *s->alternate,
        .mask = {s->mask},
        .fault_address =
            s->info->signal == SIGSEGV || s->info->signal == SIGBUS ? s->info->address : 0,
        .sp = frame->sp,
        .pc = frame->pc,
        .psr = frame->psr,
    };
    memcpy(context.x, frame->x, sizeof(context.x));
    save_fp(&context.fp);
    const uint64_t record[2] = {frame->x[FP_REGISTER], frame->x[LINK_REGISTER]};
    vaddr_t record_at = at + offsetof(struct signal_frame, record);
    vaddr_t context_at = at + offsetof(struct signal_frame, context);
    if (arch_copy_to_user(at, s->info, sizeof(*s->info)) != 0 ||
        arch_copy_to_user(context_at, &context, sizeof(context)) != 0 ||
        arch_copy_to_user(record_at, record, sizeof(record)) != 0) {
        return ERR_FAULT;
    }
    // No failure below.
    frame->x[0] = (uint64_t)s->info->signal;
    frame->x[1] = at;
    frame->x[2] = context_at;
    frame->x[FP_REGISTER] = record_at;
    frame->x[LINK_REGISTER] = s->restorer;
    frame->sp = at;
    frame->pc = s->handler;
    frame->psr &= ~PSR_USER_BITS; // also no branch type: the handler is entered as by a return
    return OK;
}

status_t arch_signal_leave(struct arch_frame *frame, uint64_t *mask)
{
    struct ucontext context;
    vaddr_t at = frame->sp;
    if (!is_aligned(at, STACK_ALIGN) ||
        arch_copy_from_user(&context, at + offsetof(struct signal_frame, context),
                            sizeof(context)) != 0) {
        return ERR_FAULT;
    }
    if (context.fp.magic == FPSIMD_MAGIC && context.fp.size == sizeof(context.fp)) {
        load_fp(&context.fp);
    }
    memcpy(frame->x, context.x, sizeof(context.x));
    frame->sp = context.sp;
    frame->pc = context.pc;
    frame->psr = (frame->psr & ~PSR_USER_BITS) | (context.psr & PSR_USER_BITS);
    *mask = context.mask[0];
    return OK;
}
