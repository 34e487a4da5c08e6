// SPDX-License-Identifier: Apache-2.0
#include "boot/volume.h"

#include "lib/base/string.h"

static const struct efi_guid loaded_image_guid = EFI_LOADED_IMAGE_GUID;
static const struct efi_guid file_system_guid = EFI_SIMPLE_FILE_SYSTEM_GUID;

enum { PATH_MAX = 64 }; // longer than any path the loader knows

efi_status_t volume_open(const struct firmware *firmware, struct volume *out)
{
    const struct efi_loaded_image *image =
        firmware_protocol_of(firmware, firmware->image, &loaded_image_guid);
    struct efi_simple_file_system *file_system =
        image == NULL ? NULL : firmware_protocol_of(firmware, image->device, &file_system_guid);
    if (file_system == NULL) {
        return firmware_report(firmware, "boot volume", "the loader was not started from one",
                               EFI_UNSUPPORTED);
    }
    struct efi_file *root = NULL;
    efi_status_t status = file_system->open_volume(file_system, &root);
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, "boot volume", "cannot be opened", status);
    }
    *out = (struct volume){.firmware = firmware, .root = root};
    return EFI_SUCCESS;
}

void volume_close(struct volume *volume)
{
    if (volume->root != NULL) {
        (void)volume->root->close(volume->root); // always succeeds (13.5)
    }
    *volume = (struct volume){0};
}

static efi_status_t open_file(const struct volume *volume, const char *path, struct efi_file **out)
{
    efi_char_t wide[PATH_MAX];
    size_t length = strnlen(path, PATH_MAX - 1);
    for (size_t i = 0; i < length; i++) {
        wide[i] = (efi_char_t)path[i];
    }
    wide[length] = 0;
    return volume->root->open(volume->root, out, wide, EFI_FILE_MODE_READ, 0);
}

// Asking for the end's position needs no buffer, and fails for a folder, unlike GetInfo.
static efi_status_t file_size(struct efi_file *file, uint64_t *out)
{
    efi_status_t status = file->set_position(file, EFI_FILE_END);
    if (status == EFI_SUCCESS) {
        status = file->get_position(file, out);
    }
    return status == EFI_SUCCESS ? file->set_position(file, 0) : status;
}

// The firmware may give less than it was asked for.
static efi_status_t read_all(struct efi_file *file, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t got = size - done;
        efi_status_t status = file->read(file, &got, to + done);
        if (status != EFI_SUCCESS) {
            return status;
        }
        if (got == 0 || got > size - done) {
            return EFI_END_OF_FILE;
        }
        done += got;
    }
    return EFI_SUCCESS;
}

static efi_status_t read_file(const struct volume *volume, const struct volume_request *request,
                              struct efi_file *file, struct pages *out)
{
    const struct firmware *firmware = volume->firmware;
    uint64_t size = 0;
    efi_status_t status = file_size(file, &size);
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, request->path, "is no file with a size", status);
    }
    if (size == 0 || size > request->size_max) {
        return firmware_report(firmware, request->path, size == 0 ? "is empty" : "is too large",
                               EFI_VOLUME_CORRUPTED);
    }
    struct pages pages = {0};
    status = firmware_pages(firmware, request->type, (size_t)size + 1, &pages);
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, request->path, "no memory to read it", status);
    }
    status = read_all(file, pages_data(&pages), (size_t)size);
    if (status != EFI_SUCCESS) {
        firmware_pages_free(firmware, &pages);
        return firmware_report(firmware, request->path, "cannot be read", status);
    }
    pages.used_bytes = (size_t)size;
    *out = pages;
    return EFI_SUCCESS;
}

efi_status_t volume_read(const struct volume *volume, const struct volume_request *request,
                         struct pages *out)
{
    struct efi_file *file = NULL;
    efi_status_t status = open_file(volume, request->path, &file);
    if (status != EFI_SUCCESS) {
        return firmware_report(volume->firmware, request->path, "cannot be opened", status);
    }
    status = read_file(volume, request, file, out);
    (void)file->close(file); // always succeeds (13.5)
    return status;
}
