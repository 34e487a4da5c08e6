// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/codec.h"

#include "lib/base/string.h"
#include "lib/dhcp/option.h"
#include "lib/fmt/fmt.h"
#include "lib/net/ethernet.h"

enum { HARDWARE = 1, HARDWARE_SIZE = 2, XID = 4, SECONDS = 8, FLAGS = 10, CLIENT = 12, YOURS = 16 };
enum { RELAY = 24, MAC = 28, COOKIE = 236, OPTIONS = 240 };
enum { REQUEST = 1, REPLY = 2, ETHERNET = 1, FLAG_BROADCAST = 0x8000 };
constexpr uint32_t COOKIE_VALUE = 0x63825363;

static bool is_reply(enum dhcp_type type)
{
    return type == DHCP_OFFER || type == DHCP_ACK || type == DHCP_NAK;
}

// Whether it can be a machine's.
static bool is_host(const struct ip_addr *a)
{
    return !ip_is_unspecified(a) && !ip_is_multicast(a) && !ip4_is_broadcast(a) &&
           !ip_is_loopback(a);
}

/* ---- Reading ---- */

// An option of one number of `size` bytes.  ERR_INVAL: it has another size.  Not there: *value stays.
static status_t read_number(const struct dhcp_options *o, enum dhcp_option_code code, size_t size,
                            uint32_t *value)
{
    struct dhcp_option option;
    if (!dhcp_options_get(o, code, &option)) {
        return OK;
    }
    if (option.size != size) {
        return ERR_INVAL;
    }
    *value = size == 1   ? option.bytes[0]
             : size == 2 ? read_be16(option.bytes)
                         : read_be32(option.bytes);
    return OK;
}

static status_t read_address(const struct dhcp_options *o, enum dhcp_option_code code,
                             struct ip_addr *out)
{
    uint32_t value = 0;
    status_t status = read_number(o, code, IP4_SIZE, &value);
    *out = ip4(value);
    return status;
}

static void read_addresses(const struct dhcp_options *o, enum dhcp_option_code code,
                           struct dhcp_addresses *out)
{
    struct dhcp_option option;
    if (!dhcp_options_get(o, code, &option) || option.size % IP4_SIZE != 0) {
        return;
    }
    for (size_t at = 0; at < option.size && out->count < DHCP_ADDRESSES_MAX; at += IP4_SIZE) {
        struct ip_addr a = ip4_read(option.bytes + at);
        if (is_host(&a)) {
            out->list[out->count++] = a;
        }
    }
}

// A route's destination is as many bytes as its prefix fills (RFC 3442).
static bool read_routes(const struct dhcp_option *option, struct dhcp_routes *out)
{
    size_t at = 0;
    while (at < option->size) {
        uint8_t prefix = option->bytes[at++];
        size_t size = (prefix + (size_t)7) / 8;
        if (prefix > 32 || option->size - at < size + IP4_SIZE) {
            return false;
        }
        uint8_t destination[IP4_SIZE] = {};
        memcpy(destination, option->bytes + at, size);
        struct ip_addr whole = ip4_read(destination);
        struct dhcp_route r = {
            .destination = ip_network(&whole, prefix),
            .prefix = prefix,
            .gateway = ip4_read(option->bytes + at + size),
        };
        at += size + IP4_SIZE;
        if ((is_host(&r.gateway) || ip_is_unspecified(&r.gateway)) &&
            out->count < DHCP_ROUTES_MAX) {
            out->list[out->count++] = r;
        }
    }
    return true;
}

// A name of a host or domain; anything else is left out, since it ends up in files and on terminals.
static void read_name(const struct dhcp_options *o, enum dhcp_option_code code, char *text,
                      size_t size)
{
    struct dhcp_option option;
    struct dns_name name;
    if (!dhcp_options_get(o, code, &option)) {
        return;
    }
    while (option.size != 0 && option.bytes[option.size - 1] == '\0') {
        option.size--; // which some servers count in
    }
    if (dns_name_parse(span_of(option.bytes, option.size), &name) == OK &&
        dns_name_is_host(&name) && dns_name_print(&name, text, size) >= size) {
        text[0] = '\0';
    }
}

static uint8_t read_bytes(const struct dhcp_options *o, enum dhcp_option_code code, uint8_t *to,
                          size_t room)
{
    struct dhcp_option option;
    if (!dhcp_options_get(o, code, &option) || option.size > room) {
        return 0;
    }
    memcpy(to, option.bytes, option.size);
    return (uint8_t)option.size;
}

// The length of a subnet mask.  ERR_INVAL: its ones are not its first bits.
static status_t read_mask(const struct dhcp_options *o, uint8_t *prefix)
{
    uint32_t mask = 0;
    status_t status = read_number(o, DHCP_OPTION_MASK, IP4_SIZE, &mask);
    if (status != OK || (~mask & (~mask + 1)) != 0) {
        return ERR_INVAL;
    }
    *prefix = (uint8_t)__builtin_popcount(mask);
    return OK;
}

