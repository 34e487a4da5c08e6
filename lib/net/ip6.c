// SPDX-License-Identifier: Apache-2.0
#include "lib/net/ip6.h"

#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { PAYLOAD = 4, NEXT = 6, HOP_LIMIT = 7, SOURCE = 8, DESTINATION = 24 };
enum { FLOW_LABEL = 0xfffff };
enum { FRAGMENT_MORE = 1, FRAGMENT_OFFSET = 0xfff8 };

status_t ip6_parse_quoted(struct span front, struct ip6_header *out)
{
    const uint8_t *p = front.data;
    if (front.size < IP6_HEADER_SIZE || p[0] >> 4 != 6) {
        return ERR_INVAL;
    }
    uint32_t first = read_be32(p);
    struct ip6_header h = {
        .source = ip6_read(p + SOURCE),
        .destination = ip6_read(p + DESTINATION),
        .flow_label = first & FLOW_LABEL,
        .payload_size = read_be16(p + PAYLOAD),
        .next = p[NEXT],
        .hop_limit = p[HOP_LIMIT],
        .traffic_class = (uint8_t)(first >> 20),
    };
    if (ip_is_v4(&h.source) || ip_is_v4(&h.destination)) {
        return ERR_INVAL;
    }
    *out = h;
    return OK;
}

status_t ip6_parse(struct span front, size_t total, struct ip6_header *out)
{
    struct ip6_header h;
    status_t status = ip6_parse_quoted(front, &h);
    if (status != OK) {
        return status;
    }
    if (total < IP6_HEADER_SIZE || h.payload_size > total - IP6_HEADER_SIZE ||
        ip_is_multicast(&h.source)) {
        return ERR_INVAL;
    }
    *out = h;
    return OK;
}

void ip6_emit(const struct ip6_header *h, uint8_t *to)
{
    write_be32(to, 6u << 28 | (uint32_t)h->traffic_class << 20 | (h->flow_label & FLOW_LABEL));
    write_be16(to + PAYLOAD, h->payload_size);
    to[NEXT] = h->next;
    to[HOP_LIMIT] = h->hop_limit;
    memcpy(to + SOURCE, h->source.bytes, IP6_SIZE);
    memcpy(to + DESTINATION, h->destination.bytes, IP6_SIZE);
}

static struct ip6_fragment fragment_read(const uint8_t *p)
{
    uint16_t field = read_be16(p + 2);
    return (struct ip6_fragment){
        .id = read_be32(p + 4),
        .offset = field & FRAGMENT_OFFSET,
        .next = p[0],
        .has_more = (field & FRAGMENT_MORE) != 0,
    };
}

void ip6_fragment_emit(const struct ip6_fragment *f, uint8_t *to)
{
    to[0] = f->next;
    to[1] = 0;
    write_be16(to + 2, (uint16_t)(f->offset | (f->has_more ? FRAGMENT_MORE : 0)));
    write_be32(to + 4, f->id);
}

void ip6_print(const struct ip6_header *h, char *text, size_t size)
{
    char source[IP_TEXT_SIZE];
    char destination[IP_TEXT_SIZE];
    ip_print(&h->source, source);
    ip_print(&h->destination, destination);
    (void)fmt_print(text, size, "%s > %s: next %u, %u bytes, hop limit %u", source, destination,
                    h->next, h->payload_size, h->hop_limit);
}

/* ---- The chain of headers (RFC 8200, 4) ---- */

enum {
    OPTION_PAD1 = 0,
    OPTION_PADN = 1,
    OPTION_ROUTER_ALERT = 5,
    OPTION_ACTION = 0xc0, // what is done with one that is unknown
    ACTION_SKIP = 0x00,
    ACTION_DROP = 0x40,
    ACTION_TELL = 0x80,         // who sent it, also to a group
    ACTION_TELL_UNICAST = 0xc0, // only if it went to one host
    PADDING_MAX = 7,            // bytes in a row: more is a covert channel, not padding
};

// Ends a step of the walk that goes on.
enum { WALK_ON = 0xff };

static enum ip6_walk_end problem(struct ip6_walk *w, enum ip6_problem_code code, size_t pointer)
{
    w->problem = (struct ip6_problem){.code = code, .pointer = (uint32_t)pointer};
    return IP6_WALK_PROBLEM;
}

// One option, at `at` of the packet, that is no padding.
static unsigned walk_option(const uint8_t *option, size_t at, struct ip6_walk *w)
{
    uint8_t type = option[0];
    if (type == OPTION_ROUTER_ALERT && w->next == IP6_HOP_BY_HOP && option[1] == 2) {
        w->has_router_alert = true;
        return WALK_ON;
    }
    uint8_t action = type & OPTION_ACTION;
    if (action == ACTION_SKIP) {
        return WALK_ON;
    }
    if (action == ACTION_DROP) {
        return IP6_WALK_DROP;
    }
    enum ip6_walk_end end = problem(w, IP6_PROBLEM_OPTION, at);
    w->problem.is_for_groups = action == ACTION_TELL;
    return end;
}

