// SPDX-License-Identifier: Apache-2.0
/* What a host makes of an offer: whether it can be used at all, and which routes come of it. */
#pragma once

#include "lib/dhcp/codec.h"

// One route more for each router that is not on the link, so that it can be reached (a /32 address with
// a gateway elsewhere).
enum { DHCP_LEASE_ROUTES_MAX = 2 * DHCP_ROUTES_MAX };

struct dhcp_lease {
    struct dhcp_message said; // by the server, with `prefix` set and times that make sense
    nsec_t renew_at;          // NSEC_NEVER: not at all
    nsec_t rebind_at;
    nsec_t expires_at;
};

// Whether an offer or acknowledgement is one: an address that a host of that network can have, for a
// time.  ERR_INVAL.
status_t dhcp_lease_check(const struct dhcp_message *m);

// The lease that an acknowledgement gives, which was asked for at `asked_at`.  Same errors.
status_t dhcp_lease_from(const struct dhcp_message *m, nsec_t asked_at, struct dhcp_lease *out);

// The routes to install, in this order, beside that of the address's own network.  Gives how many.
size_t dhcp_lease_routes(const struct dhcp_lease *l,
                         struct dhcp_route routes[static DHCP_LEASE_ROUTES_MAX]);
