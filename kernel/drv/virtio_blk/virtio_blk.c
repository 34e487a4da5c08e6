// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio block devices (virtio 1.2, 5.2): one queue, as many requests in it as it has room for.
 *
 * A request is a chain of a header, the caller's segments, and a byte for the result.  Header and
 * result have places of their own, one for each descriptor that a chain can begin with, so nothing is
 * allocated while requests run.
 *
 * Locking: `lock` guards the ring and these places.  Finished requests are collected under it and
 * ended after it is released.  A device that lies is reset: what it had ends with ERR_IO, and nothing
 * is started any more.
 */
#include "kernel/drv/virtio_blk/virtio_blk.h"

#include "kernel/core/log.h"
#include "kernel/dev/virtio/virtio.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"

// Features (5.2.3).
constexpr uint64_t F_SIZE_MAX = 1ull << 1;
constexpr uint64_t F_SEG_MAX = 1ull << 2;
constexpr uint64_t F_READ_ONLY = 1ull << 5;
constexpr uint64_t F_BLOCK_SIZE = 1ull << 6;
constexpr uint64_t F_FLUSH = 1ull << 9;

// Fields of the configuration (5.2.4).
enum { CONFIG_CAPACITY = 0, CONFIG_SIZE_MAX = 8, CONFIG_SEG_MAX = 12, CONFIG_BLOCK_SIZE = 20 };

// Types and results of requests (5.2.6).
enum { TYPE_READ = 0, TYPE_WRITE = 1, TYPE_FLUSH = 4 };
enum { RESULT_OK = 0, RESULT_NOTHING = 0xff };

enum {
    QUEUE_SIZE = 256,
    UNIT = 512,            // of offsets and capacity, whatever the sector size
    MORE_DESCRIPTORS = 2,  // than segments
    SEGMENTS_MAX = 64,     // enough for the page cache's largest read
    REQUEST_MAX = 1 << 20, // bytes
};

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct virtio_blk {
    struct block_device block;
    struct virtio_device *device; // [I]
    struct virtio_queue queue;    // [l] its ring
    struct spinlock lock;
    struct header *headers; // [l] shared with the device
    uint8_t *results;       // [l] shared with the device
};

static const uint32_t types[] = {
    [BLOCK_READ] = TYPE_READ,
    [BLOCK_WRITE] = TYPE_WRITE,
    [BLOCK_FLUSH] = TYPE_FLUSH,
};

static void add_chain(struct virtio_blk *b, const struct block_request *r)
{
    struct ring *ring = &b->queue.ring;
    uint16_t head = ring_next_head(ring);
    struct header *h = &b->headers[head];
    *h = (struct header){.type = types[r->op], .sector = r->offset / UNIT};
    b->results[head] = RESULT_NOTHING;
    ring_add(ring, virt_to_phys(h).raw, sizeof(*h), RING_DEVICE_READS);
    for (unsigned i = 0; i < r->segment_count; i++) {
        ring_add(ring, r->segments[i].base.raw, r->segments[i].size_bytes,
                 r->op == BLOCK_READ ? RING_DEVICE_WRITES : RING_DEVICE_READS);
    }
    ring_add(ring, virt_to_phys(&b->results[head]).raw, 1, RING_DEVICE_WRITES);
}

static bool start(struct block_device *d, struct block_request *r)
{
    struct virtio_blk *b = container_of(d, struct virtio_blk, block);
    irqflags_t flags = spin_lock_irqsave(&b->lock);
    bool has_room = ring_room(&b->queue.ring) >= r->segment_count + MORE_DESCRIPTORS;
    if (has_room) {
        add_chain(b, r);
        virtio_queue_publish(&b->queue, r);
    }
    spin_unlock_irqrestore(&b->lock, flags);
    return has_room;
}

// Ends what was collected; each request's status says how.
static void finish_all(struct virtio_blk *b, struct list *finished)
{
    list_for_each_safe (node, finished) {
        struct block_request *r = container_of(node, struct block_request, link);
        block_finish(&b->block, r, r->status);
    }
}

static void collect(struct list *finished, const struct ring_taken *taken, status_t status)
{
    struct block_request *r = taken->token;
    r->status = status;
    list_add_tail(finished, &r->link);
}

// The device forgets its buffers before their owners get them back.
static void give_up(struct virtio_blk *b, struct list *finished) REQUIRES(b -> lock)
{
    struct ring_taken taken;
    virtio_stop(b->device);
    while (ring_give_up(&b->queue.ring, &taken)) {
        collect(finished, &taken, ERR_IO);
    }
}

static void abandon(struct block_device *d)
{
    struct virtio_blk *b = container_of(d, struct virtio_blk, block);
    struct list finished = LIST_INIT(finished);
    irqflags_t flags = spin_lock_irqsave(&b->lock);
    give_up(b, &finished);
    spin_unlock_irqrestore(&b->lock, flags);
    block_set_gone(d);
    finish_all(b, &finished);
}

