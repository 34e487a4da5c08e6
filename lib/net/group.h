// SPDX-License-Identifier: Apache-2.0
/* What hosts and routers say about groups, the same for MLD (mld.h) and IGMP (igmp.h). */
#pragma once

#include "lib/net/address.h"

// A router's question.
struct group_query {
    uint8_t version;      // of IGMP: 1 to 3; of MLD: 1 or 2
    struct ip_addr group; // `::` or 0.0.0.0: all groups
    nsec_t response_max;  // the answer comes at a random moment before this
    struct span sources;  // addresses as on the wire; empty: the question is about the group
    bool is_suppressing;  // routers only
    uint8_t robustness;   // of the querier; 0: not said
    uint32_t interval_s;  // of the querier; 0: not said
};

enum group_record_type : uint8_t { // RFC 3376, 4.2.12; RFC 3810, 5.2.12
    GROUP_IS_INCLUDE = 1,
    GROUP_IS_EXCLUDE = 2,
    GROUP_TO_INCLUDE = 3,
    GROUP_TO_EXCLUDE = 4,
    GROUP_ALLOW = 5,
    GROUP_BLOCK = 6,
};

// An entry of a report.  Without sources: GROUP_IS_EXCLUDE is a member, GROUP_TO_EXCLUDE joins,
// GROUP_TO_INCLUDE leaves.
struct group_record {
    enum group_record_type type;
    struct ip_addr group;
    struct span sources; // addresses as on the wire
};
