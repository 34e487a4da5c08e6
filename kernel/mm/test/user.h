// SPDX-License-Identifier: Apache-2.0
/* User memory for tests: the running thread works in an address space like a process's. */
#pragma once

#include "kernel/core/sched.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/vmo.h"

enum { PROT_RW = PROT_READ | PROT_WRITE, PROT_RX = PROT_READ | PROT_EXEC };

// NULL: leaves it.
static inline void user_enter(struct aspace *as)
{
    thread_current()->aspace = as == NULL ? NULL : &as->arch;
    sched_aspace_changed();
}

// Both do one access as user code would, faults and all; false: refused.
static inline bool user_read(vaddr_t va, uint8_t *out)
{
    return arch_copy_from_user(out, va, 1) == 0;
}

static inline bool user_write(vaddr_t va, uint8_t value)
{
    return arch_copy_to_user(va, &value, 1) == 0;
}

// The byte at `va`; -1: refused.
static inline int user_peek(vaddr_t va)
{
    uint8_t value;
    return user_read(va, &value) ? value : -1;
}

// Maps fresh anonymous memory at `va` (0: anywhere); gives the address, 0 for none.
static inline vaddr_t user_map(struct aspace *as, vaddr_t va, size_t pages, unsigned prot,
                               unsigned flags)
{
    struct vmo *v = NULL;
    if (vmo_create_anonymous(pages, &v) != OK) {
        return 0;
    }
    struct mapping m = {.vmo = v,
                        .size_pages = pages,
                        .prot = prot,
                        .max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
                        .flags = flags | (va != 0 ? (unsigned)ASPACE_FIXED : 0u)};
    status_t status = aspace_map(as, &m, &va);
    vmo_unref(v);
    return status == OK ? va : 0;
}
