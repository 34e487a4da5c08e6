// SPDX-License-Identifier: Apache-2.0
#include "lib/boot/efimap.h"

#include "lib/base/bits.h"

// Offsets in EFI_MEMORY_DESCRIPTOR, version 1.
enum {
    DESCRIPTOR_TYPE = 0,
    DESCRIPTOR_BASE = 8,
    DESCRIPTOR_PAGES = 24,
    DESCRIPTOR_ATTRIBUTE = 32,
    DESCRIPTOR_SIZE_MIN = 40,
};

// EFI_MEMORY_TYPE, UEFI 2.10, 7.2.1.
enum efi_memory {
    EFI_RESERVED = 0,
    EFI_LOADER_CODE = 1,
    EFI_LOADER_DATA = 2,
    EFI_BOOT_CODE = 3,
    EFI_BOOT_DATA = 4,
    EFI_RUNTIME_CODE = 5,
    EFI_RUNTIME_DATA = 6,
    EFI_CONVENTIONAL = 7,
    EFI_ACPI_RECLAIM = 9,
};

enum efi_attribute : uint64_t {
    EFI_ATTRIBUTE_WRITE_BACK = 0x8,
};

struct range {
    uint64_t base;
    uint64_t size;
    uint32_t type;
    uint64_t attribute;
};

static size_t range_count(const struct efimap *map)
{
    return map->bytes.size / map->stride;
}

static struct range range_at(const struct efimap *map, size_t index)
{
    const uint8_t *descriptor = map->bytes.data + index * map->stride;
    return (struct range){
        .base = read_le64(descriptor + DESCRIPTOR_BASE),
        .size = read_le64(descriptor + DESCRIPTOR_PAGES) << PAGE_SHIFT,
        .type = read_le32(descriptor + DESCRIPTOR_TYPE),
        .attribute = read_le64(descriptor + DESCRIPTOR_ATTRIBUTE),
    };
}

static bool is_sane(const struct efimap *map, size_t index)
{
    uint64_t pages = read_le64(map->bytes.data + index * map->stride + DESCRIPTOR_PAGES);
    struct range range = range_at(map, index);
    return is_aligned(range.base, PAGE_SIZE) && pages <= UINT64_MAX >> PAGE_SHIFT &&
           range.base <= UINT64_MAX - range.size;
}

status_t efimap_init(struct span bytes, size_t stride, struct efimap *out)
{
    if (stride < DESCRIPTOR_SIZE_MIN || bytes.size % stride != 0) {
        return ERR_INVAL;
    }
    struct efimap map = {.bytes = bytes, .stride = stride};
    for (size_t i = 0; i < range_count(&map); i++) {
        if (!is_sane(&map, i)) {
            return ERR_INVAL;
        }
    }
    *out = map;
    return OK;
}

static enum bootinfo_memory_kind kind_of(const struct range *range)
{
    bool is_cached = (range->attribute & EFI_ATTRIBUTE_WRITE_BACK) != 0;
    switch (range->type) {
    case EFI_LOADER_CODE:
    case EFI_BOOT_CODE:
    case EFI_BOOT_DATA:
    case EFI_CONVENTIONAL: return is_cached ? BOOTINFO_MEMORY_RAM : BOOTINFO_MEMORY_RESERVED;
    case EFI_LOADER_DATA: return BOOTINFO_MEMORY_LOADER;
    case EFI_RUNTIME_CODE:
    case EFI_RUNTIME_DATA: return BOOTINFO_MEMORY_FIRMWARE;
    case EFI_ACPI_RECLAIM: return BOOTINFO_MEMORY_ACPI;
    default: return BOOTINFO_MEMORY_RESERVED;
    }
}

// Firmware hands its map over nearly sorted, so moving from the back is quick.
static void insert_sorted(struct bootinfo_memory *ranges, size_t count, struct bootinfo_memory new)
{
    size_t at = count;
    while (at > 0 && ranges[at - 1].base > new.base) {
        ranges[at] = ranges[at - 1];
        at--;
    }
    ranges[at] = new;
}

static status_t merge_neighbours(struct bootinfo_memory *ranges, size_t count, size_t *out_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct bootinfo_memory *last = kept == 0 ? NULL : &ranges[kept - 1];
        uint64_t end = last == NULL ? 0 : last->base + last->size_bytes;
        if (ranges[i].base < end) {
            return ERR_INVAL;
        }
        if (last != NULL && ranges[i].base == end && ranges[i].kind == last->kind) {
            last->size_bytes += ranges[i].size_bytes;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    *out_count = kept;
    return OK;
}

status_t efimap_convert(const struct efimap *map, struct bootinfo_memory *ranges, size_t capacity,
                        size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < range_count(map); i++) {
        struct range range = range_at(map, i);
        if (range.size == 0) {
            continue;
        }
        if (count == capacity) {
            return ERR_NOSPC;
        }
        insert_sorted(ranges, count++,
                      (struct bootinfo_memory){
                          .base = range.base,
                          .size_bytes = range.size,
                          .kind = kind_of(&range),
                      });
    }
    return merge_neighbours(ranges, count, out_count);
}

// Slots in one range, and the first of them.
static uint64_t slots_in(const struct efimap *map, size_t index, uint64_t size, uint64_t align,
                         uint64_t *out_first)
{
    struct range range = range_at(map, index);
    uint64_t first = align_up(range.base, align);
    if (range.type != EFI_CONVENTIONAL || kind_of(&range) != BOOTINFO_MEMORY_RAM ||
        first < range.base) {
        return 0;
    }
    uint64_t skipped = first - range.base;
    if (range.size < skipped || range.size - skipped < size) {
        return 0;
    }
    *out_first = first;
    return (range.size - skipped - size) / align + 1;
}

uint64_t efimap_count_slots(const struct efimap *map, uint64_t size, uint64_t align)
{
    uint64_t count = 0;
    for (size_t i = 0; i < range_count(map); i++) {
        uint64_t first = 0;
        count += slots_in(map, i, size, align, &first);
    }
    return count;
}

status_t efimap_find_slot(const struct efimap *map, uint64_t size, uint64_t align, uint64_t number,
                          uint64_t *out_base)
{
    for (size_t i = 0; i < range_count(map); i++) {
        uint64_t first = 0;
        uint64_t count = slots_in(map, i, size, align, &first);
        if (number < count) {
            *out_base = first + number * align;
            return OK;
        }
        number -= count;
    }
    return ERR_NOENT;
}
