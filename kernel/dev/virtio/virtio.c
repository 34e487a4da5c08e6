// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/virtio/virtio.h"

#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

// The bounds of the section that VIRTIO_DRIVER fills.
extern const struct virtio_driver *const __start_virtio_drivers[];
extern const struct virtio_driver *const __stop_virtio_drivers[];

enum { CONFIG_TRIES = 8, RESET_TRIES = 100 };

status_t virtio_attach(struct virtio_device *d)
{
    list_init(&d->queues);
    for (const struct virtio_driver *const *at = __start_virtio_drivers; at < __stop_virtio_drivers;
         at++) {
        if ((*at)->type == d->type) {
            return (*at)->probe(d);
        }
    }
    return ERR_NODEV;
}

void virtio_interrupt(struct virtio_device *d)
{
    list_for_each (node, &d->queues) {
        struct virtio_queue *q = container_of(node, struct virtio_queue, link);
        q->interrupt(q);
    }
}

void virtio_config_interrupt(struct virtio_device *d)
{
    if (d->config_changed != NULL) {
        d->config_changed(d);
    }
}

static void add_status(struct virtio_device *d, uint8_t bits)
{
    d->transport->set_status(d, d->transport->status(d) | bits);
}

// A device says when it is done with it (4.1.4.3.2); most are at once.
static status_t reset(struct virtio_device *d)
{
    d->transport->set_status(d, 0);
    for (unsigned i = 0; d->transport->status(d) != 0; i++) {
        if (i == RESET_TRIES) {
            return ERR_IO;
        }
        (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    }
    return OK;
}

// 3.1.1
status_t virtio_negotiate(struct virtio_device *d, uint64_t needed, uint64_t wanted)
{
    status_t status = reset(d);
    if (status != OK) {
        return status;
    }
    add_status(d, VIRTIO_ACKNOWLEDGE);
    add_status(d, VIRTIO_DRIVER);
    uint64_t has = d->transport->features(d);
    needed |= VIRTIO_F_VERSION_1;
    if ((has & needed) != needed) {
        virtio_stop(d);
        return ERR_NOTSUP;
    }
    d->features = has & (needed | wanted);
    d->transport->set_features(d, d->features);
    add_status(d, VIRTIO_FEATURES_OK);
    if ((d->transport->status(d) & VIRTIO_FEATURES_OK) == 0) {
        virtio_stop(d);
        return ERR_NOTSUP;
    }
    return OK;
}

// Shared memory of a ring, and what we keep about it.
static status_t alloc_ring(struct virtio_queue *q, uint16_t size)
{
    void *entries;
    void *shared;
    status_t status = heap_alloc_array(size, sizeof(struct ring_entry), &entries);
    if (status != OK) {
        return status;
    }
    // Blocks of the heap are in one piece, and powers of two are aligned to themselves.
    uint64_t bytes = u64_max(1ull << log2_ceil(ring_layout(size).size), PAGE_SIZE);
    status = heap_zalloc(bytes, &shared);
    if (status != OK) {
        heap_free(entries);
        return status;
    }
    ring_init(&q->ring, size, shared, entries);
    return OK;
}

static status_t enable(struct virtio_queue *q)
{
    struct ring_layout at = ring_layout(q->ring.size);
    paddr_t shared = virt_to_phys(q->ring.descriptors);
    q->ring.has_events = (q->device->features & VIRTIO_F_EVENT_IDX) != 0;
    return q->device->transport->queue_enable(q->device, q, paddr_add(shared, at.descriptors),
                                              paddr_add(shared, at.avail),
                                              paddr_add(shared, at.used));
}

static void free_ring(struct virtio_queue *q)
{
    heap_free(q->ring.entries);
    heap_free(q->ring.descriptors);
    q->ring.entries = NULL;
}

status_t virtio_queue_create(struct virtio_device *d, unsigned index, uint16_t size_max,
                             void (*interrupt)(struct virtio_queue *q), struct virtio_queue *q)
{
    uint64_t size = u64_min(d->transport->queue_max(d, index), u64_min(size_max, RING_SIZE_MAX));
    if (size == 0) {
        return ERR_NODEV;
    }
    *q = (struct virtio_queue){.device = d, .index = index, .interrupt = interrupt};
    size = 1ull << log2_floor(size);
    status_t status = alloc_ring(q, (uint16_t)size);
    if (status != OK) {
        return status;
    }
    status = enable(q);
    if (status != OK) {
        free_ring(q);
        return status;
    }
    list_add_tail(&d->queues, &q->link);
    return OK;
}

status_t virtio_queue_renew(struct virtio_queue *q)
{
    struct ring *r = &q->ring;
    if (q->device->transport->queue_max(q->device, q->index) < r->size) {
        return ERR_IO;
    }
    memset(r->descriptors, 0, ring_layout(r->size).size);
    ring_init(r, r->size, r->descriptors, r->entries);
    return enable(q);
}

void virtio_queue_destroy(struct virtio_queue *q)
{
    if (q->ring.entries != NULL) {
        list_del(&q->link);
        free_ring(q);
    }
}

void virtio_start(struct virtio_device *d)
{
    add_status(d, VIRTIO_DRIVER_OK);
}

void virtio_stop(struct virtio_device *d)
{
    d->transport->set_status(d, 0);
    (void)d->transport->status(d); // the write has arrived when this comes back
}

void virtio_queue_publish(struct virtio_queue *q, void *token)
{
    ring_put(&q->ring, token);
    virtio_queue_notify(q);
}

void virtio_queue_notify(struct virtio_queue *q)
{
    if (ring_wants_notice(&q->ring)) {
        q->device->transport->notify(q->device, q);
    }
}

void virtio_watch_config(struct virtio_device *d, void (*changed)(struct virtio_device *d))
{
    d->config_changed = changed;
    if (d->transport->watch_config != NULL) {
        d->transport->watch_config(d);
    }
}

uint32_t virtio_config32(struct virtio_device *d, unsigned offset)
{
    return d->transport->config(d, offset);
}

uint16_t virtio_config16(struct virtio_device *d, unsigned offset)
{
    return d->transport->config16(d, offset);
}

// The two halves belong together only if the configuration did not change between (2.5.3).
uint64_t virtio_config64(struct virtio_device *d, unsigned offset)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < CONFIG_TRIES; i++) {
        uint32_t before = d->transport->config_generation(d);
        value = d->transport->config(d, offset);
        value |= (uint64_t)d->transport->config(d, offset + 4) << 32;
        if (d->transport->config_generation(d) == before) {
            break;
        }
    }
    return value;
}
