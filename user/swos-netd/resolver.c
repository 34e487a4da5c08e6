// SPDX-License-Identifier: Apache-2.0
/* Files that others read; each is written beside its place and moved there when it is whole. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/swos-netd/netd.h"

enum { SERVERS_MAX = 3 }; // the C library asks no more

static const uint32_t fallback_resolver = 0x0a000203; // 10.0.2.3

static void put_server(FILE *out, unsigned *count, const struct ip_addr *a, const char *interface)
{
    char text[IP_TEXT_SIZE];
    if (*count < SERVERS_MAX) {
        ip_print(a, text);
        (void)fprintf(
            out, ip_is_v4(a) || !ip_is_link_local(a) ? "nameserver %s\n" : "nameserver %s%%%s\n",
            text, interface);
        (*count)++;
    }
}

static void put_interface(FILE *out, unsigned *count, const struct interface *i)
{
    const struct ip_addr fallback = ip4(fallback_resolver);
    for (size_t at = 0; i->has_lease && at < i->lease.said.resolvers.count; at++) {
        put_server(out, count, &i->lease.said.resolvers.list[at], i->state.name);
    }
    if (i->is_fallback) {
        put_server(out, count, &fallback, i->state.name);
    }
    for (size_t at = 0; at < ADVERTISED_MAX; at++) {
        if (!ip_is_unspecified(&i->advertised[at].address)) {
            put_server(out, count, &i->advertised[at].address, i->state.name);
        }
    }
}

static void put_search(FILE *out, const struct dhcp_message *said)
{
    char name[DNS_NAME_TEXT_SIZE];
    struct dns_name one;
    bool is_first = true;
    for (size_t at = 0; dhcp_search_next(said, &at, &one);) {
        if (dns_name_is_host(&one)) {
            (void)dns_name_print(&one, name, sizeof(name));
            (void)fprintf(out, is_first ? "search %s" : " %s", name);
            is_first = false;
        }
    }
    if (is_first && said->domain[0] != '\0') {
        (void)fprintf(out, "search %s", said->domain);
        is_first = false;
    }
    if (!is_first) {
        (void)fputc('\n', out);
    }
}

static void put_servers(const struct netd *n, FILE *out)
{
    unsigned count = 0;
    for (size_t at = 0; at < n->policy.resolver_count; at++) {
        put_server(out, &count, &n->policy.resolvers[at], "");
    }
    bool is_static = count > 0;
    for (struct list *node = n->interfaces.next; node != &n->interfaces && !is_static;
         node = node->next) {
        put_interface(out, &count, container_of(node, struct interface, link));
    }
}

static void put_domains(const struct netd *n, FILE *out)
{
    if (n->policy.domain[0] != '\0') {
        (void)fprintf(out, "search %s\n", n->policy.domain);
        return;
    }
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        const struct interface *i = container_of(node, struct interface, link);
        if (i->has_lease) {
            put_search(out, &i->lease.said);
            return;
        }
    }
}

static void put_resolver(const struct netd *n, FILE *out)
{
    (void)fputs("# Written by swos-netd.\n", out);
    if (n->cache != 0) {
        (void)fputs("nameserver 127.0.0.1\n", out);
    } else {
        put_servers(n, out);
    }
    put_domains(n, out);
}

static void put_state(const struct netd *n, FILE *out)
{
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        const struct interface *i = container_of(node, struct interface, link);
        (void)fprintf(out, "%s %s\n", i->state.name,
                      i->has_lease     ? "dhcp"
                      : i->is_fallback ? "fallback"
                                       : "static");
    }
}

static void write_file(const struct netd *n, const char *path,
                       void (*put)(const struct netd *n, FILE *out))
{
    char beside[256];
    int size = snprintf(beside, sizeof(beside), "%s.new", path);
    FILE *out = size < (int)sizeof(beside) ? fopen(beside, "we") : NULL;
    bool is_written = out != NULL;
    if (out != NULL) {
        put(n, out);
        is_written = ferror(out) == 0;
        is_written = fclose(out) == 0 && is_written;
    }
    if (!is_written || rename(beside, path) != 0) {
        netd_say(n, "net: %s: %s", path, strerror(errno));
    }
}

void resolver_update(const struct netd *n)
{
    write_file(n, n->servers_path, put_servers);
    write_file(n, n->resolver_path, put_resolver);
    write_file(n, n->state_path, put_state);
}
