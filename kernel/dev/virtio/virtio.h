// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio devices (virtio 1.2), whatever they are attached to: a transport finds them, a driver for
 * their type takes them, and queues carry buffers between.
 *
 *   transport (drv/virtio_mmio, drv/virtio_pci) --virtio_attach--> driver->probe
 *   probe: virtio_negotiate -> virtio_queue_create... -> virtio_start
 *   interrupt -> transport -> virtio_interrupt -> each queue's `interrupt`
 *                          -> config_changed
 *   to start anew: virtio_stop -> virtio_negotiate -> virtio_queue_renew... -> virtio_start
 *
 * Only devices of version 1 and later are driven.
 *
 * Locking: a queue's ring belongs to its driver, under a lock of the driver's (RANK_DEVICE).  What is
 * [I] is set while the device is probed.
 * Lifetimes: devices and their queues live in the transport's and the driver's storage; those that were
 * probed live for ever.
 */
#pragma once

#include "kernel/core/irq.h"
#include "lib/base/list.h"
#include "lib/virtio/ring.h"

enum virtio_type {
    VIRTIO_NONE = 0, // an empty slot
    VIRTIO_NET = 1,
    VIRTIO_BLOCK = 2,
    VIRTIO_ENTROPY = 4,
};

// Features of every device (6).
constexpr uint64_t VIRTIO_F_EVENT_IDX = 1ull << 29;
constexpr uint64_t VIRTIO_F_VERSION_1 = 1ull << 32;

// Bits of the device status (2.1).
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

struct virtio_device;
struct virtio_queue;

// How a transport does it.  Thread context, but for notify and set_status: any.
struct virtio_transport {
    uint8_t (*status)(struct virtio_device *d);
    void (*set_status)(struct virtio_device *d, uint8_t status); // 0 resets
    uint64_t (*features)(struct virtio_device *d);
    void (*set_features)(struct virtio_device *d, uint64_t features);
    uint16_t (*queue_max)(struct virtio_device *d, unsigned index); // 0: there is no such queue
    // Addresses of the ring's parts.
    status_t (*queue_enable)(struct virtio_device *d, struct virtio_queue *q, paddr_t descriptors,
                             paddr_t avail, paddr_t used);
    void (*notify)(struct virtio_device *d, struct virtio_queue *q);
    uint32_t (*config)(struct virtio_device *d, unsigned offset);   // of 32 bits, aligned
    uint16_t (*config16)(struct virtio_device *d, unsigned offset); // aligned
    uint32_t (*config_generation)(struct virtio_device *d);
    // Has the device tell of changes of its configuration; NULL: it always does.
    void (*watch_config)(struct virtio_device *d);
};

struct virtio_device {
    const struct virtio_transport *transport; // [I]
    const char *name;                         // [I] for the log
    uint32_t type;                            // [I] enum virtio_type
    uint64_t features;                        // [I] negotiated
    struct list queues;                       // [I] struct virtio_queue
    void *driver;                             // [I] the driver's
    // The configuration changed, or may have: in interrupt context.  NULL: nobody asks.
    void (*config_changed)(struct virtio_device *d); // [I]
};

struct virtio_queue {
    struct virtio_device *device;              // [I]
    unsigned index;                            // [I]
    struct ring ring;                          // [driver's lock]
    void (*interrupt)(struct virtio_queue *q); // [I] in interrupt context
    vaddr_t notify;                            // [I] the transport's
    uint16_t vector;                           // [I] the transport's
    bool has_vector;                           // [I] the transport's
    struct list link;
};

struct virtio_driver {
    const char *name;
    uint32_t type; // enum virtio_type
    status_t (*probe)(struct virtio_device *d);
};

// Drivers register by a linker section, as those of other devices do.
#define VIRTIO_DRIVER(symbol)                                                                      \
    __attribute__((section("virtio_drivers"), used,                                                \
                   retain)) static const struct virtio_driver *const symbol##_entry = &(symbol)

// From a transport: `d` has its transport, name and type; its driver, if there is one, probes it.
// ERR_NODEV: nobody drives that type.
status_t virtio_attach(struct virtio_device *d);

// From a transport's interrupt handler, which has told the device so.
void virtio_interrupt(struct virtio_device *d);
void virtio_config_interrupt(struct virtio_device *d);

// Resets the device and agrees on features: all of `needed` and VIRTIO_F_VERSION_1, and what it has of
// `wanted`.  ERR_NOTSUP: it lacks one.  ERR_IO: it does not reset.
status_t virtio_negotiate(struct virtio_device *d, uint64_t needed, uint64_t wanted);

// Makes queue `index`, of at most `size_max` descriptors.  ERR_NODEV: the device has no such queue.
// ERR_NOMEM.
status_t virtio_queue_create(struct virtio_device *d, unsigned index, uint16_t size_max,
                             void (*interrupt)(struct virtio_queue *q), struct virtio_queue *q);

// The same queue again, empty, after the device was reset and negotiated with.  What was in the ring was
// given up.  ERR_IO: the device has it no more, or smaller.
status_t virtio_queue_renew(struct virtio_queue *q);

// Frees the queue's memory; the device was stopped.  Nothing of a zeroed queue, or one that failed.
void virtio_queue_destroy(struct virtio_queue *q);

// The device begins to work.
void virtio_start(struct virtio_device *d);

// After a probe that failed, or when the device is broken: it stops and forgets all buffers.
void virtio_stop(struct virtio_device *d);

// Gives the chain that was added to the queue's ring to the device.
void virtio_queue_publish(struct virtio_queue *q, void *token);

// Tells the device what was put into the ring, if it wants to be told.
void virtio_queue_notify(struct virtio_queue *q);

// Has `changed` called when the device's configuration changes.  After virtio_negotiate, each time.
void virtio_watch_config(struct virtio_device *d, void (*changed)(struct virtio_device *d));

// Fields of the device's configuration (2.5), at offsets that are multiples of four, or of two.
uint32_t virtio_config32(struct virtio_device *d, unsigned offset);
uint64_t virtio_config64(struct virtio_device *d, unsigned offset);
uint16_t virtio_config16(struct virtio_device *d, unsigned offset);
