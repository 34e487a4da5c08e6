// SPDX-License-Identifier: Apache-2.0
/* What IP keeps for an interface, inside of struct netif.  Of no meaning to anybody but kernel/net/ip_*.c. */
#pragma once

#include <stdatomic.h>

#include "lib/base/list.h"

struct ip_netif {
    struct list addresses;      // [route lock] struct ip_address
    struct list groups;         // [route lock] struct ip_group
    struct list resolvers;      // [route lock] of ndp_router.c
    nsec_t old_groups4;         // [route lock] until then routers are told of groups by IGMPv2 ...
    nsec_t old_groups6;         // [route lock] ... and MLDv1
    _Atomic uint32_t mtu6;      // [a] what a router said; 0: nothing
    _Atomic uint8_t hop_limit6; // [a] the same
    _Atomic uint64_t reachable; // [a] nanoseconds, of neighbours of IPv6
    _Atomic uint64_t retrans;   // [a] nanoseconds
    nsec_t solicit_due;         // [config] when routers are asked again; NSEC_NEVER
    uint8_t solicitations;      // [config] so often they were asked
    bool was_up;                // [config]
};
