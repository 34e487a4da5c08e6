// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets of AF_NETLINK: programs ask for links, addresses, routes, neighbours and sockets, change them,
 * and hear of changes.  abi/netlink.h has the messages, lib/netlink reads and writes them.
 *
 *   send -> netlink_request -> a handler of the message's type -> answers in the socket's queue
 *        -> a list was asked for: the socket remembers which, and each receive writes the next part of
 *           it, so that a long list takes no memory before somebody reads it
 *   ip's and netif's changes -> netlink_notify -> the queues of those that joined the group
 *
 * What is unread is bounded by SO_RCVBUF; what finds no room is lost, and the next receive says so once
 * (ENOBUFS), since who follows changes has to ask for everything again then.
 *
 * Reading takes a network grant, changing one that allows NET_CONFIGURE: that which the socket was made
 * with.
 *
 * Locking: a mutex (RANK_MODULE) for the list of sockets and their ports; a socket's spinlock
 * (RANK_NET_SOCKET) inside it for its queue; a socket's mutex (RANK_STREAM) for the list that it reads.
 */
#pragma once

#include "abi/netlink.h"
#include "kernel/net/inet.h"

// A socket or connection, as programs that list them see it.
struct inet_diag_info {
    struct inet_name local;
    struct inet_name peer;
    uint32_t netif;
    uint32_t receive_queue; // bytes; of who listens: connections that wait
    uint32_t send_queue;    // bytes; of who listens: how many may wait
    uint32_t principal;
    uint64_t id; // of the object
    uint16_t family;
    uint8_t state;       // ABI_TCP_*
    uint8_t detail_size; // bytes of `detail`; 0: none
    uint8_t detail[240]; // with ABI_INET_DIAG_INFO asked for: struct tcp_info
};

struct inet_diag_source {
    uint8_t protocol; // IP_PROTOCOL_*
    // The next one: `*cursor` is 0 at first, and is moved on.  ERR_NOENT: no more.
    status_t (*next)(uint64_t *cursor, struct inet_diag_info *out);
};

// Boot.  The description is kept.
void netlink_register_diag(const struct inet_diag_source *s);

void netlink_init(void); // boot, after ip_init
