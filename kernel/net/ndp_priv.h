// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour discovery's parts: ndp.c hears and answers, ndp_control.c changes the configuration in a
 * thread, ndp_router.c keeps what routers said.
 */
#pragma once

#include "kernel/net/ip_priv.h"
#include "lib/net/ndp.h"

// `mac` NULL: it is found, or asked for.
void ndp_send(struct netif *n, const struct ip_addr *source, const struct ip_addr *destination,
              const struct ndp_message *message, const struct mac_addr *mac);
void ndp_announce(struct netif *n, const struct ip_addr *own);

// To be looked at in a thread: an advertisement of a router, taken; an address of ours that another
// has; a router that is none any more.
void ndp_note_router(struct packet *p, const struct ip_meta *m);
void ndp_note_duplicate(struct netif *n, const struct ip_addr *a);
void ndp_note_no_router(struct netif *n, const struct ip_addr *router);
void ndp_control_init(void);

// An advertisement of a router.
void ndp_hear_router(struct netif *n, const struct ip_addr *router, const struct ndp_message *said);
// Somebody else has an address that we looked for.
void ip_duplicate_found(struct netif *n, const struct ip_addr *a);

/* ---- ndp_router.c ---- */

void ndp_address_ready(struct ip_address *a) REQUIRES(ip_tables.config);
// Does what is due, and says when the next thing is.
nsec_t ndp_step(struct netif *n) REQUIRES(ip_tables.config);
// Takes what was formed by itself: addresses, and what routers said.
void ndp_link_gone(struct netif *n);
void ndp_forget_router(struct netif *n, const struct ip_addr *router);
