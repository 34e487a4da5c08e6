// SPDX-License-Identifier: Apache-2.0
/* Programs: what is accepted satisfies all that a loader relies on. */
#include "lib/elf/elf.h"

#include "lib/base/bits.h"
#include "tests/fuzz/fuzz.h"

enum : uint64_t {
    LOW = 0x10000,
    HIGH = 1ull << 47,
};

static void check_segment(const struct elf *e, const struct elf_segment *s)
{
    require(s->file_size <= s->memory_size && s->memory_size != 0);
    require(span_has(e->file, s->file_offset, s->file_size));
    require(is_aligned(s->address - s->file_offset, PAGE_SIZE));
    require((s->prot & ELF_WRITE) == 0 || (s->prot & ELF_EXEC) == 0);
    require(s->address >= e->low && s->address + s->memory_size <= e->high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf e;
    struct elf_segment s;
    enum elf_refusal refusal = elf_parse(span_of(data, size), LOW, HIGH, &e);
    require(elf_refusal_text(refusal)[0] != 'u'); // "unknown"
    if (refusal != ELF_GOOD) {
        return 0;
    }
    uint64_t end = e.low;
    bool has_entry = false;
    for (unsigned cursor = 0; elf_next_segment(&e, &cursor, &s);) {
        check_segment(&e, &s);
        require(align_down(s.address, PAGE_SIZE) >= end);
        end = align_up(s.address + s.memory_size, PAGE_SIZE);
        has_entry |= (s.prot & ELF_EXEC) != 0 && e.entry - s.address < s.file_size;
    }
    require(has_entry && end == e.high && e.low < e.high);
    require(e.is_position_independent ? e.high <= HIGH - LOW : e.low >= LOW && e.high <= HIGH);
    return 0;
}
