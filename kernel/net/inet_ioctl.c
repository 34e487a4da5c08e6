// SPDX-License-Identifier: Apache-2.0
/*
 * The classic requests about interfaces, which any socket takes: struct abi_ifreq in, and out.  Asking
 * needs the network grant, changing one that allows to configure.
 */
#include "abi/netlink.h"
#include "kernel/ipc/caller.h"
#include "kernel/net/inet_priv.h"
#include "lib/base/string.h"

/* ---- Addresses of IPv4 ---- */

// The first one of the interface.
static status_t first_address(const struct netif *n, struct ip_address_info *out)
{
    for (uint64_t cursor = 0; ip_address_list(&cursor, out) == OK;) {
        if (out->netif == n->index && ip_is_v4(&out->address)) {
            return OK;
        }
    }
    return ERR_ADDRNOTAVAIL;
}

static void put_address(struct abi_ifreq *r, uint32_t value)
{
    r->address = (struct abi_sockaddr_in){.family = ABI_AF_INET};
    write_be32(r->address.address, value);
}

static uint32_t mask_of(const struct ip_address_info *a)
{
    enum { BITS = 32 };
    return a->prefix == 0 ? 0 : UINT32_MAX << (BITS - a->prefix);
}

static status_t get_address(const struct netif *n, uint32_t request, struct abi_ifreq *r)
{
    struct ip_address_info a;
    status_t status = first_address(n, &a);
    if (status != OK) {
        return status;
    }
    uint32_t own = ip4_value(&a.address);
    switch (request) {
    case ABI_SIOCGIFNETMASK: put_address(r, mask_of(&a)); break;
    case ABI_SIOCGIFBRDADDR: put_address(r, own | ~mask_of(&a)); break;
    default: put_address(r, own); break;
    }
    return OK;
}

/* ---- Asking ---- */

static void get_link(const struct netif *n, struct abi_ifreq *r)
{
    bool is_loopback =
        (atomic_load_explicit(&n->flags, memory_order_relaxed) & NETIF_LOOPBACK) != 0;
    memset(r->bytes, 0, sizeof(r->bytes));
    r->link.family = is_loopback ? ABI_ARPHRD_LOOPBACK : ABI_ARPHRD_ETHER;
    memcpy(r->link.mac, n->mac.bytes, MAC_SIZE);
}

static status_t get(const struct netif *n, uint32_t request, struct abi_ifreq *r)
{
    switch (request) {
    case ABI_SIOCGIFFLAGS:
        r->flags = (uint16_t)atomic_load_explicit(&n->flags, memory_order_relaxed);
        return OK;
    case ABI_SIOCGIFMTU:
        r->number = (int32_t)atomic_load_explicit(&n->mtu, memory_order_relaxed);
        return OK;
    case ABI_SIOCGIFINDEX: r->number = (int32_t)n->index; return OK;
    case ABI_SIOCGIFMETRIC: r->number = 0; return OK;
    case ABI_SIOCGIFTXQLEN: r->number = NETIF_QUEUE_MAX; return OK;
    case ABI_SIOCGIFHWADDR: get_link(n, r); return OK;
    default: return get_address(n, request, r);
    }
}

static status_t get_name(struct abi_ifreq *r)
{
    const struct netif *n = r->number > 0 ? netif_find((uint32_t)r->number) : NULL;
    if (n == NULL) {
        return ERR_NODEV;
    }
    memcpy(r->name, n->name, sizeof(r->name));
    return OK;
}

static status_t set(struct netif *n, uint32_t request, const struct abi_ifreq *r)
{
    if (request == ABI_SIOCSIFMTU) {
        return r->number <= 0 ? ERR_INVAL : netif_set_mtu(n, (uint32_t)r->number);
    }
    return netif_set_up(n, (r->flags & NETIF_UP) != 0);
}

/* ---- Lists ---- */

// The next interface that has an address of IPv4.
static struct netif *next_with_address(const struct netif *n, struct ip_address_info *a)
{
    struct netif *next = netif_next(n);
    while (next != NULL && first_address(next, a) != OK) {
        next = netif_next(next);
    }
    return next;
}

static status_t list(vaddr_t argument)
{
    struct abi_ifconf c;
    struct ip_address_info a;
    if (arch_copy_from_user(&c, argument, sizeof(c)) != 0) {
        return ERR_FAULT;
    }
    int32_t used = 0;
    for (struct netif *n = NULL; (n = next_with_address(n, &a)) != NULL;) {
        struct abi_ifreq r = {};
        memcpy(r.name, n->name, sizeof(r.name));
        put_address(&r, ip4_value(&a.address));
        bool is_asked = c.requests != 0;
        if (is_asked && c.size - used < (int32_t)sizeof(r)) {
            break;
        }
        if (is_asked && arch_copy_to_user(c.requests + (uint32_t)used, &r, sizeof(r)) != 0) {
            return ERR_FAULT;
        }
        used += (int32_t)sizeof(r);
    }
    c.size = used;
    return arch_copy_to_user(argument, &c, sizeof(c)) == 0 ? OK : ERR_FAULT;
}

/* ---- Requests ---- */

static bool is_known(uint32_t request)
{
    switch (request) {
    case ABI_SIOCGIFNAME:
    case ABI_SIOCGIFCONF:
    case ABI_SIOCGIFFLAGS:
    case ABI_SIOCSIFFLAGS:
    case ABI_SIOCGIFADDR:
    case ABI_SIOCGIFBRDADDR:
    case ABI_SIOCGIFNETMASK:
    case ABI_SIOCGIFMETRIC:
    case ABI_SIOCGIFMTU:
    case ABI_SIOCSIFMTU:
    case ABI_SIOCGIFHWADDR:
    case ABI_SIOCGIFINDEX:
    case ABI_SIOCGIFTXQLEN: return true;
    default: return false;
    }
}

static status_t check_authority(bool is_change)
{
    struct grant *g;
    status_t status = caller_grant(SWOS_GRANT_NETWORK, &g);
    if (status != OK || g == NULL) {
        return status;
    }
    if (is_change) {
        status = net_authority_check(g, NET_CONFIGURE, 0, NULL, 0);
    }
    grant_unref(g);
    return status == ERR_ACCES ? ERR_PERM : status;
}

static status_t with_request(uint32_t request, bool is_change, vaddr_t argument)
{
    struct abi_ifreq r;
    if (arch_copy_from_user(&r, argument, sizeof(r)) != 0) {
        return ERR_FAULT;
    }
    status_t status;
    if (request == ABI_SIOCGIFNAME) {
        status = get_name(&r);
    } else {
        r.name[sizeof(r.name) - 1] = '\0';
        struct netif *n = netif_find_name(r.name);
        if (n == NULL) {
            return ERR_NODEV;
        }
        status = is_change ? set(n, request, &r) : get(n, request, &r);
    }
    if (status == OK && !is_change && arch_copy_to_user(argument, &r, sizeof(r)) != 0) {
        status = ERR_FAULT;
    }
    return status;
}

status_t inet_ioctl(uint32_t request, vaddr_t argument, int64_t *result)
{
    bool is_change = request == ABI_SIOCSIFFLAGS || request == ABI_SIOCSIFMTU;
    if (!is_known(request)) {
        return ERR_NOTTY;
    }
    status_t status = check_authority(is_change);
    if (status != OK) {
        return status;
    }
    *result = 0;
    return request == ABI_SIOCGIFCONF ? list(argument) : with_request(request, is_change, argument);
}
