// SPDX-License-Identifier: Apache-2.0
/* Manifests: any bytes are one or are refused; what is accepted says the same when written again. */
#include "lib/boot/manifest.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static void write_again(const struct manifest *manifest)
{
    struct manifest_entry entries[MANIFEST_ENTRIES_MAX];
    for (size_t i = 0; i < manifest->entry_count; i++) {
        char name[MANIFEST_NAME_SIZE];
        memcpy(name, manifest->body.data + MANIFEST_HEADER_SIZE + i * MANIFEST_ENTRY_SIZE,
               sizeof(name));
        require(manifest_find(manifest, name, &entries[i]) == OK);
    }
    uint8_t again[MANIFEST_SIZE_MAX];
    size_t size = 0;
    require(manifest_emit(entries, manifest->entry_count, manifest->generation, again, &size) ==
            OK);
    require(size == manifest->body.size && memcmp(again, manifest->body.data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    if (manifest_parse(span_of(data, size), &manifest) == OK) {
        require(manifest.signature + MANIFEST_SIGNATURE_SIZE == data + size);
        write_again(&manifest);
    }
    return 0;
}
