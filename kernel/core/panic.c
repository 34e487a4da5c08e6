// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/panic.h"

#include <stdarg.h>

#include "kernel/core/bootarg.h"
#include "kernel/core/cpu.h"
#include "kernel/core/log.h"
#include "kernel/core/symbol.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "lib/base/string.h"
#include "lib/crash/record.h"
#include "lib/fmt/fmt.h"

enum {
    RESET_DELAY_SECONDS = 10, // by default
    STOP_WAIT_SHARE = 5,      // of a second, for the other CPUs to stop
    BACKTRACE_MAX = 24,
    SITE_MAX = 12,      // return addresses of a CPU that was stopped
    LOG_TAIL = 20,      // records at the end of the report
    REPORTED_LINES = 40 // of the previous boot's record, in the log
};

static const char log_title[] = "The end of the log:\n";

// Where a CPU was when it was stopped.
struct panic_site {
    _Atomic bool is_recorded; // [a] release by the CPU, acquire by the one that reports
    const char *thread;
    vaddr_t user_pc; // 0: its thread has no user code
    size_t count;
    vaddr_t pcs[SITE_MAX];
};
PERCPU(struct panic_site, panic_site);

static struct {
    _Atomic uint64_t owner; // [a] hardware identifier of the CPU that reports, plus one; 0: none
    unsigned depth;         // [owner] panics in the panic
    const struct panic_ops *ops; // [I] after boot
    bool has_crash_area;         // [I] after boot
    struct crash_area crash;     // [I] after boot; its contents are the owner's
    bool has_previous;           // [I] after boot
    struct span previous;        // [I] after boot
    // Buffers of the owner: the stack may be an emergency one, and small.
    char reason[256];
    char line[LOG_LINE_MAX];
} state;

// ---- Saying something ----

static void say_text(const char *text, size_t len)
{
    if (state.has_crash_area) {
        crash_append(&state.crash, text, len);
    }
    if (state.ops != NULL && state.ops->write != NULL) {
        state.ops->write(text, len);
    }
}

PRINTF(1, 2) static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t len = fmt_format(state.line, sizeof(state.line), format, arguments);
    va_end(arguments);
    say_text(state.line, u64_min(len, sizeof(state.line) - 1));
}

static void say_line(void *context, const char *line)
{
    (void)context;
    say("  %s\n", line);
}

// What has been said so far survives a reset from here on.
static void keep(void)
{
    if (state.has_crash_area) {
        const struct crash_header *h = state.crash.header;
        crash_seal(&state.crash);
        arch_clean_dcache(h, sizeof(*h) + h->text_size);
    }
}

static void say_addresses(const vaddr_t *pcs, size_t count, bool is_first_exact)
{
    char name[SYMBOL_TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        // A return address may lie past the end of a function whose last act was the call.
        vaddr_t back = i == 0 && is_first_exact ? 0 : 1;
        symbol_print(pcs[i] - back, name);
        say("  %#018lx %s\n", (unsigned long)pcs[i], name);
    }
}

// Of the frame, or of the running code from the caller of panic on.
static void say_backtrace(const struct arch_frame *frame, vaddr_t caller)
{
    vaddr_t pcs[BACKTRACE_MAX];
    size_t count = arch_backtrace(frame, pcs, BACKTRACE_MAX);
    size_t first = 0;
    while (frame == NULL && first < count && pcs[first] != caller) {
        first++;
    }
    if (first == count) {
        first = 0;
    }
    say("Backtrace:\n");
    say_addresses(pcs + first, count - first, frame != NULL);
}

// ---- The other CPUs ----

static uint64_t own_id(void)
{
    return arch_cpu_hwid() + 1;
}

bool panic_is_active(void)
{
    return atomic_load_explicit(&state.owner, memory_order_relaxed) != 0;
}

NORETURN void panic_stop_this_cpu(void)
{
    arch_irq_disable();
    struct panic_site *here = this_cpu(panic_site);
    struct thread *t = thread_current();
    here->thread = t->name;
    if (t->process != NULL) {
        here->user_pc = arch_frame_pc(arch_user_frame(t));
    }
    here->count = arch_backtrace(NULL, here->pcs, SITE_MAX);
    atomic_store_explicit(&here->is_recorded, true, memory_order_release);
    arch_cpu_halt();
}

static bool is_recorded(struct cpu *c)
{
    return atomic_load_explicit(&cpu_var(c, panic_site)->is_recorded, memory_order_acquire);
}

static bool is_other(const struct cpu *c)
{
    return c->hwid != arch_cpu_hwid();
}

static bool have_all_stopped(void)
{
    cpu_for_each_online(c)
    {
        if (is_other(c) && !is_recorded(c)) {
            return false;
        }
    }
    return true;
}

static void stop_others(void)
{
    cpu_for_each_online(c)
    {
        if (is_other(c)) {
            cpu_send_ipi(c, IPI_STOP);
        }
    }
    uint64_t begin = arch_counter();
    uint64_t limit = arch_counter_hz() / STOP_WAIT_SHARE;
    while (!have_all_stopped() && arch_counter() - begin < limit) {
        arch_relax();
    }
}