// What a message is nothing worth without.
static status_t read_needed(const struct dhcp_options *o, struct dhcp_message *m)
{
    uint32_t type = 0;
    status_t status = read_number(o, DHCP_OPTION_TYPE, 1, &type);
    if (status != OK || type < DHCP_DISCOVER || type > DHCP_INFORM) {
        return ERR_INVAL;
    }
    m->type = (enum dhcp_type)type;
    status = read_address(o, DHCP_OPTION_SERVER, &m->server);
    if (status == OK) {
        status = read_address(o, DHCP_OPTION_REQUESTED, &m->requested);
    }
    if (status == OK) {
        status = read_number(o, DHCP_OPTION_LEASE, 4, &m->lease_s);
    }
    return status == OK ? read_mask(o, &m->prefix) : status;
}

static void read_others(const struct dhcp_options *o, struct dhcp_message *m)
{
    struct dhcp_option routes;
    uint32_t mtu = 0;
    // A time of another size is no time: the defaults are good enough.
    (void)read_number(o, DHCP_OPTION_RENEW, 4, &m->renew_s);
    (void)read_number(o, DHCP_OPTION_REBIND, 4, &m->rebind_s);
    (void)read_number(o, DHCP_OPTION_MTU, 2, &mtu);
    m->mtu = (uint16_t)(mtu >= DHCP_MTU_MIN ? mtu : 0);
    read_addresses(o, DHCP_OPTION_ROUTERS, &m->routers);
    read_addresses(o, DHCP_OPTION_RESOLVERS, &m->resolvers);
    read_addresses(o, DHCP_OPTION_CLOCKS, &m->clocks);
    if (dhcp_options_get(o, DHCP_OPTION_ROUTES, &routes)) {
        m->has_routes = read_routes(&routes, &m->routes);
        m->routes.count = m->has_routes ? m->routes.count : 0;
    }
    read_name(o, DHCP_OPTION_HOST, m->host, sizeof(m->host));
    read_name(o, DHCP_OPTION_DOMAIN, m->domain, sizeof(m->domain));
    m->search_size = read_bytes(o, DHCP_OPTION_SEARCH, m->search, sizeof(m->search));
    m->client_id_size = read_bytes(o, DHCP_OPTION_CLIENT_ID, m->client_id, sizeof(m->client_id));
}

status_t dhcp_parse(struct span bytes, struct dhcp_message *out)
{
    const uint8_t *p = bytes.data;
    struct dhcp_options options;
    status_t status = dhcp_options_init(&options, bytes);
    if (status != OK || p[HARDWARE] != ETHERNET || p[HARDWARE_SIZE] != MAC_SIZE ||
        read_be32(p + COOKIE) != COOKIE_VALUE) {
        return ERR_INVAL;
    }
    struct dhcp_message m = {
        .wants_broadcast = (read_be16(p + FLAGS) & FLAG_BROADCAST) != 0,
        .seconds = read_be16(p + SECONDS),
        .xid = read_be32(p + XID),
        .mac = mac_read(p + MAC),
        .client = ip4_read(p + CLIENT),
        .yours = ip4_read(p + YOURS),
        .relay = ip4_read(p + RELAY),
    };
    status = read_needed(&options, &m);
    if (status != OK || p[0] != (is_reply(m.type) ? REPLY : REQUEST)) {
        return ERR_INVAL;
    }
    read_others(&options, &m);
    *out = m;
    return OK;
}

bool dhcp_search_next(const struct dhcp_message *m, size_t *at, struct dns_name *out)
{
    return *at < m->search_size &&
           dns_name_read(span_of(m->search, m->search_size), at, out) == OK && out->size > 1;
}

/* ---- Writing ---- */

static void write_address(struct dhcp_writer *w, enum dhcp_option_code code,
                          const struct ip_addr *a)
{
    dhcp_write(w, code, a->bytes + IP6_SIZE - IP4_SIZE, ip_is_unspecified(a) ? 0 : IP4_SIZE);
}

static void write_number(struct dhcp_writer *w, enum dhcp_option_code code, uint32_t value)
{
    uint8_t bytes[4];
    write_be32(bytes, value);
    dhcp_write(w, code, bytes, value == 0 ? 0 : sizeof(bytes));
}

static void write_addresses(struct dhcp_writer *w, enum dhcp_option_code code,
                            const struct dhcp_addresses *a)
{
    uint8_t bytes[DHCP_ADDRESSES_MAX * IP4_SIZE];
    for (size_t i = 0; i < a->count; i++) {
        write_be32(bytes + i * IP4_SIZE, ip4_value(&a->list[i]));
    }
    dhcp_write(w, code, bytes, a->count * (size_t)IP4_SIZE);
}

