// SPDX-License-Identifier: Apache-2.0
/* What goes: the next segment, if there is one. */
#include "lib/tcp/machine_priv.h"

// A header without payload, as all segments of an open connection have it.
static void fill(struct tcp *t, nsec_t now, uint32_t seq, uint8_t flags, struct tcp_segment *out)
{
    *out = (struct tcp_segment){
        .source_port = t->local_port,
        .destination_port = t->peer_port,
        .seq = seq,
        .flags = flags,
    };
    if ((t->has & TCP_HAS_TIMESTAMPS) != 0) {
        out->has = TCP_HAS_TIMESTAMPS;
        out->ts_value = tcp_long_tick(now) + t->ts_offset;
        out->ts_echo = t->ts_recent;
    }
    t->segments_out++;
}

static void acknowledge(struct tcp *t, struct tcp_segment *out)
{
    out->flags |= TCP_ACK;
    out->ack = t->receive_next;
    out->window = tcp_window_offer(t);
    t->receive_acked = t->receive_next;
    t->pending &= (uint16_t)~TCP_PENDING_ACK;
    t->ack_at = NSEC_NEVER;
}

static bool output_reset(struct tcp *t, nsec_t now, struct tcp_segment *out)
{
    bool is_whole = (t->pending & TCP_PENDING_RST) != 0;
    if (is_whole) {
        t->pending = 0;
        fill(t, now, t->send_next, TCP_RST, out);
        acknowledge(t, out);
    } else {
        t->pending &= (uint16_t)~TCP_PENDING_REFUSE;
        fill(t, now, t->refuse_seq, TCP_RST, out);
        out->has = 0;
    }
    return true;
}

static bool output_syn(struct tcp *t, nsec_t now, struct tcp_segment *out)
{
    t->pending &= (uint16_t)~(TCP_PENDING_SYN | TCP_PENDING_ACK);
    bool is_answer = t->state == TCP_SYN_RECEIVED;
    fill(t, now, t->send_unacked, TCP_SYN, out);
    out->has = is_answer ? t->has : TCP_HAS_SCALE | TCP_HAS_TIMESTAMPS | TCP_HAS_SACK_PERMITTED;
    out->has |= TCP_HAS_MSS;
    out->mss = t->config.mss_max;
    out->scale = (out->has & TCP_HAS_SCALE) != 0 ? t->receive_scale : 0;
    out->ts_value = (out->has & TCP_HAS_TIMESTAMPS) != 0 ? tcp_long_tick(now) + t->ts_offset : 0;
    out->window = tcp_window_offer_syn(t);
    if (is_answer) {
        out->flags |= TCP_ACK;
        out->ack = t->receive_next;
        t->receive_acked = t->receive_next;
    }
    if (t->timer == TCP_TIMER_NONE) {
        t->syn_tick = tcp_tick(now);
        tcp_timer_syn(t, now);
    }
    return true;
}

// A segment with `size` bytes of sequence space from `seq`, of which the last may be the FIN.
static void fill_data(struct tcp *t, nsec_t now, uint32_t seq, uint32_t size,
                      struct tcp_segment *out, struct tcp_range *payload)
{
    fill(t, now, seq, 0, out);
    acknowledge(t, out);
    uint32_t end = seq + size;
    if (tcp_seq_lt(t->send_end, end)) {
        out->flags |= TCP_FIN;
        size--;
    }
    if (!tcp_seq_lt(end, t->send_end) && size > 0) {
        out->flags |= TCP_PSH;
    }
    out->payload_size = size;
    payload->offset = seq - t->send_unacked;
    payload->size = size;
    t->bytes_sent += size;
    t->sent_at = tcp_long_tick(now);
}

// Of `size` from `seq`, what goes at once: more than one segment's worth only as whole ones.  The FIN
// goes with the last byte.
static uint32_t cut(const struct tcp *t, uint32_t seq, uint32_t size, uint32_t mss, uint32_t burst)
{
    uint32_t fin = tcp_seq_lt(t->send_end, seq + size) ? 1 : 0;
    uint32_t bytes = (uint32_t)u64_min(size - fin, burst);
    bytes = bytes <= mss ? bytes : bytes - bytes % mss;
    return bytes + fin == size ? size : bytes;
}

