// SPDX-License-Identifier: Apache-2.0
/*
 * Which segments are lost, told by time (RFC 8985, 6): one that was sent well before another that has
 * come.  "Well" is the reordering window.
 */
#include "lib/tcp/machine_priv.h"

enum {
    REORDER_PERSIST = 16, // recoveries without a D-SACK until the window shrinks again
    REORDER_STEPS_MAX = 255,
};

// Whether the segment of `a` was sent after that of `b`; at the same time, the higher one was.
static bool is_sent_after(uint32_t a_sent, uint32_t a_end, uint32_t b_sent, uint32_t b_end)
{
    return tcp_seq_lt(b_sent, a_sent) || (a_sent == b_sent && tcp_seq_lt(b_end, a_end));
}

// Whether it is the first sending that was acknowledged of what was sent twice.
static bool is_of_first(const struct tcp *t, const struct tcp_segment *s, uint32_t rtt, nsec_t now)
{
    if ((t->has & TCP_HAS_TIMESTAMPS) != 0 && s->ts_echo != 0) {
        uint32_t resent = tcp_long_tick(now - tcp_ticks_ns(rtt)) + t->ts_offset;
        if (tcp_seq_lt(s->ts_echo, resent)) {
            return true;
        }
    }
    return tcp_ticks_ns(rtt) < tcp_rtt_least(&t->rtt);
}

// A window that was too small shows in segments that come twice (RFC 8985, 6.2, step 4).
static void widen(struct tcp *t)
{
    if (tcp_is_in(t, TCP_HAS_REORDER_ROUND)) {
        if (tcp_seq_lt(t->send_unacked, t->reorder_round)) {
            return;
        }
        t->mode &= (uint16_t)~TCP_HAS_REORDER_ROUND;
    }
    t->mode |= TCP_HAS_REORDER_ROUND;
    t->reorder_round = t->send_next;
    t->reorder_persist = REORDER_PERSIST;
    if (t->reorder_steps < REORDER_STEPS_MAX) {
        t->reorder_steps++;
    }
}

void tcp_rack_recovered(struct tcp *t)
{
    if (t->reorder_persist > 0) {
        t->reorder_persist--;
    }
    if (t->reorder_persist == 0) {
        t->reorder_steps = 1;
    }
}

void tcp_rack_update(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n,
                     nsec_t now)
{
    const struct tcp_delivery *d = &n->delivery;
    if (n->dsack > 0) {
        widen(t);
    }
    if (!d->has_any) {
        return;
    }
    if (d->is_reordered) {
        t->mode |= TCP_HAS_REORDERING;
        t->reordering_seen++;
    }
    if (tcp_seq_lt(t->rack_front, d->front)) {
        t->rack_front = d->front;
    }
    uint32_t rtt = tcp_tick(now) - d->sent;
    if (d->is_resent && is_of_first(t, s, rtt, now)) {
        return;
    }
    if (t->rack_rtt == 0 || is_sent_after(d->sent, d->end, t->rack_sent, t->rack_end)) {
        tcp_rack_advance(t, d, now);
    }
}

void tcp_rack_advance(struct tcp *t, const struct tcp_delivery *d, nsec_t now)
{
    uint32_t rtt = tcp_tick(now) - d->sent;
    t->rack_sent = d->sent;
    t->rack_end = d->end;
    t->rack_rtt = rtt > 0 ? rtt : 1;
    t->rack_front = tcp_seq_lt(t->rack_front, d->end) ? d->end : t->rack_front;
}

// How long what is missing may be late, in ticks.
static uint32_t reorder_window(const struct tcp *t)
{
    if (!tcp_is_in(t, TCP_HAS_REORDERING) &&
        (t->recovery != TCP_RECOVERY_NONE ||
         t->sacked >= TCP_DUPLICATES_MAX * tcp_payload_max(t))) {
        return 0;
    }
    nsec_t window = tcp_rtt_least(&t->rtt) / 4 * t->reorder_steps;
    return tcp_tick(u64_min(window, t->rtt.smoothed));
}

uint32_t tcp_rack_detect(struct tcp *t, nsec_t now)
{
    uint32_t wait = 0;
    if (t->rack_rtt == 0 || t->sacked + t->lost == t->send_next - t->send_unacked) {
        return 0;
    }
    uint32_t limit = t->rack_rtt + reorder_window(t);
    bool is_any_lost = false;
    for (unsigned i = 0; i < t->run_count; i++) {
        const struct tcp_run *r = tcp_run_at(t, i);
        if ((r->state & (TCP_RUN_SACKED | TCP_RUN_LOST)) != 0 ||
            !is_sent_after(t->rack_sent, t->rack_end, tcp_run_sent_last(r), r->end)) {
            continue;
        }
        uint32_t age = tcp_tick(now) - tcp_run_sent_last(r);
        if (age >= limit) {
            tcp_runs_lose(t, i);
            is_any_lost = true;
        } else {
            wait = (uint32_t)u64_max(wait, limit - age);
        }
    }
    if (is_any_lost) {
        tcp_runs_join(t);
    }
    return wait;
}

// After the retransmission time-out the first one is lost, and all that are older than a round trip
// (RFC 8985, 6.3).
void tcp_rack_detect_timeout(struct tcp *t, nsec_t now)
{
    uint32_t rtt = (uint32_t)u64_max(t->rack_rtt, tcp_tick(t->rtt.smoothed));
    uint32_t limit = rtt + reorder_window(t);
    for (unsigned i = 0; i < t->run_count; i++) {
        if (i == 0 || tcp_tick(now) - tcp_run_sent_last(tcp_run_at(t, i)) >= limit) {
            tcp_runs_lose(t, i);
        }
    }
    tcp_runs_join(t);
}