static void say_others(void)
{
    cpu_for_each_online(c)
    {
        if (!is_other(c)) {
            continue;
        }
        if (!is_recorded(c)) {
            say("CPU %u did not stop\n", c->index);
            continue;
        }
        const struct panic_site *site = cpu_var(c, panic_site);
        say("CPU %u was in thread \"%s\":\n", c->index, site->thread);
        if (site->user_pc != 0) {
            say("  last in user code at %#lx\n", (unsigned long)site->user_pc);
        }
        say_addresses(site->pcs, site->count, false);
    }
}

// ---- The report ----

static void say_log_tail(void)
{
    uint64_t next = log_next();
    uint64_t first = u64_max(log_oldest(), next > LOG_TAIL ? next - LOG_TAIL : 1);
    say_text(log_title, sizeof(log_title) - 1);
    for (uint64_t sequence = first; sequence < next; sequence++) {
        struct log_record r;
        char *text = state.line + LOG_PREFIX_MAX;
        // A CPU that stopped while it filled its record has left a hole.
        if (log_read(sequence, &r, text, LOG_TEXT_MAX) == OK && r.sequence == sequence) {
            say_text(state.line, log_format_line(&r, text, state.line));
        }
    }
}

static void report(const struct arch_frame *frame, vaddr_t caller)
{
    if (state.has_crash_area) {
        crash_begin_panic(&state.crash);
    }
    say("panic: %s\n", state.reason);
    keep();
    stop_others();
    nsec_t now = time_now() / NSEC_PER_USEC;
    say("CPU %u, thread \"%s\", %llu.%06llu seconds after power-on\n", cpu_this()->index,
        thread_current()->name, (unsigned long long)(now / 1000000),
        (unsigned long long)(now % 1000000));
    if (frame != NULL) {
        arch_frame_print(frame, say_line, NULL);
    }
    say_backtrace(frame, caller);
    keep();
    say_others();
    say_log_tail();
    keep();
}

// ---- What then ----

static void wait_seconds(int64_t seconds)
{
    uint64_t begin = arch_counter();
    uint64_t ticks = (uint64_t)seconds * arch_counter_hz();
    while (arch_counter() - begin < ticks) {
        arch_relax();
    }
}

NORETURN static void finish(void)
{
    int64_t delay = RESET_DELAY_SECONDS;
    keep();
    if (state.ops != NULL && state.ops->exit != NULL) {
        state.ops->exit(PANIC_EXIT_STATUS);
    }
    (void)bootarg_get_int("panic", &delay);
    if (state.has_crash_area && crash_is_loop(&state.crash)) {
        say("The machine stays halted: %u panics in a row\n", state.crash.header->panics);
    } else if (delay < 0 || state.ops == NULL || state.ops->reset == NULL) {
        say("The machine stays halted\n");
    } else {
        say("Reset in %lld seconds\n", (long long)delay);
        keep();
        wait_seconds(delay);
        state.ops->reset();
        say("This machine cannot be reset\n");
    }
    keep();
    arch_cpu_halt();
}

// Gives the depth of panics on the CPU that reports; other CPUs do not come back.
static unsigned enter(void)
{
    uint64_t owner = 0;
    arch_irq_disable();
    if (!atomic_compare_exchange_strong(&state.owner, &owner, own_id()) && owner != own_id()) {
        panic_stop_this_cpu();
    }
    return state.depth++;
}

NORETURN static void end(const struct arch_frame *frame, vaddr_t caller, const char *format,
                         va_list arguments)
{
    unsigned depth = enter();
    if (depth > 1) {
        arch_cpu_halt();
    }
    fmt_format(state.reason, sizeof(state.reason), format, arguments);
    if (depth == 0) {
        report(frame, caller);
    } else {
        say("panic in the report: %s\n", state.reason);
        say_backtrace(frame, caller);
    }
    finish();
}

NORETURN void panic(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    end(NULL, (vaddr_t)__builtin_return_address(0), format, arguments);
}

NORETURN void panic_frame(const struct arch_frame *frame, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    end(frame, 0, format, arguments);
}

// ---- Boot ----

void panic_set_ops(const struct panic_ops *ops)
{
    state.ops = ops;
}

// Up to the end of that boot's log, which is for panic_previous_record.
static void log_previous(struct span record)
{
    const char *text = (const char *)record.data;
    size_t at = 0;
    for (unsigned i = 0; i < REPORTED_LINES && at < record.size; i++) {
        const char *end_of_line = memchr(text + at, '\n', record.size - at);
        size_t end_at = end_of_line == NULL ? record.size : (size_t)(end_of_line - text);
        if (strncmp(text + at, log_title, u64_min(sizeof(log_title) - 1, record.size - at)) == 0) {
            return;
        }
        log_error("panic", "%s: %.*s", i == 0 ? "previous boot ended with" : "previous boot",
                  (int)(end_at - at), text + at);
        at = end_at + 1;
    }
}

void panic_set_crash_area(void *area, size_t size)
{
    state.has_previous = crash_begin_boot(&state.crash, area, size, &state.previous);
    state.has_crash_area = true;
    arch_clean_dcache(state.crash.header, sizeof(*state.crash.header));
    if (state.has_previous) {
        log_previous(state.previous);
    }
}

void panic_boot_is_healthy(void)
{
    if (state.has_crash_area) {
        crash_mark_healthy(&state.crash);
        arch_clean_dcache(state.crash.header, sizeof(*state.crash.header));
    }
}

bool panic_previous_record(struct span *out)
{
    *out = state.previous;
    return state.has_previous;
}
