// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio entropy devices (virtio 1.2, 5.4): asked once at boot and every five minutes for what seeds
 * the random generator anew.
 */
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/dev/virtio/virtio.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/crypt/crypt.h"

enum { QUEUE_SIZE = 4, ASKED = 64 };
constexpr nsec_t PERIOD = 300 * NSEC_PER_SEC;

struct virtio_rng {
    struct virtio_device *device; // [I]
    struct virtio_queue queue;    // [l] its ring
    struct spinlock lock;
    struct timer again;
    uint8_t bytes[ASKED]; // the device's while it is asked
};

static void ask(struct virtio_rng *g)
{
    irqflags_t flags = spin_lock_irqsave(&g->lock);
    if (ring_room(&g->queue.ring) != 0) {
        ring_add(&g->queue.ring, virt_to_phys(g->bytes).raw, ASKED, RING_DEVICE_WRITES);
        virtio_queue_publish(&g->queue, g);
    }
    spin_unlock_irqrestore(&g->lock, flags);
}

static void time_is_up(struct timer *t)
{
    ask(container_of(t, struct virtio_rng, again));
}

static void interrupt(struct virtio_queue *q)
{
    struct virtio_rng *g = container_of(q, struct virtio_rng, queue);
    struct ring_taken taken;
    irqflags_t flags = spin_lock_irqsave(&g->lock);
    bool has_answer = ring_take(&q->ring, &taken);
    spin_unlock_irqrestore(&g->lock, flags);
    if (!has_answer) {
        return;
    }
    random_add(g->bytes, taken.written, taken.written * 8);
    crypt_wipe(g->bytes, sizeof(g->bytes));
    timer_start(&g->again, time_now() + PERIOD);
}

static status_t probe(struct virtio_device *d)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct virtio_rng), &memory);
    if (status != OK) {
        return status;
    }
    struct virtio_rng *g = memory;
    g->device = d;
    spin_init(&g->lock, "virtio-rng", RANK_DEVICE);
    timer_init(&g->again, time_is_up);
    status = virtio_negotiate(d, 0, 0);
    if (status == OK) {
        status = virtio_queue_create(d, 0, QUEUE_SIZE, interrupt, &g->queue);
    }
    if (status != OK) {
        virtio_stop(d);
        heap_free(g);
        return status;
    }
    virtio_start(d);
    log_debug("virtio-rng", "%s", d->name);
    ask(g);
    return OK;
}

static const struct virtio_driver virtio_rng_driver = {
    .name = "virtio-rng",
    .type = VIRTIO_ENTROPY,
    .probe = probe,
};
VIRTIO_DRIVER(virtio_rng_driver);
