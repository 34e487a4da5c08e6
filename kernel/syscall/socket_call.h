// SPDX-License-Identifier: Apache-2.0
/* What the calls on sockets share. */
#pragma once

#include "kernel/ipc/socket.h"

// An address of the caller's.  ERR_INVAL: too short for a family, or too long.  ERR_FAULT.
status_t socket_address_from_user(struct socket_address *out, vaddr_t address, uint32_t size);

// Stores what of it there is room for.  ERR_FAULT.
status_t socket_address_put(const struct socket_address *a, vaddr_t address, uint32_t room);

// The same where the size at `size` is that of the room, and becomes that of the address.
// ERR_FAULT, ERR_INVAL.
status_t socket_address_to_user(const struct socket_address *a, vaddr_t address, vaddr_t size);
