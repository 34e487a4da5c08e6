// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour discovery's messages (RFC 4861), router preferences and routes (RFC 4191), resolvers
 * (RFC 8106), the nonce of duplicate address detection (RFC 7527).
 *
 * ndp_parse makes all the checks of RFC 4861 that need no memory of earlier messages (6.1, 7.1, 8.1):
 * what it refuses is dropped in silence.  The checksum is the caller's.
 */
#pragma once

#include "lib/net/icmp6.h"

enum { NDP_NONCE_SIZE = 6, NDP_SIZE_MAX = 40, NDP_HOP_LIMIT = 255 };

enum ndp_preference : int8_t { NDP_LOW = -1, NDP_MEDIUM = 0, NDP_HIGH = 1 };

constexpr uint32_t NDP_FOREVER = UINT32_MAX; // a lifetime in seconds that does not end

struct ndp_router {    // of an advertisement
    uint8_t hop_limit; // 0: not said
    bool is_managed;   // addresses by DHCPv6
    bool has_other;    // other things by DHCPv6
    enum ndp_preference preference;
    uint16_t lifetime_s;   // 0: not a default router
    uint32_t reachable_ms; // 0: not said
    uint32_t retransmit_ms;
};

struct ndp_message {
    uint8_t type;   // ICMP6_ROUTER_SOLICITATION to ICMP6_REDIRECT
    bool has_mac;   // of the source in solicitations and router advertisements, else of the target
    bool has_nonce; // in neighbour solicitations
    bool is_router; // in neighbour advertisements
    bool is_solicited;          // the same
    bool is_override;           // the same
    struct mac_addr mac;        // with has_mac
    struct ip_addr target;      // of neighbour messages; of a redirect: the better first hop
    struct ip_addr destination; // of a redirect
    struct ndp_router router;   // of router advertisements
    uint8_t nonce[NDP_NONCE_SIZE];
    struct span options; // received: for ndp_option_next
};

// A whole ICMPv6 message and what its IPv6 header said.  ERR_INVAL.
status_t ndp_parse(struct span message, const struct ip_addr *source,
                   const struct ip_addr *destination, uint8_t hop_limit, struct ndp_message *out);

// Writes what hosts send: a solicitation, or a neighbour's advertisement, with its options and a
// checksum of 0.  Gives its size, at most NDP_SIZE_MAX.
size_t ndp_emit(const struct ndp_message *m, uint8_t *to);

// ---- What a router tells in options ----

enum ndp_option_type : uint8_t {
    NDP_SOURCE_MAC = 1,
    NDP_TARGET_MAC = 2,
    NDP_PREFIX = 3,
    NDP_MTU = 5,
    NDP_NONCE = 14,
    NDP_ROUTE = 24,
    NDP_RESOLVERS = 25,
    NDP_SEARCH = 31,
};

struct ndp_prefix {
    struct ip_addr prefix; // bits behind the first `bits` are clear
    uint8_t bits;          // at most 128
    bool is_on_link;
    bool is_autonomous; // addresses may be formed from it
    uint32_t valid_s;
    uint32_t preferred_s; // at most valid_s
};

struct ndp_route {
    struct ip_addr prefix; // bits behind the first `bits` are clear
    uint8_t bits;
    enum ndp_preference preference;
    uint32_t lifetime_s;
};

struct ndp_option {
    enum ndp_option_type type;
    union {
        struct mac_addr mac;
        struct ndp_prefix prefix;
        struct ndp_route route;
        uint32_t mtu; // at least IP6_MTU_MIN
        uint8_t nonce[NDP_NONCE_SIZE];
        struct {
            uint32_t lifetime_s;
            struct span list; // of NDP_RESOLVERS: addresses; of NDP_SEARCH: names
        } dns;
    };
};

// The next option that is of a known type and well-formed; others are passed over.  False: no more.
bool ndp_option_next(struct span *options, struct ndp_option *out);

// The next address of NDP_RESOLVERS; the next name of NDP_SEARCH.  False: no more, or what follows is
// malformed.
struct dns_name; // lib/dns/name.h
bool ndp_resolver_next(struct span *list, struct ip_addr *out);
bool ndp_search_next(struct span *list, struct dns_name *out);
