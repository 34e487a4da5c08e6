// SPDX-License-Identifier: Apache-2.0
/*
 * Options of Internet sockets.  Those that are one field of struct inet_options are lines of a table;
 * the others have a function each.
 */
#include "kernel/net/inet_priv.h"
#include "lib/base/string.h"

status_t inet_option_number(const void *value, uint32_t size, int32_t *out)
{
    if (size >= sizeof(*out)) {
        memcpy(out, value, sizeof(*out));
        return OK;
    }
    if (size < 1) {
        return ERR_INVAL;
    }
    *out = *(const uint8_t *)value; // as some programs give TTLs and switches
    return OK;
}

void inet_option_put(void *value, uint32_t *size, const void *what, size_t n)
{
    *size = (uint32_t)u64_min(*size, n);
    memcpy(value, what, *size);
}

/* ---- Fields ---- */

enum { MAX_HOPS = 255, DEFAULT_HOPS = 64, SOL4 = ABI_IPPROTO_IP, SOL6 = ABI_IPPROTO_IPV6 };

// A byte of struct inet_options, whose value lies between 0 and `max`; -1, where `has_default`, means
// what it is without being set.
struct field {
    int32_t level;
    int32_t option;
    uint16_t offset;
    uint16_t max;
    bool has_default;
    uint8_t preset;
};

#define FIELD(level, option, member, max, ...)                                                     \
    {level, option, offsetof(struct inet_options, member), max, __VA_ARGS__}

static const struct field fields[] = {
    FIELD(SOL4, ABI_IP_TTL, hop_limit, MAX_HOPS, true, 0),
    FIELD(SOL4, ABI_IP_TOS, traffic_class, UINT8_MAX, false, 0),
    FIELD(SOL4, ABI_IP_MULTICAST_TTL, multicast_hop_limit, MAX_HOPS, true, 1),
    FIELD(SOL4, ABI_IP_MULTICAST_LOOP, multicast_loop, 1, false, 0),
    FIELD(SOL4, ABI_IP_MTU_DISCOVER, mtu_discover, ABI_PMTUDISC_PROBE, false, 0),
    FIELD(SOL4, ABI_IP_RECVERR, wants_errors, 1, false, 0),
    FIELD(SOL4, ABI_IP_PKTINFO, wants_packet_info, 1, false, 0),
    FIELD(SOL4, ABI_IP_RECVTTL, wants_hop_limit, 1, false, 0),
    FIELD(SOL4, ABI_IP_RECVTOS, wants_traffic_class, 1, false, 0),
    FIELD(SOL6, ABI_IPV6_UNICAST_HOPS, hop_limit, MAX_HOPS, true, 0),
    FIELD(SOL6, ABI_IPV6_TCLASS, traffic_class, UINT8_MAX, true, 0),
    FIELD(SOL6, ABI_IPV6_MULTICAST_HOPS, multicast_hop_limit, MAX_HOPS, true, 1),
    FIELD(SOL6, ABI_IPV6_MULTICAST_LOOP, multicast_loop, 1, false, 0),
    FIELD(SOL6, ABI_IPV6_MTU_DISCOVER, mtu_discover, ABI_PMTUDISC_PROBE, false, 0),
    FIELD(SOL6, ABI_IPV6_RECVERR, wants_errors, 1, false, 0),
    FIELD(SOL6, ABI_IPV6_RECVPKTINFO, wants_packet_info, 1, false, 0),
    FIELD(SOL6, ABI_IPV6_RECVHOPLIMIT, wants_hop_limit, 1, false, 0),
    FIELD(SOL6, ABI_IPV6_RECVTCLASS, wants_traffic_class, 1, false, 0),
};

static const struct field *find_field(int32_t level, int32_t option)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].level == level && fields[i].option == option) {
            return &fields[i];
        }
    }
    return NULL;
}

static status_t set_field(struct inet_socket *s, const struct field *f, int32_t number)
{
    if (f->max == 1) {
        number = number != 0;
    }
    if (number == -1 && f->has_default) {
        number = f->preset;
    } else if (number < 0 || number > f->max ||
               (f->max == MAX_HOPS && number == 0 &&
                f->offset == offsetof(struct inet_options, hop_limit))) {
        return ERR_INVAL;
    }
    spin_lock(&s->lock);
    *((uint8_t *)&s->options + f->offset) = (uint8_t)number;
    spin_unlock(&s->lock);
    return OK;
}

