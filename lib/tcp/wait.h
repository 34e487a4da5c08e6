// SPDX-License-Identifier: Apache-2.0
/*
 * TIME-WAIT in a few bytes: what is left of a connection whose machine is gone, so that segments of it
 * that are late harm no later one (RFC 9293, 3.3.2 and 3.10.7.4), and what lets a new one have its
 * names (RFC 6191).  A reset does not end it (RFC 1337).
 */
#pragma once

#include "lib/tcp/tcp.h"

struct tcp_wait {
    uint32_t send_next;
    uint32_t receive_next;
    uint32_t edge; // behind the window that was offered
    uint32_t ts_recent;
    uint32_t ts_recent_at; // long tick
    uint32_t ts_offset;
    uint16_t window; // as in the header
    uint16_t local_port;
    uint16_t peer_port;
    uint8_t has; // enum tcp_has
};

enum tcp_wait_news : uint8_t {
    TCP_WAIT_NOTHING,
    TCP_WAIT_ANSWER, // by tcp_wait_answer
    TCP_WAIT_RENEW,  // the same, and the time begins anew
    TCP_WAIT_REOPEN, // a SYN that may have the names: the record goes, the listener decides
};

// From a machine in TIME_WAIT.
void tcp_wait_init(struct tcp_wait *w, const struct tcp *t);

enum tcp_wait_news tcp_wait_input(struct tcp_wait *w, const struct tcp_segment *s, nsec_t now);

void tcp_wait_answer(const struct tcp_wait *w, nsec_t now, struct tcp_segment *out);

// Whether a connection from here may have the names already: its timestamps are later then.
bool tcp_wait_may_connect(const struct tcp_wait *w, nsec_t now);
