// SPDX-License-Identifier: Apache-2.0
/* Mapping memory; what there is of it. */
#include "abi/gen/syscall_handlers.h"
#include "abi/sys.h"
#include "kernel/mm/vmo.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"

static_assert((int)PROT_READ == SYS_PROT_READ && (int)PROT_WRITE == SYS_PROT_WRITE &&
              (int)PROT_EXEC == SYS_PROT_EXEC);

enum { PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

// A byte range that a caller names, in whole pages.
static status_t page_range(vaddr_t address, uint64_t size, size_t *pages)
{
    if (!is_aligned(address, PAGE_SIZE) || size == 0 || size > USER_END) {
        return ERR_INVAL;
    }
    *pages = pages_for(size);
    return OK;
}

static unsigned map_flags(uint32_t flags)
{
    unsigned out = ASPACE_ANYWHERE;
    if ((flags & SYS_MAP_FIXED) != 0) {
        out |= ASPACE_FIXED;
    }
    if ((flags & SYS_MAP_NOREPLACE) != 0) {
        out |= ASPACE_NOREPLACE;
    }
    return out;
}

int64_t sys_map_anonymous(vaddr_t address, uint64_t size, uint32_t prot, uint32_t flags)
{
    size_t pages;
    status_t status = page_range(address, size, &pages);
    if (status != OK) {
        return status;
    }
    if ((prot & ~(uint32_t)PROT_ALL) != 0 ||
        (flags & ~(uint32_t)(SYS_MAP_FIXED | SYS_MAP_NOREPLACE)) != 0) {
        return ERR_INVAL;
    }
    struct vmo *v;
    status = vmo_create_anonymous(pages, &v);
    if (status != OK) {
        return status;
    }
    vaddr_t va = address;
    struct mapping m = {.vmo = v,
                        .size_pages = pages,
                        .prot = prot,
                        .max_prot = PROT_ALL,
                        .flags = map_flags(flags)};
    status = aspace_map(process_current()->aspace, &m, &va);
    vmo_unref(v);
    return status == OK ? (int64_t)va : status;
}

int64_t sys_munmap(vaddr_t address, uint64_t size)
{
    size_t pages;
    status_t status = page_range(address, size, &pages);
    return status == OK ? aspace_unmap(process_current()->aspace, address, pages) : status;
}

int64_t sys_mprotect(vaddr_t address, uint64_t size, uint32_t prot)
{
    size_t pages;
    status_t status = page_range(address, size, &pages);
    if (status != OK) {
        return status;
    }
    if ((prot & ~(uint32_t)PROT_ALL) != 0) {
        return ERR_INVAL;
    }
    return aspace_protect(process_current()->aspace, address, pages, prot);
}
