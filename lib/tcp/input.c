// SPDX-License-Identifier: Apache-2.0
/* Which segments are of this connection, and what those that are odd mean (RFC 9293, 3.10.7). */
#include "lib/tcp/machine_priv.h"

enum { CHALLENGES_MAX = 10 }; // of one period (RFC 5961, 7)

// After so many long ticks without a segment the peer's timestamps may have wrapped (RFC 7323, 5.5).
static constexpr uint32_t TIMESTAMPS_AGE_MAX = (uint32_t)(24ull * 86400 * NSEC_PER_SEC >> 20);

// A period is 4.3 s.
static uint16_t challenge_period(nsec_t now)
{
    return (uint16_t)(now >> 32);
}

void tcp_challenge(struct tcp *t, nsec_t now)
{
    if (t->challenge_period != challenge_period(now)) {
        t->challenge_period = challenge_period(now);
        t->challenges = 0;
    }
    if (t->challenges < CHALLENGES_MAX) {
        t->challenges++;
        tcp_ask_ack(t);
    }
}

void tcp_refuse(struct tcp *t, const struct tcp_segment *s)
{
    if ((s->flags & TCP_RST) == 0) {
        t->pending |= TCP_PENDING_REFUSE;
        t->refuse_seq = s->ack;
    }
}

void tcp_stop(struct tcp *t)
{
    t->state = TCP_CLOSED;
    t->pending &= TCP_PENDING_RST | TCP_PENDING_REFUSE;
    t->timer = TCP_TIMER_NONE;
    t->timer_at = NSEC_NEVER;
    t->ack_at = NSEC_NEVER;
    t->keep_at = NSEC_NEVER;
}

void tcp_finish(struct tcp *t, status_t error, struct tcp_result *out)
{
    tcp_stop(t);
    out->events |= TCP_EVENT_CLOSED;
    if (error != OK) {
        out->events |= TCP_EVENT_FAILED;
        out->error = error;
    }
}

void tcp_note_timestamp(struct tcp *t, const struct tcp_segment *s, nsec_t now)
{
    if ((t->has & TCP_HAS_TIMESTAMPS) != 0 && tcp_seq_le(s->seq, t->receive_acked) &&
        tcp_seq_le(t->ts_recent, s->ts_value)) {
        t->ts_recent = s->ts_value;
        t->ts_recent_at = tcp_long_tick(now);
    }
}

// Timestamps are agreed on and it has none: it is not of this connection (RFC 7323, 3.2).
static bool lacks_timestamp(const struct tcp *t, const struct tcp_segment *s)
{
    return (t->has & TCP_HAS_TIMESTAMPS) != 0 && (s->has & TCP_HAS_TIMESTAMPS) == 0 &&
           (s->flags & (TCP_RST | TCP_SYN)) == 0;
}

// Protection against segments of long ago, whose numbers fit again (PAWS; RFC 7323, 5).
static bool is_old(struct tcp *t, const struct tcp_segment *s, nsec_t now)
{
    if ((t->has & s->has & TCP_HAS_TIMESTAMPS) == 0 || (s->flags & TCP_RST) != 0 ||
        !tcp_seq_lt(s->ts_value, t->ts_recent)) {
        return false;
    }
    if (tcp_long_tick(now) - t->ts_recent_at > TIMESTAMPS_AGE_MAX) {
        t->ts_recent = s->ts_value;
        t->ts_recent_at = tcp_long_tick(now);
        return false;
    }
    return true;
}

// Whether some of it lies in the window, or just at either end of it.
static bool is_acceptable(const struct tcp *t, const struct tcp_segment *s)
{
    return tcp_seq_le(s->seq, tcp_window_edge(t)) &&
           tcp_seq_le(t->receive_acked, s->seq + tcp_segment_space(s));
}

// Data that came before is acknowledged again at once, since the peer seems not to know; the rest
// could be part of a war of acknowledgements.
static void answer_unacceptable(struct tcp *t, const struct tcp_segment *s, nsec_t now)
{
    t->duplicate_segments_in++;
    if ((s->flags & TCP_RST) != 0) {
        return;
    }
    if (s->payload_size > 0 && (s->flags & TCP_SYN) == 0) {
        tcp_receive_duplicate(t, s->seq, s->seq + s->payload_size);
        tcp_ask_ack(t);
    } else {
        tcp_challenge(t, now);
    }
    // A FIN that comes again means that its acknowledgement was lost.
    if (t->state == TCP_TIME_WAIT && (s->flags & TCP_FIN) != 0) {
        tcp_time_wait(t, now);
    }
}

