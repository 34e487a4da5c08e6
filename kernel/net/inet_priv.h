// SPDX-License-Identifier: Apache-2.0
/* What the files of Internet sockets share; inet.h has the picture and the locks. */
#pragma once

#include "kernel/net/inet.h"

/* ---- Groups (inet_group.c) ---- */

enum { INET_GROUPS_MAX = 64 }; // that one socket can join

// `netif` NULL: the one that packets to the group leave by.  ERR_INVAL: no group.  ERR_ADDRINUSE: it is
// a member.  ERR_NODEV, ERR_NOBUFS, ERR_NOMEM; ERR_ADDRNOTAVAIL: it is none.
status_t inet_group_join(struct inet_socket *s, const struct ip_addr *group, struct netif *netif);
status_t inet_group_leave(struct inet_socket *s, const struct ip_addr *group, struct netif *netif);

// Leaves and frees one that is on no list any more.
void inet_group_drop(struct inet_group *g);

// Whether packets to the group that come in there are for the socket.
bool inet_has_group(struct inet_socket *s, const struct ip_addr *group, uint32_t netif);

/* ---- Requests about interfaces (inet_ioctl.c) ---- */

// ERR_NOTTY: it is none of them.
status_t inet_ioctl(uint32_t request, vaddr_t argument, int64_t *result);