static const struct block_ops virtio_blk_ops = {.start = start, .abandon = abandon};

static void interrupt(struct virtio_queue *q)
{
    struct virtio_blk *b = container_of(q, struct virtio_blk, queue);
    struct list finished = LIST_INIT(finished);
    struct ring_taken taken;
    irqflags_t flags = spin_lock_irqsave(&b->lock);
    bool was_broken = q->ring.is_broken;
    while (ring_take(&q->ring, &taken)) {
        collect(&finished, &taken, b->results[taken.head] == RESULT_OK ? OK : ERR_IO);
    }
    bool is_lost = q->ring.is_broken && !was_broken;
    spin_unlock_irqrestore(&b->lock, flags);
    finish_all(b, &finished);
    if (is_lost) {
        log_error("virtio-blk", "%s: the device broke its queue and is not used any more",
                  b->block.name);
        abandon(&b->block);
    }
}

// What the device says about itself, made safe.  ERR_INVAL: nothing to work with.
static status_t read_limits(struct virtio_blk *b)
{
    struct virtio_device *d = b->device;
    uint64_t capacity = virtio_config64(d, CONFIG_CAPACITY);
    uint32_t sector = (d->features & F_BLOCK_SIZE) != 0 ? virtio_config32(d, CONFIG_BLOCK_SIZE)
                                                        : BLOCK_SECTOR_MIN;
    uint32_t segments =
        (d->features & F_SEG_MAX) != 0 ? virtio_config32(d, CONFIG_SEG_MAX) : SEGMENTS_MAX;
    uint32_t bytes =
        (d->features & F_SIZE_MAX) != 0 ? virtio_config32(d, CONFIG_SIZE_MAX) : REQUEST_MAX;
    if (!is_pow2(sector) || sector < BLOCK_SECTOR_MIN || sector > BLOCK_SECTOR_MAX ||
        capacity > UINT64_MAX / UNIT || bytes < PAGE_SIZE || segments == 0 ||
        b->queue.ring.size <= MORE_DESCRIPTORS) {
        return ERR_INVAL;
    }
    b->block.size_bytes = align_down(capacity * UNIT, sector);
    b->block.sector_size = sector;
    b->block.segments_max =
        (unsigned)u64_min(u64_min(segments, SEGMENTS_MAX), b->queue.ring.size - MORE_DESCRIPTORS);
    // A segment is never larger than a request, so this limits both.
    b->block.request_max = (uint32_t)align_down(u64_min(bytes, REQUEST_MAX), sector);
    b->block.has_cache = (d->features & F_FLUSH) != 0;
    b->block.is_read_only = (d->features & F_READ_ONLY) != 0;
    return OK;
}

static status_t alloc_places(struct virtio_blk *b)
{
    void *headers;
    void *results;
    uint16_t size = b->queue.ring.size;
    status_t status = heap_alloc_array(size, sizeof(struct header), &headers);
    if (status != OK) {
        return status;
    }
    status = heap_alloc_array(size, 1, &results);
    if (status != OK) {
        heap_free(headers);
        return status;
    }
    b->headers = headers;
    b->results = results;
    return OK;
}

static status_t set_up(struct virtio_blk *b)
{
    const uint64_t wanted = F_SIZE_MAX | F_SEG_MAX | F_READ_ONLY | F_BLOCK_SIZE | F_FLUSH;
    status_t status = virtio_negotiate(b->device, 0, wanted);
    if (status == OK) {
        status = virtio_queue_create(b->device, 0, QUEUE_SIZE, interrupt, &b->queue);
    }
    if (status == OK) {
        status = read_limits(b);
    }
    return status == OK ? alloc_places(b) : status;
}

status_t virtio_blk_create(struct virtio_device *d, struct block_device **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct virtio_blk), &memory);
    if (status != OK) {
        return status;
    }
    struct virtio_blk *b = memory;
    b->device = d;
    b->block.ops = &virtio_blk_ops;
    spin_init(&b->lock, "virtio-blk", RANK_DEVICE);
    block_init(&b->block);
    status = set_up(b);
    if (status != OK) {
        virtio_blk_destroy(&b->block);
        return status;
    }
    virtio_start(d);
    *out = &b->block;
    return OK;
}

void virtio_blk_destroy(struct block_device *d)
{
    struct virtio_blk *b = container_of(d, struct virtio_blk, block);
    virtio_stop(b->device);
    block_fini(d);
    virtio_queue_destroy(&b->queue);
    heap_free(b->headers);
    heap_free(b->results);
    heap_free(b);
}

static status_t probe(struct virtio_device *d)
{
    struct block_device *block;
    status_t status = virtio_blk_create(d, &block);
    if (status == OK) {
        block_add(block, "disk");
    }
    return status;
}

static const struct virtio_driver virtio_blk_driver = {
    .name = "virtio-blk",
    .type = VIRTIO_BLOCK,
    .probe = probe,
};
VIRTIO_DRIVER(virtio_blk_driver);
