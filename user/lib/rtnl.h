// SPDX-License-Identifier: Apache-2.0
/*
 * The state of the network, asked and changed through AF_NETLINK.
 *
 *   rtnl_open -> rtnl_dump, rtnl_change ... -> rtnl_close
 *   rtnl_open with groups -> poll -> rtnl_receive
 *
 * Failures are false with errno.
 */
#pragma once

#include <stdbool.h>

#include "lib/netlink/route.h"

struct rtnl {
    int socket;
    uint32_t sequence;
    uint8_t *buffer;
};

enum { RTNL_ROUTE = ABI_NETLINK_ROUTE, RTNL_SOCKETS = ABI_NETLINK_SOCK_DIAG };

// `groups`: a mask of 1 << (ABI_RTNLGRP_* - 1), whose messages come by themselves.
bool rtnl_open(struct rtnl *r, int protocol, uint32_t groups);
void rtnl_close(struct rtnl *r);

// Each message of an answer or a notice; false ends the reading.
typedef bool rtnl_each_t(void *context, const struct netlink_message *m);

// Asks for all of a type (ABI_RTM_GET*), or sends a request of the caller's that asks for all.
bool rtnl_dump(struct rtnl *r, uint16_t type, rtnl_each_t *each, void *context);
bool rtnl_dump_request(struct rtnl *r, uint16_t type, struct span request, rtnl_each_t *each,
                       void *context);

// Takes what has come by itself, without waiting.  ENOBUFS: some was lost, and all is to be asked for anew.
bool rtnl_receive(struct rtnl *r, rtnl_each_t *each, void *context);

// Makes it so, or no longer.  What is there already (EEXIST), or is not there to be removed, is as asked.
enum rtnl_change { RTNL_ADD, RTNL_REMOVE };
bool rtnl_address(struct rtnl *r, enum rtnl_change what, const struct netlink_address *a);
bool rtnl_route(struct rtnl *r, enum rtnl_change what, const struct netlink_route *route);
bool rtnl_neighbour(struct rtnl *r, enum rtnl_change what, const struct netlink_neighbour *n);

// Flags under the mask link->change, and the MTU where it is not 0.
bool rtnl_link(struct rtnl *r, const struct netlink_link *link);

// The number of an interface by its name, and its name; 0 and false with ENODEV.
bool rtnl_find_link(struct rtnl *r, const char *name, struct netlink_link *out);
bool rtnl_find_index(struct rtnl *r, uint32_t index, struct netlink_link *out);
