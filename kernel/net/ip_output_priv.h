// SPDX-License-Identifier: Apache-2.0
/* What the files of IP's output share. */
#pragma once

#include "kernel/net/ip_priv.h"

// packet_push where it is called for each packet, and there is room: PACKET_HEADROOM is behind all of
// IP's own headers and the link's.
static inline uint8_t *ip_push(struct packet *p, uint32_t size)
{
    if (UNLIKELY((size_t)(p->data - p->area) < size)) {
        return packet_push(p, size); // says what is wrong
    }
    p->data -= size;
    p->size += size;
    p->total += size;
    return p->data;
}

// Puts the header in front of a packet that fits.
void ip_put_header(struct packet *p, const struct ip_path *path, const struct ip_meta *m);

uint8_t ip_hop_limit(const struct ip_path *path, const struct ip_meta *m);

// Sends a packet that fits, or one that does not, in fragments.  Both take it.
void ip_send_whole(struct packet *p, const struct ip_path *path, const struct ip_meta *m);
status_t ip_send_cut(struct packet *p, const struct ip_path *path, const struct ip_meta *m);

// A packet to many, whose header is there, comes back if somebody here wants it.
void ip_loop_back_to_members(const struct packet *p, const struct ip_path *path);

// A copy of the packet, which has its header, comes in by that interface some time soon.
void ip_loop_back(struct netif *n, const struct packet *p);
void ip_link_init(void);
