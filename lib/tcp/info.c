// SPDX-License-Identifier: Apache-2.0
/* What a connection tells of itself. */
#include "lib/tcp/machine_priv.h"

void tcp_info(const struct tcp *t, nsec_t now, struct tcp_info *out)
{
    (void)now;
    *out = (struct tcp_info){
        .state = t->state,
        .has = t->has,
        .send_scale = t->send_scale,
        .receive_scale = t->receive_scale,
        .retries = t->retries,
        .send_mss = (uint16_t)tcp_payload_max(t),
        .receive_mss = t->receive_mss,
        .rtt = t->rtt.smoothed,
        .rtt_variance = t->rtt.variance,
        .rtt_min = tcp_rtt_least(&t->rtt),
        .rto = tcp_rtt_rto(&t->rtt),
        .window = t->cubic.window,
        .threshold = t->cubic.threshold,
        .in_flight = tcp_flight(t),
        .unsent = tcp_seq_lt(t->send_next, t->send_end) ? t->send_end - t->send_next : 0,
        .send_window = t->send_window,
        .receive_window = tcp_window_edge(t) - t->receive_next,
        .lost = t->lost,
        .retransmits = t->retransmits,
        .bytes_sent = t->bytes_sent,
        .bytes_acked = t->bytes_acked,
        .bytes_received = t->bytes_received,
        .segments_out = t->segments_out,
        .segments_in = t->segments_in,
        .duplicate_segments_in = t->duplicate_segments_in,
        .reordering_seen = t->reordering_seen,
    };
}
