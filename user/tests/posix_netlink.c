// SPDX-License-Identifier: Apache-2.0
/*
 * What programs learn of links, addresses, routes and sockets, and change: by netlink, and by what the C
 * library makes of it.  It says nothing unless something is wrong.  It runs on Linux too (as root, in a
 * network namespace of its own, with loopback up: unshare -n).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/netlink.h"
#include "user/tests/check.h"

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

enum { ROOM = 16384, ATTRS = 64, LOOPBACK_INDEX = 1 };

static uint8_t buffer[ROOM];

/* ---- Messages ---- */

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

// A request with its attributes.
struct request {
    struct abi_nlmsghdr header;
    uint8_t body[256];
};

static struct request request(uint16_t type, uint16_t flags, const void *body, size_t size)
{
    struct request r;
    memset(&r, 0, sizeof(r));
    r.header.size = (uint32_t)(sizeof(r.header) + size);
    r.header.type = type;
    r.header.flags = (uint16_t)(ABI_NLM_F_REQUEST | flags);
    r.header.sequence = 77;
    memcpy(r.body, body, size);
    return r;
}

static void add(struct request *r, uint16_t type, const void *data, size_t size)
{
    struct abi_nlattr a = {.size = (uint16_t)(sizeof(a) + size), .type = type};
    uint8_t *at = (uint8_t *)r + r->header.size;
    memcpy(at, &a, sizeof(a));
    memcpy(at + sizeof(a), data, size);
    r->header.size += (uint32_t)padded(sizeof(a) + size);
}

static int open_netlink(int protocol, uint32_t groups)
{
    int s = socket(AF_NETLINK, SOCK_RAW, protocol);
    struct abi_sockaddr_nl name = {.family = AF_NETLINK, .groups = groups};
    CHECK(s >= 0);
    CHECK(bind(s, (struct sockaddr *)&name, sizeof(name)) == 0);
    return s;
}

static void send_request(int s, const struct request *r)
{
    CHECK(send(s, r, r->header.size, 0) == (ssize_t)r->header.size);
}

// The next message, waiting a second at most.
static const struct abi_nlmsghdr *receive(int s)
{
    struct pollfd p = {.fd = s, .events = POLLIN};
    if (poll(&p, 1, 1000) != 1) {
        return NULL;
    }
    ssize_t n = recv(s, buffer, sizeof(buffer), 0);
    return n < (ssize_t)sizeof(struct abi_nlmsghdr) ? NULL : (const void *)buffer;
}

// What a request that is no list came to, as a positive number.
static int result_of(int s, const struct request *r)
{
    send_request(s, r);
    const struct abi_nlmsghdr *h = receive(s);
    struct abi_nlmsgerr e;
    if (!CHECK(h != NULL && h->type == ABI_NLMSG_ERROR && h->sequence == 77)) {
        return -1;
    }
    memcpy(&e, h + 1, sizeof(e));
    return -e.error;
}

// The attribute's data, or NULL.
static const void *find(const struct abi_nlmsghdr *h, size_t body, uint16_t type)
{
    const uint8_t *at = (const uint8_t *)(h + 1) + body;
    const uint8_t *end = (const uint8_t *)h + h->size;
    while (end - at >= (ptrdiff_t)sizeof(struct abi_nlattr)) {
        struct abi_nlattr a;
        memcpy(&a, at, sizeof(a));
        if (a.type == type) {
            return at + sizeof(a);
        }
        at += padded(a.size);
    }
    return NULL;
}

// Calls `visit` for each message of a list; gives how many there were, or -1 if it had no end.
static int walk(int s, const struct request *r,
                void (*visit)(const struct abi_nlmsghdr *h, void *context), void *context)
{
    int count = 0;
    send_request(s, r);
    for (;;) {
        struct pollfd p = {.fd = s, .events = POLLIN};
        if (poll(&p, 1, 1000) != 1) {
            return -1;
        }
        ssize_t left = recv(s, buffer, sizeof(buffer), 0);
        const uint8_t *at = buffer;
        while (left >= (ssize_t)sizeof(struct abi_nlmsghdr)) {
            const struct abi_nlmsghdr *h = (const void *)at;
            CHECK(h->sequence == 77);
            if (h->type == ABI_NLMSG_DONE) {
                return count;
            }
            if (h->type == ABI_NLMSG_ERROR || h->size > (size_t)left || h->size < sizeof(*h)) {
                return -1;
            }
            CHECK((h->flags & ABI_NLM_F_MULTI) != 0);
            visit(h, context);
            count++;
            at += padded(h->size);
            left -= (ssize_t)padded(h->size);
        }
    }
}

