// SPDX-License-Identifier: Apache-2.0
/*
 * Partitions of disks, as GUID partition tables (lib/gpt) have them: block devices whose requests go to
 * their disk.  The second one of disk0 is "disk0p2", and "disk0:NAME" by its name in the table.
 *
 * A table that is damaged is replaced by its backup at the end of the disk, with a line in the log.
 * Nothing is written.  Partitions live for ever.
 */
#pragma once

#include "kernel/block/block.h"

// Adds the partitions of the disk to the devices.  ERR_NOENT: it has no table.  ERR_INVAL: neither the
// table nor its backup can be used.  ERR_IO, ERR_NODEV, ERR_NOMEM.  Thread context.
status_t partition_scan(struct block_device *disk);

// The same for all devices that are there, boot.
void partition_scan_all(void);

// Gives `add` each partition of the disk instead, with its number; for tests.
typedef status_t (*partition_add_t)(void *context, const struct block_device *part,
                                    unsigned number);
status_t partition_read(struct block_device *disk, partition_add_t add, void *context);
