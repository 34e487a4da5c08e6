// SPDX-License-Identifier: Apache-2.0
/* UDP (RFC 768) between sockets and IP, see datagram.h. */
#pragma once

#include "kernel/net/inet.h"

void udp_init(void); // boot, after ip_init

// Calls `visit` for every socket, with a reference and without locks, until it gives false.
void udp_for_each(bool (*visit)(void *context, struct inet_socket *s), void *context);
