// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ndp.h"

#include "lib/base/string.h"
#include "lib/dns/name.h"
#include "lib/net/ethernet.h"

enum { CODE = 1, REST = 4, TARGET = 8, DESTINATION = 24 };
enum { SOLICITATION_SIZE = 8, ADVERTISEMENT_SIZE = 16, NEIGHBOUR_SIZE = 24, REDIRECT_SIZE = 40 };
enum { NEIGHBOUR_ROUTER = 0x80, NEIGHBOUR_SOLICITED = 0x40, NEIGHBOUR_OVERRIDE = 0x20 };
enum { OPTION_UNIT = 8 };

// Bytes in front of the options; 0: a message that is not of this kind.
static size_t fixed_size(uint8_t type)
{
    switch (type) {
    case ICMP6_ROUTER_SOLICITATION: return SOLICITATION_SIZE;
    case ICMP6_ROUTER_ADVERTISEMENT: return ADVERTISEMENT_SIZE;
    case ICMP6_NEIGHBOUR_SOLICITATION:
    case ICMP6_NEIGHBOUR_ADVERTISEMENT: return NEIGHBOUR_SIZE;
    case ICMP6_REDIRECT: return REDIRECT_SIZE;
    default: return 0;
    }
}

// Every option has a size, and all of them fit (RFC 4861, 4.6).
static bool options_fit(struct span options)
{
    size_t at = 0;
    while (at < options.size) {
        size_t size = options.size - at < 2 ? 0 : options.data[at + 1] * (size_t)OPTION_UNIT;
        if (size == 0 || size > options.size - at) {
            return false;
        }
        at += size;
    }
    return true;
}

static enum ndp_preference preference_of(uint8_t bits)
{
    return (bits & 3) == 1 ? NDP_HIGH : (bits & 3) == 3 ? NDP_LOW : NDP_MEDIUM;
}

static void read_fields(const uint8_t *p, struct ndp_message *m)
{
    switch (m->type) {
    case ICMP6_ROUTER_ADVERTISEMENT:
        m->router = (struct ndp_router){
            .hop_limit = p[REST],
            .is_managed = (p[REST + 1] & 0x80) != 0,
            .has_other = (p[REST + 1] & 0x40) != 0,
            .lifetime_s = read_be16(p + REST + 2),
            .preference = preference_of(p[REST + 1] >> 3),
            .reachable_ms = read_be32(p + 8),
            .retransmit_ms = read_be32(p + 12),
        };
        break;
    case ICMP6_NEIGHBOUR_ADVERTISEMENT:
        m->is_router = (p[REST] & NEIGHBOUR_ROUTER) != 0;
        m->is_solicited = (p[REST] & NEIGHBOUR_SOLICITED) != 0;
        m->is_override = (p[REST] & NEIGHBOUR_OVERRIDE) != 0;
        m->target = ip6_read(p + TARGET);
        break;
    case ICMP6_NEIGHBOUR_SOLICITATION: m->target = ip6_read(p + TARGET); break;
    case ICMP6_REDIRECT:
        m->target = ip6_read(p + TARGET);
        m->destination = ip6_read(p + DESTINATION);
        break;
    default: break;
    }
}

// Takes the options that belong to the message itself.
static void read_own_options(struct ndp_message *m)
{
    bool is_target = m->type == ICMP6_NEIGHBOUR_ADVERTISEMENT || m->type == ICMP6_REDIRECT;
    struct ndp_option o;
    struct span left = m->options;
    while (ndp_option_next(&left, &o)) {
        if (o.type == (is_target ? NDP_TARGET_MAC : NDP_SOURCE_MAC)) {
            m->has_mac = true;
            m->mac = o.mac;
        } else if (o.type == NDP_NONCE && m->type == ICMP6_NEIGHBOUR_SOLICITATION) {
            m->has_nonce = true;
            memcpy(m->nonce, o.nonce, NDP_NONCE_SIZE);
        }
    }
}

