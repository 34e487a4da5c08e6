// SPDX-License-Identifier: Apache-2.0
/*
 * Multicast listener discovery (RFC 3810), and version 1's messages (RFC 2710) for links whose querier
 * knows no more.  The messages are sent with a hop limit of 1 and a router alert, version 2's reports to
 * MLD_ROUTERS.  The checksum is the caller's: not looked at when parsing, 0 after emitting.
 */
#pragma once

#include "lib/net/group.h"
#include "lib/net/icmp6.h"

enum {
    MLD1_SIZE = 24,
    MLD_REPORT_HEADER_SIZE = 8,
    MLD_RECORD_SIZE = 20, // without sources
    MLD_HOP_BY_HOP_SIZE = 8,
};

// ff02::16, all routers that speak version 2.
constexpr struct ip_addr MLD_ROUTERS = {.bytes = {0xff, 0x02, [15] = 0x16}};

// The hop-by-hop header with a router alert that is in front of every message; `next` is ICMPv6.
// Writes MLD_HOP_BY_HOP_SIZE bytes.
void mld_hop_by_hop_emit(uint8_t *to);

// A question: ICMP6_MLD_QUERY.  The caller has checked that it came from a link-local address with a
// hop limit of 1 and a router alert.  ERR_INVAL.
status_t mld_query_parse(struct span message, struct group_query *out);

// Version 2's report.  Gives its size; there is room for all.
size_t mld_report_emit(const struct group_record *records, size_t count, uint8_t *to);

// Its records, one after the other: `records` is what mld_report_parse gave.
status_t mld_report_parse(struct span message, struct span *records);
bool mld_record_next(struct span *records, struct group_record *out);

// Version 1's report (to the group) or ICMP6_MLD1_DONE (to all routers).  Writes MLD1_SIZE bytes.
void mld1_emit(enum icmp6_type type, const struct ip_addr *group, uint8_t *to);
