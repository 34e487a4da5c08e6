// SPDX-License-Identifier: Apache-2.0
/*
 * What a network grant allows.  The grant of the boot allows all; one that is limited is a struct
 * net_grant below another, and allows what itself and all above it allow.
 */
#pragma once

#include "kernel/object/grant.h"
#include "lib/net/address.h"

enum net_act : uint8_t {
    NET_CONNECT = 1 << 0,   // connect, and send to
    NET_LISTEN = 1 << 1,    // bind to a port of one's choice, listen
    NET_CAPTURE = 1 << 2,   // packet and raw sockets
    NET_CONFIGURE = 1 << 3, // addresses, routes, links
};

struct net_rule {
    struct ip_addr address;
    uint16_t port_first;
    uint16_t port_last;
    uint8_t acts;     // enum net_act
    uint8_t protocol; // enum ip_protocol; 0: all
    uint8_t prefix;   // bits of `address`, counted as ip_has_prefix does
    bool is_any;      // any address of any version
};

enum { NET_RULES_MAX = 16 };

struct net_grant {
    struct grant grant;
    uint32_t count;
    struct net_rule rules[NET_RULES_MAX]; // [I] one of them allows it, or it is not allowed
};

// A grant below `parent` that allows no more than the rules (none: nothing).  ERR_INVAL, ERR_PERM,
// ERR_NOMEM.
status_t net_grant_create(struct grant *parent, const struct net_rule *rules, size_t count,
                          struct grant **out);

// ERR_PERM: revoked; ERR_ACCES: not allowed.  `address` NULL: none is named (capture, configure), so
// a rule that is limited to some addresses does not allow it.  `g` NULL: the kernel asks for itself.
status_t net_authority_check(const struct grant *g, enum net_act act, uint8_t protocol,
                             const struct ip_addr *address, uint16_t port);
