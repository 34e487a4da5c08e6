// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/elf.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    EHDR_SIZE = 64,
    PHDR_SIZE = 56,
    ET_EXEC = 2,
    ET_DYN = 3,
    EM_AARCH64 = 183,
    PT_LOAD = 1,
    PT_INTERP = 3,
    PF_X = 1,
    PF_W = 2,
    PF_R = 4,
};

struct program_header {
    uint32_t type;
    uint32_t flags;
    struct elf_segment segment;
    uint64_t align; // at least a page
};

static struct program_header read_header(const struct elf *e, unsigned index)
{
    const uint8_t *p = e->file.data + e->headers_offset + (uint64_t)index * PHDR_SIZE;
    struct program_header h = {
        .type = read_le32(p),
        .flags = read_le32(p + 4),
        .segment = {.file_offset = read_le64(p + 8),
                    .address = read_le64(p + 16),
                    .file_size = read_le64(p + 32),
                    .memory_size = read_le64(p + 40)},
        .align = u64_max(read_le64(p + 48), PAGE_SIZE),
    };
    h.segment.prot = ((h.flags & PF_R) != 0 ? ELF_READ : 0) |
                     ((h.flags & PF_W) != 0 ? ELF_WRITE : 0) |
                     ((h.flags & PF_X) != 0 ? ELF_EXEC : 0);
    return h;
}

static enum elf_refusal check_file_header(struct span file, uint64_t size, struct elf *e)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    if (file.size < EHDR_SIZE) {
        return ELF_TOO_SHORT;
    }
    const uint8_t *p = file.data;
    if (memcmp(p, magic, sizeof(magic)) != 0) {
        return ELF_BAD_MAGIC;
    }
    if (p[4] != 2 || p[5] != 1 || p[6] != 1 || read_le32(p + 20) != 1) {
        return ELF_WRONG_CLASS;
    }
    uint16_t type = read_le16(p + 16);
    if (type != ET_EXEC && type != ET_DYN) {
        return ELF_WRONG_TYPE;
    }
    if (read_le16(p + 18) != EM_AARCH64) {
        return ELF_WRONG_MACHINE;
    }
    *e = (struct elf){
        .file = file,
        .file_size = size,
        .align = PAGE_SIZE,
        .is_position_independent = type == ET_DYN,
        .entry = read_le64(p + 24),
        .headers_offset = read_le64(p + 32),
        .header_count = read_le16(p + 56),
    };
    bool is_sound = read_le16(p + 52) == EHDR_SIZE && read_le16(p + 54) == PHDR_SIZE &&
                    e->header_count != 0 && e->header_count != UINT16_MAX &&
                    span_has(file, e->headers_offset, (uint64_t)e->header_count * PHDR_SIZE);
    return is_sound ? ELF_GOOD : ELF_BAD_HEADERS;
}

// The tools write segments without anything; they are passed over wherever they claim to be.
static bool is_empty(const struct elf_segment *s)
{
    return s->memory_size == 0 && s->file_size == 0;
}

static enum elf_refusal check_load(const struct elf *e, const struct program_header *h,
                                   uint64_t min, uint64_t max)
{
    const struct elf_segment *s = &h->segment;
    if (!is_pow2(h->align) || !is_aligned(s->address - s->file_offset, h->align)) {
        return ELF_BAD_ALIGNMENT;
    }
    if (s->file_size > s->memory_size || s->file_size > e->file_size ||
        s->file_offset > e->file_size - s->file_size) {
        return ELF_SEGMENT_SIZE;
    }
    if (e->is_position_independent) {
        max -= min; // the bias is the caller's choice, the extent is not
        min = 0;
    }
    if (s->memory_size > max || s->address < min || s->address > max - s->memory_size) {
        return ELF_SEGMENT_ADDRESS;
    }
    if (s->address < e->high) { // a whole number of pages, so this is about pages
        return ELF_SEGMENT_OVERLAP;
    }
    if ((s->prot & ELF_WRITE) != 0 && (s->prot & ELF_EXEC) != 0) {
        return ELF_WRITE_EXEC;
    }
    return ELF_GOOD;
}

