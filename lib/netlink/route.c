// SPDX-License-Identifier: Apache-2.0
#include "lib/netlink/route.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { ATTRS = 64, V4_AT = IP6_SIZE - IP4_SIZE };

static bool is_family(uint8_t family)
{
    return family == ABI_AF_INET || family == ABI_AF_INET6;
}

/* ---- Attributes ---- */

static void add_address(struct netlink_writer *w, uint16_t type, uint8_t family,
                        const struct ip_addr *a)
{
    if (family == ABI_AF_INET) {
        netlink_add(w, type, a->bytes + V4_AT, IP4_SIZE);
    } else {
        netlink_add(w, type, a->bytes, IP6_SIZE);
    }
}

static void add_address_if(struct netlink_writer *w, uint16_t type, uint8_t family,
                           const struct ip_addr *a)
{
    if (!ip_is_equal(a, &IP_ANY)) {
        add_address(w, type, family, a);
    }
}

static void add_u32_if(struct netlink_writer *w, uint16_t type, uint32_t value)
{
    if (value != 0) {
        netlink_add_u32(w, type, value);
    }
}

// With its NUL; none if it is empty.
static void add_name(struct netlink_writer *w, uint16_t type, const char *name)
{
    size_t len = strnlen(name, NETLINK_NAME_SIZE - 1);
    char text[NETLINK_NAME_SIZE] = {};
    memcpy(text, name, len);
    if (len != 0) {
        netlink_add(w, type, text, len + 1);
    }
}

// Stays as it is where there is no attribute.
static status_t get_address(struct span data, uint8_t family, struct ip_addr *out)
{
    if (data.data == NULL) {
        return OK;
    }
    if (family == ABI_AF_INET && data.size == IP4_SIZE) {
        *out = ip4_read(data.data);
        return OK;
    }
    if (family == ABI_AF_INET6 && data.size == IP6_SIZE) {
        *out = ip6_read(data.data);
        return ip_is_v4(out) ? ERR_INVAL : OK;
    }
    return ERR_INVAL;
}

static void get_name(struct span data, char out[static NETLINK_NAME_SIZE])
{
    memset(out, 0, NETLINK_NAME_SIZE);
    if (data.data != NULL) {
        memcpy(out, data.data, u64_min(data.size, NETLINK_NAME_SIZE - 1));
    }
}

static bool get_mac(struct span data, struct mac_addr *out)
{
    bool has = data.data != NULL && data.size == MAC_SIZE;
    if (has) {
        memcpy(out->bytes, data.data, MAC_SIZE);
    }
    return has;
}

/* ---- Links ---- */

// A link's classic counters: those of 64 bits cut to 32.
static void add_stats32(struct netlink_writer *w, const struct abi_link_stats64 *s)
{
    enum { COUNT = sizeof(*s) / sizeof(uint64_t) - 1 }; // it has no count for other hosts
    uint64_t wide[COUNT + 1];
    uint32_t narrow[COUNT];
    memcpy(wide, s, sizeof(wide));
    for (size_t i = 0; i < COUNT; i++) {
        narrow[i] = (uint32_t)wide[i];
    }
    netlink_add(w, ABI_IFLA_STATS, narrow, sizeof(narrow));
}

bool netlink_link_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                       const struct netlink_link *l)
{
    const struct abi_ifinfomsg m = {
        .link_type = l->type, .index = (int32_t)l->index, .flags = l->flags, .change = l->change};
    netlink_begin(w, h);
    netlink_put(w, &m, sizeof(m));
    add_name(w, ABI_IFLA_IFNAME, l->name);
    add_u32_if(w, ABI_IFLA_MTU, l->mtu);
    add_u32_if(w, ABI_IFLA_MAX_MTU, l->mtu_max);
    add_u32_if(w, ABI_IFLA_TXQLEN, l->queue);
    netlink_add_u8(w, ABI_IFLA_OPERSTATE, l->state);
    if (l->has_mac) {
        static const struct mac_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
        static const struct mac_addr none = {{0}};
        bool is_loopback = (l->flags & ABI_IFF_LOOPBACK) != 0;
        netlink_add(w, ABI_IFLA_ADDRESS, l->mac.bytes, MAC_SIZE);
        netlink_add(w, ABI_IFLA_BROADCAST, is_loopback ? &none : &all, MAC_SIZE);
    }
    add_stats32(w, &l->stats);
    netlink_add(w, ABI_IFLA_STATS64, &l->stats, sizeof(l->stats));
    return netlink_end(w);
}

