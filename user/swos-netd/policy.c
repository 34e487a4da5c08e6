// SPDX-License-Identifier: Apache-2.0
#include "user/swos-netd/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/tool.h"

enum { LINE_SIZE = 512, V6_PREFIX = 64 };

// A line, cut into its parts in place.
struct setting {
    const char *interface; // empty: all
    const char *key;
    const char *value;
};

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL) {
        text[--size] = '\0';
    }
    return text;
}

// 1: a setting; 0: nothing; -1: it is none.
static int cut(char *line, struct setting *out)
{
    line[strcspn(line, "#")] = '\0';
    char *text = trim(line);
    if (text[0] == '\0') {
        return 0;
    }
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return -1;
    }
    *equals = '\0';
    char *name = trim(text);
    char *dot = strrchr(name, '.');
    out->interface = "";
    out->key = name;
    out->value = trim(equals + 1);
    if (dot != NULL) {
        *dot = '\0';
        out->interface = name;
        out->key = dot + 1;
    }
    return strlen(out->interface) < NETLINK_NAME_SIZE ? 1 : -1;
}

static bool read_address(const char *text, struct ip_addr *out)
{
    return ip_parse(span_of(text, strlen(text)), out) == OK;
}

static bool read_network(const char *text, struct ip_addr *address, uint8_t *prefix)
{
    char host[IP_TEXT_SIZE];
    int64_t bits;
    const char *slash = strchr(text, '/');
    size_t size = slash != NULL ? (size_t)(slash - text) : sizeof(host);
    if (size >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    if (!read_address(host, address) ||
        !tool_number(slash + 1, 1, ip_is_v4(address) ? 32 : 128, &bits)) {
        return false;
    }
    *prefix = (uint8_t)bits;
    return true;
}

static bool add_address(struct policy *p, const struct setting *s, bool is_gateway)
{
    struct policy_address a = {.is_gateway = is_gateway};
    struct policy_address *node = malloc(sizeof(*node));
    bool is_right = is_gateway ? read_address(s->value, &a.address)
                               : read_network(s->value, &a.address, &a.prefix);
    if (node == NULL || !is_right || ip_is_multicast(&a.address) || ip_is_unspecified(&a.address)) {
        free(node);
        return false;
    }
    (void)snprintf(a.interface, sizeof(a.interface), "%s", s->interface);
    *node = a;
    struct policy_address **end = &p->addresses;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = node;
    return true;
}

static bool add_switch(struct policy *p, const struct setting *s, bool is_dhcp)
{
    bool is_on = strcmp(s->value, "on") == 0;
    struct policy_switch *node = malloc(sizeof(*node));
    if (node == NULL || (!is_on && strcmp(s->value, "off") != 0)) {
        free(node);
        return false;
    }
    *node = (struct policy_switch){.next = p->switches, .is_dhcp = is_dhcp, .is_on = is_on};
    (void)snprintf(node->interface, sizeof(node->interface), "%s", s->interface);
    p->switches = node;
    return true;
}

static bool apply(struct policy *p, const struct setting *s)
{
    if (strcmp(s->key, "dhcp") == 0 || strcmp(s->key, "fallback") == 0) {
        return add_switch(p, s, s->key[0] == 'd');
    }
    if (strcmp(s->key, "address") == 0 || strcmp(s->key, "gateway") == 0) {
        return add_address(p, s, s->key[0] == 'g');
    }
    if (strcmp(s->key, "nameserver") == 0 && p->resolver_count < POLICY_RESOLVERS_MAX) {
        bool is_right = read_address(s->value, &p->resolvers[p->resolver_count]);
        p->resolver_count += is_right;
        return is_right;
    }
    if (strcmp(s->key, "cache") == 0) {
        p->wants_cache = strcmp(s->value, "on") == 0;
        return p->wants_cache || strcmp(s->value, "off") == 0;
    }
    if (strcmp(s->key, "search") == 0 && strlen(s->value) < sizeof(p->domain)) {
        memcpy(p->domain, s->value, strlen(s->value) + 1);
        return true;
    }
    return false;
}

bool policy_read(struct policy *p, const char *path, char why[static POLICY_WHY_SIZE])
{
    char line[LINE_SIZE];
    struct setting s;
    FILE *file = fopen(path, "re");
    *p = (struct policy){};
    why[0] = '\0';
    if (file == NULL) {
        return errno == ENOENT;
    }
    for (unsigned number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        int kind = cut(line, &s);
        if ((kind < 0 || (kind > 0 && !apply(p, &s))) && why[0] == '\0') {
            (void)snprintf(why, POLICY_WHY_SIZE, "%s:%u: not a setting", path, number);
        }
    }
    bool is_read = ferror(file) == 0;
    (void)fclose(file);
    return is_read;
}

void policy_free(struct policy *p)
{
    for (struct policy_address *a = p->addresses; a != NULL;) {
        struct policy_address *next = a->next;
        free(a);
        a = next;
    }
    for (struct policy_switch *s = p->switches; s != NULL;) {
        struct policy_switch *next = s->next;
        free(s);
        s = next;
    }
    *p = (struct policy){};
}

static bool is_switched(const struct policy *p, const char *interface, bool is_dhcp)
{
    bool result = true;
    bool is_own = false;
    for (const struct policy_switch *s = p->switches; s != NULL; s = s->next) {
        bool names_it = strcmp(s->interface, interface) == 0;
        if (s->is_dhcp == is_dhcp && !is_own && (names_it || s->interface[0] == '\0')) {
            result = s->is_on; // of its own rather than of all
            is_own = names_it;
        }
    }
    return result;
}

bool policy_wants_dhcp(const struct policy *p, const char *interface)
{
    return is_switched(p, interface, true);
}

bool policy_wants_fallback(const struct policy *p, const char *interface)
{
    return is_switched(p, interface, false);
}

const struct policy_address *policy_address_next(const struct policy *p, const char *interface,
                                                 const struct policy_address *last)
{
    const struct policy_address *a = last == NULL ? p->addresses : last->next;
    while (a != NULL && a->interface[0] != '\0' && strcmp(a->interface, interface) != 0) {
        a = a->next;
    }
    return a;
}

bool policy_has(const struct policy *p, const char *interface, const struct policy_address *wanted)
{
    const struct policy_address *a = NULL;
    while ((a = policy_address_next(p, interface, a)) != NULL) {
        if (ip_is_equal(&a->address, &wanted->address) && a->prefix == wanted->prefix) {
            return true;
        }
    }
    return false;
}

static const char *apply6(struct policy6 *p, const struct setting *s)
{
    uint8_t prefix;
    if (strcmp(s->key, "address") == 0) {
        bool is_right = read_network(s->value, &p->address, &prefix) && !ip_is_v4(&p->address) &&
                        prefix == V6_PREFIX && !ip_is_multicast(&p->address) &&
                        !ip_is_link_local(&p->address) && !ip_is_loopback(&p->address) &&
                        !ip_is_unspecified(&p->address);
        return is_right ? NULL : "the address is not an IPv6 address with /64";
    }
    if (strcmp(s->key, "gateway") == 0) {
        bool is_right = read_address(s->value, &p->gateway) && !ip_is_v4(&p->gateway) &&
                        ip_is_link_local(&p->gateway);
        return is_right ? NULL : "the gateway is not a link-local IPv6 address";
    }
    return "a key that is not known";
}

bool policy6_read(struct policy6 *p, const char *path, char why[static POLICY_WHY_SIZE])
{
    char line[LINE_SIZE];
    struct setting s;
    const char *wrong = NULL;
    FILE *file = fopen(path, "re");
    *p = (struct policy6){};
    why[0] = '\0';
    if (file == NULL) {
        return errno == ENOENT;
    }
    while (wrong == NULL && fgets(line, sizeof(line), file) != NULL) {
        int kind = cut(line, &s);
        wrong = kind < 0 ? "a line that is no setting" : kind > 0 ? apply6(p, &s) : NULL;
    }
    (void)fclose(file);
    if (wrong == NULL && ip_is_unspecified(&p->address)) {
        wrong = "there is no address";
    }
    if (wrong == NULL && ip_is_unspecified(&p->gateway)) {
        wrong = "there is no gateway";
    }
    p->is_there = wrong == NULL;
    if (wrong != NULL) {
        (void)snprintf(why, POLICY_WHY_SIZE, "%s ignored: %s", path, wrong);
    }
    return wrong == NULL;
}
