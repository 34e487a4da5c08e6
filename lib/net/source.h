// SPDX-License-Identifier: Apache-2.0
/* Which of this machine's addresses packets to a destination come from (RFC 6724, 5). */
#pragma once

#include "lib/net/address.h"

struct source_candidate {
    struct ip_addr address;
    uint8_t prefix; // bits, as ip_has_prefix counts them
    bool is_deprecated;
    bool is_temporary;
    bool is_outgoing; // of the interface that the packet leaves by
};

// Scopes of RFC 4291 (2.7) for addresses of both versions.
enum source_scope : uint8_t {
    SCOPE_INTERFACE = 1,
    SCOPE_LINK = 2,
    SCOPE_ADMIN = 4,
    SCOPE_SITE = 5,
    SCOPE_ORGANISATION = 8,
    SCOPE_GLOBAL = 14,
};
uint8_t source_scope(const struct ip_addr *a);

// Whether `a` is better than `b`; both are of the destination's version.  Where the rules do not
// decide, it is not.
bool source_is_better(const struct source_candidate *a, const struct source_candidate *b,
                      const struct ip_addr *destination);