static status_t reset_error(const struct tcp *t)
{
    switch (t->state) {
    case TCP_SYN_RECEIVED: return tcp_is_in(t, TCP_IS_PASSIVE) ? ERR_CONNRESET : ERR_CONNREFUSED;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT: return OK;
    default: return ERR_CONNRESET;
    }
}

// Only the exact number resets; others in the window may be guessed (RFC 5961, 3).
static void take_reset(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                       struct tcp_result *out)
{
    if (s->seq == t->receive_next) {
        tcp_finish(t, reset_error(t), out);
    } else if (tcp_seq_lt(t->receive_next, s->seq) && tcp_seq_lt(s->seq, tcp_window_edge(t))) {
        tcp_challenge(t, now);
    }
}

// False: the segment goes no further.
static bool check(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out)
{
    if (lacks_timestamp(t, s)) {
        return false;
    }
    if (is_old(t, s, now) || !is_acceptable(t, s)) {
        answer_unacceptable(t, s, now);
        return false;
    }
    if ((s->flags & TCP_RST) != 0) {
        take_reset(t, s, now, out);
        return false;
    }
    if ((s->flags & TCP_SYN) != 0) {
        tcp_challenge(t, now); // RFC 5961, 4
        return false;
    }
    return (s->flags & TCP_ACK) != 0;
}

// The next segment in order of an open connection, with nothing odd about it, as nearly all are.
static bool is_expected(const struct tcp *t, const struct tcp_segment *s)
{
    return t->state == TCP_ESTABLISHED && s->seq == t->receive_next &&
           (s->flags & ~TCP_PSH) == TCP_ACK && tcp_seq_le(s->seq, t->receive_edge) &&
           ((t->has & TCP_HAS_TIMESTAMPS) == 0 ||
            ((s->has & TCP_HAS_TIMESTAMPS) != 0 && tcp_seq_le(t->ts_recent, s->ts_value)));
}

static void input(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out)
{
    if (!is_expected(t, s) && !check(t, s, now, out)) {
        return;
    }
    if (t->state == TCP_SYN_RECEIVED && !tcp_input_syn_received(t, s, now, out)) {
        return;
    }
    t->heard_at = tcp_long_tick(now);
    t->keep_probes = 0;
    tcp_note_timestamp(t, s, now);
    if (!tcp_input_ack(t, s, now, out)) {
        return;
    }
    if (s->payload_size > 0 || (s->flags & TCP_FIN) != 0) {
        tcp_receive(t, s, now, out);
    }
}

// Both ends opened at the same time or our answer was lost, as the peer's SYN says that comes again.
static void input_syn_received(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                               struct tcp_result *out)
{
    struct tcp_segment rest = *s;
    if ((s->flags & (TCP_SYN | TCP_RST)) == TCP_SYN && s->seq + 1 == t->receive_next) {
        if ((s->flags & TCP_ACK) == 0) {
            tcp_repeat_syn(t, now);
            return;
        }
        rest.seq++;
        rest.flags &= (uint8_t)~TCP_SYN;
    }
    input(t, &rest, now, out);
}

void tcp_input(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out)
{
    *out = (struct tcp_result){};
    t->segments_in++;
    switch (t->state) {
    case TCP_CLOSED: break;
    case TCP_SYN_SENT: tcp_input_syn_sent(t, s, now, out); break;
    case TCP_SYN_RECEIVED: input_syn_received(t, s, now, out); break;
    default: input(t, s, now, out); break;
    }
}

bool tcp_reset_for(const struct tcp_segment *s, struct tcp_segment *out)
{
    if ((s->flags & TCP_RST) != 0) {
        return false;
    }
    *out = (struct tcp_segment){
        .source_port = s->destination_port,
        .destination_port = s->source_port,
        .flags = TCP_RST,
    };
    if ((s->flags & TCP_ACK) != 0) {
        out->seq = s->ack;
    } else {
        out->flags |= TCP_ACK;
        out->ack = s->seq + tcp_segment_space(s);
    }
    return true;
}