static int32_t get_field(struct inet_socket *s, const struct field *f)
{
    spin_lock(&s->lock);
    uint8_t value = *((const uint8_t *)&s->options + f->offset);
    spin_unlock(&s->lock);
    bool is_hops = f->offset == offsetof(struct inet_options, hop_limit);
    return is_hops && value == 0 ? DEFAULT_HOPS : value;
}

/* ---- Groups and interfaces ---- */

static status_t netif_of_index(uint32_t index, struct netif **out)
{
    *out = index == 0 ? NULL : netif_find(index);
    return index != 0 && *out == NULL ? ERR_NODEV : OK;
}

// The interface that has an address; NULL for 0.0.0.0.
static status_t netif_of_address(const struct ip_addr *a, struct netif **out)
{
    struct ip_address_info info;
    *out = NULL;
    if (ip_is_unspecified(a)) {
        return OK;
    }
    for (uint64_t cursor = 0; ip_address_list(&cursor, &info) == OK;) {
        if (ip_is_equal(&info.address, a)) {
            return netif_of_index(info.netif, out);
        }
    }
    return ERR_NODEV;
}

static status_t change_group(struct inet_socket *s, const struct ip_addr *group, struct netif *n,
                             bool is_join)
{
    return is_join ? inet_group_join(s, group, n) : inet_group_leave(s, group, n);
}

// struct ip_mreq or struct ip_mreqn.
static status_t set_group4(struct inet_socket *s, const void *value, uint32_t size, bool is_join)
{
    struct abi_ip_mreqn m = {.netif = 0};
    struct netif *n;
    if (size < offsetof(struct abi_ip_mreqn, netif)) {
        return ERR_INVAL;
    }
    memcpy(&m, value, u64_min(size, sizeof(m)));
    const struct ip_addr group = ip4_read(m.group);
    const struct ip_addr address = ip4_read(m.address);
    status_t status = size >= sizeof(m) && m.netif != 0 ? netif_of_index((uint32_t)m.netif, &n)
                                                        : netif_of_address(&address, &n);
    return status == OK ? change_group(s, &group, n, is_join) : status;
}

static status_t set_group6(struct inet_socket *s, const void *value, uint32_t size, bool is_join)
{
    struct abi_ipv6_mreq m;
    struct netif *n;
    if (size < sizeof(m)) {
        return ERR_INVAL;
    }
    memcpy(&m, value, sizeof(m));
    const struct ip_addr group = ip6_read(m.group);
    status_t status = netif_of_index(m.netif, &n);
    return status == OK ? change_group(s, &group, n, is_join) : status;
}

static status_t set_group_any(struct inet_socket *s, const void *value, uint32_t size, bool is_join)
{
    struct abi_group_req m;
    struct netif *n;
    if (size < sizeof(m)) {
        return ERR_INVAL;
    }
    memcpy(&m, value, sizeof(m));
    uint16_t family;
    memcpy(&family, m.group, sizeof(family));
    if (family != ABI_AF_INET && family != ABI_AF_INET6) {
        return ERR_AFNOSUPPORT;
    }
    const struct ip_addr group =
        family == ABI_AF_INET ? ip4_read(m.group + offsetof(struct abi_sockaddr_in, address))
                              : ip6_read(m.group + offsetof(struct abi_sockaddr_in6, address));
    status_t status = netif_of_index(m.netif, &n);
    return status == OK ? change_group(s, &group, n, is_join) : status;
}

static void set_multicast_netif(struct inet_socket *s, const struct netif *n)
{
    spin_lock(&s->lock);
    s->options.multicast_netif = n == NULL ? 0 : n->index;
    spin_unlock(&s->lock);
}

// struct in_addr, struct ip_mreq or struct ip_mreqn.
static status_t set_multicast_netif4(struct inet_socket *s, const void *value, uint32_t size)
{
    struct abi_ip_mreqn m = {.netif = 0};
    struct netif *n;
    if (size < IP4_SIZE) {
        return ERR_INVAL;
    }
    if (size < offsetof(struct abi_ip_mreqn, netif)) {
        memcpy(m.address, value, IP4_SIZE);
    } else {
        memcpy(&m, value, u64_min(size, sizeof(m)));
    }
    const struct ip_addr address = ip4_read(m.address);
    status_t status =
        m.netif != 0 ? netif_of_index((uint32_t)m.netif, &n) : netif_of_address(&address, &n);
    if (status == OK) {
        set_multicast_netif(s, n);
    }
    return status == ERR_NODEV ? ERR_ADDRNOTAVAIL : status;
}

