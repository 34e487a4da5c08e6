// SPDX-License-Identifier: Apache-2.0
/*
 * Block devices: arrays of sectors that are read and written by requests, many at a time.
 *
 *   owner --block_submit--> waiting (the device has no room) --ops->start--> in the device
 *     ^                                                                          |
 *     '---- done(r), in interrupt context <---- block_finish <---- interrupt ----'
 *
 * A device that is memory transfers at once instead (ops->transfer), where block_submit is called.
 * A partition is a block device as well: a part of another one, to which its requests go.
 *
 * Invariants:
 *   1. A request that was submitted is done exactly once, also when it fails.
 *   2. Requests start in the order they were submitted, but end in any order; who needs an order
 *      waits, and what was written is on the medium once a flush that was submitted after its end
 *      is done.
 *   3. While requests wait, the device has others in it, whose end starts those that wait.
 *   4. A device that has not answered a request for BLOCK_LIMIT is abandoned: what it has ends with
 *      ERR_IO, what waits and what comes with ERR_NODEV.  The limit counts in looks at the requests
 *      that are inside, so that a machine that stood still (a guest that was suspended) finds its
 *      devices as it left them.
 *
 * Locking: `lock` (RANK_BLOCK, interrupts masked) guards the queue; ops->start runs under it and may
 * take the driver's lock.  The list of devices only grows and has a lock of its own, so that a
 * device that was found stays.
 * Lifetimes: devices live for ever.  A request and what it points at belong to the layer from
 * block_submit until `done` is called.  `done` may free it; it submits nothing, since a device may
 * be done before block_submit returns.
 *
 * What it does not do: it neither merges nor sorts requests, and caches nothing; that is the page
 * cache's.
 */
#pragma once

#include "kernel/core/time.h"
#include "lib/base/list.h"
#include "lib/base/types.h"

constexpr nsec_t BLOCK_LIMIT = 30 * NSEC_PER_SEC; // unless disk-timeout=SECONDS is said at boot

enum { BLOCK_SECTOR_MIN = 512, BLOCK_SECTOR_MAX = 4096, BLOCK_NAME_SIZE = 16 };

enum block_op {
    BLOCK_READ,
    BLOCK_WRITE,
    BLOCK_FLUSH, // what was written before is on the medium; no segments
};

// A piece of RAM that a device reads or writes: physically contiguous.
struct block_segment {
    paddr_t base;
    uint32_t size_bytes; // a multiple of the sector size
};

struct block_request {
    enum block_op op;
    uint64_t offset;                       // of the first sector, in bytes
    const struct block_segment *segments;  // kept until done
    unsigned segment_count;                // at most `segments_max` of the device
    void (*done)(struct block_request *r); // interrupts are masked; no lock of the layer is held
    status_t status;                       // in `done` and from then on
    struct list link;                      // the layer's or the driver's
    struct list inside;                    // [device's lock] from ops->start on
    unsigned looks;                        // [device's lock] that have found it there
};

struct block_device;

// One of the two: start or transfer.
struct block_ops {
    // Gives the request to the device; false: there is no room until another one ends.  The request
    // is within the device's bounds.  Interrupts masked, `lock` held.
    bool (*start)(struct block_device *d, struct block_request *r);

    // With `start`: the device is not trusted to answer any more.  The driver takes its memory away from
    // it, finishes what it has with ERR_IO, and calls block_set_gone.  Interrupts masked, no lock held.
    void (*abandon)(struct block_device *d);

    // Does all of the request.  Any context, no lock held.
    status_t (*transfer)(struct block_device *d, const struct block_request *r);
};

// A driver's device has this in it, and fills the first part before block_init.
struct block_device {
    const struct block_ops *ops; // [I]
    uint64_t size_bytes;         // [I] a multiple of the sector size
    uint32_t sector_size;        // [I] bytes, a power of two: BLOCK_SECTOR_MIN to BLOCK_SECTOR_MAX
    unsigned segments_max;       // [I] of a request, at least 1
    uint32_t request_max;        // [I] bytes of a request, a multiple of the sector size
    bool is_read_only;           // [I]
    bool has_cache;              // [I] what was written waits for a flush

    char name[BLOCK_NAME_SIZE];  // [I] "disk0", "ram0", "disk0p2"
    struct block_device *parent; // [I] of a partition, else NULL
    uint64_t start;              // [I] of a partition, in bytes
    const char *label;           // [I] of a partition, its name in the table; else NULL
    nsec_t limit_ns; // [I] BLOCK_LIMIT, or another chosen before the first request; 0: none
    struct spinlock lock;
    bool is_gone;        // [l] nothing is started any more
    bool is_watched;     // [l] `watch` runs
    struct list waiting; // [l] struct block_request, the next to be started first
    struct list inside;  // [l] struct block_request, the oldest first
    struct timer watch;
    struct list link; // [list lock]
};

// Readies a device for requests.
void block_init(struct block_device *d);

// The way back: no request is left, and none comes.  Thread context.
void block_fini(struct block_device *d);

// Makes the device one that can be found, and gives it the next name of its kind: "disk" -> "disk3".
// Thread context.
void block_add(struct block_device *d, const char *kind);

// The same for a partition: number 2 of "disk3" is "disk3p2".
void block_add_partition(struct block_device *d, unsigned number);

// The device of that name, or the first partition that is "DISK:LABEL".  ERR_NOENT.
status_t block_find(const char *name, struct block_device **out);

// Iterates in the order in which devices came: the first with NULL; NULL at the end.
struct block_device *block_next(struct block_device *after);

// Submits a request whose op, offset, segments and done are set.  `done` may run before this
// returns.  It gets ERR_INVAL: not whole sectors, or more than the device's limits; ERR_RANGE: not
// within the device; ERR_ROFS; ERR_IO; ERR_NODEV: the device is gone.  Any context.
void block_submit(struct block_device *d, struct block_request *r);

// From a driver: the request has ended.  Starts what waits.  No lock held; any context.
void block_finish(struct block_device *d, struct block_request *r, status_t status);

// From a driver: the device is gone, or broken.  What waits ends with ERR_NODEV, and so does what
// comes.  What is in the device is the driver's to finish.  No lock held; any context.
void block_set_gone(struct block_device *d);

// Submits and waits for the end; op, offset and segments are set.  Gives what `done` would get.
// Thread context.
status_t block_run(struct block_device *d, struct block_request *r);

// The same for a piece of the kernel's linear map (heap, pages), of any length that is whole
// sectors; more than a request takes goes piece by piece.
status_t block_read(struct block_device *d, uint64_t offset, void *bytes, size_t size);
status_t block_write(struct block_device *d, uint64_t offset, const void *bytes, size_t size);
status_t block_flush(struct block_device *d);
