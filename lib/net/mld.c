// SPDX-License-Identifier: Apache-2.0
#include "lib/net/mld.h"

#include "lib/base/string.h"

enum { RESPONSE = 4, GROUP = 8, FLAGS = 24, INTERVAL = 25, SOURCES = 26, QUERY_SIZE = 28 };
enum { RECORDS = 6, RECORD_SOURCES = 2, RECORD_GROUP = 4 };

void mld_hop_by_hop_emit(uint8_t *to)
{
    static const uint8_t header[MLD_HOP_BY_HOP_SIZE] = {
        IP_PROTOCOL_ICMP6,
        0,
        5,
        2,
        0,
        0, // router alert: MLD (RFC 2711, 2.1)
        1,
        0, // padding
    };
    memcpy(to, header, sizeof(header));
}

// From eight times that many values on a code is a small floating point number (RFC 3810, 5.1.3 and 5.1.9).
static uint32_t decode(uint32_t code, unsigned mantissa_bits)
{
    uint32_t one = 1u << mantissa_bits;
    if (code < one << 3) {
        return code;
    }
    return ((code & (one - 1)) | one) << ((code >> mantissa_bits & 7) + 3);
}

status_t mld_query_parse(struct span message, struct group_query *out)
{
    const uint8_t *p = message.data;
    if (message.size < MLD1_SIZE || p[0] != ICMP6_MLD_QUERY ||
        (message.size > MLD1_SIZE && message.size < QUERY_SIZE)) {
        return ERR_INVAL;
    }
    bool is_first = message.size == MLD1_SIZE;
    uint32_t response = read_be16(p + RESPONSE);
    struct group_query q = {
        .version = is_first ? 1 : 2,
        .group = ip6_read(p + GROUP),
        .response_max = (is_first ? response : decode(response, 12)) * NSEC_PER_MSEC,
    };
    if (!ip_is_multicast(&q.group) && !ip_is_unspecified(&q.group)) {
        return ERR_INVAL;
    }
    if (!is_first) {
        size_t size = read_be16(p + SOURCES) * (size_t)IP6_SIZE;
        if (!span_has(message, QUERY_SIZE, size)) {
            return ERR_INVAL;
        }
        q.sources = span_of(p + QUERY_SIZE, size);
        q.is_suppressing = (p[FLAGS] & 8) != 0;
        q.robustness = p[FLAGS] & 7;
        q.interval_s = decode(p[INTERVAL], 4);
    }
    *out = q;
    return OK;
}

size_t mld_report_emit(const struct group_record *records, size_t count, uint8_t *to)
{
    size_t at = MLD_REPORT_HEADER_SIZE;
    memset(to, 0, at);
    to[0] = ICMP6_MLD2_REPORT;
    write_be16(to + RECORDS, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct group_record *r = &records[i];
        to[at] = r->type;
        to[at + 1] = 0;
        write_be16(to + at + RECORD_SOURCES, (uint16_t)(r->sources.size / IP6_SIZE));
        memcpy(to + at + RECORD_GROUP, r->group.bytes, IP6_SIZE);
        at += MLD_RECORD_SIZE;
        if (r->sources.size != 0) {
            memcpy(to + at, r->sources.data, r->sources.size);
            at += r->sources.size;
        }
    }
    return at;
}

status_t mld_report_parse(struct span message, struct span *records)
{
    if (message.size < MLD_REPORT_HEADER_SIZE || message.data[0] != ICMP6_MLD2_REPORT) {
        return ERR_INVAL;
    }
    struct span all =
        span_of(message.data + MLD_REPORT_HEADER_SIZE, message.size - MLD_REPORT_HEADER_SIZE);
    struct span left = all;
    struct group_record r;
    for (unsigned i = read_be16(message.data + RECORDS); i > 0; i--) {
        if (!mld_record_next(&left, &r)) {
            return ERR_INVAL;
        }
    }
    *records = span_of(all.data, all.size - left.size);
    return OK;
}

bool mld_record_next(struct span *records, struct group_record *out)
{
    const uint8_t *p = records->data;
    if (records->size < MLD_RECORD_SIZE) {
        return false;
    }
    size_t sources = read_be16(p + RECORD_SOURCES) * (size_t)IP6_SIZE;
    size_t size = MLD_RECORD_SIZE + sources + p[1] * (size_t)4;
    struct group_record r = {
        .type = p[0],
        .group = ip6_read(p + RECORD_GROUP),
        .sources = span_of(p + MLD_RECORD_SIZE, sources),
    };
    if (size > records->size || !ip_is_multicast(&r.group)) {
        return false;
    }
    *records = span_of(p + size, records->size - size);
    *out = r;
    return true;
}

void mld1_emit(enum icmp6_type type, const struct ip_addr *group, uint8_t *to)
{
    memset(to, 0, MLD1_SIZE);
    to[0] = type;
    memcpy(to + GROUP, group->bytes, IP6_SIZE);
}
