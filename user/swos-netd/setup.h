// SPDX-License-Identifier: Apache-2.0
/* Addresses and routes of an interface, made and taken away; what cannot be made is said. */
#pragma once

#include "user/swos-netd/netd.h"

// What /etc/swos/net wants, and what /etc/swos/net-ipv6 does.
void setup_static(struct netd *n, const struct interface *i);
void setup_policy6(struct netd *n, const struct interface *i, enum rtnl_change what);

// The addresses of QEMU's network.
void setup_fallback(struct netd *n, struct interface *i, enum rtnl_change what);

// What the lease of the interface says.
void setup_lease(struct netd *n, struct interface *i, enum rtnl_change what);
