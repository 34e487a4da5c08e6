// SPDX-License-Identifier: Apache-2.0
/* The options of neighbour discovery that a host looks at. */
#include "lib/base/string.h"
#include "lib/dns/name.h"
#include "lib/net/ethernet.h"
#include "lib/net/ndp.h"

enum { OPTION_UNIT = 8 };

// RFC 4861, 4.6.2; of the link's own prefix, and of one that would be a group, nothing is to be learned.
static bool read_prefix(struct span s, struct ndp_option *o)
{
    enum { BITS = 2, FLAGS = 3, VALID = 4, PREFERRED = 8, PREFIX = 16, SIZE = 32 };
    if (s.size != SIZE || s.data[BITS] > 128) {
        return false;
    }
    struct ip_addr prefix = ip6_read(s.data + PREFIX);
    o->prefix = (struct ndp_prefix){
        .bits = s.data[BITS],
        .is_on_link = (s.data[FLAGS] & 0x80) != 0,
        .is_autonomous = (s.data[FLAGS] & 0x40) != 0,
        .valid_s = read_be32(s.data + VALID),
        .preferred_s = read_be32(s.data + PREFERRED),
    };
    if (ip_is_v4(&prefix) || ip_is_multicast(&prefix) || ip_is_link_local(&prefix) ||
        o->prefix.preferred_s > o->prefix.valid_s) {
        return false;
    }
    o->prefix.prefix = ip_network(&prefix, o->prefix.bits);
    return true;
}

// RFC 4191, 2.3: bytes of the prefix that are not there are 0.
static bool read_route(struct span s, struct ndp_option *o)
{
    enum { BITS = 2, FLAGS = 3, LIFETIME = 4, PREFIX = 8 };
    uint8_t bits = s.data[BITS];
    unsigned preference = s.data[FLAGS] >> 3 & 3;
    size_t size = s.size - PREFIX;
    if (bits > 128 || size > IP6_SIZE || size * 8 < bits || preference == 2) {
        return false;
    }
    struct ip_addr prefix = IP_ANY;
    memcpy(prefix.bytes, s.data + PREFIX, size);
    if (ip_is_v4(&prefix) || ip_is_multicast(&prefix)) {
        return false;
    }
    o->route = (struct ndp_route){
        .prefix = ip_network(&prefix, bits),
        .bits = bits,
        .preference = preference == 1   ? NDP_HIGH
                      : preference == 3 ? NDP_LOW
                                        : NDP_MEDIUM,
        .lifetime_s = read_be32(s.data + LIFETIME),
    };
    return true;
}

// RFC 8106, 5.1 and 5.2.
static bool read_dns(struct span s, struct ndp_option *o)
{
    enum { LIFETIME = 4, LIST = 8 };
    o->dns.lifetime_s = read_be32(s.data + LIFETIME);
    o->dns.list = span_of(s.data + LIST, s.size - LIST);
    return o->dns.list.size != 0 && (o->type != NDP_RESOLVERS || o->dns.list.size % IP6_SIZE == 0);
}

// The option in all of `s`, which is OPTION_UNIT bytes or more.
static bool read_option(struct span s, struct ndp_option *o)
{
    *o = (struct ndp_option){.type = s.data[0]};
    switch (s.data[0]) {
    case NDP_SOURCE_MAC:
    case NDP_TARGET_MAC:
        o->mac = mac_read(s.data + 2);
        return s.size == OPTION_UNIT && mac_is_unicast(&o->mac);
    case NDP_PREFIX: return read_prefix(s, o);
    case NDP_MTU:
        o->mtu = read_be32(s.data + 4);
        return s.size == OPTION_UNIT && o->mtu >= IP6_MTU_MIN;
    case NDP_NONCE: memcpy(o->nonce, s.data + 2, NDP_NONCE_SIZE); return s.size == OPTION_UNIT;
    case NDP_ROUTE: return read_route(s, o);
    case NDP_RESOLVERS:
    case NDP_SEARCH: return read_dns(s, o);
    default: return false;
    }
}

bool ndp_option_next(struct span *options, struct ndp_option *out)
{
    while (options->size >= OPTION_UNIT) {
        size_t size = options->data[1] * (size_t)OPTION_UNIT;
        if (size == 0 || size > options->size) {
            return false;
        }
        struct span option = span_of(options->data, size);
        *options = span_of(options->data + size, options->size - size);
        struct ndp_option o;
        if (read_option(option, &o)) {
            *out = o;
            return true;
        }
    }
    return false;
}

bool ndp_resolver_next(struct span *list, struct ip_addr *out)
{
    while (list->size >= IP6_SIZE) {
        struct ip_addr a = ip6_read(list->data);
        *list = span_of(list->data + IP6_SIZE, list->size - IP6_SIZE);
        if (!ip_is_v4(&a) && !ip_is_multicast(&a) && !ip_is_unspecified(&a)) {
            *out = a;
            return true;
        }
    }
    return false;
}

bool ndp_search_next(struct span *list, struct dns_name *out)
{
    size_t at = 0;
    // The names are followed by zeros, each of which would be the root.
    if (list->size == 0 || list->data[0] == 0 || dns_name_read_plain(*list, &at, out) != OK) {
        return false;
    }
    *list = span_of(list->data + at, list->size - at);
    return true;
}
