// SPDX-License-Identifier: Apache-2.0
#include "boot/firmware.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

efi_status_t firmware_pages(const struct firmware *firmware, enum efi_memory_type type,
                            size_t size_bytes, struct pages *out)
{
    uint64_t base = 0;
    efi_status_t status = firmware->services->allocate_pages(EFI_ALLOCATE_ANY_PAGES, type,
                                                             pages_for(size_bytes), &base);
    if (status == EFI_SUCCESS) {
        *out = (struct pages){.base = base, .size_bytes = size_bytes, .used_bytes = size_bytes};
    }
    return status;
}

efi_status_t firmware_pages_at(const struct firmware *firmware, uint64_t base, size_t size_bytes,
                               struct pages *out)
{
    efi_status_t status = firmware->services->allocate_pages(
        EFI_ALLOCATE_ADDRESS, EFI_MEMORY_LOADER_DATA, pages_for(size_bytes), &base);
    if (status == EFI_SUCCESS) {
        *out = (struct pages){.base = base, .size_bytes = size_bytes, .used_bytes = size_bytes};
    }
    return status;
}

void firmware_pages_free(const struct firmware *firmware, struct pages *pages)
{
    if (pages->base != 0) {
        // What the firmware will not take back stays lost until the next reset.
        (void)firmware->services->free_pages(pages->base, pages_for(pages->size_bytes));
    }
    *pages = (struct pages){0};
}

void *firmware_protocol_of(const struct firmware *firmware, efi_handle_t handle,
                           const struct efi_guid *guid)
{
    void *protocol = NULL;
    efi_status_t status = firmware->services->handle_protocol(handle, guid, &protocol);
    return status == EFI_SUCCESS ? protocol : NULL;
}

void *firmware_protocol(const struct firmware *firmware, const struct efi_guid *guid)
{
    void *protocol = NULL;
    efi_status_t status = firmware->services->locate_protocol(guid, NULL, &protocol);
    return status == EFI_SUCCESS ? protocol : NULL;
}

const void *firmware_table(const struct firmware *firmware, const struct efi_guid *guid)
{
    for (size_t i = 0; i < firmware->system->table_count; i++) {
        if (memcmp(&firmware->system->tables[i].guid, guid, sizeof(*guid)) == 0) {
            return firmware->system->tables[i].table;
        }
    }
    return NULL;
}

static const char *status_name(efi_status_t status)
{
    switch (status) {
    case EFI_LOAD_ERROR: return "load error";
    case EFI_INVALID_PARAMETER: return "invalid parameter";
    case EFI_UNSUPPORTED: return "unsupported";
    case EFI_BUFFER_TOO_SMALL: return "buffer too small";
    case EFI_DEVICE_ERROR: return "device error";
    case EFI_OUT_OF_RESOURCES: return "out of resources";
    case EFI_VOLUME_CORRUPTED: return "volume corrupted";
    case EFI_NO_MEDIA: return "no media";
    case EFI_MEDIA_CHANGED: return "media changed";
    case EFI_NOT_FOUND: return "not found";
    case EFI_ACCESS_DENIED: return "access denied";
    case EFI_ABORTED: return "aborted";
    case EFI_SECURITY_VIOLATION: return "security violation";
    case EFI_END_OF_FILE: return "end of file";
    default: return "other";
    }
}

efi_status_t firmware_report(const struct firmware *firmware, const char *subject,
                             const char *problem, efi_status_t status)
{
    char text[256];
    efi_char_t wide[sizeof(text)];
    struct efi_text_output *console = firmware->system->console_out;
    (void)fmt_print(text, sizeof(text), "swift-os: %s: %s (EFI status %llu, %s)\r\n", subject,
                    problem, (unsigned long long)(status & ~EFI_ERROR(0)), status_name(status));
    for (size_t i = 0; i < sizeof(text); i++) {
        wide[i] = (efi_char_t)text[i];
    }
    if (console != NULL) {
        (void)console->output_string(console, wide); // nowhere left to complain
    }
    return status;
}
