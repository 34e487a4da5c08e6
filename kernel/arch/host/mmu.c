// SPDX-License-Identifier: Apache-2.0
#include "kernel/arch/host/mmu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/arch/host/host.h"
#include "kernel/mm/layout.h"
#include "lib/base/bits.h"

enum {
    LEVELS = 4,
    LEAF = LEVELS - 1,
    TABLE_SHIFT = 9,
    TABLE_ENTRIES = 1 << TABLE_SHIFT,
};

// An entry: address of a frame, its attributes above the address bits, and whether it is in use.
enum { ENTRY_USED = 1, ENTRY_PROT_SHIFT = 1 };
constexpr uint64_t ENTRY_ADDRESS = 0x0000fffffffff000;

// Where all of physical memory is seen by this file, and by nobody else.
constexpr vaddr_t BACK_DOOR = 0x110000000000;

struct arch_aspace arch_kernel_aspace;

static struct {
    int file;
    uint64_t end;
    bool has_linear_map;
    struct arch_aspace *active[HOST_CPUS_MAX];
} mmu;

static void fail(const char *what)
{
    perror(what);
    abort();
}

static void *frame_at(uint64_t pa)
{
    if (pa >= mmu.end) {
        (void)fprintf(stderr, "# no physical memory at %#llx\n", (unsigned long long)pa);
        abort();
    }
    return (void *)(BACK_DOOR + pa);
}

void host_ram_create(uint64_t end)
{
    mmu.file = memfd_create("ram", 0);
    mmu.end = end;
    if (mmu.file < 0 || ftruncate(mmu.file, (off_t)end) != 0 ||
        mmap((void *)BACK_DOOR, end, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, mmu.file, 0) == MAP_FAILED) {
        fail("simulated memory");
    }
}

/* ---- Tables ---- */

static unsigned entry_index(vaddr_t va, unsigned level)
{
    return (va >> (PAGE_SHIFT + TABLE_SHIFT * (LEAF - level))) & (TABLE_ENTRIES - 1);
}

static uint64_t level_size(unsigned level)
{
    return 1ull << (PAGE_SHIFT + TABLE_SHIFT * (LEAF - level));
}

static uint64_t *table_at(uint64_t entry)
{
    return frame_at(entry & ENTRY_ADDRESS);
}

static status_t table_create(uint64_t *entry)
{
    paddr_t page;
    status_t status = kernel_table_page_alloc(&page);
    if (status != OK) {
        return status;
    }
    if (!mmu.has_linear_map) {
        memset(frame_at(page.raw), 0, PAGE_SIZE);
    }
    const uint64_t *table = frame_at(page.raw);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (table[i] != 0) {
            (void)fprintf(stderr, "# a page for tables is not zero\n");
            abort();
        }
    }
    *entry = page.raw | ENTRY_USED;
    return OK;
}

// The entry of `va` in the last level.  *out is NULL where a table is missing and none is made.
static status_t find_entry(struct arch_aspace *as, vaddr_t va, bool may_create, uint64_t **out)
{
    *out = NULL;
    if (as->root.raw == 0) {
        uint64_t root = 0;
        status_t status = table_create(&root);
        if (status != OK) {
            return status;
        }
        as->root = paddr(root & ENTRY_ADDRESS);
    }
    uint64_t *table = frame_at(as->root.raw);
    for (unsigned level = 0; level < LEAF; level++) {
        uint64_t *entry = &table[entry_index(va, level)];
        if (*entry == 0) {
            if (!may_create) {
                return OK;
            }
            status_t status = table_create(entry);
            if (status != OK) {
                return status;
            }
        }
        table = table_at(*entry);
    }
    *out = &table[entry_index(va, LEAF)];
    return OK;
}

static uint64_t *lookup(struct arch_aspace *as, vaddr_t va)
{
    uint64_t *entry = NULL;
    return as->root.raw != 0 && find_entry(as, va, false, &entry) == OK ? entry : NULL;
}

static uint64_t make_entry(paddr_t pa, uint32_t prot)
{
    return pa.raw | (uint64_t)prot << ENTRY_PROT_SHIFT | ENTRY_USED;
}

static uint32_t prot_of(uint64_t entry)
{
    return (uint32_t)((entry & (PAGE_SIZE - 1)) >> ENTRY_PROT_SHIFT);
}

static bool is_write_exec(uint32_t prot)
{
    return (prot & ARCH_MAP_WRITE) != 0 && (prot & ARCH_MAP_EXEC) != 0;
}

/* ---- Mapping ---- */

static void map_in_host(vaddr_t va, uint64_t pa, size_t size, uint32_t prot)
{
    int host_prot = PROT_READ | ((prot & ARCH_MAP_WRITE) != 0 ? PROT_WRITE : 0);
    if (mmap((void *)va, size, host_prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, mmu.file,
             (off_t)pa) == MAP_FAILED) {
        fail("kernel mapping");
    }
}

