// SPDX-License-Identifier: Apache-2.0
/*
 * Base images (lib/swosbase) as file systems: read-only, and checked to the last byte.
 *
 *   mount: superblock --Ed25519--> root hash
 *   read:  block device --> pages --SHA-256 = hash in level 0?--> page cache
 *                                        level 0 <-- the same, against level 1 ... <-- root hash
 *
 * Metadata and each level of the hash tree are memory objects like the content of files, so whatever
 * is in memory has been checked, is shared by all who need it, and goes when memory is short.
 *
 * What does not have its hash is not given to anybody: the read fails with ERR_IO, and the log names
 * the file, once.
 *
 * Locking: the table of nodes has a spinlock (RANK_OBJECT).  A pager takes no lock of its own; it
 * reads the level above its own only, so that no two wait for each other.
 * Lifetimes: the file system is counted by its mount and by the memory object of each file, since
 * mappings outlive vnodes.
 */
#pragma once

#include "kernel/block/block.h"
#include "kernel/vfs/mount.h"

// Whether the device begins as a base image does, signed or not.  ERR_NOEXEC: it does not.
// ERR_IO, ERR_NOMEM.
status_t swosbase_probe(struct block_device *d);

// A file system of the image on the device, mounted nowhere yet.  The log says why if not: ERR_NOEXEC:
// no image; ERR_NOTSUP: another version; ERR_INVAL: malformed; ERR_NODATA: cut short; ERR_ACCES: not
// signed by our key; ERR_IO; ERR_NOMEM.
status_t swosbase_create(struct block_device *d, struct mount **out);

// Boot: makes the kind "swosbase" known, whose source is the name of a block device.
void swosbase_init(void);
