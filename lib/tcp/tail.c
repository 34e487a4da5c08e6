// SPDX-License-Identifier: Apache-2.0
/*
 * Tail loss probes (RFC 8985, 7): when nothing has come for two round trips, one segment is sent that
 * tells by its acknowledgement whether the last ones were lost, long before the time-out would.
 */
#include "lib/tcp/machine_priv.h"

static constexpr nsec_t ACK_DELAY_MAX =
    200 * NSEC_PER_MSEC;                           // of a peer that waits for a second one
static constexpr nsec_t SLACK = 2 * NSEC_PER_MSEC; // for its clock

bool tcp_tail_may_probe(const struct tcp *t)
{
    return (t->has & TCP_HAS_SACK_PERMITTED) != 0 && t->recovery == TCP_RECOVERY_NONE &&
           t->sacked == 0 && !tcp_is_in(t, TCP_HAS_TAIL_PROBE);
}

nsec_t tcp_tail_timeout(const struct tcp *t)
{
    if (!tcp_rtt_is_known(&t->rtt)) {
        return TCP_RTO_FIRST;
    }
    bool is_one = tcp_flight(t) <= tcp_payload_max(t);
    return 2 * t->rtt.smoothed + (is_one ? ACK_DELAY_MAX : SLACK);
}

void tcp_tail_sent(struct tcp *t, bool is_resent)
{
    t->mode |= TCP_HAS_TAIL_PROBE;
    t->mode &= (uint16_t)~TCP_IS_TAIL_RESENT;
    if (is_resent) {
        t->mode |= TCP_IS_TAIL_RESENT;
    }
    t->probe_end = t->send_next;
}

// A probe that repaired a loss hides it, but the loss counts as one (RFC 8985, 7.4).
void tcp_tail_ack(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n)
{
    if (!tcp_is_in(t, TCP_HAS_TAIL_PROBE) || tcp_seq_lt(s->ack, t->probe_end)) {
        return;
    }
    bool is_twice = n->dsack > 0 && n->dsack_end == t->probe_end;
    bool is_repaired = tcp_is_in(t, TCP_IS_TAIL_RESENT) && !is_twice;
    bool is_known = tcp_seq_lt(t->probe_end, s->ack) || !tcp_is_in(t, TCP_IS_TAIL_RESENT) ||
                    is_twice || n->is_duplicate;
    if (!is_known) {
        return;
    }
    t->mode &= (uint16_t)~(TCP_HAS_TAIL_PROBE | TCP_IS_TAIL_RESENT);
    if (is_repaired && tcp_seq_lt(t->probe_end, s->ack) && t->recovery == TCP_RECOVERY_NONE) {
        tcp_cubic_lost(&t->cubic, tcp_flight(t) + n->acked);
        tcp_cubic_recovered(&t->cubic);
        t->mode &= (uint16_t)~TCP_HAS_UNDO;
    }
}
