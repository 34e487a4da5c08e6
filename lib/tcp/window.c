// SPDX-License-Identifier: Apache-2.0
/*
 * The window that we offer.  Its right edge never moves back; it moves forward only by steps that are
 * worth a segment (RFC 9293, 3.8.6.2.2).
 *
 * It begins small and grows while the reader keeps up and the peer fills it: whenever half a window
 * has come in about one round trip, and what came before it was read, the next one is twice as large,
 * up to the receive buffer.  So a peer in slow start, which sends twice as much in the next round trip,
 * is not held back by it, nor let go with a burst of half a window when it opens.
 */
#include "lib/tcp/machine_priv.h"

static constexpr nsec_t TUNE_SLACK = 4 * NSEC_PER_MSEC;

enum { FIELD_MAX = UINT16_MAX, SCALE_MAX = 14 };

uint8_t tcp_scale_for(uint32_t receive_buffer)
{
    uint8_t scale = TCP_SCALE_MIN;
    while (scale < SCALE_MAX && (uint64_t)FIELD_MAX << scale < receive_buffer) {
        scale++;
    }
    return scale;
}

uint8_t tcp_window_scale(const struct tcp *t)
{
    return tcp_scale_for(t->config.receive_buffer);
}

static uint32_t free_space(const struct tcp *t)
{
    return t->receive_space > t->unread ? t->receive_space - t->unread : 0;
}

uint16_t tcp_window_offer_syn(struct tcp *t)
{
    uint16_t field = (uint16_t)u64_min(free_space(t), FIELD_MAX);
    if (tcp_seq_lt(t->receive_edge, t->receive_next + field)) {
        t->receive_edge = t->receive_next + field;
    }
    return field;
}

// Less than this is not worth telling.
static uint32_t step(const struct tcp *t)
{
    return (uint32_t)u64_min(t->receive_space / 2, t->receive_mss);
}

uint16_t tcp_window_offer(struct tcp *t)
{
    uint32_t edge = tcp_window_edge(t);
    uint32_t wanted = t->receive_next + free_space(t);
    if (tcp_seq_lt(edge, wanted) && wanted - edge >= step(t)) {
        edge = wanted;
    }
    uint32_t field = (edge - t->receive_next) >> t->receive_scale;
    // Rounding down should not take back what was offered, but rounding up offer after offer would go
    // beyond the buffer.  What the peer was told of once it may send in any case.
    if (tcp_seq_lt(t->receive_next + (field << t->receive_scale), tcp_window_edge(t)) &&
        (field + 1) << t->receive_scale <= free_space(t)) {
        field++;
    }
    field = (uint32_t)u64_min(field, FIELD_MAX);
    edge = t->receive_next + (field << t->receive_scale);
    if (tcp_seq_lt(t->receive_edge, edge)) {
        t->receive_edge = edge;
    }
    return (uint16_t)field;
}

void tcp_window_consumed(struct tcp *t)
{
    if (t->state != TCP_ESTABLISHED && t->state != TCP_FIN_WAIT_1 && t->state != TCP_FIN_WAIT_2) {
        return;
    }
    uint32_t edge = tcp_window_edge(t);
    uint32_t wanted = t->receive_next + free_space(t);
    if (!tcp_seq_lt(edge, wanted)) {
        return;
    }
    uint32_t left = edge - t->receive_next;
    uint32_t growth = wanted - edge;
    if (left < t->receive_space / 2 && growth >= u64_max(t->receive_space / 4, step(t))) {
        tcp_ask_ack(t);
    }
}

void tcp_window_begin(struct tcp *t, nsec_t now)
{
    t->tune_from = t->receive_next;
    t->tune_seq = t->receive_next + t->receive_space / 2;
    t->tune_tick = tcp_tick(now);
}

// Whether all that came before this period was read, and that is worth something.
static bool is_read(const struct tcp *t)
{
    return t->unread <= t->receive_next - t->tune_from &&
           t->bytes_received >= (uint64_t)t->unread + t->receive_space / 4;
}

void tcp_window_tune(struct tcp *t, nsec_t now)
{
    if (tcp_seq_lt(t->receive_next, t->tune_seq)) {
        return;
    }
    nsec_t taken = tcp_ticks_ns(tcp_tick(now) - t->tune_tick);
    bool is_fast = taken <= 2 * t->rtt.smoothed + TUNE_SLACK;
    if (is_fast && is_read(t) && t->receive_space < t->config.receive_buffer) {
        t->receive_space =
            (uint32_t)u64_min(2 * (uint64_t)t->receive_space, t->config.receive_buffer);
    }
    tcp_window_begin(t, now);
}
