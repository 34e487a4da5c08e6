// SPDX-License-Identifier: Apache-2.0
/*
 * What the administrator wants of the network.
 *
 * /etc/swos/net has lines KEY=VALUE; # begins a comment.  INTERFACE.KEY=VALUE is for one interface.
 *
 *   dhcp=on|off             ask for addresses (on)
 *   fallback=on|off         without an answer take what QEMU's network has: 10.0.2.15 (on)
 *   address=A/PREFIX        an address, of either version; may be repeated
 *   gateway=A               the default route of its version
 *   nameserver=A            instead of those that the network tells; may be repeated
 *   search=DOMAIN           the same for the domain that names are looked up in
 *   cache=on|off            answers for names are kept, by swos-resolver (off)
 *
 * /etc/swos/net-ipv6 has address=A/64 and gateway=A, a link-local one, for the first interface.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/net/address.h"
#include "lib/netlink/route.h"

enum { POLICY_RESOLVERS_MAX = 3, POLICY_DOMAIN_SIZE = 256, POLICY_WHY_SIZE = 160 };

// An address with the length of its network, or a gateway (prefix 0), of one interface or all.
struct policy_address {
    struct policy_address *next;
    char interface[NETLINK_NAME_SIZE]; // empty: all
    struct ip_addr address;
    uint8_t prefix;
    bool is_gateway;
};

struct policy_switch {
    struct policy_switch *next;
    char interface[NETLINK_NAME_SIZE];
    bool is_dhcp; // or of the fallback
    bool is_on;
};

struct policy {
    struct policy_address *addresses;
    struct policy_switch *switches;
    struct ip_addr resolvers[POLICY_RESOLVERS_MAX];
    size_t resolver_count;
    char domain[POLICY_DOMAIN_SIZE];
    bool wants_cache;
};

struct policy6 {
    struct ip_addr address;
    struct ip_addr gateway;
    bool is_there;
};

// Reads the file; one that is not there wants nothing.  Lines that are wrong are passed over, the first is
// described in `why`, which is empty otherwise.  False: errno.
bool policy_read(struct policy *p, const char *path, char why[static POLICY_WHY_SIZE]);
void policy_free(struct policy *p);

// False: it is there and not right; `why` says what.
bool policy6_read(struct policy6 *p, const char *path, char why[static POLICY_WHY_SIZE]);

bool policy_wants_dhcp(const struct policy *p, const char *interface);
bool policy_wants_fallback(const struct policy *p, const char *interface);

// The next of an interface behind `last` (NULL: the first).
const struct policy_address *policy_address_next(const struct policy *p, const char *interface,
                                                 const struct policy_address *last);

// Whether it wants this address or gateway of the interface.
bool policy_has(const struct policy *p, const char *interface, const struct policy_address *wanted);
