// SPDX-License-Identifier: Apache-2.0
/*
 * The driver's side of a split virtqueue (virtio 1.2, 2.7): bookkeeping over memory that the device
 * shares.
 *
 *   free --ring_add...--> chain being built --ring_publish--> in the device
 *     ^                                                            |
 *     '------------------------ ring_take <------------------------'
 *
 * The device is not trusted: what it writes is read once and checked, and everything that decides
 * where we read or write is kept in memory of our own.  A device that says something impossible
 * makes the ring `is_broken`, for ever: nothing more is taken or given, and ring_give_up hands back
 * what was in the device once that has been reset.
 *
 * Either side says from where on it wants to be told of progress: by a flag, yes or no, or where both
 * know VIRTIO_F_EVENT_IDX, by the index that is to be reached (2.7.10).
 *
 * The caller locks.  Memory is shared with the device as with another CPU, so the barriers are those
 * of C: the store of avail.idx is a release, the load of used.idx an acquire, and a fence stands
 * between publishing and the look whether the device wants to be told (2.7.13.4.1), and between asking
 * for interrupts and the look whether there is something already.
 */
#pragma once

#include "lib/base/types.h"

enum { RING_SIZE_MAX = 1024 }; // the format allows 32768, nobody needs them

enum ring_access { RING_DEVICE_READS, RING_DEVICE_WRITES };

struct ring_descriptor;
struct ring_avail;
struct ring_used;

// What is known about a descriptor without asking shared memory.
struct ring_entry {
    void *token;       // of a chain in the device, at its first descriptor; NULL: none
    uint32_t writable; // at a first descriptor: bytes that the device may write
    uint16_t next;     // of the chain or of the free list
    uint16_t length;   // at a first descriptor: of the chain
};

struct ring {
    struct ring_descriptor *descriptors; // [I] shared
    struct ring_avail *avail;            // [I] shared
    struct ring_used *used;              // [I] shared
    struct ring_entry *entries;          // [I] ours
    uint16_t size;                       // [I] a power of two
    uint16_t free;                       // free descriptors
    uint16_t first_free;
    uint16_t avail_index; // published so far
    uint16_t used_index;  // taken so far
    uint16_t in_device;   // chains
    uint16_t head;        // of the chain that is being built
    uint16_t building;    // descriptors of it so far
    uint16_t told_index;  // published when it was last looked whether the device wants to be told
    bool has_events;      // [I] VIRTIO_F_EVENT_IDX
    bool is_broken;
};

// Where the parts lie in one piece of memory, which is aligned to 16.
struct ring_layout {
    size_t descriptors;
    size_t avail;
    size_t used;
    size_t size;
};
struct ring_layout ring_layout(uint16_t size);

// `shared` has ring_layout(size).size zeroed bytes, `entries` has `size` entries; both are kept.
// `size` is a power of two up to RING_SIZE_MAX.  Interrupts are wanted for all that the device does.
void ring_init(struct ring *r, uint16_t size, void *shared, struct ring_entry *entries);

static inline unsigned ring_room(const struct ring *r)
{
    return r->is_broken ? 0 : r->free;
}

// The number, below `size`, that the chain built next will have until it is taken.
static inline uint16_t ring_next_head(const struct ring *r)
{
    return r->building != 0 ? r->head : r->first_free;
}

// Adds a buffer to the chain that is being built; what the device writes comes last (2.7.4.2).
// ring_room has said that there is room.
void ring_add(struct ring *r, uint64_t address, uint32_t size, enum ring_access access);

// Gives the chain to the device; `token`, not NULL, comes back with it.  True: the device wants to be
// told.
bool ring_publish(struct ring *r, void *token);

// The same in two steps: several chains are put before it is looked whether the device wants to be told.
void ring_put(struct ring *r, void *token);
bool ring_wants_notice(struct ring *r);

struct ring_taken {
    void *token;
    uint32_t written; // bytes that the device says it wrote; at most what it may
    uint16_t head;
};

// The next chain that the device has done.  False: there is none, or the ring is broken.
bool ring_take(struct ring *r, struct ring_taken *out);

// Whether there may be something to take: for interrupts, without the caller's lock.
bool ring_has_news(const struct ring *r);

// No interrupts, as far as the device can be told: what is done is looked for.
void ring_disarm(struct ring *r);

// An interrupt once the device has done `count` chains more than were taken (as early as after the first
// without VIRTIO_F_EVENT_IDX).  False: it has already, and none comes.  `count` is 1 to those it has.
bool ring_arm(struct ring *r, uint16_t count);

// Of a device that was reset: the chains that were in it, one by one, in no order.  Makes the ring
// broken.
bool ring_give_up(struct ring *r, struct ring_taken *out);
