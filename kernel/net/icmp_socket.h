// SPDX-License-Identifier: Apache-2.0
/*
 * Echo by sockets without more authority than to connect: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6.
 * A program sends and receives whole ICMP messages; the identifier in them is the socket's port.
 */
#pragma once

void icmp_socket_init(void); // boot, after ip_init
