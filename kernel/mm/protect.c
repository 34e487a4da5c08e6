// SPDX-License-Identifier: Apache-2.0
/* Changes of protection. */
#include "kernel/mm/region_priv.h"

static status_t check_protect(const struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot)
{
    for (vaddr_t at = start; at < end;) {
        const struct region *r = region_find(as, at);
        if (r == NULL || r->extent.start > at) {
            return ERR_NOMEM;
        }
        if ((prot & ~(unsigned)r->max_prot) != 0) {
            return ERR_ACCES;
        }
        at = r->extent.end;
    }
    return OK;
}

// Whether pages may have to be made visible to instruction fetch one by one.
static bool is_new_code(const struct region *r, unsigned before)
{
    bool is_of_file = r->vmo->kind == VMO_FILE || r->vmo->below != NULL;
    return is_of_file && (r->prot & PROT_EXEC) != 0 && (before & PROT_EXEC) == 0;
}

static void protect_region(struct aspace *as, struct region *r, unsigned prot) REQUIRES(as -> lock)
{
    struct vmo *v = r->vmo;
    unsigned before = r->prot;
    vaddr_t start = r->extent.start;
    size_t size = r->extent.end - start;
    vmo_lock(v);
    region_set_prot(r, prot);
    if (is_new_code(r, before)) {
        aspace_clear(as, start, size);
    } else if (vmo_may_be_mapped(v)) {
        // Pages that may have other holders become writable one by one, as they are written.
        uint32_t bits = region_entry_prot(r, vmo_is_written_in_place(v));
        spin_lock(&as->tables);
        arch_protect(&as->arch, start, size, bits);
        spin_unlock(&as->tables);
    }
    vmo_unlock(v);
}

static status_t protect_locked(struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot,
                               struct change *c) REQUIRES(as -> lock)
{
    status_t status = check_protect(as, start, end, prot);
    if (status != OK) {
        return status;
    }
    status = change_prepare(c, as, start, end);
    if (status != OK) {
        return status;
    }
    // No failure below.
    region_split_range(as, start, end, c);
    for (struct region *r = region_find(as, start); r != NULL && r->extent.start < end;
         r = region_next(r)) {
        if (r->prot != prot) {
            protect_region(as, r, prot);
        }
    }
    region_merge_range(as, start, end, c);
    return OK;
}

status_t aspace_protect(struct aspace *as, vaddr_t va, size_t size_pages, unsigned prot)
{
    if (!region_is_user_range(va, size_pages) || !region_is_valid_prot(prot, PROT_ALL_BITS)) {
        return ERR_INVAL;
    }
    struct change change;
    change_init(&change);
    mutex_lock(&as->lock);
    status_t status = protect_locked(as, va, va + (size_pages << PAGE_SHIFT), prot, &change);
    mutex_unlock(&as->lock);
    change_fini(&change);
    return status;
}
