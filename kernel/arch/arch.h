// SPDX-License-Identifier: Apache-2.0
/*
 * The contract between a CPU architecture and the machine-independent kernel, in two halves: what
 * the CPU gives (arch_*, defined in kernel/arch/<name>) and what the kernel gives back (kernel_*,
 * called by the architecture's entry code).  The inline part of the first half is
 * <arch_inline.h>, found on the include path of the chosen architecture.
 *
 * The inline header provides
 *   irqflags_t arch_irq_save(void)               mask interrupts on this CPU, give the old state
 *   void arch_irq_restore(irqflags_t)            put it back
 *   void arch_irq_enable(void), arch_irq_disable(void), bool arch_irq_is_enabled(void)
 *   struct thread *arch_current(void)            the running thread (in interrupts: the interrupted)
 *   uintptr_t arch_percpu(void)                  this CPU's per-CPU offset
 *   void arch_relax(void)                        a hint inside a spin loop
 *   void arch_spin_wait(const uint32_t *word, uint32_t seen)
 *                                                sleep until *word may differ from seen
 *   uint64_t arch_counter(void)                  the monotonic counter, ordered after earlier reads
 *   void arch_barrier_io(void)                   all memory accesses complete before what follows
 *   uint32_t arch_mmio_read32(vaddr_t), void arch_mmio_write32(vaddr_t, uint32_t) and the 8, 16 and
 *   64-bit forms                                 device access, in program order among themselves
 *   struct arch_thread, struct arch_frame, struct arch_aspace
 */
#pragma once

#include <arch_inline.h>

#include "lib/base/attr.h"
#include "lib/base/types.h"

struct thread;

// ---- What the CPU gives: identity and features ----

// CPU features the kernel acts on; set once by arch_cpu_init, then constant.
struct arch_features {
    bool has_pan;        // privileged access never
    bool has_lse;        // single-instruction atomics
    bool has_rng;        // RNDR
    bool has_sha256;     // SHA256H and its sisters
    bool has_bti;        // branch target identification
    bool has_tlbi_range; // range TLB invalidation
    unsigned asid_bits;  // 8 or 16
    unsigned pa_bits;    // size of a physical address
};
extern struct arch_features arch_features;

// Sets this CPU up (vectors, PAN, access to FP and counters by EL0); on the first CPU also detects
// features.  Interrupts are masked.
void arch_cpu_init(void);

// Hardware identifier of this CPU (MPIDR affinity fields) and name of its model.
uint64_t arch_cpu_hwid(void);
uint64_t arch_cpu_model(void); // MIDR

// Frequency of arch_counter in Hz; never 0.
uint64_t arch_counter_hz(void);

// What programs may use of this CPU: AT_HWCAP and AT_HWCAP2 of the auxiliary vector.
void arch_user_features(uint64_t out[2]);

// Waits for an interrupt.  Called with interrupts masked and returns with them masked once one is
// pending, so that nothing can slip in between a check and the wait.
void arch_cpu_idle(void);

// Stops this CPU for ever with interrupts masked.
NORETURN void arch_cpu_halt(void);

// A hardware random number, if the CPU has such an instruction and it delivered.
bool arch_random(uint64_t *out);

// The compression function of SHA-256 (FIPS 180-4 6.2.2) over `count` blocks of 64 bytes, by the CPU's
// instructions; only where arch_features.has_sha256.  Any context: the FP registers it uses are those
// of whoever was interrupted when it returns.
void arch_sha256(uint32_t state[8], const void *blocks, size_t count);

// What the boot code found and chose; constant from kernel_main on.
struct arch_boot {
    paddr_t fdt;      // device tree; 0: none
    paddr_t bootinfo; // struct bootinfo of our UEFI loader; 0: another loader
    uint64_t counter_at_entry;
    paddr_t image_pa; // the kernel image: text and read-only data come first
    vaddr_t image_va;
    size_t image_size;
    size_t text_size;
    size_t readonly_size; // text and read-only data
    bool is_randomised;   // KASLR
    bool was_el2;         // entered at EL2
};
extern struct arch_boot arch_boot;

