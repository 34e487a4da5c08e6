// SPDX-License-Identifier: Apache-2.0
#include "lib/net/igmp.h"

#include "lib/base/string.h"
#include "lib/net/checksum.h"

enum { RESPONSE = 1, CHECKSUM = 2, GROUP = 4, FLAGS = 8, INTERVAL = 9, SOURCES = 10 };
enum { QUERY_SIZE = 12, RECORDS = 6, RECORD_SOURCES = 2, RECORD_GROUP = 4 };

// From 128 on a code is a small floating point number (RFC 3376, 4.1.1 and 4.1.7).
static uint32_t decode(uint8_t code)
{
    return code < 128 ? code : ((code & 15u) | 16) << ((code >> 4 & 7) + 3);
}

static void seal(uint8_t *message, size_t size)
{
    write_be16(message + CHECKSUM, 0);
    write_be16(message + CHECKSUM, checksum_finish(checksum_add(0, message, size)));
}

static bool is_message(struct span message, enum igmp_type type)
{
    return message.size >= IGMP_SIZE && message.data[0] == type &&
           checksum_is_right(checksum_add(0, message.data, message.size));
}

status_t igmp_query_parse(struct span message, struct group_query *out)
{
    const uint8_t *p = message.data;
    if (!is_message(message, IGMP_QUERY) ||
        (message.size > IGMP_SIZE && message.size < QUERY_SIZE)) {
        return ERR_INVAL;
    }
    // Version 1 has no time in it: ten seconds (RFC 3376, 7.1 and 7.2.1).
    uint8_t version = message.size > IGMP_SIZE ? 3 : p[RESPONSE] != 0 ? 2 : 1;
    uint32_t tenths = version == 3 ? decode(p[RESPONSE]) : version == 2 ? p[RESPONSE] : 100;
    struct group_query q = {
        .version = version,
        .group = ip4_read(p + GROUP),
        .response_max = tenths * (NSEC_PER_SEC / 10),
    };
    if (!ip_is_multicast(&q.group) && !ip_is_unspecified(&q.group)) {
        return ERR_INVAL;
    }
    if (version == 3) {
        size_t size = read_be16(p + SOURCES) * (size_t)IP4_SIZE;
        if (!span_has(message, QUERY_SIZE, size)) {
            return ERR_INVAL;
        }
        q.sources = span_of(p + QUERY_SIZE, size);
        q.is_suppressing = (p[FLAGS] & 8) != 0;
        q.robustness = p[FLAGS] & 7;
        q.interval_s = decode(p[INTERVAL]);
    }
    *out = q;
    return OK;
}

size_t igmp_report_emit(const struct group_record *records, size_t count, uint8_t *to)
{
    size_t at = IGMP_REPORT_HEADER_SIZE;
    memset(to, 0, at);
    to[0] = IGMP3_REPORT;
    write_be16(to + RECORDS, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct group_record *r = &records[i];
        to[at] = r->type;
        to[at + 1] = 0;
        write_be16(to + at + RECORD_SOURCES, (uint16_t)(r->sources.size / IP4_SIZE));
        write_be32(to + at + RECORD_GROUP, ip4_value(&r->group));
        at += IGMP_RECORD_SIZE;
        if (r->sources.size != 0) {
            memcpy(to + at, r->sources.data, r->sources.size);
            at += r->sources.size;
        }
    }
    seal(to, at);
    return at;
}

status_t igmp_report_parse(struct span message, struct span *records)
{
    if (!is_message(message, IGMP3_REPORT)) {
        return ERR_INVAL;
    }
    struct span all =
        span_of(message.data + IGMP_REPORT_HEADER_SIZE, message.size - IGMP_REPORT_HEADER_SIZE);
    struct span left = all;
    struct group_record r;
    for (unsigned i = read_be16(message.data + RECORDS); i > 0; i--) {
        if (!igmp_record_next(&left, &r)) {
            return ERR_INVAL;
        }
    }
    *records = span_of(all.data, all.size - left.size);
    return OK;
}

bool igmp_record_next(struct span *records, struct group_record *out)
{
    const uint8_t *p = records->data;
    if (records->size < IGMP_RECORD_SIZE) {
        return false;
    }
    size_t sources = read_be16(p + RECORD_SOURCES) * (size_t)IP4_SIZE;
    size_t size = IGMP_RECORD_SIZE + sources + p[1] * (size_t)4;
    struct group_record r = {
        .type = p[0],
        .group = ip4_read(p + RECORD_GROUP),
        .sources = span_of(p + IGMP_RECORD_SIZE, sources),
    };
    if (size > records->size || !ip_is_multicast(&r.group)) {
        return false;
    }
    *records = span_of(p + size, records->size - size);
    *out = r;
    return true;
}

void igmp2_emit(enum igmp_type type, const struct ip_addr *group, uint8_t *to)
{
    memset(to, 0, IGMP_SIZE);
    to[0] = type;
    write_be32(to + GROUP, ip4_value(group));
    seal(to, IGMP_SIZE);
}
