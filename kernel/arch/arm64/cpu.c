// SPDX-License-Identifier: Apache-2.0
/* Identity and features of CPUs, their set-up, and how the secondary ones come up. */
#include "kernel/arch/arch.h"

#include "kernel/arch/arm64/boot.h"
#include "kernel/arch/arm64/mmu.h"
#include "kernel/arch/arm64/sysreg.h"
#include "kernel/arch/arm64/trap.h"
#include "kernel/core/percpu.h"
#include "kernel/mm/layout.h"

extern char vectors[], secondary_start[];

struct arch_features arch_features;

// What start.S reads with the MMU off: both are virtual addresses.
struct secondary {
    struct thread *thread;
    void *stack_top;
};
static PERCPU(struct secondary, secondary);

#define READ_SYSREG(name)                                                                          \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #name : "=r"(value_));                                         \
        value_;                                                                                    \
    })
#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)))

static unsigned field(uint64_t reg, unsigned shift)
{
    return (unsigned)(reg >> shift) & 0xf;
}

static void detect_features(void)
{
    static const uint8_t pa_bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t isar0 = READ_SYSREG(id_aa64isar0_el1);
    uint64_t mmfr0 = READ_SYSREG(id_aa64mmfr0_el1);
    uint64_t mmfr1 = READ_SYSREG(id_aa64mmfr1_el1);
    uint64_t pfr0 = READ_SYSREG(id_aa64pfr0_el1);
    uint64_t pfr1 = READ_SYSREG(id_aa64pfr1_el1);
    arch_features.has_rng = field(isar0, 60) != 0;
    arch_features.has_sha256 = field(isar0, 12) != 0 && field(pfr0, 20) != 0xf;
    arch_features.has_tlbi_range = field(isar0, 56) == 2;
    arch_features.has_lse = field(isar0, 20) >= 2;
    arch_features.has_pan = field(mmfr1, 20) != 0;
    arch_features.has_bti = field(pfr1, 0) != 0;
    arch_features.asid_bits = field(mmfr0, 4) == 2 ? 16 : 8;
    arch_features.pa_bits = field(mmfr0, 0) < 6 ? pa_bits[field(mmfr0, 0)] : 48;
}

void arch_cpu_init(void)
{
    if (arch_features.pa_bits == 0) {
        detect_features();
        mmu_init();
    }
    WRITE_SYSREG(vbar_el1, (uint64_t)vectors);
    WRITE_SYSREG(cpacr_el1, 0);   // FP traps until a thread uses it
    WRITE_SYSREG(cntkctl_el1, 2); // user mode may read the virtual counter
    WRITE_SYSREG(mdscr_el1, 0);
    WRITE_SYSREG(tpidr_el0, 0);
    WRITE_SYSREG(tpidrro_el0, 0);
    if (arch_features.has_pan) {
        __asm__ volatile(".inst 0xd500419f"); // msr pan, #1
    }
    __asm__ volatile("isb");
    asid_cpu_init();
    arch_aspace_activate(NULL);
}

uint64_t arch_cpu_hwid(void)
{
    return READ_SYSREG(mpidr_el1) & 0xff00ffffffull;
}

uint64_t arch_cpu_model(void)
{
    return READ_SYSREG(midr_el1);
}

uint64_t arch_counter_hz(void)
{
    uint64_t hz = READ_SYSREG(cntfrq_el0) & UINT32_MAX;
    return hz == 0 ? 1 : hz;
}

// The bits of Linux's <asm/hwcap.h>, which programs know.
void arch_user_features(uint64_t out[2])
{
    enum : uint64_t {
        HAS_FP = 1 << 0,
        HAS_ASIMD = 1 << 1,
        HAS_AES = 1 << 3,
        HAS_PMULL = 1 << 4,
        HAS_SHA1 = 1 << 5,
        HAS_SHA2 = 1 << 6,
        HAS_CRC32 = 1 << 7,
        HAS_ATOMICS = 1 << 8,
        HAS_RNG = 1 << 16, // of the second word
    };
    uint64_t isar0 = READ_SYSREG(id_aa64isar0_el1);
    out[0] = HAS_FP | HAS_ASIMD;
    out[0] |= field(isar0, 4) >= 1 ? HAS_AES : 0;
    out[0] |= field(isar0, 4) >= 2 ? HAS_PMULL : 0;
    out[0] |= field(isar0, 8) >= 1 ? HAS_SHA1 : 0;
    out[0] |= field(isar0, 12) >= 1 ? HAS_SHA2 : 0;
    out[0] |= field(isar0, 16) >= 1 ? HAS_CRC32 : 0;
    out[0] |= arch_features.has_lse ? HAS_ATOMICS : 0;
    out[1] = arch_features.has_rng ? HAS_RNG : 0;
}

void arch_cpu_idle(void)
{
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

NORETURN void arch_cpu_halt(void)
{
    __asm__ volatile("msr daifset, #15" ::: "memory");
    for (;;) {
        __asm__ volatile("wfi" ::: "memory");
    }
}

// RNDR (Arm ARM D17.2.120) sets Z when it has nothing to give.
bool arch_random(uint64_t *out)
{
    if (!arch_features.has_rng) {
        return false;
    }
    uint64_t value;
    uint32_t is_ok;
    __asm__ volatile("mrs %0, s3_3_c2_c4_0\n\tcset %w1, ne" : "=r"(value), "=r"(is_ok)::"cc");
    if (is_ok == 0) {
        return false;
    }
    *out = value;
    return true;
}

void arch_set_current(struct thread *t, uintptr_t percpu)
{
    ((struct arch_thread *)(void *)t)->percpu = percpu;
    __asm__ volatile("msr tpidr_el1, %0" ::"r"(t) : "memory");
}

paddr_t arch_secondary_entry(void)
{
    return image_to_phys(secondary_start);
}

uint64_t arch_secondary_argument(struct thread *t, void *stack_top, uintptr_t percpu)
{
    struct secondary *s = percpu_pointer(secondary, percpu);
    *s = (struct secondary){.thread = t, .stack_top = stack_top};
    ((struct arch_thread *)(void *)t)->percpu = percpu;
    arch_clean_dcache(s, sizeof(*s));
    return (vaddr_t)s - LINEAR_BASE; // per-CPU areas of secondary CPUs come from the heap
}

void secondary_main(void)
{
    arch_cpu_init();
    kernel_secondary_main();
}

uint64_t arch_firmware_call(bool use_smc, uint64_t fn, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = fn;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    // SMCCC 1.1: x0-x17 may change.
#define FIRMWARE_CLOBBERS                                                                          \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    \
        "memory"
    if (use_smc) {
        __asm__ volatile(".inst 0xd4000003" // smc #0
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::FIRMWARE_CLOBBERS);
    } else {
        __asm__ volatile(".inst 0xd4000002" // hvc #0
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::FIRMWARE_CLOBBERS);
    }
    return x0;
}

uint64_t arch_semihost_call(uint64_t op, uint64_t arg)
{
    register uint64_t x0 __asm__("x0") = op;
    register uint64_t x1 __asm__("x1") = arg;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}
