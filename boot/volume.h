// SPDX-License-Identifier: Apache-2.0
/*
 * The volume that the loader was started from, and its files.  A file is read whole or not at all;
 * each failure has been reported on the console, with the file's name, when the call returns.
 */
#pragma once

#include "boot/firmware.h"

struct volume {
    const struct firmware *firmware; // borrowed
    struct efi_file *root;
};

// EFI_UNSUPPORTED: what started the loader has no file system (a network boot).
efi_status_t volume_open(const struct firmware *firmware, struct volume *out);
void volume_close(struct volume *volume);

/*
 * Reads a file into new pages of `type`, which the caller then owns.  There is room for one byte
 * more than the file has.  EFI_VOLUME_CORRUPTED: empty, or of more than `size_max` bytes.
 */
struct volume_request {
    const char *path; // ASCII, from the root, with backslashes
    enum efi_memory_type type;
    size_t size_max;
};
efi_status_t volume_read(const struct volume *volume, const struct volume_request *request,
                         struct pages *out);