status_t arch_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, size_t size, uint32_t prot)
{
    if (is_write_exec(prot) || !is_aligned(va | pa.raw | size, PAGE_SIZE)) {
        return ERR_INVAL;
    }
    status_t status = OK;
    size_t done = 0;
    for (; done < size && status == OK; done += PAGE_SIZE) {
        uint64_t *entry = NULL;
        status = find_entry(as, va + done, true, &entry);
        if (status == OK && *entry != 0) {
            status = ERR_EXIST;
        }
        if (status != OK) {
            break;
        }
        *entry = make_entry(paddr_add(pa, done), prot);
        as->pages++;
    }
    if (as == &arch_kernel_aspace && done > 0) {
        map_in_host(va, pa.raw, done, prot);
    }
    return status;
}

status_t arch_map_page(struct arch_aspace *as, vaddr_t va, paddr_t pa, uint32_t prot)
{
    uint64_t *entry = NULL;
    status_t status = find_entry(as, va, true, &entry);
    if (status == OK) {
        as->pages += *entry == 0;
        *entry = make_entry(pa, prot);
    }
    return status;
}

status_t arch_map_prepare(struct arch_aspace *as, vaddr_t va, size_t size)
{
    status_t status = OK;
    for (vaddr_t at = align_down(va, level_size(LEAF - 1)); at < va + size && status == OK;
         at += level_size(LEAF - 1)) {
        uint64_t *entry;
        status = find_entry(as, at, true, &entry);
    }
    return status;
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (table[i] != 0) {
            return false;
        }
    }
    return true;
}

// Frees the tables on the way to `va` that are empty, lowest first.
static void prune(struct arch_aspace *as, vaddr_t va)
{
    for (unsigned stop = LEAF; stop > 0; stop--) {
        uint64_t *slot = NULL;
        uint64_t *table = frame_at(as->root.raw);
        for (unsigned level = 0; level < stop && table != NULL; level++) {
            slot = &table[entry_index(va, level)];
            table = *slot == 0 ? NULL : table_at(*slot);
        }
        if (table == NULL) {
            continue;
        }
        if (!is_empty(table)) {
            return;
        }
        kernel_table_page_free(paddr(*slot & ENTRY_ADDRESS));
        *slot = 0;
    }
}

void arch_unmap(struct arch_aspace *as, vaddr_t va, size_t size,
                void (*gone)(void *context, vaddr_t va, paddr_t pa, size_t size), void *context)
{
    bool is_kernel = as == &arch_kernel_aspace;
    for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
        uint64_t *entry = lookup(as, at);
        if (entry == NULL) { // nothing up to the end of the missing table
            at = align_down(at, level_size(LEAF - 1)) + level_size(LEAF - 1) - PAGE_SIZE;
            continue;
        }
        uint64_t old = *entry;
        as->peak_pages = u64_max(as->peak_pages, as->pages);
        as->pages -= old != 0;
        *entry = 0;
        if (old != 0 && is_kernel && munmap((void *)at, PAGE_SIZE) != 0) {
            fail("kernel unmapping");
        }
        if (old != 0 && gone != NULL) {
            gone(context, at, paddr(old & ENTRY_ADDRESS), PAGE_SIZE);
        }
        bool is_last = entry_index(at, LEAF) == TABLE_ENTRIES - 1 || at + PAGE_SIZE == va + size;
        if (is_last && !is_kernel) {
            prune(as, at);
        }
    }
}

void arch_protect(struct arch_aspace *as, vaddr_t va, size_t size, uint32_t prot)
{
    for (vaddr_t at = va; at < va + size; at += PAGE_SIZE) {
        uint64_t *entry = lookup(as, at);
        if (entry != NULL && *entry != 0) {
            *entry = make_entry(paddr(*entry & ENTRY_ADDRESS), prot);
        }
    }
}

status_t arch_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, uint32_t *prot)
{
    const uint64_t *entry = lookup(as, va);
    if (entry == NULL || *entry == 0) {
        return ERR_NOENT;
    }
    *pa = paddr((*entry & ENTRY_ADDRESS) | (va & (PAGE_SIZE - 1)));
    *prot = prot_of(*entry);
    return OK;
}

bool arch_find_bad_mapping(vaddr_t *)
{
    return false;
}

static size_t count_pages(const uint64_t *table, unsigned level) // NOLINT(misc-no-recursion)
{
    size_t pages = 0;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (table[i] != 0) {
            pages += level == LEAF ? 1 : count_pages(table_at(table[i]), level + 1);
        }
    }
    return pages;
}

size_t host_mapped_pages(const struct arch_aspace *as)
{
    return count_pages(frame_at(as->root.raw), 0);
}

/* ---- Life ---- */

