// SPDX-License-Identifier: Apache-2.0
/* Links, addresses, routes and neighbours: shown, and changed by who may configure the network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/rtnl.h"
#include "user/lib/tool.h"

static struct rtnl rtnl;

static struct span span_of_text(const char *text)
{
    return span_of(text, strlen(text));
}

static void print_mac(const struct mac_addr *m)
{
    char text[MAC_TEXT_SIZE];
    mac_print(m, text);
    printf(" %s", text);
}

static void print_ip(const char *before, const struct ip_addr *a)
{
    char text[IP_TEXT_SIZE];
    ip_print(a, text);
    printf("%s%s", before, text);
}

// Names of interfaces, asked for one at a time: there are few.
static const char *name_of(uint32_t index)
{
    static struct netlink_link link;
    static struct rtnl names;
    if (link.index != index || link.name[0] == '\0') {
        if (names.buffer == NULL && !rtnl_open(&names, RTNL_ROUTE, 0)) {
            return "?";
        }
        if (!rtnl_find_index(&names, index, &link)) {
            (void)snprintf(link.name, sizeof(link.name), "%u", index);
        }
    }
    return link.name;
}

// ---- Showing ----

static bool show_link(void *context, const struct netlink_message *m)
{
    struct netlink_link l;
    const bool *with_counters = context;
    if (m->header.type != ABI_RTM_NEWLINK || netlink_link_parse(m->payload, &l) != OK) {
        return true;
    }
    printf("%s %s%s mtu %u", l.name, (l.flags & ABI_IFF_UP) != 0 ? "up" : "down",
           (l.flags & ABI_IFF_RUNNING) != 0 ? "" : " no-link", l.mtu);
    if (l.has_mac && (l.flags & ABI_IFF_LOOPBACK) == 0) {
        print_mac(&l.mac);
    }
    printf("\n");
    if (*with_counters) {
        const struct abi_link_stats64 *s = &l.stats;
        printf("  in  %llu packets %llu bytes %llu errors %llu dropped\n"
               "  out %llu packets %llu bytes %llu errors %llu dropped\n",
               (unsigned long long)s->packets_in, (unsigned long long)s->bytes_in,
               (unsigned long long)s->errors_in, (unsigned long long)s->dropped_in,
               (unsigned long long)s->packets_out, (unsigned long long)s->bytes_out,
               (unsigned long long)s->errors_out, (unsigned long long)s->dropped_out);
    }
    return true;
}

static const char *origin_name(const struct netlink_address *a)
{
    switch (a->origin) {
    case ABI_IFAPROT_KERNEL_LO: return "loopback";
    case ABI_IFAPROT_KERNEL_RA: return "autoconf";
    case ABI_IFAPROT_KERNEL_LL: return "link-local";
    case ABI_IFAPROT_DHCP: return "dhcp";
    default: return "static";
    }
}

static bool show_address(void *context, const struct netlink_message *m)
{
    struct netlink_address a;
    (void)context;
    if (m->header.type != ABI_RTM_NEWADDR || netlink_address_parse(m->payload, &a) != OK) {
        return true;
    }
    printf("%s", name_of(a.netif));
    print_ip(" ", &a.address);
    printf("/%u %s", a.prefix, origin_name(&a));
    if ((a.flags & ABI_IFA_F_DADFAILED) != 0) {
        printf(" duplicate");
    } else if ((a.flags & ABI_IFA_F_TENTATIVE) != 0) {
        printf(" tentative");
    } else if ((a.flags & ABI_IFA_F_DEPRECATED) != 0) {
        printf(" deprecated");
    }
    if (a.valid != ABI_LIFETIME_FOREVER) {
        printf(" valid %us", a.valid);
    }
    printf("\n");
    return true;
}

static const char *protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case ABI_RTPROT_KERNEL: return "kernel";
    case ABI_RTPROT_RA: return "autoconf";
    case ABI_RTPROT_DHCP: return "dhcp";
    default: return "static";
    }
}

static bool show_route(void *context, const struct netlink_message *m)
{
    struct netlink_route r;
    (void)context;
    if (m->header.type != ABI_RTM_NEWROUTE || netlink_route_parse(m->payload, &r) != OK ||
        r.table == ABI_RT_TABLE_LOCAL || r.type != ABI_RTN_UNICAST) {
        return true;
    }
    if (r.prefix == 0) {
        printf("%s", r.family == ABI_AF_INET ? "default" : "default6");
    } else {
        print_ip("", &r.destination);
        printf("/%u", r.prefix);
    }
    if (!ip_is_equal(&r.gateway, &IP_ANY)) {
        print_ip(" via ", &r.gateway);
    }
    printf(" dev %s", name_of(r.netif));
    if (!ip_is_equal(&r.source, &IP_ANY)) {
        print_ip(" source ", &r.source);
    }
    printf(" metric %u %s\n", r.metric, protocol_name(r.protocol));
    return true;
}

static const char *state_name(uint16_t state)
{
    switch (state) {
    case ABI_NUD_INCOMPLETE: return "incomplete";
    case ABI_NUD_REACHABLE: return "reachable";
    case ABI_NUD_STALE: return "stale";
    case ABI_NUD_DELAY: return "delay";
    case ABI_NUD_PROBE: return "probe";
    case ABI_NUD_FAILED: return "failed";
    case ABI_NUD_PERMANENT: return "permanent";
    default: return "none";
    }
}

static bool show_neighbour(void *context, const struct netlink_message *m)
{
    struct netlink_neighbour n;
    (void)context;
    if (m->header.type != ABI_RTM_NEWNEIGH || netlink_neighbour_parse(m->payload, &n) != OK ||
        n.state == ABI_NUD_NOARP) {
        return true;
    }
    print_ip("", &n.address);
    printf(" dev %s", name_of(n.netif));
    if (n.has_mac) {
        print_mac(&n.mac);
    }
    printf(" %s%s\n", state_name(n.state), n.is_router ? " router" : "");
    return true;
}

static void show(uint16_t type, rtnl_each_t *each, bool with_counters)
{
    if (!rtnl_dump(&rtnl, type, each, &with_counters)) {
        tool_fail("netlink");
    }
}

static void show_all(void)
{
    show(ABI_RTM_GETLINK, show_link, false);
    show(ABI_RTM_GETADDR, show_address, false);
    show(ABI_RTM_GETROUTE, show_route, false);
}

// ---- Changing ----

static struct ip_addr read_ip(const char *text)
{
    struct ip_addr a;
    if (ip_parse(span_of_text(text), &a) != OK) {
        tool_die("%s: not an address", text);
    }
    return a;
}

// "A/PREFIX"; without a prefix that of one address.
static struct ip_addr read_network(const char *text, uint8_t *prefix)
{
    char host[IP_TEXT_SIZE];
    int64_t bits;
    size_t size = strcspn(text, "/");
    if (size >= sizeof(host)) {
        tool_die("%s: not an address", text);
    }
    memcpy(host, text, size);
    host[size] = '\0';
    struct ip_addr a = read_ip(host);
    bits = ip_is_v4(&a) ? 32 : 128;
    if (text[size] == '/' && !tool_number(text + size + 1, 0, bits, &bits)) {
        tool_die("%s: not a network", text);
    }
    *prefix = (uint8_t)bits;
    return a;
}

static uint8_t family_of(const struct ip_addr *a)
{
    return ip_is_v4(a) ? ABI_AF_INET : ABI_AF_INET6;
}

static struct netlink_link find_link(const char *name)
{
    struct netlink_link link;
    if (!rtnl_find_link(&rtnl, name, &link)) {
        tool_die("%s: %s", name, strerror(errno));
    }
    return link;
}

// `words` ends with NULL, and so do those of the functions below.
static bool is_add(const char *word)
{
    if (word != NULL && strcmp(word, "add") == 0) {
        return true;
    }
    if (word == NULL || (strcmp(word, "remove") != 0 && strcmp(word, "del") != 0)) {
        tool_usage();
    }
    return false;
}

static void change_address(char **words)
{
    enum rtnl_change what = is_add(words[0]) ? RTNL_ADD : RTNL_REMOVE;
    if (words[1] == NULL || words[2] == NULL || words[3] != NULL) {
        tool_usage();
    }
    struct netlink_address a = {.preferred = ABI_LIFETIME_FOREVER,
                                .valid = ABI_LIFETIME_FOREVER,
                                .flags = ABI_IFA_F_PERMANENT,
                                .netif = find_link(words[2]).index};
    a.address = read_network(words[1], &a.prefix);
    a.family = family_of(&a.address);
    if (!rtnl_address(&rtnl, what, &a)) {
        tool_fail(words[1]);
    }
}

static void change_route(char **words)
{
    enum rtnl_change what = is_add(words[0]) ? RTNL_ADD : RTNL_REMOVE;
    struct netlink_route r = {
        .protocol = ABI_RTPROT_STATIC, .type = ABI_RTN_UNICAST, .table = ABI_RT_TABLE_MAIN};
    int64_t metric = 0;
    if (words[1] == NULL) {
        tool_usage();
    }
    bool is_default = strcmp(words[1], "default") == 0;
    if (!is_default) {
        r.destination = read_network(words[1], &r.prefix);
        r.family = family_of(&r.destination);
    }
    for (char **w = words + 2; w[0] != NULL; w += 2) {
        if (w[1] == NULL) {
            tool_usage();
        }
        if (strcmp(w[0], "via") == 0) {
            r.gateway = read_ip(w[1]);
            r.family = r.family == 0 ? family_of(&r.gateway) : r.family;
        } else if (strcmp(w[0], "dev") == 0) {
            r.netif = find_link(w[1]).index;
        } else if (strcmp(w[0], "metric") != 0 || !tool_number(w[1], 0, UINT32_MAX, &metric)) {
            tool_usage();
        }
    }
    if (is_default) {
        r.family = r.family == 0 ? ABI_AF_INET : r.family;
        r.destination = r.family == ABI_AF_INET ? ip4(0) : IP_ANY;
    }
    r.metric = (uint32_t)metric;
    if (!rtnl_route(&rtnl, what, &r)) {
        tool_fail(words[1]);
    }
}

static void change_neighbour(char **words)
{
    enum rtnl_change what = is_add(words[0]) ? RTNL_ADD : RTNL_REMOVE;
    struct netlink_neighbour n = {.state = ABI_NUD_PERMANENT};
    unsigned mac[MAC_SIZE];
    char end;
    size_t link = what == RTNL_ADD ? 3 : 2;
    if (words[1] == NULL || words[2] == NULL || words[link] == NULL || words[link + 1] != NULL) {
        tool_usage();
    }
    n.address = read_ip(words[1]);
    n.family = family_of(&n.address);
    n.netif = find_link(words[link]).index;
    n.has_mac = what == RTNL_ADD;
    if (n.has_mac && sscanf(words[2], "%2x:%2x:%2x:%2x:%2x:%2x%c", &mac[0], &mac[1], &mac[2],
                            &mac[3], &mac[4], &mac[5], &end) != MAC_SIZE) {
        tool_die("%s: not a link's address", words[2]);
    }
    for (size_t i = 0; n.has_mac && i < MAC_SIZE; i++) {
        n.mac.bytes[i] = (uint8_t)mac[i];
    }
    if (!rtnl_neighbour(&rtnl, what, &n)) {
        tool_fail(words[1]);
    }
}

static void change_link(const char *name, char **words)
{
    struct netlink_link link = {.index = find_link(name).index};
    int64_t mtu;
    if (strcmp(words[0], "up") == 0 || strcmp(words[0], "down") == 0) {
        link.flags = words[0][0] == 'u' ? ABI_IFF_UP : 0;
        link.change = ABI_IFF_UP;
        words++;
    } else if (strcmp(words[0], "mtu") == 0 && words[1] != NULL &&
               tool_number(words[1], 68, 65536, &mtu)) {
        link.mtu = (uint32_t)mtu;
        words += 2;
    }
    if (words[0] != NULL || (link.change == 0 && link.mtu == 0)) {
        tool_usage();
    }
    if (!rtnl_link(&rtnl, &link)) {
        tool_fail(name);
    }
}

// A prefix of the word of at least its first letter: a, addr, address.
static bool is_word(const char *given, const char *word)
{
    return strncmp(given, word, strlen(given)) == 0;
}

static void run(char **words)
{
    static const struct {
        const char *word;
        uint16_t type;
        rtnl_each_t *each;
        void (*change)(char **words);
    } kinds[] = {{"address", ABI_RTM_GETADDR, show_address, change_address},
                 {"route", ABI_RTM_GETROUTE, show_route, change_route},
                 {"neighbour", ABI_RTM_GETNEIGH, show_neighbour, change_neighbour}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_word(words[0], kinds[i].word)) {
            if (words[1] == NULL) {
                show(kinds[i].type, kinds[i].each, false);
            } else {
                kinds[i].change(words + 1);
            }
            return;
        }
    }
    if (is_word(words[0], "counters") && words[1] == NULL) {
        show(ABI_RTM_GETLINK, show_link, true);
    } else if (is_word(words[0], "link") && words[1] == NULL) {
        show(ABI_RTM_GETLINK, show_link, false);
    } else if (is_word(words[0], "link") && words[2] != NULL) {
        change_link(words[1], words + 2);
    } else {
        tool_usage();
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv,
               "[address | route | neighbour | link | counters]\n"
               "       net address add|remove ADDRESS/PREFIX INTERFACE\n"
               "       net route add|remove NETWORK/PREFIX|default [via GATEWAY] [dev INTERFACE] "
               "[metric N]\n"
               "       net neighbour add ADDRESS MAC INTERFACE\n"
               "       net neighbour remove ADDRESS INTERFACE\n"
               "       net link INTERFACE up|down|mtu N",
               "Shows links, addresses and routes of the network, or what is named; changes them.");
    if (!rtnl_open(&rtnl, RTNL_ROUTE, 0)) {
        tool_die("netlink: %s", strerror(errno));
    }
    if (argc < 2) {
        show_all();
    } else {
        run(argv + 1);
    }
    rtnl_close(&rtnl);
    return tool_end();
}
