// SPDX-License-Identifier: Apache-2.0
/*
 * A network in virtual time: packets that are under way, and links that delay, drop, double, damage
 * and overtake them.  Everything follows from the seed.
 *
 * A link takes packets at its rate, keeps those that wait in a queue of bounded size (what is too
 * much is dropped at its tail), and delivers each `delay` after it has left.  With jitter a packet
 * takes up to that much longer, but does not overtake; one that is reordered does wait and is
 * overtaken.
 */
#pragma once

#include <stdio.h>

#include "lib/base/attr.h"
#include "lib/base/types.h"
#include "tests/harness/random.h"

struct end;

// Chances are of a million.
struct link_config {
    uint64_t rate; // bits a second; 0: no limit
    nsec_t delay;
    nsec_t jitter;
    uint32_t queue; // bytes; 0: no limit
    uint32_t loss;
    uint32_t burst; // that all are lost for
    nsec_t burst_time;
    uint32_t reorder;
    nsec_t reorder_delay;
    uint32_t duplicate;
    uint32_t corrupt; // one bit
};

struct link {
    struct link_config config;
    nsec_t busy_until;
    nsec_t last_arrival;
    nsec_t burst_until;
    uint32_t dropped; // by the full queue
    uint32_t lost;
};

// What lies around each packet on the wire: IPv4's header.
enum { PACKET_OVERHEAD = 20, PACKET_MAX = 65535 };

struct packet {
    nsec_t at;
    uint64_t number;
    struct end *to;
    bool is_copy; // the network's, not the sender's
    uint32_t size;
    uint8_t bytes[]; // TCP's header and payload
};

struct net {
    nsec_t now;
    struct test_random random;
    struct packet **heap; // by time and number
    size_t count;
    size_t room;
    uint64_t number;
    FILE *trace;       // NULL, or gets a line a segment
    char failure[200]; // of what the ends found; "": nothing
};

void net_init(struct net *n, uint64_t seed);
void net_fini(struct net *n);

// Keeps the first one only.
void net_fail(struct net *n, const char *format, ...) PRINTF(2, 3);

// A packet to fill; without memory the program ends.
struct packet *packet_create(uint32_t size);

// Takes the packet.
void net_send(struct net *n, struct link *l, struct end *to, struct packet *p);

// When the next packet arrives; NSEC_NEVER: none is under way.
nsec_t net_next(const struct net *n);

// Gives the packet that arrives next.
struct packet *net_take(struct net *n);
