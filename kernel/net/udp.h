// SPDX-License-Identifier: Apache-2.0
/* UDP (RFC 768) between sockets and IP, see datagram.h. */
#pragma once

#include "kernel/net/inet.h"

void udp_init(void); // boot, after ip_init
