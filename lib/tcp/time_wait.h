// SPDX-License-Identifier: Apache-2.0
/*
 * What is left of a connection in TIME_WAIT once nobody has it open: enough to acknowledge a FIN that
 * comes again, and to know a new connection of the same name from segments of the old one.
 */
#pragma once

#include "lib/tcp/machine.h"

constexpr nsec_t TCP_TIME_WAIT_SPAN = 60 * NSEC_PER_SEC; // twice the MSL of most systems

struct tcp_time_wait {
    uint32_t send_next;
    uint32_t receive_next;
    uint32_t ts_recent;
    uint32_t ts_offset;
    uint16_t window; // as it was in our last header
    bool has_timestamps;
};

void tcp_time_wait_begin(const struct tcp *t, struct tcp_time_wait *out);

enum tcp_time_wait_verdict {
    TCP_TIME_WAIT_IGNORE,
    TCP_TIME_WAIT_ANSWER, // *answer goes back
    TCP_TIME_WAIT_END, // it was reset, in its window: forget it (not by RFC 1337: the peer is gone)
    TCP_TIME_WAIT_REUSE, // a SYN that cannot be of the old one: forget it, and let a listener have it
};

// A segment for it (RFC 9293, 3.10.7.4; RFC 6191).  Ports of *answer are filled in.
enum tcp_time_wait_verdict tcp_time_wait_input(struct tcp_time_wait *w, const struct tcp_segment *s,
                                               nsec_t now, struct tcp_segment *answer);
