// SPDX-License-Identifier: Apache-2.0
/*
 * Mapping memory.  Writable and executable at once is refused with ENOTSUP, which POSIX has for a
 * combination that is not supported.
 */
#include "abi/gen/syscall_handlers.h"
#include "abi/mman.h"
#include "abi/rights.h"
#include "abi/sys.h"
#include "kernel/core/random.h"
#include "kernel/mm/vmo.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/decode.h"
#include "lib/base/bits.h"

static_assert((int)PROT_READ == ABI_PROT_READ && (int)PROT_WRITE == ABI_PROT_WRITE &&
              (int)PROT_EXEC == ABI_PROT_EXEC);

enum { PROT_ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

static struct aspace *own(void)
{
    return process_current()->aspace;
}

// A byte range that a caller names, in whole pages.
static status_t page_range(vaddr_t address, uint64_t size, size_t *pages)
{
    if (!is_aligned(address, PAGE_SIZE) || size == 0 || size > USER_END) {
        return ERR_INVAL;
    }
    *pages = pages_for(size);
    return OK;
}

// ERR_INVAL: what no protection is; ERR_NOTSUP: what none may be.
static status_t check_prot(uint32_t prot)
{
    if ((prot & ~(uint32_t)(PROT_ALL | ABI_PROT_BTI)) != 0) {
        return ERR_INVAL;
    }
    const uint32_t both = PROT_WRITE | PROT_EXEC;
    return (prot & both) == both ? ERR_NOTSUP : OK;
}

// Where a program's mappings start is chosen once, when it maps for the first time.
static uint64_t random_base(const struct aspace *as)
{
    uint64_t random = 0;
    if (as->base == 0 && random_try_bytes(&random, sizeof(random)) != OK) {
        return 0; // before there is randomness the first program maps from the bottom
    }
    return random;
}

/* ---- mmap ---- */

struct request {
    vaddr_t address;
    uint64_t size;
    uint32_t prot;
    uint32_t flags; // enum abi_map
    uint64_t offset;
};

static bool is_shared(const struct request *q)
{
    return (q->flags & ABI_MAP_TYPE) != ABI_MAP_PRIVATE;
}

static status_t check_request(const struct request *q, size_t *pages)
{
    uint32_t type = q->flags & ABI_MAP_TYPE;
    bool is_placed = (q->flags & (ABI_MAP_FIXED | ABI_MAP_FIXED_NOREPLACE)) != 0;
    if (type == 0 || type > ABI_MAP_SHARED_VALIDATE || q->size == 0 ||
        (q->flags & ABI_MAP_HUGETLB) != 0 || !is_aligned(q->offset, PAGE_SIZE) ||
        (is_placed && !is_aligned(q->address, PAGE_SIZE))) {
        return ERR_INVAL;
    }
    if (q->size > USER_END) {
        return ERR_NOMEM;
    }
    *pages = pages_for(q->size);
    return check_prot(q->prot);
}

static unsigned map_flags(const struct request *q)
{
    unsigned out = is_shared(q) ? (unsigned)ASPACE_SHARED : 0u;
    if ((q->flags & ABI_MAP_FIXED) != 0) {
        out |= ASPACE_FIXED;
    }
    if ((q->flags & ABI_MAP_FIXED_NOREPLACE) != 0) {
        out |= ASPACE_FIXED | ASPACE_NOREPLACE;
    }
    return out;
}

// What a file gives for a mapping; the handle has to allow as much.
static status_t map_file(const struct request *q, int32_t handle, struct mapping *m)
{
    struct file *f;
    status_t status = decode_file(handle, SWIFTOS_RIGHT_MAP | SWIFTOS_RIGHT_READ, &f);
    if (status != OK) {
        bool is_there = decode_file(handle, 0, &f) == OK;
        if (is_there) {
            decode_drop_file(f);
        }
        return is_there ? ERR_ACCES : ERR_BADF;
    }
    struct file_mapping wish = {
        .offset = q->offset, .size = q->size, .is_shared = is_shared(q), .prot = m->prot};
    struct file *writable = NULL;
    bool may_write = !wish.is_shared || decode_file(handle, SWIFTOS_RIGHT_WRITE, &writable) == OK;
    if (writable != NULL) {
        decode_drop_file(writable);
    }
    if (q->offset > UINT64_MAX - q->size) {
        status = ERR_OVERFLOW;
    } else if (f->ops->map == NULL) {
        status = ERR_NODEV;
    } else if ((q->prot & PROT_WRITE) != 0 && !may_write) {
        status = ERR_ACCES;
    } else {
        status = f->ops->map(f, &wish);
    }
    decode_drop_file(f);
    if (status == OK) {
        m->vmo = wish.vmo;
        m->offset = wish.vmo_page;
        m->max_prot = wish.max_prot & ~(may_write ? 0u : (unsigned)PROT_WRITE);
    }
    return status;
}

static int64_t map(const struct request *q, int32_t handle)
{
    struct aspace *as = own();
    size_t pages;
    status_t status = check_request(q, &pages);
    if (status != OK) {
        return status;
    }
    struct mapping m = {.size_pages = pages,
                        .prot = q->prot & PROT_ALL,
                        .max_prot = PROT_ALL,
                        .flags = map_flags(q),
                        .random = random_base(as)};
    status = (q->flags & ABI_MAP_ANONYMOUS) != 0 ? vmo_create_anonymous(pages, &m.vmo)
                                                 : map_file(q, handle, &m);
    if (status != OK) {
        return status;
    }
    vaddr_t va = align_down(q->address, PAGE_SIZE);
    status = aspace_map(as, &m, &va);
    vmo_unref(m.vmo);
    if (status != OK) {
        return status;
    }
    if ((q->flags & (ABI_MAP_POPULATE | ABI_MAP_LOCKED)) != 0) {
        // A promise about speed only: what cannot be had now is got when it is touched.
        (void)aspace_populate(as, va, pages, !is_shared(q) && (q->prot & PROT_WRITE) != 0);
    }
    return (int64_t)va;
}

int64_t sys_mmap(vaddr_t address, uint64_t size, uint32_t prot, uint32_t flags, int32_t handle,
                 uint64_t offset)
{
    return map(&(struct request){address, size, prot, flags, offset}, handle);
}

int64_t sys_munmap(vaddr_t address, uint64_t size)
{
    size_t pages;
    status_t status = page_range(address, size, &pages);
    return status == OK ? aspace_unmap(own(), address, pages) : status;
}

int64_t sys_mprotect(vaddr_t address, uint64_t size, uint32_t prot)
{
    size_t pages;
    if (size == 0 && is_aligned(address, PAGE_SIZE)) {
        return 0;
    }
    status_t status = page_range(address, size, &pages);
    if (status == OK) {
        status = check_prot(prot);
    }
    if (status == OK) {
        status = aspace_protect(own(), address, pages, prot & PROT_ALL);
        status = status == ERR_INVAL ? ERR_NOMEM : status; // not the program's half
    }
    return status;
}

int64_t sys_mremap(vaddr_t address, uint64_t old_size, uint64_t new_size, uint32_t flags,
                   vaddr_t new_address)
{
    const uint32_t known = ABI_MREMAP_MAYMOVE | ABI_MREMAP_FIXED;
    struct remap m = {.va = address, .random = random_base(own())};
    status_t status = page_range(address, old_size, &m.old_pages);
    if (status != OK || (flags & ~known) != 0 || flags == ABI_MREMAP_FIXED || new_size == 0) {
        return ERR_INVAL;
    }
    if (new_size > USER_END) {
        return ERR_NOMEM;
    }
    m.new_pages = pages_for(new_size);
    m.flags = ((flags & ABI_MREMAP_MAYMOVE) != 0 ? (unsigned)REMAP_MAY_MOVE : 0u) |
              ((flags & ABI_MREMAP_FIXED) != 0 ? (unsigned)REMAP_FIXED : 0u);
    vaddr_t to = new_address;
    status = aspace_remap(own(), &m, &to);
    return status == OK ? (int64_t)to : status;
}

int64_t sys_brk(vaddr_t address)
{
    (void)address;
    return 0;
}

/* ---- Object by object ---- */

typedef status_t (*visit_t)(const struct object_view *o, vaddr_t va, void *context);

// Visits what is mapped in the range, in order.  Holes are left out, and are ERR_NOMEM in the end, as
// POSIX has it for all that follows; an error of a visit comes first.
static status_t for_each_object(vaddr_t va, size_t pages, visit_t visit, void *context)
{
    vaddr_t end = va + (pages << PAGE_SHIFT);
    status_t result = OK;
    while (va < end) {
        struct object_view o;
        if (aspace_object_at(own(), va, &o) != OK) {
            struct region_info next;
            result = ERR_NOMEM;
            if (aspace_next_region(own(), va, &next) != OK) {
                break;
            }
            va = u64_max(next.start, va + PAGE_SIZE);
            continue;
        }
        o.size_pages = u64_min(o.size_pages, (end - va) >> PAGE_SHIFT);
        status_t status = visit(&o, va, context);
        vmo_unref(o.vmo);
        if (status != OK) {
            return status;
        }
        va += o.size_pages << PAGE_SHIFT;
    }
    return result;
}

static status_t visit_none(const struct object_view *, vaddr_t, void *)
{
    return OK;
}

static status_t visit_will_need(const struct object_view *o, vaddr_t, void *)
{
    vmo_read_ahead(o->vmo, o->index, o->size_pages);
    return OK;
}

static status_t visit_remove(const struct object_view *o, vaddr_t, void *)
{
    if (!o->is_shared || (o->prot & PROT_WRITE) == 0) {
        return ERR_INVAL;
    }
    vmo_decommit(o->vmo, o->index, o->size_pages);
    return OK;
}

int64_t sys_madvise(vaddr_t address, uint64_t size, int32_t advice)
{
    size_t pages;
    if (size == 0 && is_aligned(address, PAGE_SIZE)) {
        return 0;
    }
    status_t status = page_range(address, size, &pages);
    if (status != OK) {
        return status;
    }
    switch (advice) {
    case ABI_MADV_DONTNEED:
    case ABI_MADV_FREE: return aspace_discard(own(), address, pages);
    case ABI_MADV_WILLNEED: return for_each_object(address, pages, visit_will_need, NULL);
    case ABI_MADV_REMOVE: return for_each_object(address, pages, visit_remove, NULL);
    case ABI_MADV_NORMAL:
    case ABI_MADV_RANDOM:
    case ABI_MADV_SEQUENTIAL:
    case ABI_MADV_MERGEABLE:
    case ABI_MADV_UNMERGEABLE:
    case ABI_MADV_HUGEPAGE:
    case ABI_MADV_NOHUGEPAGE:
    case ABI_MADV_DONTDUMP:
    case ABI_MADV_DODUMP:
    case ABI_MADV_COLD:
    case ABI_MADV_PAGEOUT: return for_each_object(address, pages, visit_none, NULL);
    default: return ERR_INVAL;
    }
}

static status_t visit_sync(const struct object_view *o, vaddr_t, void *)
{
    return o->is_shared ? vmo_sync(o->vmo, o->index, o->size_pages) : OK;
}

int64_t sys_msync(vaddr_t address, uint64_t size, uint32_t flags)
{
    const uint32_t known = ABI_MS_ASYNC | ABI_MS_INVALIDATE | ABI_MS_SYNC;
    const uint32_t both = ABI_MS_ASYNC | ABI_MS_SYNC;
    size_t pages;
    if ((flags & ~known) != 0 || (flags & both) == both || !is_aligned(address, PAGE_SIZE)) {
        return ERR_INVAL;
    }
    if (size == 0) {
        return 0;
    }
    status_t status = page_range(address, size, &pages);
    bool waits = (flags & ABI_MS_SYNC) != 0;
    return status == OK ? for_each_object(address, pages, waits ? visit_sync : visit_none, NULL)
                        : ERR_NOMEM;
}

struct residence {
    vaddr_t bytes; // of the caller: one for each page
    vaddr_t start;
};

static status_t visit_residence(const struct object_view *o, vaddr_t va, void *context)
{
    const struct residence *r = context;
    char chunk[128];
    for (size_t done = 0; done < o->size_pages;) {
        size_t n = u64_min(sizeof(chunk), o->size_pages - done);
        for (size_t i = 0; i < n; i++) {
            chunk[i] = vmo_is_present(o->vmo, o->index + done + i);
        }
        vaddr_t to = r->bytes + ((va - r->start) >> PAGE_SHIFT) + done;
        if (arch_copy_to_user(to, chunk, n) != 0) {
            return ERR_FAULT;
        }
        done += n;
        thread_preempt_point();
    }
    return OK;
}

int64_t sys_mincore(vaddr_t address, uint64_t size, vaddr_t bytes)
{
    size_t pages;
    if (size == 0 && is_aligned(address, PAGE_SIZE)) {
        return 0;
    }
    if (page_range(address, size, &pages) != OK) {
        return is_aligned(address, PAGE_SIZE) ? ERR_NOMEM : ERR_INVAL;
    }
    return for_each_object(address, pages, visit_residence, &(struct residence){bytes, address});
}

/* ---- Locking: memory of programs never leaves once it is there, so it is made present. ---- */

static status_t visit_populate(const struct object_view *o, vaddr_t va, void *)
{
    if (o->prot == PROT_NONE) {
        return OK;
    }
    bool is_private = !o->is_shared && (o->prot & PROT_WRITE) != 0;
    status_t status = aspace_populate(own(), va, o->size_pages, is_private);
    return status == ERR_NOMEM ? ERR_AGAIN : status == OK ? OK : ERR_NOMEM;
}

static int64_t for_lock_range(vaddr_t address, uint64_t size, visit_t visit)
{
    vaddr_t start = align_down(address, PAGE_SIZE);
    size_t pages;
    if (size == 0) {
        return 0;
    }
    if (size > USER_END || page_range(start, size + (address - start), &pages) != OK) {
        return ERR_NOMEM;
    }
    return for_each_object(start, pages, visit, NULL);
}

int64_t sys_mlock(vaddr_t address, uint64_t size)
{
    return for_lock_range(address, size, visit_populate);
}

int64_t sys_munlock(vaddr_t address, uint64_t size)
{
    return for_lock_range(address, size, visit_none);
}

int64_t sys_mlockall(uint32_t flags)
{
    const uint32_t known = ABI_MCL_CURRENT | ABI_MCL_FUTURE | ABI_MCL_ONFAULT;
    return flags == 0 || (flags & ~known) != 0 || flags == ABI_MCL_ONFAULT ? ERR_INVAL : 0;
}

int64_t sys_munlockall(void)
{
    return 0;
}