static bool is_usable(const struct ip_addr *a)
{
    return !ip_is_multicast(a) && !ip_is_v4(a) && !ip_is_unspecified(a);
}

static bool solicitation_is_valid(const struct ndp_message *m, const struct ip_addr *source,
                                  const struct ip_addr *destination)
{
    if (!is_usable(&m->target)) {
        return false;
    }
    if (!ip_is_unspecified(source)) {
        return true;
    }
    struct ip_addr group = ip6_solicited_node(&m->target);
    return ip_has_prefix(destination, &group, 104) && !m->has_mac;
}

// What each type demands (RFC 4861, 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1).
static bool is_valid(const struct ndp_message *m, const struct ip_addr *source,
                     const struct ip_addr *destination)
{
    switch (m->type) {
    case ICMP6_ROUTER_SOLICITATION: return !ip_is_unspecified(source) || !m->has_mac;
    case ICMP6_ROUTER_ADVERTISEMENT: return ip_is_link_local(source);
    case ICMP6_NEIGHBOUR_SOLICITATION: return solicitation_is_valid(m, source, destination);
    case ICMP6_NEIGHBOUR_ADVERTISEMENT:
        return is_usable(&m->target) && !(ip_is_multicast(destination) && m->is_solicited);
    default:
        return ip_is_link_local(source) && is_usable(&m->destination) &&
               (ip_is_link_local(&m->target) || ip_is_equal(&m->target, &m->destination));
    }
}

status_t ndp_parse(struct span message, const struct ip_addr *source,
                   const struct ip_addr *destination, uint8_t hop_limit, struct ndp_message *out)
{
    const uint8_t *p = message.data;
    size_t fixed = message.size == 0 ? 0 : fixed_size(p[0]);
    if (fixed == 0 || message.size < fixed || p[CODE] != 0 || hop_limit != NDP_HOP_LIMIT) {
        return ERR_INVAL;
    }
    struct ndp_message m = {
        .type = p[0],
        .options = span_of(p + fixed, message.size - fixed),
    };
    if (!options_fit(m.options)) {
        return ERR_INVAL;
    }
    read_fields(p, &m);
    read_own_options(&m);
    if (!is_valid(&m, source, destination)) {
        return ERR_INVAL;
    }
    *out = m;
    return OK;
}

static size_t emit_option(enum ndp_option_type type, const uint8_t *six, uint8_t *to)
{
    static_assert(MAC_SIZE == NDP_NONCE_SIZE && MAC_SIZE + 2 == OPTION_UNIT);
    to[0] = type;
    to[1] = 1;
    memcpy(to + 2, six, MAC_SIZE);
    return OPTION_UNIT;
}

size_t ndp_emit(const struct ndp_message *m, uint8_t *to)
{
    bool is_advertisement = m->type == ICMP6_NEIGHBOUR_ADVERTISEMENT;
    bool is_neighbour = m->type != ICMP6_ROUTER_SOLICITATION;
    size_t at = is_neighbour ? NEIGHBOUR_SIZE : SOLICITATION_SIZE;
    memset(to, 0, at);
    to[0] = m->type;
    if (is_neighbour) {
        memcpy(to + TARGET, m->target.bytes, IP6_SIZE);
    }
    if (is_advertisement) {
        to[REST] = (uint8_t)((m->is_router ? NEIGHBOUR_ROUTER : 0) |
                             (m->is_solicited ? NEIGHBOUR_SOLICITED : 0) |
                             (m->is_override ? NEIGHBOUR_OVERRIDE : 0));
    }
    if (m->has_mac) {
        at +=
            emit_option(is_advertisement ? NDP_TARGET_MAC : NDP_SOURCE_MAC, m->mac.bytes, to + at);
    }
    if (m->has_nonce) {
        at += emit_option(NDP_NONCE, m->nonce, to + at);
    }
    return at;
}