// What was lost is sent again, the first of it first.
static bool output_lost(struct tcp *t, nsec_t now, uint32_t burst, struct tcp_segment *out,
                        struct tcp_range *payload)
{
    unsigned i;
    uint32_t mss = payload->mss;
    uint32_t room = tcp_congestion_room(t);
    bool is_probe = (t->pending & TCP_PENDING_PROBE) != 0;
    if (t->send_window == 0 || !tcp_runs_first_lost(t, &i)) {
        return false;
    }
    uint32_t begin = tcp_run_begin(t, i);
    uint32_t size = tcp_run_at(t, i)->end - begin;
    uint32_t least = (uint32_t)u64_min(size, mss);
    if (room < least) {
        if (!is_probe) {
            return false;
        }
        room = least;
    }
    uint32_t taken = cut(t, begin, (uint32_t)u64_min(room, size), mss, burst);
    t->pending &= (uint16_t)~TCP_PENDING_PROBE;
    tcp_runs_resent(t, begin + taken, tcp_tick(now));
    if (begin == t->send_unacked && t->retries == 0) {
        t->rto_from = now;
    }
    t->undo_bytes += taken;
    t->retransmits += taken <= mss ? 1 : (taken + mss - 1) / mss;
    tcp_cubic_sent(&t->cubic, taken);
    fill_data(t, now, begin, taken, out, payload);
    tcp_timer_sent(t, now);
    return true;
}

// Whether a segment that is not full may go (RFC 9293, 3.7.4 and 3.8.6.2.1), if it is all there is.
static bool may_send_small(const struct tcp *t, uint32_t size, uint32_t unsent)
{
    if ((t->pending & TCP_PENDING_OVERRIDE) != 0) {
        return true;
    }
    if (size < unsent) {
        return size >= t->send_window_max / 2; // the peer's window is the limit
    }
    if (tcp_is_in(t, TCP_IS_CLOSING)) {
        return true;
    }
    if (t->config.is_corked) {
        return false;
    }
    // Nagle, as far as it concerns small segments only: one at a time.
    return t->config.is_nodelay || !tcp_seq_lt(t->send_unacked, t->small_end);
}

// How much new data may go now, in sequence space; 0: nothing.
static uint32_t sendable(struct tcp *t, uint32_t burst, uint32_t mss)
{
    uint32_t unsent = tcp_unsent(t);
    uint32_t in_flight = t->send_next - t->send_unacked;
    uint32_t window = t->send_window > in_flight ? t->send_window - in_flight : 0;
    uint32_t size = (uint32_t)u64_min(unsent, window);
    uint32_t room = tcp_congestion_room(t);
    if (room < u64_min(size, mss)) {
        t->mode |= TCP_IS_LIMITED;
        if ((t->pending & TCP_PENDING_PROBE) == 0) {
            return 0;
        }
        room = mss;
    }
    size = (uint32_t)u64_min(size, room);
    if (size >= mss) {
        return cut(t, t->send_next, size, mss, burst);
    }
    return size > 0 && may_send_small(t, size, unsent) ? size : 0;
}

// After a pause the window is no longer known to fit (RFC 5681, 4.1).
static void notice_idle(struct tcp *t, nsec_t now)
{
    nsec_t idle = tcp_long_ticks_ns(tcp_long_tick(now) - t->sent_at);
    if (idle > t->rtt.rto) {
        tcp_cubic_idled(&t->cubic, idle, t->rtt.rto);
        t->sent_at = tcp_long_tick(now); // it counts once
    }
}

static bool output_new(struct tcp *t, nsec_t now, uint32_t burst, struct tcp_segment *out,
                       struct tcp_range *payload)
{
    bool was_idle = t->send_next == t->send_unacked;
    if (was_idle) {
        notice_idle(t, now);
    }
    uint32_t size = sendable(t, burst, payload->mss);
    if (size == 0 || !tcp_runs_have_room(t)) {
        return false;
    }
    if (was_idle) {
        t->progress_at = tcp_long_tick(now);
        t->rto_from = now;
        t->rack_rtt = 0; // what was delivered last may be too long ago for ticks to tell
    }
    uint32_t begin = t->send_next;
    tcp_runs_add(t, begin + size, tcp_tick(now));
    t->send_next = begin + size;
    if (size < payload->mss) {
        t->small_end = t->send_next;
    }
    if (t->recovery == TCP_RECOVERY_FAST) {
        tcp_cubic_sent(&t->cubic, size);
    }
    if ((t->pending & TCP_PENDING_PROBE) != 0) {
        tcp_tail_sent(t, false);
    }
    t->pending &= (uint16_t)~(TCP_PENDING_PROBE | TCP_PENDING_OVERRIDE);
    if (tcp_congestion_room(t) < payload->mss) {
        t->mode |= TCP_IS_LIMITED;
    }
    if (t->bytes_received > 0 && tcp_long_tick(now) - t->heard_at <= TCP_INTERACTIVE) {
        t->quick_acks = 0; // acknowledgements can go with data
    }
    fill_data(t, now, begin, size, out, payload);
    tcp_timer_sent(t, now);
    return true;
}