/* ---- Links ---- */

static void see_loopback(const struct abi_nlmsghdr *h, void *context)
{
    const struct abi_ifinfomsg *m = (const void *)(h + 1);
    bool *seen = context;
    if (m->index != LOOPBACK_INDEX) {
        return;
    }
    const char *name = find(h, sizeof(*m), ABI_IFLA_IFNAME);
    const uint32_t *mtu = find(h, sizeof(*m), ABI_IFLA_MTU);
    CHECK(h->type == ABI_RTM_NEWLINK);
    CHECK(name != NULL && strcmp(name, "lo") == 0);
    CHECK(mtu != NULL && *mtu == 65536);
    CHECK((m->flags & (ABI_IFF_UP | ABI_IFF_LOOPBACK)) == (ABI_IFF_UP | ABI_IFF_LOOPBACK));
    CHECK(find(h, sizeof(*m), ABI_IFLA_STATS64) != NULL);
    CHECK(m->link_type == 772);
    *seen = true;
}

static void links_are_listed(void)
{
    const struct abi_ifinfomsg body = {.family = 0};
    struct request r = request(ABI_RTM_GETLINK, ABI_NLM_F_DUMP, &body, sizeof(body));
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    bool seen = false;
    CHECK(walk(s, &r, see_loopback, &seen) >= 1);
    CHECK(seen);
    struct abi_ifinfomsg one = {.index = LOOPBACK_INDEX};
    r = request(ABI_RTM_GETLINK, 0, &one, sizeof(one));
    send_request(s, &r);
    const struct abi_nlmsghdr *h = receive(s);
    if (CHECK(h != NULL)) {
        see_loopback(h, &seen);
    }
    one.index = 9999;
    r = request(ABI_RTM_GETLINK, 0, &one, sizeof(one));
    CHECK(result_of(s, &r) == ENODEV);
    r = request(9000, 0, &one, sizeof(one));
    CHECK(result_of(s, &r) == EOPNOTSUPP);
    close(s);
}

static void a_link_goes_down_and_up(void)
{
    struct abi_ifinfomsg m = {.index = LOOPBACK_INDEX, .change = ABI_IFF_UP};
    struct request r = request(ABI_RTM_NEWLINK, ABI_NLM_F_ACK, &m, sizeof(m));
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    int watch = open_netlink(ABI_NETLINK_ROUTE, 1u << (ABI_RTNLGRP_LINK - 1));
    CHECK(result_of(s, &r) == 0);
    const struct abi_nlmsghdr *h = receive(watch);
    if (CHECK(h != NULL && h->type == ABI_RTM_NEWLINK)) {
        const struct abi_ifinfomsg *told = (const void *)(h + 1);
        CHECK(told->index == LOOPBACK_INDEX && (told->flags & ABI_IFF_UP) == 0);
    }
    m.flags = ABI_IFF_UP;
    r = request(ABI_RTM_NEWLINK, ABI_NLM_F_ACK, &m, sizeof(m));
    CHECK(result_of(s, &r) == 0);
    CHECK(receive(watch) != NULL);
    close(s);
    close(watch);
}

/* ---- Addresses ---- */

static void count_address(const struct abi_nlmsghdr *h, void *context)
{
    const struct abi_ifaddrmsg *m = (const void *)(h + 1);
    const uint8_t *a = find(h, sizeof(*m), ABI_IFA_ADDRESS);
    static const uint8_t wanted[] = {10, 99, 0, 1};
    if (a != NULL && m->family == AF_INET && memcmp(a, wanted, 4) == 0) {
        const struct abi_ifa_cacheinfo *times = find(h, sizeof(*m), ABI_IFA_CACHEINFO);
        CHECK(m->prefix == 24 && m->netif == LOOPBACK_INDEX);
        CHECK(times != NULL && times->valid <= 600 && times->valid > 500);
        (*(int *)context)++;
    }
}

