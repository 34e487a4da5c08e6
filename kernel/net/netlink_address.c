// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/netlink_priv.h"
#include "lib/base/string.h"

static uint8_t family_of(const struct ip_addr *a)
{
    return ip_is_v4(a) ? ABI_AF_INET : ABI_AF_INET6;
}

static const uint8_t origins[] = {
    [IP_STATIC] = ABI_IFAPROT_UNSPEC,
    [IP_DHCP] = ABI_IFAPROT_DHCP,
    [IP_AUTOCONF] = ABI_IFAPROT_KERNEL_RA,
    [IP_LINK_LOCAL] = ABI_IFAPROT_KERNEL_LL,
};

static enum ip_address_origin origin_of(uint8_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
        if (origins[i] == number) {
            return (enum ip_address_origin)i;
        }
    }
    return IP_STATIC;
}

static uint32_t flags_of(const struct ip_address_info *a)
{
    uint32_t flags = a->valid_until == NSEC_NEVER ? ABI_IFA_F_PERMANENT : 0;
    switch (a->state) {
    case IP_TENTATIVE: return flags | ABI_IFA_F_TENTATIVE;
    case IP_DUPLICATE: return flags | ABI_IFA_F_TENTATIVE | ABI_IFA_F_DADFAILED;
    case IP_DEPRECATED: return flags | ABI_IFA_F_DEPRECATED;
    default: return flags;
    }
}

static struct ip_addr broadcast_of(const struct ip_address_info *a)
{
    enum { BITS = 32, POINT_TO_POINT = 31 };
    bool has = ip_is_v4(&a->address) && a->prefix < POINT_TO_POINT && !ip_is_loopback(&a->address);
    return has ? ip4(ip4_value(&a->address) | (uint32_t)(UINT64_C(0xffffffff) >> a->prefix))
               : IP_ANY;
}

void netlink_describe_address(const struct ip_address_info *a, struct netlink_address *out)
{
    const struct netif *n = netif_find(a->netif);
    *out = (struct netlink_address){
        .address = a->address,
        .broadcast = broadcast_of(a),
        .netif = a->netif,
        .flags = flags_of(a),
        .family = family_of(&a->address),
        .prefix = a->prefix,
        .origin = origins[a->origin],
        .preferred = netlink_seconds_left(a->preferred_until),
        .valid = netlink_seconds_left(a->valid_until),
    };
    if (n != NULL) {
        memcpy(out->label, n->name, sizeof(out->label));
    }
}

static status_t next_address(struct netlink_dump *d, struct netlink_writer *w)
{
    struct ip_address_info info;
    struct netlink_address a;
    uint64_t cursor = d->cursor;
    status_t status;
    do {
        d->cursor = cursor;
        status = ip_address_list(&cursor, &info);
    } while (status == OK && d->family != 0 && d->family != family_of(&info.address));
    if (status != OK) {
        return status;
    }
    netlink_describe_address(&info, &a);
    if (!netlink_address_emit(w, &d->header, &a)) {
        return ERR_NOSPC;
    }
    d->cursor = cursor;
    return OK;
}

static bool is_named(const struct netlink_address *a)
{
    return (a->family == ABI_AF_INET || a->family == ABI_AF_INET6) &&
           !ip_is_unspecified(&a->address);
}

static status_t add(struct netlink_request *r)
{
    struct netlink_address a;
    status_t status = netlink_address_parse(r->m->payload, &a);
    if (status != OK || !is_named(&a)) {
        return ERR_INVAL;
    }
    if (netif_find(a.netif) == NULL) {
        return ERR_NODEV;
    }
    if (a.valid == 0 || a.preferred > a.valid) {
        return ERR_INVAL;
    }
    const struct ip_address_info info = {
        .address = a.address,
        .netif = a.netif,
        .prefix = a.prefix,
        .origin = origin_of(a.origin),
        .state = IP_TENTATIVE,
        .preferred_until = netlink_until(a.preferred),
        .valid_until = netlink_until(a.valid),
    };
    return netlink_added(r, ip_address_add(&info));
}

static status_t del(struct netlink_request *r)
{
    struct netlink_address a;
    status_t status = netlink_address_parse(r->m->payload, &a);
    if (status != OK || !is_named(&a)) {
        return ERR_INVAL;
    }
    status = ip_address_remove(a.netif, &a.address, a.prefix);
    return status == ERR_NOENT ? ERR_ADDRNOTAVAIL : status;
}

static const struct netlink_list addresses = {.next = next_address};

const struct netlink_handler netlink_address_handlers[] = {
    {.type = ABI_RTM_GETADDR, .answer = ABI_RTM_NEWADDR, .list = &addresses},
    {.type = ABI_RTM_NEWADDR, .is_change = true, .handle = add},
    {.type = ABI_RTM_DELADDR, .is_change = true, .handle = del},
    {.type = 0},
};
