// SPDX-License-Identifier: Apache-2.0
/*
 * A connection that a listener was asked for and that is not open yet: SYN_RECEIVED in a few bytes
 * instead of a whole machine, so that half-open connections cost little.
 *
 *   a SYN -> tcp_request_init -> tcp_request_answer (SYN-ACK; again when it got lost)
 *   a segment -> tcp_request_input -> TCP_REQUEST_OPEN: tcp_accept_cookie with tcp_request_syn
 */
#pragma once

#include "lib/tcp/cookie.h"
#include "lib/tcp/tcp.h"

struct tcp_request {
    uint32_t isn;
    uint32_t ts_offset;
    uint32_t peer_isn;
    uint32_t ts_recent;
    uint16_t local_port;
    uint16_t peer_port;
    uint16_t mss; // ours
    uint16_t window;
    uint16_t peer_mss;
    uint16_t peer_window;
    uint8_t scale; // ours
    uint8_t peer_scale;
    uint8_t has; // enum tcp_has: agreed on; TCP_HAS_MSS: the peer told its own
};

// What a segment means for it.
enum tcp_request_news : uint8_t {
    TCP_REQUEST_NOTHING,
    TCP_REQUEST_REPEAT, // the SYN came again: tcp_request_answer
    TCP_REQUEST_REFUSE, // it is not of this connection: tcp_reset_for
    TCP_REQUEST_END,    // the peer has given up
    TCP_REQUEST_OPEN,   // the answer was acknowledged; the segment is the connection's first
};

void tcp_request_init(struct tcp_request *r, const struct tcp_open *o, const struct tcp_offer *ours,
                      const struct tcp_segment *syn);

// The SYN-ACK.
void tcp_request_answer(const struct tcp_request *r, nsec_t now, struct tcp_segment *out);

enum tcp_request_news tcp_request_input(const struct tcp_request *r, const struct tcp_segment *s);

// What tcp_accept_cookie wants to know.
void tcp_request_open(const struct tcp_request *r, struct tcp_open *o, struct tcp_segment *syn);
