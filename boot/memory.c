// SPDX-License-Identifier: Apache-2.0
#include "boot/memory.h"

#include "lib/base/bits.h"
#include "lib/boot/efimap.h"

enum {
    SPARE_DESCRIPTORS = 64, // what allocations and the firmware's own doings may add to a map
    EXIT_ATTEMPTS = 8,
};

// The size of the map, and of one descriptor, as they are now.
static efi_status_t map_size(const struct firmware *firmware, size_t *size, size_t *stride)
{
    size_t key = 0;
    uint32_t version = 0;
    *size = 0;
    efi_status_t status = firmware->services->get_memory_map(size, NULL, &key, stride, &version);
    if (status == EFI_BUFFER_TOO_SMALL && *stride != 0) {
        return EFI_SUCCESS;
    }
    return status == EFI_SUCCESS ? EFI_LOAD_ERROR : status;
}

efi_status_t memory_room_init(const struct firmware *firmware, struct memory_room *out)
{
    size_t size = 0;
    size_t stride = 0;
    efi_status_t status = map_size(firmware, &size, &stride);
    if (status != EFI_SUCCESS) {
        return status;
    }
    size_t count = size / stride + SPARE_DESCRIPTORS;
    struct memory_room room = {0};
    status = firmware_pages(firmware, EFI_MEMORY_BOOT_SERVICES_DATA, count * stride, &room.map);
    if (status == EFI_SUCCESS) {
        status = firmware_pages(firmware, EFI_MEMORY_LOADER_DATA,
                                count * sizeof(struct bootinfo_memory), &room.ranges);
    }
    if (status != EFI_SUCCESS) {
        memory_room_fini(firmware, &room);
        return status;
    }
    *out = room;
    return EFI_SUCCESS;
}

void memory_room_fini(const struct firmware *firmware, struct memory_room *room)
{
    firmware_pages_free(firmware, &room->map);
    firmware_pages_free(firmware, &room->ranges);
}

static efi_status_t read_map(const struct firmware *firmware, struct memory_room *room,
                             struct efimap *map, size_t *key)
{
    size_t size = room->map.size_bytes;
    size_t stride = 0;
    uint32_t version = 0;
    efi_status_t status =
        firmware->services->get_memory_map(&size, pages_data(&room->map), key, &stride, &version);
    if (status != EFI_SUCCESS) {
        return status;
    }
    struct span bytes = span_of(pages_data(&room->map), size);
    return efimap_init(bytes, stride, map) == OK ? EFI_SUCCESS : EFI_LOAD_ERROR;
}

efi_status_t memory_choose(const struct firmware *firmware, uint64_t size, uint64_t align,
                           uint64_t choice, uint64_t *out_base)
{
    struct memory_room room = {0};
    efi_status_t status = memory_room_init(firmware, &room);
    if (status != EFI_SUCCESS) {
        return status;
    }
    struct efimap map = {0};
    size_t key = 0;
    status = read_map(firmware, &room, &map, &key);
    if (status == EFI_SUCCESS) {
        uint64_t slots = efimap_count_slots(&map, size, align);
        bool is_found =
            slots > 0 && efimap_find_slot(&map, size, align, choice % slots, out_base) == OK;
        status = is_found ? EFI_SUCCESS : EFI_OUT_OF_RESOURCES;
    }
    memory_room_fini(firmware, &room);
    return status;
}

static efi_status_t convert(const struct efimap *map, struct memory_room *room,
                            struct bootinfo *info)
{
    size_t count = 0;
    size_t capacity = room->ranges.size_bytes / sizeof(struct bootinfo_memory);
    if (efimap_convert(map, pages_data(&room->ranges), capacity, &count) != OK) {
        return EFI_LOAD_ERROR;
    }
    room->ranges.used_bytes = count * sizeof(struct bootinfo_memory);
    info->memory = room->ranges.base;
    info->memory_count = count;
    return EFI_SUCCESS;
}

efi_status_t memory_take_over(const struct firmware *firmware, struct memory_room *room,
                              struct bootinfo *info)
{
    efi_status_t status = EFI_INVALID_PARAMETER;
    // The call refuses a key older than the map, which its own event handlers may have changed.
    for (int i = 0; i < EXIT_ATTEMPTS && status == EFI_INVALID_PARAMETER; i++) {
        struct efimap map = {0};
        size_t key = 0;
        status = read_map(firmware, room, &map, &key);
        if (status != EFI_SUCCESS) {
            return status;
        }
        status = convert(&map, room, info);
        if (status != EFI_SUCCESS) {
            return status;
        }
        status = firmware->services->exit_boot_services(firmware->image, key);
    }
    return status;
}
