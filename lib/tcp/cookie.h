// SPDX-License-Identifier: Apache-2.0
/*
 * SYN cookies and initial sequence numbers: what a listener that is flooded can say without
 * remembering anything, and numbers that nobody can guess (RFC 4987, 3.6; RFC 6528).
 *
 * Both are SipHash-2-4 of the connection's four numbers under a secret.  A cookie holds the peer's MSS,
 * from a table of eight, and a minute counter: it is good for one to two minutes.  Window scale and
 * SACK are in the timestamp that we send, where the peer has timestamps; else they are not used.
 */
#pragma once

#include "lib/net/address.h"
#include "lib/tcp/segment.h"

enum { TCP_SECRET_SIZE = 16 };

struct tcp_secret {
    uint8_t bytes[TCP_SECRET_SIZE];
};

// The four numbers of a connection, from this end.
struct tcp_names {
    struct ip_addr local;
    struct ip_addr peer;
    uint16_t local_port;
    uint16_t peer_port;
};

// An initial sequence number: one every 64 ns, from a place that only we know.
uint32_t tcp_isn(const struct tcp_secret *secret, const struct tcp_names *names, nsec_t now);

// What timestamps to that peer are counted from.
uint32_t tcp_timestamp_offset(const struct tcp_secret *secret, const struct tcp_names *names);

// What this end offers in its SYN-ACK.
struct tcp_offer {
    uint16_t mss;
    uint8_t scale;
    uint32_t window;
};

// The SYN-ACK that answers `syn`, with a cookie as its sequence number.
void tcp_cookie_answer(const struct tcp_secret *secret, const struct tcp_names *names,
                       const struct tcp_segment *syn, const struct tcp_offer *ours, nsec_t now,
                       struct tcp_segment *out);

// Whether `ack` answers such a SYN-ACK: *syn is the SYN as far as it can be known, and *isn our
// number.  False: it does not.
bool tcp_cookie_check(const struct tcp_secret *secret, const struct tcp_names *names,
                      const struct tcp_segment *ack, nsec_t now, struct tcp_segment *syn,
                      uint32_t *isn);
