// SPDX-License-Identifier: Apache-2.0
/*
 * Packet sockets (AF_PACKET): copies of what goes in and out at interfaces, and frames to be sent as they
 * are.  They take a network grant that allows NET_CAPTURE.
 *
 * Each socket is a tap (netif.h).  What it has not read is bounded by SO_RCVBUF; the rest is dropped and
 * counted (PACKET_STATISTICS).
 *
 * Locking: as other datagrams, but the lock of the socket ranks RANK_NET_TAP, since taps are called from
 * the queues of interfaces.
 */
#pragma once

void packet_socket_init(void); // boot
