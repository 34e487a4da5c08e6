// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of NETLINK_ROUTE and what they mean, both ways: for the kernel, which answers, and for
 * programs, which ask.  Each *_emit writes one message and says whether it found room; each *_parse reads
 * the payload of one.  ERR_INVAL: malformed, or an address of no known version.
 */
#pragma once

#include "lib/net/address.h"
#include "lib/netlink/message.h"

enum { NETLINK_NAME_SIZE = 16 };

struct netlink_link {
    uint32_t index;
    uint32_t flags;  // ABI_IFF_*
    uint32_t change; // those of `flags` that are to be as said; 0 with no flags: none
    uint32_t mtu;    // 0: none is said
    uint32_t mtu_max;
    uint32_t queue; // packets
    uint16_t type;  // ABI_ARPHRD_*
    uint8_t state;  // ABI_OPERSTATE_*
    bool has_mac;
    struct mac_addr mac;
    char name[NETLINK_NAME_SIZE]; // empty: none is said
    struct abi_link_stats64 stats;
};

struct netlink_address {
    struct ip_addr address;   // IP_ANY: none is said
    struct ip_addr broadcast; // of IPv4; IP_ANY: none
    uint32_t netif;
    uint32_t flags; // ABI_IFA_F_*
    uint8_t family; // ABI_AF_INET, ABI_AF_INET6; 0 in a request: both
    uint8_t prefix;
    uint8_t origin;     // ABI_IFAPROT_*
    uint32_t preferred; // seconds left, ABI_LIFETIME_FOREVER
    uint32_t valid;
    char label[NETLINK_NAME_SIZE]; // of IPv4: the interface's name
};

struct netlink_route {
    struct ip_addr destination; // with prefix 0: of the version, or IP_ANY
    struct ip_addr gateway;     // IP_ANY: none
    struct ip_addr source;      // IP_ANY: none
    uint32_t netif;             // 0: none is said
    uint32_t metric;
    uint32_t mtu;     // 0: none is said
    uint32_t expires; // seconds left; 0: never
    uint8_t family;
    uint8_t prefix;
    uint8_t protocol; // ABI_RTPROT_*
    uint8_t type;     // ABI_RTN_*
    uint8_t table;
};

struct netlink_neighbour {
    struct ip_addr address;
    uint32_t netif;
    uint16_t state; // ABI_NUD_*
    uint8_t family;
    bool is_router;
    bool has_mac;
    struct mac_addr mac;
};

bool netlink_link_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                       const struct netlink_link *l);
status_t netlink_link_parse(struct span payload, struct netlink_link *out);

bool netlink_address_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                          const struct netlink_address *a);
status_t netlink_address_parse(struct span payload, struct netlink_address *out);

bool netlink_route_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                        const struct netlink_route *r);
status_t netlink_route_parse(struct span payload, struct netlink_route *out);

bool netlink_neighbour_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                            const struct netlink_neighbour *n);
status_t netlink_neighbour_parse(struct span payload, struct netlink_neighbour *out);

// One resolver, as the option of a router advertisement that names it (RFC 8106, 5.1).
struct netlink_resolver {
    struct ip_addr address;
    uint32_t netif;
    uint32_t lifetime; // seconds left
};
bool netlink_resolver_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                           const struct netlink_resolver *r);
status_t netlink_resolver_parse(struct span payload, struct netlink_resolver *out);