static void note_segment(struct elf *e, const struct elf_segment *s)
{
    if (e->high == 0) {
        e->low = align_down(s->address, PAGE_SIZE);
    }
    e->high = align_up(s->address + s->memory_size, PAGE_SIZE);
    uint64_t headers_end = e->headers_offset + (uint64_t)e->header_count * PHDR_SIZE;
    if (e->headers_offset >= s->file_offset && headers_end - s->file_offset <= s->file_size) {
        e->headers_address = s->address + (e->headers_offset - s->file_offset);
    }
}

static bool is_code(const struct elf_segment *s, uint64_t address)
{
    return (s->prot & ELF_EXEC) != 0 && address - s->address < s->file_size;
}

enum elf_refusal elf_parse(struct span file, uint64_t min, uint64_t max, struct elf *out)
{
    return elf_parse_head(file, file.size, min, max, out);
}

enum elf_refusal elf_parse_head(struct span head, uint64_t size, uint64_t min, uint64_t max,
                                struct elf *out)
{
    struct elf e;
    enum elf_refusal refusal = check_file_header(head, size, &e);
    bool has_entry = false;
    for (unsigned i = 0; refusal == ELF_GOOD && i < e.header_count; i++) {
        struct program_header h = read_header(&e, i);
        if (h.type == PT_INTERP) {
            refusal = ELF_INTERPRETER;
        } else if (h.type == PT_LOAD && !is_empty(&h.segment)) {
            refusal = check_load(&e, &h, min, max);
            if (refusal == ELF_GOOD) {
                note_segment(&e, &h.segment);
                e.align = u64_max(e.align, h.align);
                has_entry |= is_code(&h.segment, e.entry);
            }
        }
    }
    if (refusal == ELF_GOOD && e.high == 0) {
        refusal = ELF_NO_SEGMENTS;
    }
    if (refusal == ELF_GOOD && (!has_entry || !is_aligned(e.entry, 4))) {
        refusal = ELF_BAD_ENTRY;
    }
    if (refusal == ELF_GOOD) {
        e.low = e.is_position_independent ? align_down(e.low, e.align) : e.low;
        *out = e;
    }
    return refusal;
}

bool elf_next_segment(const struct elf *e, unsigned *cursor, struct elf_segment *out)
{
    while (*cursor < e->header_count) {
        struct program_header h = read_header(e, (*cursor)++);
        if (h.type == PT_LOAD && !is_empty(&h.segment)) {
            *out = h.segment;
            return true;
        }
    }
    return false;
}

const char *elf_refusal_text(enum elf_refusal refusal)
{
    switch (refusal) {
    case ELF_GOOD: return "good";
    case ELF_TOO_SHORT: return "file too short for its header";
    case ELF_BAD_MAGIC: return "no ELF file";
    case ELF_WRONG_CLASS: return "not a 64-bit little-endian file";
    case ELF_WRONG_TYPE: return "not an executable";
    case ELF_WRONG_MACHINE: return "not for AArch64";
    case ELF_BAD_HEADERS: return "bad program headers";
    case ELF_INTERPRETER: return "needs a dynamic linker";
    case ELF_BAD_ALIGNMENT: return "badly aligned segment";
    case ELF_SEGMENT_SIZE: return "segment larger than its file or memory";
    case ELF_SEGMENT_ADDRESS: return "segment outside user memory";
    case ELF_SEGMENT_OVERLAP: return "segments overlap or are out of order";
    case ELF_WRITE_EXEC: return "writable and executable segment";
    case ELF_NO_SEGMENTS: return "nothing to load";
    case ELF_BAD_ENTRY: return "entry point outside executable code";
    }
    return "unknown";
}
