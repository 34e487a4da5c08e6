// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/symbol.h"

#include "kernel/arch/arch.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"
#include "lib/ksym/ksym.h"

extern const struct ksym_table ksym_table; // by tools/link-kernel

bool symbol_find(vaddr_t pc, char *name, size_t size, size_t *offset)
{
    char found[KSYM_NAME_MAX];
    uint32_t start;
    uint64_t distance = pc - arch_boot.image_va;
    if (size == 0 || pc < arch_boot.image_va || distance >= arch_boot.image_size) {
        return false;
    }
    struct span table = span_of(&ksym_table, ksym_table.size_bytes);
    if (ksym_find(table, (uint32_t)distance, found, &start) != OK) {
        return false;
    }
    size_t len = u64_min(strlen(found), size - 1);
    memcpy(name, found, len);
    name[len] = '\0';
    *offset = distance - start;
    return true;
}

size_t symbol_print(vaddr_t pc, char text[static SYMBOL_TEXT_MAX])
{
    char name[KSYM_NAME_MAX];
    size_t offset;
    if (symbol_find(pc, name, sizeof(name), &offset)) {
        return fmt_print(text, SYMBOL_TEXT_MAX, "%s+%#zx", name, offset);
    }
    return fmt_print(text, SYMBOL_TEXT_MAX, "%#lx", (unsigned long)pc);
}
