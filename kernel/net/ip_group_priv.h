// SPDX-License-Identifier: Apache-2.0
/* What the files about groups share. */
#pragma once

#include "kernel/net/ip_priv.h"
#include "lib/net/group.h"

bool ip_group_is_everybody(const struct ip_addr *a);

// The first came, or the last went: routers are told.
void ip_group_changed(struct ip_group *g) REQUIRES(ip_tables.lock);

// A router asks: who it asked for answers at a random time.
void ip_group_asked(struct netif *n, const struct group_query *q);

// Tells routers of one group.  `is_old`: by the protocol's version before the last.
void igmp_report(struct netif *n, const struct group_record *r, bool is_old);
void mld_report(struct netif *n, const struct group_record *r, bool is_old);

// Ends a group that is in no list any more.
void ip_group_destroy(struct netif *n, struct ip_group *g);
