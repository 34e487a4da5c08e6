// SPDX-License-Identifier: Apache-2.0
/* Virtio devices as block devices, apart from the list of those that can be found; for tests. */
#pragma once

#include "kernel/block/block.h"
#include "kernel/dev/virtio/virtio.h"

// A block device of the virtio device, ready for requests.  ERR_INVAL: what it says about itself makes no
// sense.  ERR_NOTSUP, ERR_NODEV, ERR_IO: as virtio_negotiate and virtio_queue_create.  ERR_NOMEM.
status_t virtio_blk_create(struct virtio_device *d, struct block_device **out);

// Stops the device and frees everything; no request is left, and no interrupt comes any more.
void virtio_blk_destroy(struct block_device *d);