// The last segment goes again, to be told whether it came.
static bool output_tail(struct tcp *t, nsec_t now, struct tcp_segment *out,
                        struct tcp_range *payload)
{
    t->pending &= (uint16_t)~TCP_PENDING_PROBE;
    if (t->run_count == 0 || t->sacked + t->lost > 0 || t->send_window == 0) {
        return false;
    }
    uint32_t flight = t->send_next - t->send_unacked;
    uint32_t size = (uint32_t)u64_min(flight, payload->mss);
    uint32_t begin = t->send_next - size;
    tcp_runs_tail_resent(t, begin, tcp_tick(now));
    tcp_tail_sent(t, true);
    t->retransmits++;
    fill_data(t, now, begin, size, out, payload);
    return true;
}

// One byte into a closed window (RFC 9293, 3.8.6.1): the first that is not acknowledged.
static bool output_persist(struct tcp *t, nsec_t now, struct tcp_segment *out,
                           struct tcp_range *payload)
{
    t->pending &= (uint16_t)~TCP_PENDING_PERSIST;
    bool is_new = t->send_next == t->send_unacked;
    if (t->send_window > 0 || (is_new && (tcp_unsent(t) == 0 || !tcp_runs_have_room(t)))) {
        return false;
    }
    if (is_new) {
        tcp_runs_add(t, t->send_next + 1, tcp_tick(now));
        t->send_next++;
    } else {
        tcp_runs_front_resent(t);
        t->retransmits++;
    }
    fill_data(t, now, t->send_unacked, 1, out, payload);
    tcp_timer_sent(t, now);
    return true;
}

static bool output_data(struct tcp *t, nsec_t now, uint32_t burst, struct tcp_segment *out,
                        struct tcp_range *payload)
{
    if (t->lost > 0 && output_lost(t, now, burst, out, payload)) {
        return true;
    }
    if (tcp_unsent(t) > 0 && output_new(t, now, burst, out, payload)) {
        return true;
    }
    if ((t->pending & TCP_PENDING_PROBE) != 0 && output_tail(t, now, out, payload)) {
        return true;
    }
    if ((t->pending & TCP_PENDING_PERSIST) != 0 && output_persist(t, now, out, payload)) {
        return true;
    }
    if (t->timer == TCP_TIMER_NONE && tcp_unsent(t) > 0) {
        tcp_timer_restart(t, now, 0);
    }
    return false;
}

static bool output_ack(struct tcp *t, nsec_t now, struct tcp_segment *out)
{
    // A keepalive's number lies before the window, which the peer must answer (RFC 9293, 3.8.4).
    bool is_keepalive = (t->pending & TCP_PENDING_KEEPALIVE) != 0;
    t->pending &= (uint16_t)~TCP_PENDING_KEEPALIVE;
    fill(t, now, t->send_next - (is_keepalive ? 1 : 0), 0, out);
    tcp_receive_report(t, out);
    acknowledge(t, out);
    return true;
}

// The window no longer limits what an application that has nothing to send could use.
static void note_no_more(struct tcp *t)
{
    if (tcp_unsent(t) == 0 && tcp_flight(t) < t->cubic.window / 2) {
        t->mode &= (uint16_t)~TCP_IS_LIMITED;
    }
}

bool tcp_output(struct tcp *t, nsec_t now, uint32_t burst_max, struct tcp_segment *out,
                struct tcp_range *payload)
{
    *payload = (struct tcp_range){.mss = (uint16_t)tcp_payload_max(t)};
    if ((t->pending & (TCP_PENDING_RST | TCP_PENDING_REFUSE)) != 0) {
        return output_reset(t, now, out);
    }
    if ((t->pending & TCP_PENDING_SYN) != 0) {
        return output_syn(t, now, out);
    }
    if (!tcp_has_handshake_done(t)) {
        return false;
    }
    if (t->pending == 0 && t->lost == 0 && tcp_unsent(t) == 0) {
        note_no_more(t);
        return false;
    }
    bool has_report = t->range_count > 0 || tcp_is_in(t, TCP_HAS_DSACK);
    bool has_ack = (t->pending & (TCP_PENDING_ACK | TCP_PENDING_KEEPALIVE)) != 0;
    if (has_ack && has_report) {
        return output_ack(t, now, out); // its blocks have no place beside data
    }
    uint32_t burst = burst_max > payload->mss ? burst_max : payload->mss;
    if (output_data(t, now, burst, out, payload)) {
        return true;
    }
    note_no_more(t);
    return (t->pending & (TCP_PENDING_ACK | TCP_PENDING_KEEPALIVE)) != 0 && output_ack(t, now, out);
}
