// SPDX-License-Identifier: Apache-2.0
#include "boot/trust.h"

#include "lib/base/string.h"

efi_status_t trust_manifest(const struct firmware *firmware, const char *path, struct span file,
                            struct manifest *out)
{
    struct manifest manifest;
    if (manifest_parse(file, &manifest) != OK) {
        return firmware_report(firmware, path, "is no manifest that this loader knows",
                               EFI_SECURITY_VIOLATION);
    }
    if (!crypt_is_signed(manifest.body, manifest.signature, trust_key)) {
        return firmware_report(firmware, path, "is not signed by the key of this loader",
                               EFI_SECURITY_VIOLATION);
    }
    *out = manifest;
    return EFI_SUCCESS;
}

efi_status_t trust_file(const struct firmware *firmware, const char *path, struct span file,
                        const struct manifest_entry *entry)
{
    uint8_t hash[CRYPT_SHA256_SIZE];
    if (file.size != entry->size_bytes) {
        return firmware_report(firmware, path, "is not of the size in the manifest",
                               EFI_SECURITY_VIOLATION);
    }
    crypt_sha256(file, hash);
    if (memcmp(hash, entry->sha256, sizeof(hash)) != 0) {
        return firmware_report(firmware, path, "is not the file in the manifest",
                               EFI_SECURITY_VIOLATION);
    }
    return EFI_SUCCESS;
}
