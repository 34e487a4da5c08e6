// SPDX-License-Identifier: Apache-2.0
/*
 * SHA-256 by the CPU's instructions (Arm ARM C7, "SHA256H"): what lets a block of the base image be
 * checked for less than a tenth of what C takes.
 *
 * The kernel runs without FP, so the function switches it on for itself and leaves every register of
 * it as it was: that of the thread that uses FP, or of nobody.  It does not sleep, so no thread
 * switch comes between; an interrupt that does the same puts back what it found.
 */
    .arch armv8-a+sha2

state   .req x0
blocks  .req x1
left    .req x2
access  .req x9                         // CPACR_EL1 of the caller
keys    .req x10
next    .req x11

// Four rounds with the words in \w0, and, but for the last 16, four words of the schedule.
    .macro rounds w0, w1, w2, w3, schedule
    ld1 {v17.4s}, [next], #16
    mov v18.16b, v0.16b
    add v17.4s, v17.4s, \w0\().4s
    .if \schedule
    sha256su0 \w0\().4s, \w1\().4s
    .endif
    sha256h q0, q1, v17.4s
    sha256h2 q1, q18, v17.4s
    .if \schedule
    sha256su1 \w0\().4s, \w2\().4s, \w3\().4s
    .endif
    .endm

    .macro sixteen schedule
    rounds v4, v5, v6, v7, \schedule
    rounds v5, v6, v7, v4, \schedule
    rounds v6, v7, v4, v5, \schedule
    rounds v7, v4, v5, v6, \schedule
    .endm

/*
 * void arch_sha256(uint32_t state[8], const void *blocks, size_t count)
 * on entry: any context in the kernel, FP on or off; clobbers: x1, x2, x9 to x12, flags
 */
    .text
    .globl arch_sha256
    .hidden arch_sha256
arch_sha256:
    hint #34                            // BTI c
    cbz left, 2f
    mrs access, cpacr_el1
    orr x12, access, #(3 << 20)         // FPEN
    msr cpacr_el1, x12
    isb
    stp q0, q1, [sp, #-176]!
    stp q2, q3, [sp, #32]
    stp q4, q5, [sp, #64]
    stp q6, q7, [sp, #96]
    stp q17, q18, [sp, #128]
    adrp keys, sha256_keys
    add keys, keys, :lo12:sha256_keys
    ld1 {v0.4s, v1.4s}, [state]
1:  ld1 {v4.16b, v5.16b, v6.16b, v7.16b}, [blocks], #64
    rev32 v4.16b, v4.16b                // words are big endian
    rev32 v5.16b, v5.16b
    rev32 v6.16b, v6.16b
    rev32 v7.16b, v7.16b
    mov v2.16b, v0.16b
    mov v3.16b, v1.16b
    mov next, keys
    sixteen 1
    sixteen 1
    sixteen 1
    sixteen 0
    add v0.4s, v0.4s, v2.4s
    add v1.4s, v1.4s, v3.4s
    subs left, left, #1
    b.ne 1b
    st1 {v0.4s, v1.4s}, [state]
    ldp q17, q18, [sp, #128]
    ldp q6, q7, [sp, #96]
    ldp q4, q5, [sp, #64]
    ldp q2, q3, [sp, #32]
    ldp q0, q1, [sp], #176
    msr cpacr_el1, access
    isb
2:  ret

// FIPS 180-4 4.2.2
    .section .rodata.sha256_keys, "a"
    .p2align 4
sha256_keys:
    .word 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
    .word 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
    .word 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
    .word 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
    .word 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
    .word 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
    .word 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
    .word 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
