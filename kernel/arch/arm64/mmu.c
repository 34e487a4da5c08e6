// SPDX-License-Identifier: Apache-2.0
/*
 * Translation tables: four levels, 4 KiB granule, 48-bit addresses in both halves (Arm ARM D8).
 *
 * An entry that is not zero is in use.  At the last level it may have the valid bit off: a page that
 * is present but inaccessible (PROT_NONE), which keeps its frame.  Blocks (2 MiB, 1 GiB) exist in
 * the kernel's half only.
 *
 * How many entries of a user's table are in use stands in its struct page, so that an empty one is
 * known without a look.  The tables of an address space are a ring of pages that starts with the root,
 * so that its end looks at no entry.  (Tables of the kernel's half stay for ever, and the first of them
 * are older than the page array.)
 *
 * Before the linear map stands, tables are reached one at a time through a window page; a pointer
 * from table_at is then valid until the next call.
 */
#include "kernel/arch/arm64/mmu.h"

#include <stdatomic.h>

#include "kernel/arch/arm64/boot.h"
#include "kernel/arch/arm64/pte.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"

enum { LEAF = 3, UNMAP_BATCH = 64 };

struct arch_aspace arch_kernel_aspace;

static struct {
    bool is_linear;               // tables are in the linear map
    unsigned early_slots;         // 2 MiB windows handed out
    _Atomic size_t kernel_tables; // [a] taken since boot
} mmu;

static unsigned level_shift(unsigned level)
{
    return 39 - 9 * level;
}

static uint64_t level_size(unsigned level)
{
    return 1ull << level_shift(level);
}

static unsigned entry_index(vaddr_t va, unsigned level)
{
    return (va >> level_shift(level)) & (TABLE_ENTRIES - 1);
}

static uint64_t *linear(uint64_t pa)
{
    return (uint64_t *)(LINEAR_BASE + pa);
}

static COLD uint64_t *window_at(uint64_t pa)
{
    window_l3[0] =
        pa | PTE_VALID | PTE_TABLE | PTE_ATTR(1) | PTE_INNER | PTE_ACCESSED | PTE_PXN | PTE_UXN;
    __asm__ volatile("dsb nshst\n\ttlbi vaae1, %0\n\tdsb nsh\n\tisb" ::"r"(
                         WINDOW_BASE >> PAGE_SHIFT & 0xfffffffffff)
                     : "memory");
    return (uint64_t *)WINDOW_BASE;
}

static uint64_t *table_at(uint64_t pa)
{
    return LIKELY(mmu.is_linear) ? linear(pa) : window_at(pa);
}

// Table and leaf entries become visible to the table walkers in order.
static void write_entry(uint64_t *entry, uint64_t value)
{
    *(volatile uint64_t *)entry = value;
}

static void publish_entries(void)
{
    __asm__ volatile("dsb ishst\n\tisb" ::: "memory");
}

// Entries in use of a user's table.
static uint16_t *count_of(uint64_t table)
{
    return &page_of(paddr(table))->in_use;
}

static void count_more(const struct arch_aspace *as, uint64_t table, size_t entries)
{
    if (as != &arch_kernel_aspace) {
        *count_of(table) += (uint16_t)entries;
    }
}

/* ---- The ring of a user's tables ---- */

static void ring_init(paddr_t root)
{
    struct page *p = page_of(root);
    p->next = page_frame(p);
    p->prev = p->next;
}

static void ring_add(const struct arch_aspace *as, paddr_t table)
{
    struct page *root = page_of(as->root);
    struct page *p = page_of(table);
    p->next = root->next;
    p->prev = page_frame(root);
    page_of_frame(p->next)->prev = page_frame(p);
    root->next = page_frame(p);
}

static void ring_remove(uint64_t table)
{
    const struct page *p = page_of(paddr(table));
    page_of_frame(p->next)->prev = p->prev;
    page_of_frame(p->prev)->next = p->next;
}