static struct request address_request(uint16_t type, uint16_t flags)
{
    const struct abi_ifaddrmsg m = {.family = AF_INET, .prefix = 24, .netif = LOOPBACK_INDEX};
    const uint8_t address[] = {10, 99, 0, 1};
    const struct abi_ifa_cacheinfo times = {.preferred = 300, .valid = 600};
    struct request r = request(type, flags | ABI_NLM_F_ACK, &m, sizeof(m));
    add(&r, ABI_IFA_LOCAL, address, sizeof(address));
    add(&r, ABI_IFA_ADDRESS, address, sizeof(address));
    if (type == ABI_RTM_NEWADDR) {
        add(&r, ABI_IFA_CACHEINFO, &times, sizeof(times));
    }
    return r;
}

static void expect_notice(int watch, uint16_t type)
{
    const struct abi_nlmsghdr *h = receive(watch);
    CHECK(h != NULL && h->type == type);
}

static int count_addresses(int s)
{
    int count = 0;
    const struct abi_ifaddrmsg all = {.family = AF_INET};
    struct request r = request(ABI_RTM_GETADDR, ABI_NLM_F_DUMP, &all, sizeof(all));
    CHECK(walk(s, &r, count_address, &count) >= 1);
    return count;
}

static void addresses_come_and_go(void)
{
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    int watch = open_netlink(ABI_NETLINK_ROUTE, 1u << (ABI_RTNLGRP_IPV4_IFADDR - 1));
    struct request make = address_request(ABI_RTM_NEWADDR, ABI_NLM_F_CREATE | ABI_NLM_F_EXCL);
    struct request change = address_request(ABI_RTM_NEWADDR, ABI_NLM_F_CREATE | ABI_NLM_F_REPLACE);
    struct request take = address_request(ABI_RTM_DELADDR, 0);
    CHECK(result_of(s, &make) == 0);
    expect_notice(watch, ABI_RTM_NEWADDR);
    CHECK(result_of(s, &make) == EEXIST);
    CHECK(result_of(s, &change) == 0);
    CHECK(count_addresses(s) == 1);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a630001)};
    CHECK(bind(udp, (struct sockaddr *)&name, sizeof(name)) == 0);
    close(udp);
    CHECK(result_of(s, &take) == 0);
    CHECK(result_of(s, &take) == EADDRNOTAVAIL);
    CHECK(count_addresses(s) == 0);
    close(s);
    close(watch);
}

/* ---- Routes ---- */

static void count_route(const struct abi_nlmsghdr *h, void *context)
{
    const struct abi_rtmsg *m = (const void *)(h + 1);
    const uint8_t *to = find(h, sizeof(*m), ABI_RTA_DST);
    const uint32_t *netif = find(h, sizeof(*m), ABI_RTA_OIF);
    static const uint8_t wanted[] = {10, 98, 0, 0};
    if (to != NULL && m->family == AF_INET && memcmp(to, wanted, 4) == 0) {
        CHECK(m->prefix == 16 && netif != NULL && *netif == LOOPBACK_INDEX);
        (*(int *)context)++;
    }
}

static struct request route_request(uint16_t type, uint16_t flags)
{
    const struct abi_rtmsg m = {.family = AF_INET,
                                .prefix = 16,
                                .table = ABI_RT_TABLE_MAIN,
                                .protocol = ABI_RTPROT_STATIC,
                                .scope = ABI_RT_SCOPE_LINK,
                                .type = ABI_RTN_UNICAST};
    const uint8_t to[] = {10, 98, 0, 0};
    const uint32_t netif = LOOPBACK_INDEX;
    struct request r = request(type, flags | ABI_NLM_F_ACK, &m, sizeof(m));
    add(&r, ABI_RTA_DST, to, sizeof(to));
    add(&r, ABI_RTA_OIF, &netif, sizeof(netif));
    return r;
}

