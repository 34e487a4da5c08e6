// SPDX-License-Identifier: Apache-2.0
/*
 * The UEFI loader: reads the kernel and what goes with it from the volume it was started from,
 * believes what the signed manifest there lists, and hands the machine over as abi/bootinfo.h says.  Whatever fails is said on the console; then the
 * firmware gets the error and goes on to its next boot option.
 */
#include "boot/arch.h"
#include "boot/kernel.h"
#include "boot/machine.h"
#include "boot/memory.h"
#include "boot/trust.h"
#include "boot/volume.h"
#include "lib/base/string.h"
#include "lib/boot/image.h"
#include "lib/cmdline/cmdline.h"

#define FOLDER  "\\EFI\\swift-os\\"
#define FILE(n) .name = (n), .request.path = FOLDER n

// A file of the boot volume; all but the manifest itself must be as the manifest says.
struct trusted {
    const char *name; // in the manifest
    struct volume_request request;
    bool is_optional; // the manifest need not list it; a file it does not list is not looked at
};

static const struct trusted manifest_file = {
    FILE("manifest"),
    .request.type = EFI_MEMORY_BOOT_SERVICES_DATA,
    .request.size_max = MANIFEST_SIZE_MAX,
};
static const struct trusted kernel_file = {
    FILE("kernel.img"),
    .request.type = EFI_MEMORY_BOOT_SERVICES_DATA, // copied to its place
    .request.size_max = IMAGE_SIZE_MAX,
};
static const struct trusted cmdline_file = {
    FILE("cmdline"),
    .request.type = EFI_MEMORY_LOADER_DATA,
    .request.size_max = CMDLINE_SIZE_MAX - 1,
    .is_optional = true,
};
static const struct trusted base_file = {
    FILE("base.img"),
    .request.type = EFI_MEMORY_LOADER_DATA,
    .request.size_max = 1 << 30,
    .is_optional = true,
};

// All that the loader has taken from the firmware; what is not there has no pages.
struct loader {
    struct firmware firmware;
    struct pages manifest;
    struct pages kernel_file;
    struct pages kernel;
    struct pages cmdline;
    struct pages base;
    struct pages fdt;
    struct pages info; // struct bootinfo
    struct memory_room room;
};

efi_status_t efi_main(efi_handle_t image, struct efi_system_table *system);

static struct bootinfo *info_of(const struct loader *loader)
{
    return pages_data(&loader->info);
}

static efi_status_t read_trusted(const struct volume *volume, const struct manifest *manifest,
                                 const struct trusted *file, struct pages *out)
{
    struct manifest_entry entry;
    if (manifest_find(manifest, file->name, &entry) != OK) {
        return file->is_optional
                   ? EFI_SUCCESS
                   : firmware_report(volume->firmware, file->request.path, "is not in the manifest",
                                     EFI_SECURITY_VIOLATION);
    }
    efi_status_t status = volume_read(volume, &file->request, out);
    if (status != EFI_SUCCESS) {
        return status;
    }
    return trust_file(volume->firmware, file->request.path, pages_span(out), &entry);
}

static efi_status_t read_listed(struct loader *loader, const struct volume *volume)
{
    struct manifest manifest;
    efi_status_t status = trust_manifest(&loader->firmware, manifest_file.request.path,
                                         pages_span(&loader->manifest), &manifest);
    if (status == EFI_SUCCESS) {
        status = read_trusted(volume, &manifest, &kernel_file, &loader->kernel_file);
    }
    if (status == EFI_SUCCESS) {
        status = read_trusted(volume, &manifest, &cmdline_file, &loader->cmdline);
    }
    if (status == EFI_SUCCESS) {
        status = read_trusted(volume, &manifest, &base_file, &loader->base);
    }
    return status;
}

static efi_status_t read_files(struct loader *loader)
{
    struct volume volume;
    efi_status_t status = volume_open(&loader->firmware, &volume);
    if (status != EFI_SUCCESS) {
        return status;
    }
    status = volume_read(&volume, &manifest_file.request, &loader->manifest);
    if (status == EFI_SUCCESS) {
        status = read_listed(loader, &volume);
    }
    firmware_pages_free(&loader->firmware, &loader->manifest);
    volume_close(&volume);
    return status;
}