status_t netlink_link_parse(struct span payload, struct netlink_link *out)
{
    enum { FAMILY_ONLY = 1 }; // as the shortest requests for lists are
    struct abi_ifinfomsg m;
    struct span a[ATTRS];
    status_t status = netlink_get(payload, FAMILY_ONLY, &m, sizeof(m));
    if (status == OK) {
        status = netlink_attrs(payload, sizeof(m), a, ATTRS);
    }
    if (status != OK) {
        return status;
    }
    *out = (struct netlink_link){
        .index = (uint32_t)m.index,
        .flags = m.flags,
        .change = m.change,
        .type = m.link_type,
        .mtu = netlink_u32(a[ABI_IFLA_MTU], 0),
        .mtu_max = netlink_u32(a[ABI_IFLA_MAX_MTU], 0),
        .queue = netlink_u32(a[ABI_IFLA_TXQLEN], 0),
        .state = netlink_u8(a[ABI_IFLA_OPERSTATE], ABI_OPERSTATE_UNKNOWN),
    };
    out->has_mac = get_mac(a[ABI_IFLA_ADDRESS], &out->mac);
    get_name(a[ABI_IFLA_IFNAME], out->name);
    if (a[ABI_IFLA_STATS64].size >= sizeof(out->stats)) {
        memcpy(&out->stats, a[ABI_IFLA_STATS64].data, sizeof(out->stats));
    }
    return OK;
}

/* ---- Addresses ---- */

static uint8_t scope_of(const struct ip_addr *a)
{
    if (ip_is_loopback(a)) {
        return ABI_RT_SCOPE_HOST;
    }
    return ip_is_link_local(a) ? ABI_RT_SCOPE_LINK : ABI_RT_SCOPE_UNIVERSE;
}

bool netlink_address_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                          const struct netlink_address *a)
{
    const struct abi_ifaddrmsg m = {.family = a->family,
                                    .prefix = a->prefix,
                                    .flags = (uint8_t)a->flags,
                                    .scope = scope_of(&a->address),
                                    .netif = a->netif};
    const struct abi_ifa_cacheinfo times = {.preferred = a->preferred, .valid = a->valid};
    netlink_begin(w, h);
    netlink_put(w, &m, sizeof(m));
    add_address_if(w, ABI_IFA_ADDRESS, a->family, &a->address);
    if (a->family == ABI_AF_INET) {
        add_address_if(w, ABI_IFA_LOCAL, a->family, &a->address);
        add_address_if(w, ABI_IFA_BROADCAST, a->family, &a->broadcast);
        add_name(w, ABI_IFA_LABEL, a->label);
    }
    netlink_add_u32(w, ABI_IFA_FLAGS, a->flags);
    netlink_add_u8(w, ABI_IFA_PROTO, a->origin);
    netlink_add(w, ABI_IFA_CACHEINFO, &times, sizeof(times));
    return netlink_end(w);
}

static void get_lifetimes(struct span data, struct netlink_address *out)
{
    struct abi_ifa_cacheinfo times = {.preferred = ABI_LIFETIME_FOREVER,
                                      .valid = ABI_LIFETIME_FOREVER};
    if (data.size >= sizeof(times)) {
        memcpy(&times, data.data, sizeof(times));
    }
    out->preferred = times.preferred;
    out->valid = times.valid;
}