static void routes_come_and_go(void)
{
    int count = 0;
    const struct abi_rtmsg all = {.family = AF_INET};
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    int watch = open_netlink(ABI_NETLINK_ROUTE, 1u << (ABI_RTNLGRP_IPV4_ROUTE - 1));
    struct request make = route_request(ABI_RTM_NEWROUTE, ABI_NLM_F_CREATE | ABI_NLM_F_EXCL);
    struct request take = route_request(ABI_RTM_DELROUTE, 0);
    struct request list = request(ABI_RTM_GETROUTE, ABI_NLM_F_DUMP, &all, sizeof(all));
    CHECK(result_of(s, &make) == 0);
    expect_notice(watch, ABI_RTM_NEWROUTE);
    CHECK(result_of(s, &make) == EEXIST);
    CHECK(walk(s, &list, count_route, &count) >= 1);
    CHECK(count == 1);
    CHECK(result_of(s, &take) == 0);
    expect_notice(watch, ABI_RTM_DELROUTE);
    CHECK(result_of(s, &take) == ESRCH);
    close(s);
    close(watch);
}

static void a_way_is_told(void)
{
    const struct abi_rtmsg m = {.family = AF_INET, .prefix = 32};
    const uint8_t to[] = {127, 0, 0, 1};
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    struct request r = request(ABI_RTM_GETROUTE, 0, &m, sizeof(m));
    add(&r, ABI_RTA_DST, to, sizeof(to));
    send_request(s, &r);
    const struct abi_nlmsghdr *h = receive(s);
    if (CHECK(h != NULL && h->type == ABI_RTM_NEWROUTE)) {
        const uint32_t *netif = find(h, sizeof(m), ABI_RTA_OIF);
        const uint8_t *source = find(h, sizeof(m), ABI_RTA_PREFSRC);
        CHECK(((const struct abi_rtmsg *)(const void *)(h + 1))->type == ABI_RTN_LOCAL);
        CHECK(netif != NULL && *netif == LOOPBACK_INDEX);
        CHECK(source != NULL && memcmp(source, to, 4) == 0);
    }
    close(s);
}

/* ---- Sockets ---- */

static void find_port(const struct abi_nlmsghdr *h, void *context)
{
    const struct abi_inet_diag_message *m = (const void *)(h + 1);
    uint16_t *port = context;
    if (m->name.local_port == *port) {
        CHECK(m->family == AF_INET && m->state == ABI_TCP_CLOSE);
        CHECK(m->name.local[0] == 127);
        CHECK(m->receive_queue > 0);
        *port = 0;
    }
}

static void sockets_are_listed(void)
{
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    CHECK(bind(udp, (struct sockaddr *)&name, sizeof(name)) == 0);
    CHECK(getsockname(udp, (struct sockaddr *)&name, &size) == 0);
    CHECK(sendto(udp, "x", 1, 0, (struct sockaddr *)&name, sizeof(name)) == 1);
    usleep(20000);
    const struct abi_inet_diag_request all = {
        .family = AF_INET, .protocol = IPPROTO_UDP, .states = UINT32_MAX};
    struct request r = request(ABI_SOCK_DIAG_BY_FAMILY, ABI_NLM_F_DUMP, &all, sizeof(all));
    int s = open_netlink(ABI_NETLINK_SOCK_DIAG, 0);
    uint16_t port = name.sin_port;
    CHECK(walk(s, &r, find_port, &port) >= 1);
    CHECK(port == 0);
    close(s);
    close(udp);
}

/* ---- The C library ---- */

static void the_library_knows_interfaces(void)
{
    char name[IF_NAMESIZE];
    CHECK(if_nametoindex("lo") == LOOPBACK_INDEX);
    CHECK(if_nametoindex("none0") == 0);
    CHECK(if_indextoname(LOOPBACK_INDEX, name) != NULL && strcmp(name, "lo") == 0);
    struct if_nameindex *all = if_nameindex();
    if (CHECK(all != NULL)) {
        CHECK(all[0].if_index == LOOPBACK_INDEX && strcmp(all[0].if_name, "lo") == 0);
        if_freenameindex(all);
    }
    struct ifaddrs *list = NULL;
    bool has_v4 = false;
    bool has_v6 = false;
    CHECK(getifaddrs(&list) == 0);
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        if (strcmp(i->ifa_name, "lo") != 0 || i->ifa_addr == NULL) {
            continue;
        }
        CHECK((i->ifa_flags & IFF_LOOPBACK) != 0);
        if (i->ifa_addr->sa_family == AF_INET) {
            const struct sockaddr_in *a = (const void *)i->ifa_addr;
            const struct sockaddr_in *mask = (const void *)i->ifa_netmask;
            has_v4 = has_v4 || a->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
            CHECK(mask != NULL && mask->sin_addr.s_addr == htonl(0xff000000));
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            const struct sockaddr_in6 *a = (const void *)i->ifa_addr;
            has_v6 = has_v6 || IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
        }
    }
    CHECK(has_v4 && has_v6);
    freeifaddrs(list);
}

