// SPDX-License-Identifier: Apache-2.0
/*
 * How this machine is connected, in lines that scripts read; with --check as a verdict.  What is told is
 * of the first interface that is no loopback.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/rtnl.h"
#include "user/lib/tool.h"

static struct {
    struct netlink_link link;
    struct netlink_address v4;
    struct netlink_address v6;     // a global one rather than link-local
    struct netlink_route gateway4; // of several that of the least metric
    struct netlink_route gateway6;
    struct ip_addr resolver;
    bool has_link;
    bool has_v4;
    bool has_v6;
    bool is_v6_static;
    bool is_fallback;
} info;

static bool is_static(const struct netlink_address *a)
{
    return a->origin == ABI_IFAPROT_UNSPEC && (a->flags & ABI_IFA_F_PERMANENT) != 0 &&
           !ip_is_link_local(&a->address);
}

static bool take_link(void *context, const struct netlink_message *m)
{
    struct netlink_link l;
    (void)context;
    if (m->header.type == ABI_RTM_NEWLINK && netlink_link_parse(m->payload, &l) == OK &&
        (l.flags & ABI_IFF_LOOPBACK) == 0 && l.has_mac && !info.has_link) {
        info.link = l;
        info.has_link = true;
    }
    return true;
}

static bool take_address(void *context, const struct netlink_message *m)
{
    struct netlink_address a;
    (void)context;
    if (m->header.type != ABI_RTM_NEWADDR || netlink_address_parse(m->payload, &a) != OK ||
        a.netif != info.link.index ||
        (a.flags & (ABI_IFA_F_TENTATIVE | ABI_IFA_F_DADFAILED)) != 0) {
        return true;
    }
    if (ip_is_v4(&a.address)) {
        info.v4 = info.has_v4 ? info.v4 : a;
        info.has_v4 = true;
    } else if (!info.has_v6 ||
               (!info.is_v6_static && (is_static(&a) || ip_is_link_local(&info.v6.address)))) {
        info.v6 = a;
        info.has_v6 = true;
        info.is_v6_static = is_static(&a);
    }
    return true;
}

static bool take_route(void *context, const struct netlink_message *m)
{
    struct netlink_route r;
    (void)context;
    if (m->header.type != ABI_RTM_NEWROUTE || netlink_route_parse(m->payload, &r) != OK ||
        r.prefix != 0 || r.netif != info.link.index || ip_is_equal(&r.gateway, &IP_ANY)) {
        return true;
    }
    struct netlink_route *known = r.family == ABI_AF_INET ? &info.gateway4 : &info.gateway6;
    if (ip_is_unspecified(&known->gateway) || r.metric < known->metric) {
        *known = r;
    }
    return true;
}

// The servers that swos-netd knows of, also where their answers are kept on this machine.
static void read_resolver(void)
{
    char line[512];
    FILE *file = fopen("/run/resolvers", "re");
    file = file != NULL ? file : fopen("/etc/resolv.conf", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char text[IP_TEXT_SIZE];
        struct ip_addr a;
        if (sscanf(line, " nameserver %45s", text) == 1 &&
            ip_parse(span_of(text, strlen(text)), &a) == OK && ip_is_v4(&a)) {
            info.resolver = a;
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

// Where swos-netd says that an address was taken for want of an answer.
static void read_state(void)
{
    char line[256];
    FILE *file = fopen("/run/net", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char name[NETLINK_NAME_SIZE];
        char source[16];
        if (sscanf(line, "%15s %15s", name, source) == 2 && strcmp(name, info.link.name) == 0) {
            info.is_fallback = strcmp(source, "fallback") == 0;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static void read_all(void)
{
    struct rtnl r;
    if (!rtnl_open(&r, RTNL_ROUTE, 0)) {
        tool_die("netlink: %s", strerror(errno));
    }
    if (!rtnl_dump(&r, ABI_RTM_GETLINK, take_link, NULL) ||
        !rtnl_dump(&r, ABI_RTM_GETADDR, take_address, NULL) ||
        !rtnl_dump(&r, ABI_RTM_GETROUTE, take_route, NULL)) {
        tool_die("netlink: %s", strerror(errno));
    }
    rtnl_close(&r);
    read_resolver();
    read_state();
}

// All eight groups, as operators' scripts compare them.
static void print_groups(const struct ip_addr *a)
{
    for (size_t i = 0; i < IP6_SIZE; i += 2) {
        printf("%s%04x", i > 0 ? ":" : "", read_be16(a->bytes + i));
    }
}

static bool is_link_ready(void)
{
    const uint32_t both = ABI_IFF_UP | ABI_IFF_RUNNING;
    return info.has_link && (info.link.flags & both) == both;
}

static void print_v4(void)
{
    char text[IP_TEXT_SIZE];
    if (!info.has_v4) {
        printf("netinfo: ipv4 none\n");
        return;
    }
    ip_print(&info.v4.address, text);
    printf("netinfo: ipv4 %s/%u source %s\n", text, info.v4.prefix,
           info.v4.origin == ABI_IFAPROT_DHCP ? "dhcp"
           : info.is_fallback                 ? "fallback"
                                              : "static");
}

static void print_named(const char *name, const struct ip_addr *a)
{
    char text[IP_TEXT_SIZE] = "none";
    if (!ip_is_unspecified(a)) {
        ip_print(a, text);
    }
    printf("netinfo: %s %s\n", name, text);
}

static void print_v6(void)
{
    if (!info.has_v6) {
        printf("netinfo: ipv6 none\n");
        return;
    }
    printf("netinfo: ipv6 ");
    print_groups(&info.v6.address);
    printf(" prefix %u source %s\n", info.v6.prefix,
           ip_is_link_local(&info.v6.address) ? "link-local"
           : info.is_v6_static                ? "static"
                                              : "autoconf");
    print_named("gateway6", &info.gateway6.gateway);
}

// The first thing that is missing; NULL: nothing.
static const char *find_missing(bool wants_static6)
{
    if (!is_link_ready()) {
        return "no link";
    }
    if (!info.has_v4) {
        return "no IPv4 address";
    }
    if (info.v4.prefix == 0) {
        return "no IPv4 prefix";
    }
    if (ip_is_unspecified(&info.gateway4.gateway)) {
        return "no IPv4 gateway";
    }
    if (ip_is_unspecified(&info.resolver)) {
        return "no IPv4 name server";
    }
    if (wants_static6 && (!info.is_v6_static || info.v6.prefix != 64)) {
        return "no static IPv6 address with /64";
    }
    if (wants_static6 && !ip_is_link_local(&info.gateway6.gateway)) {
        return "no link-local IPv6 gateway";
    }
    return NULL;
}

int main(int argc, char **argv)
{
    bool checks = false;
    bool wants_static6 = false;
    tool_begin(
        argc, argv, "[--check] [--require-static6]",
        "Prints how this machine is connected. --check: fails unless link, IPv4 address, gateway "
        "and name server\nare there; --require-static6: and a static IPv6 address with its "
        "gateway.");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--require-static6") == 0) {
            wants_static6 = true;
        } else if (strcmp(argv[i], "--check") != 0) {
            tool_usage();
        }
        checks = true;
    }
    read_all();
    printf("netinfo: ready %s\n", is_link_ready() ? "yes" : "no");
    print_v4();
    print_named("gateway4", &info.gateway4.gateway);
    print_named("dns4", &info.resolver);
    print_v6();
    printf("netinfo: HC27 OK\n");
    if (checks) {
        const char *missing = find_missing(wants_static6);
        if (missing != NULL) {
            tool_warn("check failed: %s", missing);
            return tool_end();
        }
        printf("netinfo: check ok\n");
    }
    return tool_end();
}
