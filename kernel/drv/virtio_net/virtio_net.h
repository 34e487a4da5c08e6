// SPDX-License-Identifier: Apache-2.0
/* Virtio network devices as interfaces, apart from the list of those that can be found; for tests. */
#pragma once

#include "kernel/dev/virtio/virtio.h"
#include "kernel/net/netif.h"

// An interface of the virtio device, ready for netif_register, down.  ERR_NOTSUP, ERR_IO: as
// virtio_negotiate.  ERR_INVAL: what it says about itself makes no sense.  ERR_NOMEM.
status_t virtio_net_create(struct virtio_device *d, struct netif **out);

// Frees an interface that is down and was never registered; no interrupt comes any more.
void virtio_net_destroy(struct netif *n);
