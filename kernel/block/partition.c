// SPDX-License-Identifier: Apache-2.0
#include "kernel/block/partition.h"

#include "kernel/core/log.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/gpt/gpt.h"

// A table as it was read.
struct table {
    struct block_device *disk;
    struct gpt gpt;
    struct span entries; // the owner's heap block
};

static uint64_t block_count(const struct block_device *disk)
{
    return disk->size_bytes / disk->sector_size;
}

// Reads `bytes` from block `lba` on into heap memory that the caller then owns.
static status_t read_blocks(struct block_device *disk, uint64_t lba, size_t bytes, void **out)
{
    size_t size = align_up(bytes, disk->sector_size);
    status_t status = heap_alloc(size, out);
    if (status != OK) {
        return status;
    }
    status = block_read(disk, lba * disk->sector_size, *out, size);
    if (status != OK) {
        heap_free(*out);
    }
    return status;
}

// The table whose header is in block `lba`.  ERR_INVAL: it is damaged.
static status_t read_table(struct block_device *disk, uint64_t lba, struct table *out)
{
    void *header;
    void *entries;
    struct gpt gpt;
    status_t status = read_blocks(disk, lba, disk->sector_size, &header);
    if (status != OK) {
        return status;
    }
    status = gpt_parse(span_of(header, disk->sector_size), lba, block_count(disk), &gpt);
    heap_free(header);
    if (status != OK) {
        return status;
    }
    uint32_t size = gpt_entries_size(&gpt);
    status = read_blocks(disk, gpt.entries, size, &entries);
    if (status != OK) {
        return status;
    }
    if (!gpt_entries_match(&gpt, span_of(entries, size))) {
        heap_free(entries);
        return ERR_INVAL;
    }
    *out = (struct table){disk, gpt, span_of(entries, size)};
    return OK;
}

static status_t find_table(struct block_device *disk, struct table *out)
{
    void *first;
    if (block_count(disk) <= GPT_PRIMARY) {
        return ERR_NOENT;
    }
    status_t status = read_blocks(disk, 0, disk->sector_size, &first);
    if (status != OK) {
        return status;
    }
    bool is_protective = gpt_is_protective(span_of(first, disk->sector_size));
    heap_free(first);
    if (!is_protective) {
        return ERR_NOENT;
    }
    status = read_table(disk, GPT_PRIMARY, out);
    if (status == ERR_INVAL || status == ERR_IO) {
        status = read_table(disk, block_count(disk) - 1, out);
        log_warn("block", "%s: its partition table is damaged; %s", disk->name,
                 status == OK ? "the backup is used" : "so is the backup");
    }
    return status;
}

// ---- Partitions ----

static status_t add_entry(const struct table *t, const struct gpt_entry *e, unsigned number,
                          partition_add_t add, void *context)
{
    struct block_device *disk = t->disk;
    const struct block_device part = {
        .ops = disk->ops,
        .size_bytes = e->count * disk->sector_size,
        .sector_size = disk->sector_size,
        .segments_max = disk->segments_max,
        .request_max = disk->request_max,
        .is_read_only = disk->is_read_only,
        .has_cache = disk->has_cache,
        .parent = disk,
        .start = e->first * disk->sector_size,
        .label = e->name,
    };
    return add(context, &part, number);
}

status_t partition_read(struct block_device *disk, partition_add_t add, void *context)
{
    struct table t;
    status_t status = find_table(disk, &t);
    if (status != OK) {
        return status;
    }
    for (uint32_t i = 0; i < t.gpt.entry_count && status == OK; i++) {
        struct gpt_entry e;
        status_t found = gpt_entry(&t.gpt, t.entries, i, &e);
        if (found == OK) {
            status = add_entry(&t, &e, i + 1, add, context);
        } else if (found == ERR_INVAL) {
            log_warn("block", "%s: partition %u is not within it", disk->name, i + 1);
        }
    }
    heap_free((void *)(uintptr_t)t.entries.data);
    return status;
}

// Its record and its label in one block of the heap.
static status_t publish(void *context, const struct block_device *part, unsigned number)
{
    (void)context;
    void *memory;
    size_t label = strlen(part->label) + 1;
    status_t status = heap_alloc(sizeof(struct block_device) + label, &memory);
    if (status != OK) {
        return status;
    }
    struct block_device *d = memory;
    *d = *part;
    d->label = memcpy(d + 1, part->label, label);
    block_init(d);
    block_add_partition(d, number);
    return OK;
}

status_t partition_scan(struct block_device *disk)
{
    return partition_read(disk, publish, NULL);
}

void partition_scan_all(void)
{
    for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
        // What is added meanwhile comes later in the list.
        status_t status = d->parent == NULL ? partition_scan(d) : ERR_NOENT;
        if (status != OK && status != ERR_NOENT && status != ERR_INVAL) {
            log_error("block", "%s: its partitions cannot be read: error %d", d->name,
                      -(int)status);
        }
    }
}