static inline paddr_t arch_image_paddr(void)
{
    return arch_boot.image_pa;
}

static inline size_t arch_image_size(void)
{
    return arch_boot.image_size;
}

static inline size_t arch_image_readonly_size(void)
{
    return arch_boot.readonly_size;
}

// Boot, before the linear map stands: memory that firmware left for us, read-only.  ERR_NOMEM when
// the windows are used up, ERR_INVAL for a wrapping range.
status_t arch_early_map(paddr_t pa, size_t size, const void **out);

// Boot: the linear map stands (page tables are reached through it from now on), and the early
// mappings go.
void arch_linear_map_ready(void);

// ---- What the CPU gives: threads ----

// Makes `t` start at entry(arg) on the stack that ends at `stack_top` when first switched to.
// `entry` does not return.  Interrupts are masked at entry.
void arch_thread_init(struct arch_thread *t, void *stack_top, void (*entry)(void *), void *arg);

// Switches this CPU from `from` to `to`; returns when somebody switches back, with the thread that
// was left behind on this CPU.  Interrupts are masked.  FP state is saved and loaded when the
// threads use it; the address space is switched separately.
struct thread *arch_thread_switch(struct arch_thread *from, struct arch_thread *to);

// Records that the running code on this CPU is `t` (boot only) with per-CPU offset `percpu`.
void arch_set_current(struct thread *t, uintptr_t percpu);

// Enters user mode for the first time with the register values of `frame`, which lies anywhere.
NORETURN void arch_enter_user(const struct arch_frame *frame);

// The register frame of the thread's last entry from user mode, at the top of its kernel stack; that
// place is kept free for it.
struct arch_frame *arch_user_frame(struct thread *t);

// Fills `frame` so that entering user mode starts `pc` with stack `sp` and `arg` as first argument.
void arch_frame_init_user(struct arch_frame *frame, vaddr_t pc, vaddr_t sp, uint64_t arg);
void arch_frame_set_result(struct arch_frame *frame, int64_t value);
int64_t arch_frame_result(const struct arch_frame *frame);
vaddr_t arch_frame_pc(const struct arch_frame *frame);
bool arch_frame_is_user(const struct arch_frame *frame);

// User FP and thread-pointer state of the running thread, copied to a new thread (fork), or dropped
// (exec).
void arch_thread_fork_user(struct arch_thread *child);
void arch_thread_reset_user(void);

// The thread pointer of a new thread (clone).
void arch_thread_set_tls(struct arch_thread *t, uint64_t tls);

// Changes a frame that a clone starts with: another stack, result 0.
void arch_frame_set_stack(struct arch_frame *frame, vaddr_t sp);
vaddr_t arch_frame_stack(const struct arch_frame *frame);

// Whether the current thread is on its way back from a system call, told once: its number and result
// to the caller.  arch_call_again makes it start anew, with its first argument back in place.
bool arch_take_call(struct arch_frame *frame, uint64_t *number, int64_t *result);
void arch_call_again(struct arch_frame *frame);

// The number of the system call that the frame's thread is making.
uint64_t arch_frame_call(const struct arch_frame *frame);

// A signal handler is to run: registers, signal mask and siginfo go to the user's stack below
// stack_top, and the frame leads into the handler.  ERR_FAULT: the stack cannot take them.
struct abi_siginfo;
struct abi_sigaltstack;
struct arch_signal {
    const struct abi_siginfo *info;
    vaddr_t handler;
    vaddr_t restorer; // where the handler returns to
    vaddr_t stack_top;
    uint64_t mask; // to be restored
    const struct abi_sigaltstack *alternate;
};
status_t arch_signal_enter(struct arch_frame *frame, const struct arch_signal *s);

// The way back: registers and mask from the user's stack, which may hold anything.  ERR_FAULT.
status_t arch_signal_leave(struct arch_frame *frame, uint64_t *mask);

