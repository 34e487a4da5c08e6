// SPDX-License-Identifier: Apache-2.0
#include "boot/machine.h"

#include "lib/base/string.h"
#include "lib/fdt/fdt.h"

static const struct efi_guid device_tree_guid = EFI_DEVICE_TREE_GUID;
static const struct efi_guid acpi_guid = EFI_ACPI_20_TABLE_GUID;
static const struct efi_guid graphics_guid = EFI_GRAPHICS_OUTPUT_GUID;
static const struct efi_guid rng_guid = EFI_RNG_GUID;

enum { BYTES_PER_PIXEL = 4 };

static efi_status_t copy_fdt(const struct firmware *firmware, const void *table, struct pages *out)
{
    struct fdt fdt;
    if (fdt_open_address(table, &fdt) != OK) {
        return firmware_report(firmware, "device tree", "is damaged", EFI_VOLUME_CORRUPTED);
    }
    efi_status_t status = firmware_pages(firmware, EFI_MEMORY_LOADER_DATA, fdt.blob.size, out);
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, "device tree", "no memory to copy it", status);
    }
    memcpy(pages_data(out), fdt.blob.data, fdt.blob.size);
    return EFI_SUCCESS;
}

efi_status_t machine_describe(const struct firmware *firmware, struct bootinfo *info,
                              struct pages *out_fdt)
{
    const void *tree = firmware_table(firmware, &device_tree_guid);
    info->rsdp = (uintptr_t)firmware_table(firmware, &acpi_guid);
    if (tree == NULL) {
        // A kernel that cannot do without has no console to say so on.
        (void)firmware_report(firmware, "device tree",
                              "the firmware gives none, the kernel has to do with ACPI",
                              EFI_NOT_FOUND);
        return EFI_SUCCESS;
    }
    efi_status_t status = copy_fdt(firmware, tree, out_fdt);
    info->fdt = out_fdt->base;
    return status;
}

void machine_framebuffer(const struct firmware *firmware, struct bootinfo *info)
{
    const struct efi_graphics_output *graphics = firmware_protocol(firmware, &graphics_guid);
    if (graphics == NULL || graphics->mode == NULL || graphics->mode->info == NULL) {
        return;
    }
    const struct efi_graphics_mode_info *mode = graphics->mode->info;
    if (mode->format != EFI_PIXEL_BLUE_FIRST && mode->format != EFI_PIXEL_RED_FIRST) {
        return;
    }
    info->framebuffer = (struct bootinfo_framebuffer){
        .base = graphics->mode->framebuffer_base,
        .width_pixels = mode->horizontal_pixels,
        .height_pixels = mode->vertical_pixels,
        .stride_bytes = mode->pixels_per_line * BYTES_PER_PIXEL,
        .format = mode->format == EFI_PIXEL_BLUE_FIRST ? 1 : 2,
    };
}

bool machine_entropy(const struct firmware *firmware, void *out, size_t size)
{
    struct efi_rng *rng = firmware_protocol(firmware, &rng_guid);
    return rng != NULL && rng->get_rng(rng, NULL, size, out) == EFI_SUCCESS;
}
