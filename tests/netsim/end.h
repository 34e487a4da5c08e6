// SPDX-License-Identifier: Apache-2.0
/*
 * One end of a connection in the simulated network: the machine, the two queues of bytes that its
 * caller keeps, and an application that writes and reads.
 *
 * What is sent is a pattern by position, so neither queue of what is to send has bytes in it, and the
 * reader knows what must come.  Found wrong: bytes told as in order that were not kept, bytes other
 * than those sent, bytes beyond the window or behind the peer's last one.
 */
#pragma once

#include "lib/tcp/cookie.h"
#include "lib/tcp/machine.h"
#include "tests/netsim/net.h"

struct end_config {
    struct tcp_config tcp;
    uint64_t bytes;      // that it writes; the end of writing follows
    uint32_t write_size; // at once, each `write_every`; 0: as much as fits
    nsec_t write_every;
    uint32_t read_size; // at once, each `read_every`; 0: all at once
    nsec_t read_every;
    uint32_t burst_max; // what tcp_output may give at once
    bool has_cookies;   // a listener that keeps nothing for a SYN
};

struct end {
    struct net *net;
    struct end *peer;
    struct link *out;
    struct end_config config;
    struct tcp_names names;
    struct tcp tcp;
    bool is_listening;
    bool has_closed; // CLOSED, after it was open
    bool has_failed;
    status_t error;
    // What is to send: positions in the stream.
    uint64_t written;
    uint64_t acked;
    nsec_t write_at;
    // What came.
    uint64_t in_order;
    uint64_t consumed;
    bool has_end;    // the peer's FIN came
    bool has_shut;   // said that it writes no more
    nsec_t ended_at; // when all was read
    nsec_t read_at;
    uint8_t *store; // of receive_buffer bytes, by position
    uint8_t *kept;  // whether a byte of the store is there
    // What arrived at all, for counting what was sent without need.
    uint8_t *seen;     // whether, by position in the stream
    uint32_t needless; // segments that brought nothing new
    uint32_t damaged;  // segments that the checksum refused
    uint32_t sent;     // segments with payload
};

void end_init(struct end *e, struct net *n, const struct end_config *c);
void end_fini(struct end *e);

// Both sides of a connection; `port` is the client's.
void end_join(struct end *client, struct link *there, struct end *server, struct link *back,
              uint16_t port);

void end_connect(struct end *e);

// A packet came; takes it.
void end_receive(struct end *e, struct packet *p);

// When the machine or the application wants to be called; and that call.
nsec_t end_deadline(const struct end *e);
void end_wake(struct end *e);

// Everything was read and the connection is over.
bool end_is_done(const struct end *e);