// Return addresses of a call chain, innermost first: of the running kernel code (frame NULL), or of
// a trap frame.  Survives any damage to stacks: it reads with the user-copy routines or inside
// mapped stacks only.  Gives the number written.
size_t arch_backtrace(const struct arch_frame *frame, vaddr_t *out, size_t max);

// Prints the registers of `frame` line by line through `emit`.
void arch_frame_print(const struct arch_frame *frame, void (*emit)(void *, const char *line),
                      void *context);

// Physical entry point for secondary CPUs (PSCI CPU_ON), and the argument that makes the CPU come
// up as `t` (its idle thread) and call kernel_secondary_main on it with per-CPU offset `percpu`.
paddr_t arch_secondary_entry(void);
uint64_t arch_secondary_argument(struct thread *t, void *stack_top, uintptr_t percpu);

// A call into firmware (SMCCC); `use_smc` chooses the conduit.
uint64_t arch_firmware_call(bool use_smc, uint64_t fn, uint64_t a, uint64_t b, uint64_t c);

// A semihosting call to a debugger or emulator (Arm semihosting 2.0); undefined where none listens.
uint64_t arch_semihost_call(uint64_t op, uint64_t arg);

// ---- What the CPU gives: memory ----

// Mapping attributes.  Writable and executable together are refused with ERR_INVAL.
enum {
    ARCH_MAP_READ = 1u << 0,
    ARCH_MAP_WRITE = 1u << 1,
    ARCH_MAP_EXEC = 1u << 2,
    ARCH_MAP_USER = 1u << 3,
    ARCH_MAP_DEVICE = 1u << 4,   // device memory, not gathered, reordered or cached
    ARCH_MAP_UNCACHED = 1u << 5, // normal memory, not cached
};

// Where the kernel's own address space has its parts; see the picture in kernel/mm/layout.h.
extern struct arch_aspace arch_kernel_aspace;

// Makes an empty user address space; needs one page-table page.  ERR_NOMEM.
status_t arch_aspace_init(struct arch_aspace *as);

// Frees all table pages.  No CPU has it active any more; what is still mapped needs no unmapping,
// because TLB entries under its ASID are never used again.
void arch_aspace_fini(struct arch_aspace *as);

// Pages mapped now, and the most there have been.
void arch_aspace_pages(const struct arch_aspace *as, size_t *now, size_t *peak);

// Tables that the kernel's own mappings have taken since boot; they stay when these go.
size_t arch_kernel_table_pages(void);

// Makes `as` the user address space of this CPU; NULL: none (user addresses fault).  Interrupts are
// masked.  Changes TTBR0 only when it must.
void arch_aspace_activate(struct arch_aspace *as);

// Maps [va, va + size) to [pa, ...) with the largest blocks that fit; everything 4 KiB aligned.
// Overwrites nothing: ERR_EXIST where a mapping stands.  ERR_NOMEM leaves what was mapped so far
// (the caller unmaps).  The caller serialises calls on the same range of `as`.
status_t arch_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, size_t size, uint32_t prot);

// One user page, the fault path: as arch_map, but an existing entry is replaced (with
// break-before-make where the architecture demands it).
status_t arch_map_page(struct arch_aspace *as, vaddr_t va, paddr_t pa, uint32_t prot);

// Makes sure that page tables for the range exist, so that arch_map_page cannot fail.  ERR_NOMEM.
status_t arch_map_prepare(struct arch_aspace *as, vaddr_t va, size_t size);

// Removes all mappings in the range, calling `gone` (may be NULL) for each page or block, and
// invalidates the TLBs of all CPUs before it returns.  `gone` is called after the invalidation of
// the batch that the page was in, so the page may be freed there.  Page-table pages that became
// empty are freed.  Never fails; splits no block (ranges that cut a block are a kernel bug).
void arch_unmap(struct arch_aspace *as, vaddr_t va, size_t size,
                void (*gone)(void *context, vaddr_t va, paddr_t pa, size_t size), void *context);