static void requests_of_ioctl(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r;
    memset(&r, 0, sizeof(r));
    strcpy(r.ifr_name, "lo");
    CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) != 0);
    CHECK(ioctl(s, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 65536);
    CHECK(ioctl(s, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == 772);
    CHECK(ioctl(s, SIOCGIFADDR, &r) == 0);
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r.ifr_addr;
    CHECK(a->sin_family == AF_INET && a->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(ioctl(s, SIOCGIFNETMASK, &r) == 0 && a->sin_addr.s_addr == htonl(0xff000000));
    struct ifreq several[4];
    struct ifconf c = {.ifc_len = sizeof(several), .ifc_req = several};
    CHECK(ioctl(s, SIOCGIFCONF, &c) == 0);
    CHECK(c.ifc_len >= (int)sizeof(several[0]) && strcmp(several[0].ifr_name, "lo") == 0);
    strcpy(r.ifr_name, "none0");
    FAILS(ioctl(s, SIOCGIFFLAGS, &r), ENODEV);
    CHECK(ioctl(s, 0x89ff, &r) == -1);
    close(s);
}

/* ---- Sockets of netlink ---- */

static void names_and_malformed_messages(void)
{
    int one = open_netlink(ABI_NETLINK_ROUTE, 0);
    int two = open_netlink(ABI_NETLINK_ROUTE, 0);
    struct abi_sockaddr_nl a;
    struct abi_sockaddr_nl b;
    socklen_t size = sizeof(a);
    CHECK(getsockname(one, (struct sockaddr *)&a, &size) == 0 && a.port != 0);
    CHECK(getsockname(two, (struct sockaddr *)&b, &size) == 0 && b.port != a.port);
    int three = socket(AF_NETLINK, SOCK_RAW, ABI_NETLINK_ROUTE);
    FAILS(bind(three, (struct sockaddr *)&a, sizeof(a)), EADDRINUSE);
    struct abi_nlmsghdr h = {.size = 4000, .type = ABI_RTM_GETLINK, .flags = ABI_NLM_F_REQUEST};
    CHECK(send(one, &h, sizeof(h), 0) == sizeof(h)); // no message: nothing comes of it
    h.size = sizeof(h);
    h.flags |= ABI_NLM_F_DUMP;
    CHECK(send(one, &h, 5, 0) == 5);
    FAILS(recv(one, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
    FAILS(socket(AF_NETLINK, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
    FAILS(shutdown(one, SHUT_RDWR), EOPNOTSUPP);
    FAILS(listen(one, 1), EOPNOTSUPP);
    close(one);
    close(two);
    close(three);
}

static void a_list_can_be_looked_at_first(void)
{
    const struct abi_ifinfomsg body = {.family = 0};
    struct request r = request(ABI_RTM_GETLINK, ABI_NLM_F_DUMP, &body, sizeof(body));
    int s = open_netlink(ABI_NETLINK_ROUTE, 0);
    send_request(s, &r);
    ssize_t size = recv(s, NULL, 0, MSG_PEEK | MSG_TRUNC);
    CHECK(size > 100);
    CHECK(recv(s, buffer, sizeof(buffer), 0) == size);
    close(s);
}

int main(void)
{
    names_and_malformed_messages();
    links_are_listed();
    a_list_can_be_looked_at_first();
    addresses_come_and_go();
    routes_come_and_go();
    a_way_is_told();
    sockets_are_listed();
    the_library_knows_interfaces();
    requests_of_ioctl();
    a_link_goes_down_and_up();
    the_library_knows_interfaces();
    return check_end();
}
