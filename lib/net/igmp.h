// SPDX-License-Identifier: Apache-2.0
/*
 * IGMP version 3 (RFC 3376), and version 2's messages (RFC 2236) for links whose querier knows no more.
 * The messages are sent with a TTL of 1 and a router alert, version 3's reports to IGMP_ROUTERS.  The
 * checksum covers the message: it is checked and made here.
 */
#pragma once

#include "lib/net/group.h"

enum { IGMP_SIZE = 8, IGMP_REPORT_HEADER_SIZE = 8, IGMP_RECORD_SIZE = 8 };

enum igmp_type : uint8_t {
    IGMP_QUERY = 0x11,
    IGMP1_REPORT = 0x12,
    IGMP2_REPORT = 0x16,
    IGMP2_LEAVE = 0x17,
    IGMP3_REPORT = 0x22,
};

// 224.0.0.22, all routers that speak version 3.
constexpr struct ip_addr IGMP_ROUTERS = {.bytes = {[10] = 0xff, 0xff, 224, 0, 0, 22}};

// A question.  ERR_INVAL: not that, or another checksum.
status_t igmp_query_parse(struct span message, struct group_query *out);

// Version 3's report.  Gives its size; there is room for all.
size_t igmp_report_emit(const struct group_record *records, size_t count, uint8_t *to);

// Its records, one after the other: `records` is what igmp_report_parse gave.
status_t igmp_report_parse(struct span message, struct span *records);
bool igmp_record_next(struct span *records, struct group_record *out);

// Version 1's or 2's report (to the group), or IGMP2_LEAVE (to all routers).  Writes IGMP_SIZE bytes.
void igmp2_emit(enum igmp_type type, const struct ip_addr *group, uint8_t *to);
