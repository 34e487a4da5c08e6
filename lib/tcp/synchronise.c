// SPDX-License-Identifier: Apache-2.0
/* The handshake (RFC 9293, 3.5 and 3.10.7.3). */
#include "lib/tcp/machine_priv.h"

static uint16_t clamp_mss(const struct tcp *t, const struct tcp_segment *syn)
{
    uint16_t mss = (syn->has & TCP_HAS_MSS) != 0 ? syn->mss : TCP_MSS_DEFAULT;
    mss = mss < TCP_MSS_MIN ? TCP_MSS_MIN : mss;
    return t->config.mss_max != 0 && t->config.mss_max < mss ? t->config.mss_max : mss;
}

// The peer's number, window and options.
void tcp_take_syn(struct tcp *t, const struct tcp_segment *syn, nsec_t now)
{
    t->has = syn->has & (TCP_HAS_SCALE | TCP_HAS_TIMESTAMPS | TCP_HAS_SACK_PERMITTED);
    t->send_scale = (t->has & TCP_HAS_SCALE) != 0 ? syn->scale : 0;
    t->receive_scale = (t->has & TCP_HAS_SCALE) != 0 ? t->receive_scale : 0;
    t->send_mss = clamp_mss(t, syn);
    t->receive_mss = (uint16_t)u64_min(TCP_MSS_DEFAULT, t->config.mss_max);
    t->receive_next = syn->seq + 1;
    t->receive_acked = t->receive_next;
    t->receive_edge = t->receive_next;
    (void)tcp_window_offer_syn(t);
    t->send_window = syn->window; // not scaled
    t->send_window_max = t->send_window;
    t->window_seq = syn->seq;
    t->window_ack = syn->ack;
    t->ts_recent = syn->ts_value;
    t->ts_recent_at = tcp_long_tick(now);
    t->heard_at = tcp_long_tick(now);
}

void tcp_establish(struct tcp *t, nsec_t now)
{
    bool is_repeated = tcp_is_in(t, TCP_IS_SYN_REPEATED);
    t->state = TCP_ESTABLISHED;
    t->recovery = TCP_RECOVERY_NONE;
    t->retries = 0;
    t->progress_at = tcp_long_tick(now);
    t->sent_at = t->progress_at;
    t->rto_from = now;
    t->recover = t->send_unacked - 1;
    t->rack_front = t->send_unacked;
    t->pending &= (uint16_t)~TCP_PENDING_SYN;
    t->quick_acks = TCP_QUICK_ACKS;
    if (is_repeated) {
        tcp_rtt_syn_repeated(&t->rtt);
    }
    tcp_cubic_init(&t->cubic, (uint16_t)tcp_payload_max(t), is_repeated ? 1 : TCP_INITIAL_SEGMENTS);
    tcp_window_begin(t, now);
    tcp_timer_keepalive(t, now);
    if (tcp_is_in(t, TCP_IS_CLOSING)) {
        tcp_begin_closing(t);
    }
    tcp_timer_restart(t, now, 0);
}

// Our SYN is acknowledged.
static void syn_acked(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    t->send_unacked = t->send_first;
    if (!tcp_is_in(t, TCP_IS_SYN_REPEATED)) {
        uint32_t ticks = tcp_tick(now) - t->syn_tick;
        tcp_rtt_sample(&t->rtt, tcp_ticks_ns(ticks > 0 ? ticks : 1), 1, now);
    }
    tcp_establish(t, now);
    out->events |= TCP_EVENT_CONNECTED;
}

void tcp_input_syn_sent(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                        struct tcp_result *out)
{
    bool has_ack = (s->flags & TCP_ACK) != 0;
    if (has_ack && s->ack != t->send_next) {
        tcp_refuse(t, s);
        return;
    }
    if ((s->flags & TCP_RST) != 0) {
        if (has_ack) {
            tcp_finish(t, ERR_CONNREFUSED, out);
        }
        return;
    }
    if ((s->flags & TCP_SYN) == 0) {
        return;
    }
    tcp_take_syn(t, s, now);
    if (!has_ack) {
        t->state = TCP_SYN_RECEIVED; // both opened at the same time
        t->pending |= TCP_PENDING_SYN;
        return;
    }
    syn_acked(t, now, out);
    tcp_ask_ack(t);
    if (s->payload_size > 0 || (s->flags & TCP_FIN) != 0) {
        struct tcp_segment rest = *s;
        rest.seq++;
        rest.flags &= (uint8_t)~TCP_SYN;
        tcp_receive(t, &rest, now, out);
    }
}

void tcp_repeat_syn(struct tcp *t, nsec_t now)
{
    tcp_challenge(t, now);
    if ((t->pending & TCP_PENDING_ACK) != 0) {
        t->pending |= TCP_PENDING_SYN;
    }
}

bool tcp_input_syn_received(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                            struct tcp_result *out)
{
    if (s->ack != t->send_next) {
        tcp_refuse(t, s);
        return false;
    }
    t->send_window = (uint32_t)s->window << t->send_scale;
    t->send_window_max = t->send_window;
    t->window_seq = s->seq;
    t->window_ack = s->ack;
    syn_acked(t, now, out);
    return true;
}