status_t netlink_address_parse(struct span payload, struct netlink_address *out)
{
    enum { FAMILY_ONLY = 1 };
    struct abi_ifaddrmsg m;
    struct span a[ATTRS];
    status_t status = netlink_get(payload, FAMILY_ONLY, &m, sizeof(m));
    if (status == OK) {
        status = netlink_attrs(payload, sizeof(m), a, ATTRS);
    }
    if (status != OK) {
        return status;
    }
    *out = (struct netlink_address){
        .address = IP_ANY,
        .broadcast = IP_ANY,
        .netif = m.netif,
        .family = m.family,
        .prefix = m.prefix,
        .flags = netlink_u32(a[ABI_IFA_FLAGS], m.flags),
        .origin = netlink_u8(a[ABI_IFA_PROTO], ABI_IFAPROT_UNSPEC),
    };
    get_lifetimes(a[ABI_IFA_CACHEINFO], out);
    get_name(a[ABI_IFA_LABEL], out->label);
    // IFA_LOCAL is this machine's on links that have two ends; else both are the same.
    struct span own = a[ABI_IFA_LOCAL].data != NULL ? a[ABI_IFA_LOCAL] : a[ABI_IFA_ADDRESS];
    status = get_address(own, m.family, &out->address);
    if (status == OK) {
        status = get_address(a[ABI_IFA_BROADCAST], m.family, &out->broadcast);
    }
    return status;
}

/* ---- Routes ---- */

static void add_mtu(struct netlink_writer *w, uint32_t mtu)
{
    if (mtu != 0) {
        size_t nest = netlink_nest(w, ABI_RTA_METRICS);
        netlink_add_u32(w, ABI_RTAX_MTU, mtu);
        netlink_nest_end(w, nest);
    }
}

bool netlink_route_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                        const struct netlink_route *r)
{
    bool is_on_link = ip_is_equal(&r->gateway, &IP_ANY);
    const struct abi_rtmsg m = {
        .family = r->family,
        .prefix = r->prefix,
        .table = r->table,
        .protocol = r->protocol,
        .scope = is_on_link && r->family == ABI_AF_INET ? ABI_RT_SCOPE_LINK : ABI_RT_SCOPE_UNIVERSE,
        .type = r->type};
    netlink_begin(w, h);
    netlink_put(w, &m, sizeof(m));
    netlink_add_u32(w, ABI_RTA_TABLE, r->table);
    if (r->prefix != 0) {
        add_address(w, ABI_RTA_DST, r->family, &r->destination);
    }
    add_address_if(w, ABI_RTA_GATEWAY, r->family, &r->gateway);
    add_address_if(w, ABI_RTA_PREFSRC, r->family, &r->source);
    add_u32_if(w, ABI_RTA_OIF, r->netif);
    add_u32_if(w, ABI_RTA_PRIORITY, r->metric);
    add_u32_if(w, ABI_RTA_EXPIRES, r->expires);
    add_mtu(w, r->mtu);
    return netlink_end(w);
}

static status_t get_mtu(struct span data, uint32_t *out)
{
    struct span metrics[ABI_RTAX_MTU + 1];
    *out = 0;
    if (data.data == NULL) {
        return OK;
    }
    status_t status = netlink_attrs(data, 0, metrics, ABI_RTAX_MTU + 1);
    if (status == OK) {
        *out = netlink_u32(metrics[ABI_RTAX_MTU], 0);
    }
    return status;
}

static status_t get_route_addresses(const struct span *a, struct netlink_route *out)
{
    status_t status = get_address(a[ABI_RTA_DST], out->family, &out->destination);
    if (status == OK) {
        status = get_address(a[ABI_RTA_GATEWAY], out->family, &out->gateway);
    }
    if (status == OK) {
        status = get_address(a[ABI_RTA_PREFSRC], out->family, &out->source);
    }
    return status == OK ? get_mtu(a[ABI_RTA_METRICS], &out->mtu) : status;
}

status_t netlink_route_parse(struct span payload, struct netlink_route *out)
{
    enum { FAMILY_ONLY = 1, V4_BITS = 32, V6_BITS = 128 };
    struct abi_rtmsg m;
    struct span a[ATTRS];
    status_t status = netlink_get(payload, FAMILY_ONLY, &m, sizeof(m));
    if (status == OK) {
        status = netlink_attrs(payload, sizeof(m), a, ATTRS);
    }
    if (status != OK) {
        return status;
    }
    *out = (struct netlink_route){
        .destination = m.family == ABI_AF_INET ? ip4(0) : IP_ANY,
        .gateway = IP_ANY,
        .source = IP_ANY,
        .netif = netlink_u32(a[ABI_RTA_OIF], 0),
        .metric = netlink_u32(a[ABI_RTA_PRIORITY], 0),
        .expires = netlink_u32(a[ABI_RTA_EXPIRES], 0),
        .family = m.family,
        .prefix = m.prefix,
        .protocol = m.protocol,
        .type = m.type,
        .table = (uint8_t)netlink_u32(a[ABI_RTA_TABLE], m.table),
    };
    bool is_prefix = m.prefix <= (m.family == ABI_AF_INET ? V4_BITS : V6_BITS);
    return is_prefix ? get_route_addresses(a, out) : ERR_INVAL;
}

