// SPDX-License-Identifier: Apache-2.0
/* Fragments, from the input of both versions. */
#pragma once

#include "kernel/net/ip_priv.h"

struct ip4_header;
struct ip6_walk;

// A fragment; `data` behind its IPv4 header, or at the IPv6 header.  Both take it, and deliver what is
// whole then.
void ip4_reassemble(struct packet *p, const struct ip4_header *h, const struct ip_meta *m);
void ip6_reassemble(struct packet *p, const struct ip6_walk *w, const struct ip_meta *m);
void ip_reassembly_init(void);