status_t arch_aspace_init(struct arch_aspace *as)
{
    uint64_t root = 0;
    status_t status = table_create(&root);
    if (status == OK) {
        *as = (struct arch_aspace){.root = paddr(root & ENTRY_ADDRESS)};
    }
    return status;
}

static void free_tables(uint64_t pa, unsigned level) // NOLINT(misc-no-recursion)
{
    const uint64_t *table = frame_at(pa);
    for (unsigned i = 0; i < TABLE_ENTRIES && level < LEAF; i++) {
        if (table[i] != 0) {
            free_tables(table[i] & ENTRY_ADDRESS, level + 1);
        }
    }
    kernel_table_page_free(paddr(pa));
}

void arch_aspace_fini(struct arch_aspace *as)
{
    for (unsigned i = 0; i < HOST_CPUS_MAX; i++) {
        if (mmu.active[i] == as) {
            (void)fprintf(stderr, "# CPU %u still uses a dying address space\n", i);
            abort();
        }
    }
    free_tables(as->root.raw, 0);
}

size_t arch_kernel_table_pages(void)
{
    return 0;
}

void arch_aspace_pages(const struct arch_aspace *as, size_t *now, size_t *peak)
{
    *now = as->pages;
    *peak = u64_max(as->pages, as->peak_pages);
}

void arch_aspace_activate(struct arch_aspace *as)
{
    mmu.active[host_cpu()] = as;
}

status_t arch_early_map(paddr_t pa, size_t size, const void **out)
{
    if (size == 0 || pa.raw + size < pa.raw) {
        return ERR_INVAL;
    }
    *out = frame_at(pa.raw);
    return OK;
}

void arch_linear_map_ready(void)
{
    mmu.has_linear_map = true;
}

/* ---- Memory ---- */

void arch_page_zero(void *page)
{
    memset(page, 0, PAGE_SIZE);
}

void arch_page_copy(void *to, const void *from)
{
    memcpy(to, from, PAGE_SIZE);
}

void arch_sync_icache(const void *, size_t)
{}

void arch_clean_dcache(const void *, size_t)
{}

bool arch_probe_read(vaddr_t va, uint64_t *out)
{
    const uint64_t *entry = lookup(&arch_kernel_aspace, va);
    if (entry == NULL || *entry == 0) {
        return false;
    }
    memcpy(out, (const char *)frame_at(*entry & ENTRY_ADDRESS) + (va & (PAGE_SIZE - 1)),
           sizeof(*out));
    return true;
}

/* ---- User memory ---- */

// One access of the CPU: the frame behind `va`, after as many faults as it takes; NULL: refused.
static void *access_user(vaddr_t va, bool is_write)
{
    for (;;) {
        struct arch_aspace *as = mmu.active[host_cpu()];
        uint64_t *entry = va < USER_END && as != NULL ? lookup(as, va) : NULL;
        uint32_t prot = entry == NULL ? 0 : prot_of(*entry);
        if ((prot & (is_write ? ARCH_MAP_WRITE : ARCH_MAP_READ)) != 0) {
            return (char *)frame_at(*entry & ENTRY_ADDRESS) + (va & (PAGE_SIZE - 1));
        }
        struct fault fault = {.kind = prot == 0 ? FAULT_TRANSLATION : FAULT_PERMISSION,
                              .is_write = is_write,
                              .address = va};
        if (!kernel_copy_fault(&fault)) {
            return NULL;
        }
    }
}

// Bytes up to the end of the page, at most `left`.
static size_t piece(vaddr_t va, size_t left)
{
    return u64_min(left, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
}

size_t arch_copy_from_user(void *to, vaddr_t from, size_t size)
{
    while (size > 0) {
        const void *frame = access_user(from, false);
        if (frame == NULL) {
            break;
        }
        size_t n = piece(from, size);
        memcpy(to, frame, n);
        to = (char *)to + n;
        from += n;
        size -= n;
    }
    return size;
}

size_t arch_copy_to_user(vaddr_t to, const void *from, size_t size)
{
    while (size > 0) {
        void *frame = access_user(to, true);
        if (frame == NULL) {
            break;
        }
        size_t n = piece(to, size);
        memcpy(frame, from, n);
        from = (const char *)from + n;
        to += n;
        size -= n;
    }
    return size;
}

size_t arch_zero_user(vaddr_t to, size_t size)
{
    while (size > 0) {
        void *frame = access_user(to, true);
        if (frame == NULL) {
            break;
        }
        size_t n = piece(to, size);
        memset(frame, 0, n);
        to += n;
        size -= n;
    }
    return size;
}

status_t arch_copy_string_from_user(char *to, vaddr_t from, size_t max, size_t *length)
{
    for (size_t i = 0; i < max; i++) {
        const char *byte = access_user(from + i, false);
        if (byte == NULL) {
            return ERR_FAULT;
        }
        to[i] = *byte;
        if (*byte == '\0') {
            *length = i;
            return OK;
        }
    }
    return ERR_NAMETOOLONG;
}
