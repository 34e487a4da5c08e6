// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/exec.h"

#include "kernel/core/log.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmo.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/elf/elf.h"

// Auxiliary vector tags (ELF psABI; the values of musl's elf.h).
enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_ENTRY = 9,
    PHENT_SIZE = 56,
    STACK_PAGES = 256, // 1 MiB, present as far as it is touched
    STACK_ALIGN = 16,
};

// Position-independent programs go here, leaving room below for fixed ones.
constexpr vaddr_t PIE_BASE = 0x0000555500000000;
constexpr vaddr_t STACK_TOP = 0x00007ffffff00000;

// Writes into an object that is mapped nowhere yet.
static status_t write_object(struct vmo *v, uint64_t offset, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        paddr_t page;
        bool can_write;
        size_t at = offset & (PAGE_SIZE - 1);
        size_t n = u64_min(size, PAGE_SIZE - at);
        status_t status = vmo_fault(v, offset >> PAGE_SHIFT, true, &page, &can_write);
        if (status != OK) {
            return status;
        }
        memcpy((char *)phys_to_virt(page) + at, from, n);
        from += n;
        offset += n;
        size -= n;
    }
    return OK;
}

// Code that was written as data must be seen by instruction fetch.
static status_t sync_code(struct vmo *v, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        paddr_t page;
        bool can_write;
        status_t status = vmo_fault(v, i, false, &page, &can_write);
        if (status != OK) {
            return status;
        }
        arch_sync_icache(phys_to_virt(page), PAGE_SIZE);
    }
    return OK;
}

// One segment as an object of its own, mapped at `bias` plus its address.
static status_t load_segment(struct aspace *as, const struct elf *e, const struct elf_segment *s,
                             uint64_t bias)
{
    uint64_t lead = s->address & (PAGE_SIZE - 1);
    size_t pages = pages_for(lead + s->memory_size);
    struct vmo *v;
    status_t status = vmo_create_anonymous(pages, &v);
    if (status != OK) {
        return status;
    }
    unsigned prot = ((s->prot & ELF_READ) != 0 ? PROT_READ : 0u) |
                    ((s->prot & ELF_WRITE) != 0 ? PROT_WRITE : 0u) |
                    ((s->prot & ELF_EXEC) != 0 ? PROT_EXEC : 0u);
    vaddr_t va = bias + s->address - lead;
    status = write_object(v, lead, e->file.data + s->file_offset, s->file_size);
    if (status == OK && (prot & PROT_EXEC) != 0) {
        status = sync_code(v, pages);
    }
    if (status == OK) {
        struct mapping m = {
            .vmo = v, .size_pages = pages, .prot = prot, .max_prot = prot, .flags = ASPACE_FIXED};
        status = aspace_map(as, &m, &va);
    }
    vmo_unref(v); // the mapping has its own reference
    return status;
}

// From the top down: strings, auxiliary vector, environment, argument vector, argument count.
static status_t write_stack(struct vmo *v, const struct elf *e, uint64_t bias, struct span args,
                            size_t argc, vaddr_t *sp)
{
    uint64_t bottom = STACK_TOP - (uint64_t)STACK_PAGES * PAGE_SIZE;
    uint64_t strings = align_down(STACK_TOP - args.size, STACK_ALIGN);
    const uint64_t auxv[] = {
        AT_PHDR,   e->headers_address == 0 ? 0 : bias + e->headers_address,
        AT_PHENT,  PHENT_SIZE,
        AT_PHNUM,  e->header_count,
        AT_PAGESZ, PAGE_SIZE,
        AT_ENTRY,  bias + e->entry,
        AT_NULL,   0,
    };
    uint64_t vector = (1 + argc + 1 + 1) * sizeof(uint64_t);
    *sp = align_down(strings - sizeof(auxv) - vector, STACK_ALIGN);
    uint64_t at = *sp - bottom;
    uint64_t word = argc;
    status_t status = write_object(v, strings - bottom, args.data, args.size);
    if (status == OK) {
        status = write_object(v, at, &word, sizeof(word));
    }
    const uint8_t *string = args.data;
    for (size_t i = 0; i < argc && status == OK; i++) {
        word = strings + (uint64_t)(string - args.data);
        status = write_object(v, at + (1 + i) * sizeof(word), &word, sizeof(word));
        string += strlen((const char *)string) + 1;
    }
    // The two NULLs after the vectors are there already: fresh pages are zero.
    return status == OK ? write_object(v, at + vector, auxv, sizeof(auxv)) : status;
}

static status_t map_stack(struct aspace *as, const struct elf *e, uint64_t bias, struct span args,
                          size_t argc, vaddr_t *sp)
{
    struct vmo *v;
    vaddr_t va = STACK_TOP - (vaddr_t)STACK_PAGES * PAGE_SIZE;
    status_t status = vmo_create_anonymous(STACK_PAGES, &v);
    if (status != OK) {
        return status;
    }
    status = write_stack(v, e, bias, args, argc, sp);
    if (status == OK) {
        struct mapping m = {.vmo = v,
                            .size_pages = STACK_PAGES,
                            .prot = PROT_READ | PROT_WRITE,
                            .max_prot = PROT_READ | PROT_WRITE,
                            .flags = ASPACE_FIXED};
        status = aspace_map(as, &m, &va);
    }
    vmo_unref(v);
    return status;
}

static status_t load(struct aspace *as, const struct elf *e, struct span args, size_t argc,
                     struct arch_frame *frame)
{
    uint64_t bias = e->is_position_independent ? PIE_BASE - e->low : 0;
    unsigned cursor = 0;
    struct elf_segment s;
    status_t status = OK;
    while (status == OK && elf_next_segment(e, &cursor, &s)) {
        status = load_segment(as, e, &s, bias);
    }
    vaddr_t sp = 0;
    if (status == OK) {
        status = map_stack(as, e, bias, args, argc, &sp);
    }
    if (status == OK) {
        arch_frame_init_user(frame, bias + e->entry, sp, 0);
    }
    return status;
}

status_t exec_load(const char *path, struct span file, struct span args, size_t argc,
                   struct aspace **out, struct arch_frame *frame)
{
    struct elf e;
    struct aspace *as;
    if (args.size > EXEC_ARGS_MAX_BYTES || argc > EXEC_ARGS_MAX_BYTES / sizeof(uint64_t)) {
        return ERR_2BIG;
    }
    enum elf_refusal refusal = elf_parse(file, USER_BASE, PIE_BASE, &e);
    if (refusal != ELF_GOOD) {
        log_warn("exec", "%s: %s", path, elf_refusal_text(refusal));
        return ERR_NOEXEC;
    }
    status_t status = aspace_create(&as);
    if (status != OK) {
        return status;
    }
    status = load(as, &e, args, argc, frame);
    if (status != OK) {
        aspace_unref(as);
        return status;
    }
    *out = as;
    return OK;
}