static status_t set_multicast_netif6(struct inet_socket *s, const void *value, uint32_t size)
{
    int32_t index;
    struct netif *n;
    status_t status = size < sizeof(index) ? ERR_INVAL : inet_option_number(value, size, &index);
    if (status == OK) {
        status = netif_of_index((uint32_t)index, &n);
    }
    if (status == OK) {
        set_multicast_netif(s, n);
    }
    return status;
}

// By name; an empty one takes it back.
static status_t set_bound_netif(struct inet_socket *s, const void *value, uint32_t size)
{
    char name[NETIF_NAME_SIZE] = {};
    memcpy(name, value, u64_min(size, sizeof(name) - 1));
    struct netif *n = netif_find_name(name);
    if (name[0] != '\0' && n == NULL) {
        return ERR_NODEV;
    }
    spin_lock(&s->lock);
    bool is_bound = s->port.local.port != 0;
    if (!is_bound) {
        s->options.bound_netif = n == NULL ? 0 : n->index;
    }
    spin_unlock(&s->lock);
    return is_bound ? ERR_INVAL : OK;
}

static void get_bound_netif(struct inet_socket *s, void *value, uint32_t *size)
{
    spin_lock(&s->lock);
    uint32_t index = s->options.bound_netif;
    spin_unlock(&s->lock);
    const struct netif *n = index == 0 ? NULL : netif_find(index);
    if (n == NULL) {
        *size = 0;
    } else {
        inet_option_put(value, size, n->name, strlen(n->name) + 1);
    }
}

/* ---- Others ---- */

static status_t set_v6_only(struct inet_socket *s, int32_t number)
{
    if (s->socket.family != ABI_AF_INET6) {
        return ERR_NOPROTOOPT;
    }
    spin_lock(&s->lock);
    bool is_late = s->local.port != 0;
    if (!is_late) {
        s->options.is_v6_only = number != 0;
    }
    spin_unlock(&s->lock);
    return is_late ? ERR_INVAL : OK;
}

static status_t get_mtu(struct inet_socket *s, int32_t *out)
{
    struct ip_path path;
    struct netif *netif;
    spin_lock(&s->lock);
    const struct inet_name local = s->local;
    const struct inet_name peer = s->peer;
    spin_unlock(&s->lock);
    if (peer.port == 0) {
        return ERR_NOTCONN;
    }
    status_t status = inet_netif_for(s, &peer, &netif);
    if (status == OK) {
        status = ip_path_find(&peer.address, &local.address, netif, true, &path);
    }
    if (status == OK) {
        *out = (int32_t)path.mtu;
    }
    return status;
}

static bool is_level_of(const struct inet_socket *s, int32_t level)
{
    return level == SOL4 || (level == SOL6 && s->socket.family == ABI_AF_INET6);
}

static status_t get_number(struct inet_socket *s, int32_t level, int32_t option, int32_t *out)
{
    const struct field *f = find_field(level, option);
    if (f != NULL) {
        *out = get_field(s, f);
        return OK;
    }
    if (level == SOL4 && option == ABI_IP_MULTICAST_ALL) {
        *out = 0; // only what was joined comes in
        return OK;
    }
    if ((level == SOL4 && option == ABI_IP_MTU) || (level == SOL6 && option == ABI_IPV6_MTU)) {
        return get_mtu(s, out);
    }
    if (level == SOL6 && option == ABI_IPV6_V6ONLY) {
        *out = s->options.is_v6_only;
        return OK;
    }
    if (level == SOL6 && option == ABI_IPV6_MULTICAST_IF) {
        *out = (int32_t)s->options.multicast_netif;
        return OK;
    }
    return ERR_NOPROTOOPT;
}

