// SPDX-License-Identifier: Apache-2.0
#include "boot/kernel.h"

#include "boot/memory.h"
#include "lib/base/string.h"
#include "lib/boot/image.h"

static const char *image_problem(status_t status)
{
    switch (status) {
    case ERR_NOEXEC: return "is no arm64 kernel image";
    case ERR_NOTSUP: return "asks for what this loader does not do (header flags)";
    default: return "does not fit the size in its header";
    }
}

efi_status_t kernel_place(const struct firmware *firmware, const char *name, struct span file,
                          uint64_t choice, struct pages *out)
{
    uint64_t size = 0;
    status_t checked = image_check(file, &size);
    if (checked != OK) {
        return firmware_report(firmware, name, image_problem(checked), EFI_LOAD_ERROR);
    }
    uint64_t base = 0;
    efi_status_t status = memory_choose(firmware, size, IMAGE_ALIGN, choice, &base);
    if (status == EFI_SUCCESS) {
        status = firmware_pages_at(firmware, base, (size_t)size, out);
    }
    if (status != EFI_SUCCESS) {
        return firmware_report(firmware, name, "no memory for the kernel", status);
    }
    memcpy(pages_data(out), file.data, file.size);
    return EFI_SUCCESS;
}
