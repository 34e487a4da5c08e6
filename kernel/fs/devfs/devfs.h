// SPDX-License-Identifier: Apache-2.0
/*
 * /dev: the character devices of kernel/dev/chardev.h by name, as they come and go, with those of the
 * pseudo-terminals in the directory pts; the caller's handles in the directory fd (handles.c); links
 * to where programs look for shared memory and standard streams.  Nothing can be made or removed in
 * it; owner and mode of a device can be changed, and last as long as the device.
 *
 * A device's vnode exists while it is in use and holds a reference on the device.
 */
#pragma once

#include "lib/base/types.h"

struct mount;

void devfs_init(void); // boot: adds the kind "devfs"

// Takes no options.  ERR_INVAL, ERR_NOMEM.
status_t devfs_create(const char *source, uint32_t flags, const char *options, struct mount **out);
