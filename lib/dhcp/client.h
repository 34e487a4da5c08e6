// SPDX-License-Identifier: Apache-2.0
/*
 * A DHCP client (RFC 2131, 4.4) without I/O: time, randomness and messages are parameters.
 *
 *   start -> SELECTING -(offer)-> REQUESTING -(ack)-> BOUND -(T1)-> RENEWING -(T2)-> REBINDING
 *   start with an address, link -> REBOOTING -(ack)-> BOUND;  -(no answer)-> SELECTING
 *   RENEWING, REBINDING -(ack)-> BOUND;  -(the lease ends)-> SELECTING
 *   any of them -(nak)-> WAITING -> SELECTING;  conflict: DECLINE -> WAITING
 *
 * After each call the caller pulls dhcp_client_event until there is none, then dhcp_client_output until
 * that says false, and calls dhcp_client_timeout once dhcp_client_deadline has come.
 *
 *   DHCP_EVENT_LOST    the address that was given last is not ours any more: take it away
 *   DHCP_EVENT_LEASE   client.lease is ours: set it up (address, routes, resolvers), or its times changed
 *
 * A lease stays in use while the client looks whether it still holds (RENEWING, REBINDING, and REBOOTING
 * after the link was away), until it ends or a server says no.  Servers are not trusted: what is not an
 * answer to the last question, or gives nothing that can be used, is ignored.
 */
#pragma once

#include "lib/dhcp/lease.h"

enum dhcp_state : uint8_t {
    DHCP_STOPPED,
    DHCP_WAITING, // before the next attempt
    DHCP_SELECTING,
    DHCP_REQUESTING,
    DHCP_REBOOTING,
    DHCP_BOUND,
    DHCP_RENEWING,
    DHCP_REBINDING,
};

enum dhcp_event : uint8_t { DHCP_EVENT_NONE, DHCP_EVENT_LOST, DHCP_EVENT_LEASE };

struct dhcp_config {
    struct mac_addr mac;
    bool wants_broadcast; // replies: the caller gets none that are for an address it has not
    char host[DHCP_HOST_MAX + 1]; // empty: the server is told no name
    uint8_t client_id_size;       // 0: the MAC address tells who it is
    uint8_t client_id[DHCP_CLIENT_ID_MAX];
};

struct dhcp_client {
    struct dhcp_config config;
    enum dhcp_state state;
    bool has_lease; // `lease` is in use
    struct dhcp_lease lease;

    // The client's own.
    uint64_t random;
    bool is_told;            // the caller has the address of a lease
    bool is_lost;            // DHCP_EVENT_LOST waits to be pulled
    bool is_new;             // DHCP_EVENT_LEASE does
    enum dhcp_type to_send;  // or DHCP_NOTHING
    uint8_t tries;           // of the message that waits for an answer
    uint8_t refusals;        // in a row: each makes the next wait longer
    uint32_t xid;            // of the exchange
    struct ip_addr wanted;   // asked for; IP_ANY: any
    struct ip_addr server;   // that made the offer, or declined or released from
    struct ip_addr given_up; // declined, or released
    nsec_t began;            // the exchange
    nsec_t asked_at;         // the last REQUEST was sent
    nsec_t resend_at;        // or the next attempt is made
};

// Where a message goes; port DHCP_CLIENT_PORT to DHCP_SERVER_PORT.
struct dhcp_send {
    struct ip_addr source;      // 0.0.0.0 until there is an address
    struct ip_addr destination; // the server, or broadcast
    size_t size;
};

// STOPPED.  `seed` is random, and different on each machine.
void dhcp_client_init(struct dhcp_client *c, const struct dhcp_config *config, uint64_t seed);

// Begins.  `remembered`: an address that it had before, which is asked for first; IP_ANY: none.
void dhcp_client_start(struct dhcp_client *c, const struct ip_addr *remembered, nsec_t now);

// What came to DHCP_CLIENT_PORT.
void dhcp_client_input(struct dhcp_client *c, struct span bytes, nsec_t now);

// The next message to send, of up to DHCP_SIZE_MAX bytes.  False: none.
bool dhcp_client_output(struct dhcp_client *c, nsec_t now, uint8_t *to, struct dhcp_send *out);

nsec_t dhcp_client_deadline(const struct dhcp_client *c);
void dhcp_client_timeout(struct dhcp_client *c, nsec_t now);

enum dhcp_event dhcp_client_event(struct dhcp_client *c);

// The link is back after it was away: perhaps it is another one.
void dhcp_client_link_up(struct dhcp_client *c, nsec_t now);

// Somebody else has the address (RFC 5227): the server is told, and it is lost.
void dhcp_client_conflict(struct dhcp_client *c, nsec_t now);

// Gives the lease back and stops.
void dhcp_client_release(struct dhcp_client *c, nsec_t now);
