// SPDX-License-Identifier: Apache-2.0
/*
 * What the loader believes: a manifest that the holder of its key has signed, and files that are as
 * the manifest says.  A refusal is EFI_SECURITY_VIOLATION and has been reported under `path`.
 */
#pragma once

#include "boot/firmware.h"
#include "lib/boot/key.h"
#include "lib/boot/manifest.h"

// Whether the file is a manifest that our key has signed; `out` borrows it.
efi_status_t trust_manifest(const struct firmware *firmware, const char *path, struct span file,
                            struct manifest *out);

// Whether these are the bytes that the manifest's entry describes.
efi_status_t trust_file(const struct firmware *firmware, const char *path, struct span file,
                        const struct manifest_entry *entry);