/* ---- Neighbours ---- */

bool netlink_neighbour_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                            const struct netlink_neighbour *n)
{
    const struct abi_ndmsg m = {.family = n->family,
                                .netif = (int32_t)n->netif,
                                .state = n->state,
                                .flags = n->is_router ? ABI_NTF_ROUTER : 0,
                                .type = ABI_RTN_UNICAST};
    netlink_begin(w, h);
    netlink_put(w, &m, sizeof(m));
    add_address_if(w, ABI_NDA_DST, n->family, &n->address);
    if (n->has_mac) {
        netlink_add(w, ABI_NDA_LLADDR, n->mac.bytes, MAC_SIZE);
    }
    return netlink_end(w);
}

status_t netlink_neighbour_parse(struct span payload, struct netlink_neighbour *out)
{
    enum { FAMILY_ONLY = 1 };
    struct abi_ndmsg m;
    struct span a[ATTRS];
    status_t status = netlink_get(payload, FAMILY_ONLY, &m, sizeof(m));
    if (status == OK) {
        status = netlink_attrs(payload, sizeof(m), a, ATTRS);
    }
    if (status != OK) {
        return status;
    }
    *out = (struct netlink_neighbour){.address = IP_ANY,
                                      .netif = (uint32_t)m.netif,
                                      .state = m.state,
                                      .family = m.family,
                                      .is_router = (m.flags & ABI_NTF_ROUTER) != 0};
    out->has_mac = get_mac(a[ABI_NDA_LLADDR], &out->mac);
    return get_address(a[ABI_NDA_DST], m.family, &out->address);
}

/* ---- Resolvers ---- */

// The option, in units of eight bytes as on the wire.
struct rdnss {
    uint8_t type;
    uint8_t units;
    uint8_t reserved[2];
    uint8_t lifetime[4];
    uint8_t address[IP6_SIZE];
};
static_assert(sizeof(struct rdnss) == 24);

bool netlink_resolver_emit(struct netlink_writer *w, const struct abi_nlmsghdr *h,
                           const struct netlink_resolver *r)
{
    enum { UNIT = 8, ROUTER_ADVERTISEMENT = 134 };
    struct rdnss option = {.type = ABI_ND_OPT_RDNSS, .units = sizeof(option) / UNIT};
    const struct abi_nduseroptmsg m = {.family = ABI_AF_INET6,
                                       .size = sizeof(option),
                                       .netif = (int32_t)r->netif,
                                       .type = ROUTER_ADVERTISEMENT};
    write_be32(option.lifetime, r->lifetime);
    memcpy(option.address, r->address.bytes, IP6_SIZE);
    netlink_begin(w, h);
    netlink_put(w, &m, sizeof(m));
    netlink_put(w, &option, sizeof(option));
    return netlink_end(w);
}

status_t netlink_resolver_parse(struct span payload, struct netlink_resolver *out)
{
    struct abi_nduseroptmsg m;
    struct rdnss option;
    if (payload.size < sizeof(m) + sizeof(option)) {
        return ERR_INVAL;
    }
    memcpy(&m, payload.data, sizeof(m));
    memcpy(&option, payload.data + sizeof(m), sizeof(option));
    if (option.type != ABI_ND_OPT_RDNSS || m.size < sizeof(option) || !is_family(m.family)) {
        return ERR_INVAL;
    }
    *out = (struct netlink_resolver){.address = ip6_read(option.address),
                                     .netif = (uint32_t)m.netif,
                                     .lifetime = read_be32(option.lifetime)};
    return OK;
}
