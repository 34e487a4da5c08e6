// SPDX-License-Identifier: Apache-2.0
/*
 * Raw sockets: SOCK_RAW of AF_INET and AF_INET6, which take a network grant that allows NET_CAPTURE.  They
 * get a copy of every packet of their protocol that is for this machine, and send any.
 *
 * Locking: a spinlock (RANK_NET_PORTS) for the list of sockets.  While there is none, packets are not
 * looked at.
 */
#pragma once

void raw_init(void); // boot, after ip_init
