// SPDX-License-Identifier: Apache-2.0
/* A file for tests: its pager reads from and writes to an array, and counts. */
#pragma once

#include "kernel/mm/pager.h"
#include "kernel/mm/vmo.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { DISK_PAGES = 48 };

struct disk {
    uint8_t bytes[DISK_PAGES][16]; // the first bytes of each page; the rest is zero
    unsigned reads;
    unsigned pages_read;
    unsigned pages_written;
    unsigned releases;
    uint64_t bad_page; // reading or writing it fails
    void (*on_read)(struct disk *d);
};

static inline status_t disk_read(void *context, uint64_t first, struct page *const *pages,
                                 size_t count)
{
    struct disk *d = context;
    d->reads++;
    if (d->on_read != NULL) {
        d->on_read(d);
    }
    for (size_t i = 0; i < count; i++) {
        if (first + i == d->bad_page) {
            return ERR_IO;
        }
        char *to = page_virt(pages[i]);
        memset(to, 0, PAGE_SIZE);
        if (first + i < DISK_PAGES) {
            memcpy(to, d->bytes[first + i], sizeof(d->bytes[0]));
        }
    }
    d->pages_read += count;
    return OK;
}

static inline status_t disk_write(void *context, uint64_t first, struct page *const *pages,
                                  size_t count)
{
    struct disk *d = context;
    for (size_t i = 0; i < count; i++) {
        if (first + i == d->bad_page) {
            return ERR_IO;
        }
        memcpy(d->bytes[first + i], page_virt(pages[i]), sizeof(d->bytes[0]));
    }
    d->pages_written += count;
    return OK;
}

static inline void disk_release(void *context)
{
    struct disk *d = context;
    d->releases++;
}

static const struct pager_ops disk_ops = {
    .read = disk_read, .write = disk_write, .release = disk_release};
static const struct pager_ops disk_read_only_ops = {.read = disk_read, .release = disk_release};

// Page i holds i + 1 in its first byte.
static inline void disk_init(struct disk *d)
{
    memset(d, 0, sizeof(*d));
    d->bad_page = UINT64_MAX;
    for (size_t i = 0; i < DISK_PAGES; i++) {
        d->bytes[i][0] = (uint8_t)(i + 1);
    }
}