// Changes the attributes of all pages mapped in the range, with TLB invalidation; holes are skipped.
void arch_protect(struct arch_aspace *as, vaddr_t va, size_t size, uint32_t prot);

// What is mapped at `va`: physical address of the byte, and attributes.  ERR_NOENT if nothing.
status_t arch_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, uint32_t *prot);

// Walks the kernel's tables and gives the first mapping that is writable and executable, or user
// accessible: true and its address.  Used by the boot self-check.
bool arch_find_bad_mapping(vaddr_t *va);

// Zeroes and copies whole pages through the linear map.
void arch_page_zero(void *page);
void arch_page_copy(void *to, const void *from);

// Data written to [va, va + size) in the linear map becomes visible to instruction fetch.
void arch_sync_icache(const void *va, size_t size);
// Cleans (writes back) the range to the point of coherency.
void arch_clean_dcache(const void *va, size_t size);

// Copies between kernel and user memory of the active address space.  Any user address is allowed;
// gives the number of bytes that were NOT copied (0: all).  May fault pages in, so it may sleep:
// no spinlock held, interrupts enabled.
size_t arch_copy_from_user(void *to, vaddr_t from, size_t size);
size_t arch_copy_to_user(vaddr_t to, const void *from, size_t size);
size_t arch_zero_user(vaddr_t to, size_t size);
// Length of the string at `from` without its NUL if one is within `max` bytes; ERR_FAULT,
// ERR_NAMETOOLONG.
status_t arch_copy_string_from_user(char *to, vaddr_t from, size_t max, size_t *length);

// Replaces the word at the user address `at`, which is aligned, by `value` if it is `expected`, in one
// step; *seen is what it was.  ERR_FAULT.  May sleep, as the copies above.
status_t arch_swap_user(vaddr_t at, uint32_t expected, uint32_t value, uint32_t *seen);

// Reads a word at any kernel address without faulting.
bool arch_probe_read(vaddr_t va, uint64_t *out);

// ---- What the kernel gives back ----

enum fault_kind {
    FAULT_TRANSLATION, // nothing mapped
    FAULT_PERMISSION,  // mapped, but not for this access
    FAULT_ALIGNMENT,
    FAULT_ILLEGAL, // undefined or privileged instruction
    FAULT_BREAKPOINT,
    FAULT_FP,  // floating point exception
    FAULT_BUS, // external abort
    FAULT_OTHER,
};

struct fault {
    enum fault_kind kind;
    bool is_write;
    bool is_exec;
    vaddr_t address;   // faulting address (memory faults), else the program counter
    uint64_t syndrome; // ESR
};

// An interrupt is pending.  Interrupts masked; from user or kernel code.
void kernel_irq(void);

// A synchronous fault taken from user mode.  Interrupts enabled.
void kernel_user_fault(struct arch_frame *frame, const struct fault *fault);

// A fault in kernel code on a user address with a fix-up at hand (user copy).  Gives true when the
// access may be retried; false makes the copy routine stop short.  Interrupts enabled.
bool kernel_copy_fault(const struct fault *fault);

// Any other fault in kernel code: does not return.
NORETURN void kernel_bug_fault(struct arch_frame *frame, const struct fault *fault,
                               const char *what);

// Work is pending for the current thread on its way to user mode (flags in arch_thread not 0).
// Interrupts are enabled on entry and masked on return.
void kernel_user_return(struct arch_frame *frame);

// A new thread's first act, on its own stack, before its entry function: `previous` is the thread
// that this CPU came from.  Interrupts masked on entry; its business to enable them.
void kernel_thread_begin(struct thread *previous);

// First C code on a secondary CPU, on its idle thread, MMU on, interrupts masked.
NORETURN void kernel_secondary_main(void);

// First C code on the boot CPU at its final virtual address: interrupts masked, the kernel image,
// the device tree and the boot information mapped.
NORETURN void kernel_main(void);

// Pages for page tables: one zeroed page, and its way back.  Callable with spinlocks held.
status_t kernel_table_page_alloc(paddr_t *out);
void kernel_table_page_free(paddr_t page);