// The options of a hop-by-hop or destination header that lies in [begin, end).
static unsigned walk_options(const uint8_t *packet, size_t begin, size_t end, struct ip6_walk *w)
{
    unsigned count = 0;
    unsigned padding = 0;
    for (size_t at = begin + 2; at < end;) {
        bool is_pad = packet[at] <= OPTION_PADN;
        size_t size = 1;
        if (packet[at] != OPTION_PAD1) {
            if (end - at < 2 || packet[at + 1] > end - at - 2) {
                return IP6_WALK_DROP;
            }
            size = (size_t)packet[at + 1] + 2;
        }
        padding = is_pad ? padding + (unsigned)size : 0;
        count += !is_pad;
        if (padding > PADDING_MAX || count > IP6_OPTIONS_MAX) {
            return IP6_WALK_DROP;
        }
        unsigned step = is_pad ? WALK_ON : walk_option(packet + at, at, w);
        if (step != WALK_ON) {
            return step;
        }
        at += size;
    }
    return WALK_ON;
}

// A header of unknown kind of routing is skipped once the packet has arrived where it leads (4.4).
// Type 0, which is no more (RFC 5095), is one of these.
static unsigned walk_routing(const uint8_t *packet, size_t begin, struct ip6_walk *w)
{
    enum { TYPE = 2, SEGMENTS_LEFT = 3 };
    if (packet[begin + SEGMENTS_LEFT] == 0) {
        return WALK_ON;
    }
    enum ip6_walk_end end = problem(w, IP6_PROBLEM_FIELD, begin + TYPE);
    w->problem.is_for_groups = true;
    return end;
}

// What of a transport's header has to be in the first fragment.
static size_t transport_min(uint8_t protocol)
{
    return protocol == IP_PROTOCOL_TCP ? 20 : protocol == IP_PROTOCOL_UDP ? 8 : 4;
}

// Whether a first fragment has all headers, so that what decides by them is not led around (RFC 7112).
// What is wrong with them is found when the packet is whole.
static bool is_whole_chain(struct span front, size_t at, uint8_t next)
{
    for (unsigned count = 0; ip6_is_extension(next) && next != IP6_NO_NEXT; count++) {
        if (count == IP6_EXTENSIONS_MAX || !span_has(front, at, 8)) {
            return false;
        }
        size_t size = next == IP6_FRAGMENT ? IP6_FRAGMENT_SIZE : (front.data[at + 1] + 1u) * 8;
        next = front.data[at];
        at += size;
    }
    return next == IP6_NO_NEXT || span_has(front, at, transport_min(next));
}

static unsigned walk_fragment(struct span front, size_t begin, struct ip6_walk *w)
{
    struct ip6_fragment f = fragment_read(front.data + begin);
    if (f.offset == 0 && !f.has_more) {
        w->is_atomic = true;
        return WALK_ON;
    }
    if (f.offset == 0 && !is_whole_chain(front, begin + IP6_FRAGMENT_SIZE, f.next)) {
        return problem(w, IP6_PROBLEM_CHAIN, 0);
    }
    w->fragment = f;
    w->fragment_field = w->next_field;
    return IP6_WALK_FRAGMENT;
}

// The header at w->offset; the walk goes on with the one behind it.
static unsigned walk_header(struct span front, struct ip6_walk *w)
{
    size_t at = w->offset;
    if (w->next == IP6_HOP_BY_HOP && at != IP6_HEADER_SIZE) {
        return problem(w, IP6_PROBLEM_NEXT, w->next_field);
    }
    if (w->count++ == IP6_EXTENSIONS_MAX || !span_has(front, at, 8)) {
        return IP6_WALK_DROP;
    }
    bool is_fragment = w->next == IP6_FRAGMENT;
    size_t size = is_fragment ? IP6_FRAGMENT_SIZE : (front.data[at + 1] + 1u) * 8;
    if (!span_has(front, at, size) || at + size > IP6_HEADER_SIZE + IP6_CHAIN_SIZE_MAX) {
        return IP6_WALK_DROP;
    }
    unsigned step = is_fragment              ? walk_fragment(front, at, w)
                    : w->next == IP6_ROUTING ? walk_routing(front.data, at, w)
                                             : walk_options(front.data, at, at + size, w);
    if (step == WALK_ON || step == IP6_WALK_FRAGMENT) {
        w->next = front.data[at];
        w->next_field = (uint32_t)at;
        w->offset = (uint32_t)(at + size);
    }
    return step;
}

enum ip6_walk_end ip6_walk(struct span front, struct ip6_walk *out)
{
    *out =
        (struct ip6_walk){.next = front.data[NEXT], .offset = IP6_HEADER_SIZE, .next_field = NEXT};
    while (ip6_is_extension(out->next)) {
        if (out->next == IP6_NO_NEXT) {
            return IP6_WALK_NOTHING;
        }
        unsigned step = walk_header(front, out);
        if (step != WALK_ON) {
            return (enum ip6_walk_end)step;
        }
    }
    return IP6_WALK_TRANSPORT;
}