static void write_routes(struct dhcp_writer *w, const struct dhcp_routes *r)
{
    uint8_t bytes[DHCP_ROUTES_MAX * 9];
    size_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        size_t size = (r->list[i].prefix + (size_t)7) / 8;
        bytes[at++] = r->list[i].prefix;
        memcpy(bytes + at, r->list[i].destination.bytes + IP6_SIZE - IP4_SIZE, size);
        write_be32(bytes + at + size, ip4_value(&r->list[i].gateway));
        at += size + IP4_SIZE;
    }
    dhcp_write(w, DHCP_OPTION_ROUTES, bytes, at);
}

// What a client asks for; routes come before routers (RFC 3442).
static void write_wishes(struct dhcp_writer *w)
{
    static const uint8_t wanted[] = {
        DHCP_OPTION_MASK,   DHCP_OPTION_ROUTES, DHCP_OPTION_ROUTERS, DHCP_OPTION_RESOLVERS,
        DHCP_OPTION_DOMAIN, DHCP_OPTION_SEARCH, DHCP_OPTION_MTU,     DHCP_OPTION_CLOCKS,
        DHCP_OPTION_HOST,   DHCP_OPTION_LEASE,  DHCP_OPTION_RENEW,   DHCP_OPTION_REBIND,
    };
    static const uint8_t size[] = {DHCP_SIZE_MAX >> 8, DHCP_SIZE_MAX & 0xff};
    dhcp_write(w, DHCP_OPTION_SIZE, size, sizeof(size));
    dhcp_write(w, DHCP_OPTION_WANTED, wanted, sizeof(wanted));
}

static void write_options(struct dhcp_writer *w, const struct dhcp_message *m)
{
    uint8_t mtu[2];
    write_be16(mtu, m->mtu);
    dhcp_write(w, DHCP_OPTION_TYPE, &m->type, 1);
    dhcp_write(w, DHCP_OPTION_CLIENT_ID, m->client_id, m->client_id_size);
    write_address(w, DHCP_OPTION_SERVER, &m->server);
    write_address(w, DHCP_OPTION_REQUESTED, &m->requested);
    write_number(w, DHCP_OPTION_LEASE, m->lease_s);
    write_number(w, DHCP_OPTION_RENEW, m->renew_s);
    write_number(w, DHCP_OPTION_REBIND, m->rebind_s);
    write_number(w, DHCP_OPTION_MASK, m->prefix == 0 ? 0 : ~0u << (32 - m->prefix));
    write_addresses(w, DHCP_OPTION_ROUTERS, &m->routers);
    write_addresses(w, DHCP_OPTION_RESOLVERS, &m->resolvers);
    write_addresses(w, DHCP_OPTION_CLOCKS, &m->clocks);
    write_routes(w, &m->routes);
    dhcp_write(w, DHCP_OPTION_MTU, mtu, m->mtu == 0 ? 0 : sizeof(mtu));
    dhcp_write(w, DHCP_OPTION_HOST, m->host, strlen(m->host));
    dhcp_write(w, DHCP_OPTION_DOMAIN, m->domain, strlen(m->domain));
    dhcp_write(w, DHCP_OPTION_SEARCH, m->search, m->search_size);
    if (m->type == DHCP_DISCOVER || m->type == DHCP_REQUEST || m->type == DHCP_INFORM) {
        write_wishes(w);
    }
    dhcp_write_end(w);
}

size_t dhcp_emit(const struct dhcp_message *m, uint8_t *to)
{
    struct dhcp_writer w = {.at = to + OPTIONS, .end = to + DHCP_SIZE_MAX};
    memset(to, 0, OPTIONS);
    to[0] = is_reply(m->type) ? REPLY : REQUEST;
    to[HARDWARE] = ETHERNET;
    to[HARDWARE_SIZE] = MAC_SIZE;
    write_be32(to + XID, m->xid);
    write_be16(to + SECONDS, m->seconds);
    write_be16(to + FLAGS, m->wants_broadcast ? FLAG_BROADCAST : 0);
    write_be32(to + CLIENT, ip4_value(&m->client));
    write_be32(to + YOURS, ip4_value(&m->yours));
    write_be32(to + RELAY, ip4_value(&m->relay));
    mac_write(to + MAC, &m->mac);
    write_be32(to + COOKIE, COOKIE_VALUE);
    write_options(&w, m);
    size_t size = (size_t)(w.at - to);
    if (size < DHCP_SIZE_MIN) {
        memset(w.at, 0, DHCP_SIZE_MIN - size);
        size = DHCP_SIZE_MIN;
    }
    return size;
}

void dhcp_print(const struct dhcp_message *m, char *text, size_t size)
{
    static const char *const names[] = {"?",   "DISCOVER", "OFFER",   "REQUEST", "DECLINE",
                                        "ACK", "NAK",      "RELEASE", "INFORM"};
    char yours[IP_TEXT_SIZE];
    char server[IP_TEXT_SIZE];
    ip_print(&m->yours, yours);
    ip_print(&m->server, server);
    (void)fmt_print(text, size, "%s %08x: %s/%u from %s for %u s",
                    names[m->type <= DHCP_INFORM ? m->type : 0], (unsigned)m->xid, yours, m->prefix,
                    server, (unsigned)m->lease_s);
}
