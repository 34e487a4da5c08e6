// SPDX-License-Identifier: Apache-2.0
#include "kernel/block/ramdisk.h"

#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { REQUEST_MAX = 1 << 20, SEGMENTS_MAX = 256 };

static status_t transfer(struct block_device *d, const struct block_request *r)
{
    uint8_t *at = container_of(d, struct ramdisk, block)->memory + r->offset;
    for (unsigned i = 0; i < r->segment_count; i++) {
        const struct block_segment *s = &r->segments[i];
        void *bytes = phys_to_virt(s->base);
        bool is_read = r->op == BLOCK_READ;
        memcpy(is_read ? bytes : at, is_read ? at : bytes, s->size_bytes);
        at += s->size_bytes;
    }
    return OK;
}

static const struct block_ops ramdisk_ops = {.transfer = transfer};

void ramdisk_init(struct ramdisk *r, void *memory, size_t size, enum ramdisk_access access)
{
    *r = (struct ramdisk){
        .memory = memory,
        .block =
            {
                .ops = &ramdisk_ops,
                .size_bytes = align_down(size, BLOCK_SECTOR_MIN),
                .sector_size = BLOCK_SECTOR_MIN,
                .segments_max = SEGMENTS_MAX,
                .request_max = REQUEST_MAX,
                .is_read_only = access == RAMDISK_READ_ONLY,
            },
    };
    block_init(&r->block);
}
