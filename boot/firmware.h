// SPDX-License-Identifier: Apache-2.0
/*
 * The firmware as the loader uses it: memory, protocols, tables and one way to say what is wrong.
 * Until firmware_exit the firmware owns the machine; after it, nothing here may be called.
 */
#pragma once

#include "boot/efi.h"
#include "lib/base/attr.h"
#include "lib/base/span.h"

struct firmware {
    efi_handle_t image; // the loader itself
    struct efi_system_table *system;
    struct efi_boot_services *services;
};

// A run of whole pages that belongs to the loader; none when `base` is 0.
struct pages {
    uint64_t base;
    size_t size_bytes; // as they were asked for
    size_t used_bytes; // the contents, from `base` on
};

// Pages anywhere or at `base`.  On success the caller owns `out`; its contents are undefined.
efi_status_t firmware_pages(const struct firmware *firmware, enum efi_memory_type type,
                            size_t size_bytes, struct pages *out);
efi_status_t firmware_pages_at(const struct firmware *firmware, uint64_t base, size_t size_bytes,
                               struct pages *out);
// Takes the pages, if there are any, and leaves none.
void firmware_pages_free(const struct firmware *firmware, struct pages *pages);

static inline void *pages_data(const struct pages *pages)
{
    return (void *)pages->base; // NOLINT(performance-no-int-to-ptr): the firmware maps 1:1
}

static inline struct span pages_span(const struct pages *pages)
{
    return span_of(pages_data(pages), pages->used_bytes);
}

// A protocol of one handle, or of any; NULL when there is none.
void *firmware_protocol_of(const struct firmware *firmware, efi_handle_t handle,
                           const struct efi_guid *guid);
void *firmware_protocol(const struct firmware *firmware, const struct efi_guid *guid);

// A configuration table, or NULL.
const void *firmware_table(const struct firmware *firmware, const struct efi_guid *guid);

/*
 * Prints "swift-os: SUBJECT: PROBLEM (EFI status NAME)" on the console and gives the status back,
 * so that a failure is one return statement.
 */
efi_status_t firmware_report(const struct firmware *firmware, const char *subject,
                             const char *problem, efi_status_t status) COLD;