static bool is_table(uint64_t entry, unsigned level)
{
    return level < LEAF && (entry & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

/* ---- Walking ---- */

// Enters a fresh table of the kernel's.  Areas share tables without a common lock, so another CPU may have
// been faster: then its table is the one.
static uint64_t enter_kernel_table(_Atomic uint64_t *entry, paddr_t fresh)
{
    uint64_t seen = 0;
    uint64_t mine = fresh.raw | PTE_VALID | PTE_TABLE;
    // Release: its zeroes before the pointer to it; acquire: those of the other one.
    if (atomic_compare_exchange_strong_explicit(entry, &seen, mine, memory_order_release,
                                                memory_order_acquire)) {
        atomic_fetch_add_explicit(&mmu.kernel_tables, 1, memory_order_relaxed);
        return mine;
    }
    kernel_table_page_free(fresh);
    return seen;
}

// A user's, whose tables its lock guards.
static uint64_t enter_user_table(struct arch_aspace *as, uint64_t table_pa, _Atomic uint64_t *entry,
                                 paddr_t fresh)
{
    uint64_t mine = fresh.raw | PTE_VALID | PTE_TABLE;
    ring_add(as, fresh);
    atomic_store_explicit(entry, mine, memory_order_release); // its zeroes before the pointer to it
    count_more(as, table_pa, 1);
    return mine;
}

// The table that `*entry` points to, made if it is missing and `may_alloc`.
static status_t next_table(struct arch_aspace *as, uint64_t table_pa, unsigned index,
                           bool may_alloc, uint64_t *out)
{
    uint64_t entry = table_at(table_pa)[index];
    if (entry == 0) {
        paddr_t fresh;
        if (!may_alloc) {
            return ERR_NOENT;
        }
        status_t status = kernel_table_page_alloc(&fresh);
        if (status != OK) {
            return status;
        }
        if (!mmu.is_linear) {
            arch_page_zero(window_at(fresh.raw));
        }
        _Atomic uint64_t *slot = (_Atomic uint64_t *)&table_at(table_pa)[index];
        entry = as == &arch_kernel_aspace ? enter_kernel_table(slot, fresh)
                                          : enter_user_table(as, table_pa, slot, fresh);
    }
    *out = entry & PTE_ADDR;
    return (entry & PTE_TABLE) != 0 ? OK : ERR_EXIST;
}

// Physical address of the table of `level` that covers `va`.  ERR_EXIST: a block is in the way.
static status_t find_table(struct arch_aspace *as, vaddr_t va, unsigned level, bool may_alloc,
                           uint64_t *out)
{
    uint64_t table = as->root.raw;
    if (level == LEAF && as->last_leaf != NULL && as->last_block == va >> level_shift(2)) {
        *out = (vaddr_t)as->last_leaf - LINEAR_BASE; // that of the last page that was mapped
        return OK;
    }
    for (unsigned l = 0; l < level; l++) {
        status_t status = next_table(as, table, entry_index(va, l), may_alloc, &table);
        if (status != OK) {
            return status;
        }
    }
    *out = table;
    return OK;
}

/* ---- Runs of entries ---- */

enum { GROUP = 8 }; // entries looked at together, because most of most tables is empty

// Index of the first entry in use from `i` on; `end` or more: none before `end`.
static ALWAYS_INLINE unsigned next_used(const uint64_t *table, unsigned i, unsigned end)
{
    while (i < end) {
        const uint64_t *e = table + i;
        if (i % GROUP == 0 && (e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) == 0) {
            i += GROUP;
        } else if (*e != 0) {
            return i;
        } else {
            i++;
        }
    }
    return end;
}

// The entries of one table that lie in a range of addresses.
struct run {
    uint64_t *table;
    unsigned level;
    unsigned first;
    unsigned end;
    vaddr_t base; // what entry 0 maps
};

// The run that starts with the entry for `at`, as far down as there are tables.  `end` may be 0, for
// the end of all addresses.
static NOINLINE struct run find_run(struct arch_aspace *as, vaddr_t at, vaddr_t end)
{
    struct run r = {.table = table_at(as->root.raw)};
    r.first = entry_index(at, 0);
    while (is_table(r.table[r.first], r.level)) {
        r.table = table_at(r.table[r.first] & PTE_ADDR);
        r.level++;
        r.first = entry_index(at, r.level);
    }
    uint64_t size = level_size(r.level);
    r.base = align_down(at, size * TABLE_ENTRIES);
    uint64_t entries = (end - r.base + size - 1) >> level_shift(r.level);
    r.end = end - r.base >= size * TABLE_ENTRIES ? TABLE_ENTRIES : (unsigned)entries;
    return r;
}

// Whether entry `i`, which is in use, belongs to the run: that ends at a table, too.
static bool run_has(const struct run *r, unsigned i)
{
    return i < r->end && !is_table(r->table[i], r->level);
}

static vaddr_t run_address(const struct run *r, unsigned i)
{
    return r->base + i * level_size(r->level);
}

// Where to go on when the run ended at entry `i`.
static vaddr_t run_next(const struct run *r, unsigned i, vaddr_t end)
{
    if (i < r->end) {
        return run_address(r, i);
    }
    return r->end < TABLE_ENTRIES ? end : run_address(r, TABLE_ENTRIES);
}

/* ---- Mapping ---- */

// The highest level (largest block) at which `size` bytes from va and pa may be mapped.
static unsigned best_level(vaddr_t va, uint64_t pa, size_t size, uint32_t prot)
{
    for (unsigned level = 1; level < LEAF && (prot & ARCH_MAP_USER) == 0; level++) {
        if (size >= level_size(level) && is_aligned(va | pa, level_size(level))) {
            return level;
        }
    }
    return LEAF;
}

// Fills `count` free entries of one table, up to the first in use; each maps `step` bytes more than the
// one before.  Gives how many.
static uint64_t fill_entries(uint64_t *entries, uint64_t count, uint64_t first, uint64_t step)
{
    uint64_t i = 0;
    for (; i < count && entries[i] == 0; i++) {
        write_entry(&entries[i], first + i * step);
    }
    return i;
}

status_t arch_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, size_t size, uint32_t prot)
{
    if (is_write_exec(prot) || !is_aligned(va | pa.raw | size, PAGE_SIZE)) {
        return ERR_INVAL;
    }
    uint64_t bits = leaf_bits(prot);
    status_t status = OK;
    for (size_t at = 0, done = 0; at < size && status == OK; at += done) {
        unsigned level = best_level(va + at, pa.raw + at, size - at, prot);
        uint64_t step = level_size(level);
        unsigned index = entry_index(va + at, level);
        // Blocks stop where a larger one could begin; pages where a block could.
        uint64_t limit =
            u64_min(size - at, level_size(level - 1) - ((va + at) & (level_size(level - 1) - 1)));
        uint64_t count = u64_min(limit >> level_shift(level), TABLE_ENTRIES - index);
        uint64_t table;
        status = find_table(as, va + at, level, true, &table);
        if (status == OK) {
            uint64_t first = (pa.raw + at) | bits | (level == LEAF ? PTE_TABLE : 0);
            uint64_t filled = fill_entries(table_at(table) + index, count, first, step);
            count_more(as, table, filled);
            as->pages += filled;
            status = filled == count ? OK : ERR_EXIST;
        }
        done = count * step;
    }
    publish_entries();
    return status;
}

// The level 3 table that covers a user address, made if it is missing.
static status_t find_leaf_table(struct arch_aspace *as, vaddr_t va, uint64_t **out)
{
    uint64_t table;
    status_t status = find_table(as, va, LEAF, true, &table);
    if (status != OK) {
        return status;
    }
    *out = linear(table);
    as->last_leaf = linear(table);
    as->last_count = count_of(table);
    as->last_block = va >> level_shift(2);
    return OK;
}

static COLD void replace_page(struct arch_aspace *as, uint64_t *entry, vaddr_t va, uint64_t new)
{
    uint64_t old = *entry;
    if ((old & PTE_VALID) != 0 && ((old ^ new) & PTE_ADDR) != 0) { // break before make (D8.14.1)
        write_entry(entry, 0);
        tlb_flush_range(as, va, PAGE_SIZE, false);
    }
    write_entry(entry, new);
    // More permission for the same page: other CPUs may fault once on a stale entry and come here.
    tlb_flush_page_local(as, va);
}

status_t arch_map_page(struct arch_aspace *as, vaddr_t va, paddr_t pa, uint32_t prot)
{
    uint64_t *table = as->last_leaf;
    if (UNLIKELY(table == NULL || as->last_block != va >> level_shift(2))) {
        status_t status = find_leaf_table(as, va, &table);
        if (status != OK) {
            return status;
        }
    }
    uint64_t *entry = &table[entry_index(va, LEAF)];
    uint64_t new = pa.raw | leaf_bits(prot) | PTE_TABLE;
    if (UNLIKELY(*entry != 0)) {
        replace_page(as, entry, va, new);
        return OK;
    }
    write_entry(entry, new);
    *as->last_count += 1;
    as->pages++;
    publish_entries();
    return OK;
}

status_t arch_map_prepare(struct arch_aspace *as, vaddr_t va, size_t size)
{
    for (vaddr_t at = align_down(va, level_size(2)); at - va < size || at < va;
         at += level_size(2)) {
        uint64_t table;
        status_t status = find_table(as, at, LEAF, true, &table);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

/* ---- Unmapping ---- */

struct unmap {
    struct arch_aspace *as;
    void (*gone)(void *context, vaddr_t va, paddr_t pa, size_t size);
    void *context;
    size_t count; // entries in the batch
    struct {
        vaddr_t va;
        uint64_t pa;
        size_t size;
    } batch[UNMAP_BATCH];
};

static void flush_batch(struct unmap *u)
{
    if (u->count == 0) {
        return;
    }
    vaddr_t first = u->batch[0].va;
    vaddr_t end = u->batch[u->count - 1].va + u->batch[u->count - 1].size;
    tlb_flush_range(u->as, first, end - first, false);
    for (size_t i = 0; i < u->count && u->gone != NULL; i++) {
        u->gone(u->context, u->batch[i].va, paddr(u->batch[i].pa), u->batch[i].size);
    }
    u->count = 0;
}

static void remove_entry(struct unmap *u, uint64_t *entry, vaddr_t va, unsigned level)
{
    if (u->count == UNMAP_BATCH) {
        flush_batch(u);
    }
    u->batch[u->count].va = va;
    u->batch[u->count].pa = *entry & PTE_ADDR & ~(level_size(level) - 1);
    u->batch[u->count].size = level_size(level);
    u->count++;
    write_entry(entry, 0);
}

// Frees the tables on the way to `va` that have become empty.  Kernel tables stay: their areas are
// reused, and unrelated areas share them without a common lock.
static void prune(struct arch_aspace *as, vaddr_t va)
{
    uint64_t path[LEAF + 1] = {as->root.raw};
    unsigned level = LEAF;
    if (as == &arch_kernel_aspace) {
        return;
    }
    for (unsigned l = 0; l < LEAF; l++) {
        path[l + 1] = linear(path[l])[entry_index(va, l)] & PTE_ADDR;
    }
    for (; level > 0 && *count_of(path[level]) == 0; level--) {
        write_entry(&linear(path[level - 1])[entry_index(va, level - 1)], 0);
        *count_of(path[level - 1]) -= 1;
    }
    if (level == LEAF) {
        return;
    }
    as->last_leaf = NULL;
    tlb_flush_range(as, va, PAGE_SIZE, true); // walk caches too
    for (unsigned l = level + 1; l <= LEAF; l++) {
        ring_remove(path[l]);
        kernel_table_page_free(paddr(path[l]));
    }
}

void arch_unmap(struct arch_aspace *as, vaddr_t va, size_t size,
                void (*gone)(void *context, vaddr_t va, paddr_t pa, size_t size), void *context)
{
    struct unmap u;
    u.as = as;
    u.gone = gone;
    u.context = context;
    u.count = 0;
    as->peak_pages = u64_max(as->peak_pages, as->pages);
    vaddr_t end = va + size; // may wrap to 0 at the very top
    for (vaddr_t at = va; at != end;) {
        struct run r = find_run(as, at, end);
        unsigned i = next_used(r.table, r.first, r.end);
        size_t removed = 0;
        for (; run_has(&r, i); i = next_used(r.table, i + 1, r.end)) {
            at = run_address(&r, i);
            remove_entry(&u, &r.table[i], at, r.level);
            removed++;
        }
        as->pages -= removed;
        if (r.level == LEAF && removed != 0) {
            count_more(as, (vaddr_t)r.table - LINEAR_BASE, -removed);
            flush_batch(&u);
            prune(as, at);
        }
        at = run_next(&r, i, end);
    }
    flush_batch(&u);
}

/* ---- Changing and asking ---- */

// Gives the entries of a run their protection, up to the first that leads to a table, and that one's
// index.
static unsigned protect_run(const struct run *r, uint64_t bits, bool *is_changed)
{
    unsigned i = r->first;
    while (i < r->end) {
        uint64_t old = r->table[i];
        if (old == 0) {
            i = next_used(r->table, i + 1, r->end);
            continue;
        }
        if (is_table(old, r->level)) {
            break;
        }
        uint64_t new = (old & PTE_ADDR) | bits;
        if (new != old) {
            write_entry(&r->table[i], new);
            *is_changed = true;
        }
        i++;
    }
    return i;
}

void arch_protect(struct arch_aspace *as, vaddr_t va, size_t size, uint32_t prot)
{
    uint64_t bits = leaf_bits(prot);
    vaddr_t end = va + size;
    bool is_changed = false;
    for (vaddr_t at = va; at != end;) {
        struct run r = find_run(as, at, end);
        unsigned i = protect_run(&r, bits | (r.level == LEAF ? PTE_TABLE : 0), &is_changed);
        at = run_next(&r, i, end);
    }
    if (is_changed) {
        tlb_flush_range(as, va, size, false);
    }
}

status_t arch_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, uint32_t *prot)
{
    struct run r = find_run(as, va, 0);
    uint64_t entry = r.table[r.first];
    if (entry == 0) {
        return ERR_NOENT;
    }
    uint64_t offset = va & (level_size(r.level) - 1);
    *pa = paddr((entry & PTE_ADDR & ~(level_size(r.level) - 1)) + offset);
    *prot = prot_of(entry);
    return OK;
}

static bool is_bad(uint64_t entry)
{
    return (entry & PTE_VALID) != 0 &&
           ((entry & PTE_USER) != 0 || is_write_exec(prot_of(entry)) || (entry & PTE_UXN) == 0);
}

bool arch_find_bad_mapping(vaddr_t *va)
{
    vaddr_t at = LINEAR_BASE;
    do {
        struct run r = find_run(&arch_kernel_aspace, at, 0);
        unsigned i = next_used(r.table, r.first, r.end);
        for (; run_has(&r, i); i = next_used(r.table, i + 1, r.end)) {
            if (is_bad(r.table[i])) {
                *va = run_address(&r, i);
                return true;
            }
        }
        at = run_next(&r, i, 0);
    } while (at != 0);
    return false;
}

/* ---- Life and boot ---- */

status_t arch_aspace_init(struct arch_aspace *as)
{
    as->asid = 0;
    as->last_leaf = NULL;
    as->pages = 0;
    as->peak_pages = 0;
    status_t status = kernel_table_page_alloc(&as->root);
    if (status == OK) {
        ring_init(as->root);
    }
    return status;
}

// The ASID is on no CPU, so there is nothing to invalidate; what the tables map belongs to others.
void arch_aspace_fini(struct arch_aspace *as)
{
    const struct page *root = page_of(as->root);
    for (const struct page *p = page_of_frame(root->next); p != root;) {
        paddr_t table = page_paddr(p);
        p = page_of_frame(p->next);
        kernel_table_page_free(table);
    }
    kernel_table_page_free(as->root);
}

void arch_aspace_pages(const struct arch_aspace *as, size_t *now, size_t *peak)
{
    *now = as->pages;
    *peak = u64_max(as->pages, as->peak_pages);
}

size_t arch_kernel_table_pages(void)
{
    return atomic_load_explicit(&mmu.kernel_tables, memory_order_relaxed);
}

void mmu_init(void)
{
    arch_kernel_aspace.root = image_to_phys(kernel_root);
}

status_t arch_early_map(paddr_t pa, size_t size, const void **out)
{
    uint64_t base = align_down(pa.raw, level_size(2));
    if (size == 0 || pa.raw + size < pa.raw) {
        return ERR_INVAL;
    }
    size_t blocks = (align_up(pa.raw + size, level_size(2)) - base) >> level_shift(2);
    if (blocks > EARLY_SLOTS - mmu.early_slots) {
        return ERR_NOMEM;
    }
    vaddr_t va = EARLY_BASE + ((vaddr_t)mmu.early_slots << level_shift(2));
    for (size_t i = 0; i < blocks; i++) {
        write_entry(&early_l2[mmu.early_slots++],
                    (base + (i << level_shift(2))) | leaf_bits(ARCH_MAP_READ));
    }
    publish_entries();
    *out = (const void *)(va + (pa.raw - base));
    return OK;
}

void arch_linear_map_ready(void)
{
    mmu.is_linear = true;
    for (unsigned i = 0; i < EARLY_SLOTS; i++) {
        early_l2[i] = 0;
    }
    window_l3[0] = 0;
    tlb_flush_all();
}