static void get_multicast_netif4(const struct inet_socket *s, void *value, uint32_t *size)
{
    struct ip_addr out = ip4(0);
    struct ip_address_info info;
    uint32_t index = s->options.multicast_netif;
    for (uint64_t cursor = 0; index != 0 && ip_address_list(&cursor, &info) == OK;) {
        if (info.netif == index && ip_is_v4(&info.address)) {
            out = info.address;
            break;
        }
    }
    inet_option_put(value, size, out.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
}

static status_t get_of_socket(struct inet_socket *s, int32_t option, void *value, uint32_t *size)
{
    int32_t zero = 0;
    switch (option) {
    case ABI_SO_BINDTODEVICE: get_bound_netif(s, value, size); return OK;
    case ABI_SO_PRIORITY: inet_option_put(value, size, &zero, sizeof(zero)); return OK;
    case ABI_SO_TIMESTAMP:
    case ABI_SO_TIMESTAMPNS: {
        int32_t is_on = s->options.timestamps == option;
        inet_option_put(value, size, &is_on, sizeof(is_on));
        return OK;
    }
    default: return ERR_NOPROTOOPT;
    }
}

status_t inet_get_option(struct socket *socket, int32_t level, int32_t option, void *value,
                         uint32_t *size)
{
    struct inet_socket *s = inet_of(socket);
    int32_t number;
    if (level == ABI_SOL_SOCKET) {
        return get_of_socket(s, option, value, size);
    }
    if (level == (int32_t)s->socket.protocol && s->protocol->get_option != NULL) {
        return s->protocol->get_option(s, option, value, size);
    }
    if (!is_level_of(s, level)) {
        return ERR_NOPROTOOPT;
    }
    if (level == SOL4 && option == ABI_IP_MULTICAST_IF) {
        get_multicast_netif4(s, value, size);
        return OK;
    }
    status_t status = get_number(s, level, option, &number);
    if (status == OK) {
        inet_option_put(value, size, &number, sizeof(number));
    }
    return status;
}

static status_t set_timestamps(struct inet_socket *s, int32_t option, const void *value,
                               uint32_t size)
{
    int32_t number;
    status_t status = inet_option_number(value, size, &number);
    if (status == OK) {
        spin_lock(&s->lock);
        s->options.timestamps = number != 0 ? (uint8_t)option : 0;
        spin_unlock(&s->lock);
    }
    return status;
}

static status_t set_of_socket(struct inet_socket *s, int32_t option, const void *value,
                              uint32_t size)
{
    switch (option) {
    case ABI_SO_BINDTODEVICE: return set_bound_netif(s, value, size);
    case ABI_SO_TIMESTAMP:
    case ABI_SO_TIMESTAMPNS: return set_timestamps(s, option, value, size);
    case ABI_SO_PRIORITY:
    case ABI_SO_NO_CHECK: return OK; // nothing is queued by priority, and sums are always made
    default: return ERR_NOPROTOOPT;
    }
}

static status_t set4(struct inet_socket *s, int32_t option, const void *value, uint32_t size)
{
    switch (option) {
    case ABI_IP_ADD_MEMBERSHIP: return set_group4(s, value, size, true);
    case ABI_IP_DROP_MEMBERSHIP: return set_group4(s, value, size, false);
    case ABI_IP_MULTICAST_IF: return set_multicast_netif4(s, value, size);
    case ABI_IP_MULTICAST_ALL: return OK;
    case ABI_MCAST_JOIN_GROUP: return set_group_any(s, value, size, true);
    case ABI_MCAST_LEAVE_GROUP: return set_group_any(s, value, size, false);
    default: return ERR_NOPROTOOPT;
    }
}

static status_t set6(struct inet_socket *s, int32_t option, const void *value, uint32_t size)
{
    int32_t number;
    status_t status;
    switch (option) {
    case ABI_IPV6_JOIN_GROUP: return set_group6(s, value, size, true);
    case ABI_IPV6_LEAVE_GROUP: return set_group6(s, value, size, false);
    case ABI_IPV6_MULTICAST_IF: return set_multicast_netif6(s, value, size);
    case ABI_MCAST_JOIN_GROUP: return set_group_any(s, value, size, true);
    case ABI_MCAST_LEAVE_GROUP: return set_group_any(s, value, size, false);
    case ABI_IPV6_V6ONLY:
        status = inet_option_number(value, size, &number);
        return status == OK ? set_v6_only(s, number) : status;
    default: return ERR_NOPROTOOPT;
    }
}

status_t inet_set_option(struct socket *socket, int32_t level, int32_t option, const void *value,
                         uint32_t size)
{
    struct inet_socket *s = inet_of(socket);
    if (level == ABI_SOL_SOCKET) {
        return set_of_socket(s, option, value, size);
    }
    if (level == (int32_t)s->socket.protocol && s->protocol->set_option != NULL) {
        return s->protocol->set_option(s, option, value, size);
    }
    if (!is_level_of(s, level)) {
        return ERR_NOPROTOOPT;
    }
    const struct field *f = find_field(level, option);
    if (f == NULL) {
        return level == SOL4 ? set4(s, option, value, size) : set6(s, option, value, size);
    }
    int32_t number;
    status_t status = inet_option_number(value, size, &number);
    return status == OK ? set_field(s, f, number) : status;
}
