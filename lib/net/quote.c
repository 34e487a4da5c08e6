// SPDX-License-Identifier: Apache-2.0
#include "lib/net/quote.h"

#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"

// What of `bytes` lies in [offset, end), if that is enough.
static status_t set_transport(struct span bytes, size_t offset, size_t end, struct quote *q)
{
    size_t size = bytes.size < end ? bytes.size : end;
    if (offset > size || size - offset < QUOTE_TRANSPORT_MIN) {
        return ERR_INVAL;
    }
    q->transport = span_of(bytes.data + offset, size - offset);
    return OK;
}

status_t quote_parse4(struct span bytes, struct quote *out)
{
    struct ip4_header h;
    status_t status = ip4_parse_quoted(bytes, &h);
    if (status != OK || h.fragment_offset != 0) {
        return ERR_INVAL;
    }
    struct quote q = {
        .source = h.source,
        .destination = h.destination,
        .protocol = h.protocol,
        .total_size = h.total_size,
    };
    status = set_transport(bytes, h.header_size, h.total_size, &q);
    if (status == OK) {
        *out = q;
    }
    return status;
}

status_t quote_parse6(struct span bytes, struct quote *out)
{
    struct ip6_header h;
    struct ip6_walk w;
    status_t status = ip6_parse_quoted(bytes, &h);
    if (status != OK) {
        return status;
    }
    enum ip6_walk_end end = ip6_walk(bytes, &w);
    bool is_first = end == IP6_WALK_FRAGMENT && w.fragment.offset == 0 && !ip6_is_extension(w.next);
    if (end != IP6_WALK_TRANSPORT && !is_first) {
        return ERR_INVAL;
    }
    struct quote q = {
        .source = h.source,
        .destination = h.destination,
        .protocol = w.next,
        .total_size = (uint32_t)h.payload_size + IP6_HEADER_SIZE,
    };
    status = set_transport(bytes, w.offset, q.total_size, &q);
    if (status == OK) {
        *out = q;
    }
    return status;
}

bool quote_is_error6(struct span bytes)
{
    enum { NEXT_AT = 6, UNIT = 8 };
    if (bytes.size < IP6_HEADER_SIZE) {
        return false;
    }
    uint8_t next = bytes.data[NEXT_AT];
    size_t at = IP6_HEADER_SIZE;
    while (ip6_is_extension(next) && next != IP6_NO_NEXT && span_has(bytes, at, 2)) {
        const uint8_t *header = bytes.data + at;
        at += next == IP6_FRAGMENT ? UNIT : ((size_t)header[1] + 1) * UNIT;
        next = header[0];
    }
    return next == IP_PROTOCOL_ICMP6 && span_has(bytes, at, 1) && icmp6_is_error(bytes.data[at]);
}
