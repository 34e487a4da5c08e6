// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ip4.h"

#include "lib/fmt/fmt.h"
#include "lib/net/checksum.h"

enum { TOS = 1, TOTAL = 2, ID = 4, FLAGS = 6, TTL = 8, PROTOCOL = 9, CHECKSUM = 10 };
enum { SOURCE = 12, DESTINATION = 16 };
enum { DONT_FRAGMENT = 0x4000, MORE = 0x2000, OFFSET = 0x1fff };

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_ROUTE = 131,
    OPTION_STRICT_ROUTE = 137,
    OPTION_ROUTER_ALERT = 148,
    ROUTER_ALERT_SIZE = 4,
};

static status_t parse_options(struct span options, struct ip4_header *h)
{
    size_t at = 0;
    while (at < options.size && options.data[at] != OPTION_END) {
        uint8_t type = options.data[at];
        if (type == OPTION_NOP) {
            at++;
            continue;
        }
        size_t left = options.size - at;
        if (left < 2 || options.data[at + 1] < 2 || options.data[at + 1] > left) {
            return ERR_INVAL;
        }
        h->has_router_alert |= type == OPTION_ROUTER_ALERT;
        h->has_source_route |= type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE;
        at += options.data[at + 1];
    }
    return OK;
}

status_t ip4_parse_quoted(struct span front, struct ip4_header *out)
{
    const uint8_t *p = front.data;
    if (front.size < IP4_HEADER_MIN || p[0] >> 4 != 4) {
        return ERR_INVAL;
    }
    uint16_t flags = read_be16(p + FLAGS);
    struct ip4_header h = {
        .source = ip4_read(p + SOURCE),
        .destination = ip4_read(p + DESTINATION),
        .total_size = read_be16(p + TOTAL),
        .header_size = (uint16_t)((p[0] & 15) * 4),
        .id = read_be16(p + ID),
        .fragment_offset = (uint16_t)((flags & OFFSET) * 8),
        .traffic_class = p[TOS],
        .hop_limit = p[TTL],
        .protocol = p[PROTOCOL],
        .dont_fragment = (flags & DONT_FRAGMENT) != 0,
        .has_more = (flags & MORE) != 0,
    };
    if (h.header_size < IP4_HEADER_MIN || h.header_size > front.size ||
        h.total_size < h.header_size) {
        return ERR_INVAL;
    }
    if (h.header_size > IP4_HEADER_MIN) {
        struct span options = span_of(p + IP4_HEADER_MIN, h.header_size - (size_t)IP4_HEADER_MIN);
        status_t status = parse_options(options, &h);
        if (status != OK) {
            return status;
        }
    }
    *out = h;
    return OK;
}

status_t ip4_parse(struct span front, size_t total, struct ip4_header *out)
{
    struct ip4_header h;
    status_t status = ip4_parse_quoted(front, &h);
    if (status != OK) {
        return status;
    }
    size_t end = (size_t)h.fragment_offset + h.total_size - h.header_size;
    if (h.total_size > total || end > IP4_PACKET_MAX || ip_is_multicast(&h.source) ||
        ip4_is_broadcast(&h.source) ||
        !checksum_is_right(checksum_add(0, front.data, h.header_size))) {
        return ERR_INVAL;
    }
    *out = h;
    return OK;
}

size_t ip4_emit(const struct ip4_header *h, uint8_t *to)
{
    size_t size = ip4_header_size(h);
    uint32_t flags = (uint32_t)h->fragment_offset / 8 | (h->dont_fragment ? DONT_FRAGMENT : 0) |
                     (h->has_more ? MORE : 0);
    to[0] = (uint8_t)(0x40 | size / 4);
    to[TOS] = h->traffic_class;
    write_be16(to + TOTAL, h->total_size);
    write_be16(to + ID, h->id);
    write_be16(to + FLAGS, (uint16_t)flags);
    to[TTL] = h->hop_limit;
    to[PROTOCOL] = h->protocol;
    write_be16(to + CHECKSUM, 0);
    write_be32(to + SOURCE, ip4_value(&h->source));
    write_be32(to + DESTINATION, ip4_value(&h->destination));
    if (h->has_router_alert) {
        write_be32(to + IP4_HEADER_MIN,
                   (uint32_t)OPTION_ROUTER_ALERT << 24 | (uint32_t)ROUTER_ALERT_SIZE << 16);
    }
    write_be16(to + CHECKSUM, checksum_finish(checksum_add(0, to, size)));
    return size;
}

void ip4_print(const struct ip4_header *h, char *text, size_t size)
{
    char source[IP_TEXT_SIZE];
    char destination[IP_TEXT_SIZE];
    ip_print(&h->source, source);
    ip_print(&h->destination, destination);
    size_t at = fmt_print(text, size, "%s > %s: protocol %u, %u bytes, ttl %u", source, destination,
                          h->protocol, h->total_size, h->hop_limit);
    if (ip4_is_fragment(h) && at < size) {
        (void)fmt_print(text + at, size - at, ", fragment %u at %u%s", h->id, h->fragment_offset,
                        h->has_more ? "+" : "");
    }
}