static void note_files(struct loader *loader)
{
    struct bootinfo *info = info_of(loader);
    if (loader->cmdline.base != 0) {
        char *line = pages_data(&loader->cmdline);
        loader->cmdline.used_bytes = cmdline_clean(line, loader->cmdline.used_bytes) + 1;
    }
    info->cmdline = loader->cmdline.base;
    info->ramdisk = loader->base.base;
    info->ramdisk_size_bytes = loader->base.used_bytes;
}

// Where the kernel lies is as random as the firmware allows and the command line wants.
static uint64_t choose_place(const struct loader *loader)
{
    uint64_t choice = 0;
    if (loader->cmdline.base != 0 &&
        cmdline_has(pages_data(&loader->cmdline), loader->cmdline.used_bytes, "nokaslr")) {
        return 0;
    }
    return machine_entropy(&loader->firmware, &choice, sizeof(choice)) ? choice : 0;
}

static efi_status_t make_room(struct loader *loader)
{
    const struct firmware *firmware = &loader->firmware;
    efi_status_t status =
        firmware_pages(firmware, EFI_MEMORY_LOADER_DATA, sizeof(struct bootinfo), &loader->info);
    if (status == EFI_SUCCESS) {
        memset(info_of(loader), 0, sizeof(struct bootinfo));
        status = memory_room_init(firmware, &loader->room);
    }
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, "hand-over", "no memory", status);
    }
    return EFI_SUCCESS;
}

static efi_status_t describe(struct loader *loader)
{
    struct bootinfo *info = info_of(loader);
    info->magic = BOOTINFO_MAGIC;
    info->version = BOOTINFO_VERSION;
    info->size_bytes = sizeof(*info);
    if (machine_entropy(&loader->firmware, info->entropy, sizeof(info->entropy))) {
        info->entropy_size_bytes = sizeof(info->entropy);
    }
    machine_framebuffer(&loader->firmware, info);
    note_files(loader);
    return machine_describe(&loader->firmware, info, &loader->fdt);
}

static efi_status_t prepare(struct loader *loader)
{
    efi_status_t status = read_files(loader);
    if (status == EFI_SUCCESS) {
        status = make_room(loader);
    }
    if (status == EFI_SUCCESS) {
        status = describe(loader);
    }
    if (status == EFI_SUCCESS) {
        status =
            kernel_place(&loader->firmware, kernel_file.request.path,
                         pages_span(&loader->kernel_file), choose_place(loader), &loader->kernel);
    }
    firmware_pages_free(&loader->firmware, &loader->kernel_file);
    return status;
}

static void release(struct loader *loader)
{
    struct pages *const owned[] = {&loader->kernel,     &loader->cmdline, &loader->base,
                                   &loader->fdt,        &loader->info,    &loader->room.map,
                                   &loader->room.ranges};
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        firmware_pages_free(&loader->firmware, owned[i]);
    }
}

static _Noreturn void enter(const struct loader *loader)
{
    const struct pages *const written[] = {&loader->kernel, &loader->cmdline, &loader->base,
                                           &loader->fdt, &loader->room.ranges};
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        arch_clean(written[i]->base, written[i]->used_bytes);
    }
    struct bootinfo *info = info_of(loader);
    info->loader_ticks_end = arch_ticks();
    arch_clean(loader->info.base, loader->info.used_bytes);
    arch_enter_kernel(loader->kernel.base, info->fdt, loader->info.base);
}

efi_status_t efi_main(efi_handle_t image, struct efi_system_table *system)
{
    uint64_t start = arch_ticks();
    struct loader loader = {
        .firmware = {.image = image, .system = system, .services = system->boot_services},
    };
    efi_status_t status = prepare(&loader);
    if (status == EFI_SUCCESS) {
        info_of(&loader)->loader_ticks_start = start;
        status = memory_take_over(&loader.firmware, &loader.room, info_of(&loader));
        if (status == EFI_SUCCESS) {
            enter(&loader);
        }
        (void)firmware_report(&loader.firmware, "hand-over", "the firmware keeps the machine",
                              status);
    }
    release(&loader);
    return status;
}
