// SPDX-License-Identifier: Apache-2.0
/* Control data of messages: handles and identities, as struct cmsghdr has them. */
#pragma once

#include "kernel/ipc/socket.h"

// Reads the control data of a message to be sent: `m` gets handles, which are the caller's to drop,
// identity, and in m->control what is of another level.  ERR_INVAL, ERR_FAULT, ERR_NOBUFS, ERR_NOMEM, ERR_PERM (another's identity), ERR_BADF,
// ERR_ACCES (a handle that must not be passed on).
status_t socket_control_get(vaddr_t control, uint32_t size, struct socket_message *m);

// Stores what came with a message, and gives the bytes used of the `size` there are.  Takes m->cargo;
// what finds no room, or no handle, ends, and MSG_CTRUNC is set.
uint32_t socket_control_put(struct socket *s, struct socket_message *m, vaddr_t control,
                            uint32_t size);
