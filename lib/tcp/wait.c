// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/wait.h"

#include "lib/tcp/machine_priv.h"

void tcp_wait_init(struct tcp_wait *w, const struct tcp *t)
{
    uint32_t edge = tcp_window_edge(t);
    *w = (struct tcp_wait){
        .send_next = t->send_next,
        .receive_next = t->receive_next,
        .edge = edge,
        .ts_recent = t->ts_recent,
        .ts_recent_at = t->ts_recent_at,
        .ts_offset = t->ts_offset,
        .window = (uint16_t)u64_min((edge - t->receive_next) >> t->receive_scale, UINT16_MAX),
        .local_port = t->local_port,
        .peer_port = t->peer_port,
        .has = t->has,
    };
}

// A SYN whose number or timestamp lies behind all that the old connection had.
static bool is_newer(const struct tcp_wait *w, const struct tcp_segment *s)
{
    if ((w->has & s->has & TCP_HAS_TIMESTAMPS) != 0 && s->ts_value != w->ts_recent) {
        return tcp_seq_lt(w->ts_recent, s->ts_value);
    }
    return tcp_seq_lt(w->receive_next, s->seq);
}

static bool is_old(const struct tcp_wait *w, const struct tcp_segment *s)
{
    return (w->has & s->has & TCP_HAS_TIMESTAMPS) != 0 && tcp_seq_lt(s->ts_value, w->ts_recent);
}

enum tcp_wait_news tcp_wait_input(struct tcp_wait *w, const struct tcp_segment *s, nsec_t now)
{
    if ((s->flags & TCP_RST) != 0) {
        return TCP_WAIT_NOTHING;
    }
    if ((s->flags & TCP_SYN) != 0) {
        bool may_open = (s->flags & TCP_ACK) == 0 && is_newer(w, s);
        return may_open ? TCP_WAIT_REOPEN : TCP_WAIT_ANSWER;
    }
    if ((s->flags & TCP_ACK) == 0) {
        return TCP_WAIT_NOTHING;
    }
    bool is_acceptable = tcp_seq_le(s->seq, w->edge) &&
                         tcp_seq_le(w->receive_next, s->seq + tcp_segment_space(s)) &&
                         !is_old(w, s);
    if (is_acceptable && (w->has & s->has & TCP_HAS_TIMESTAMPS) != 0) {
        w->ts_recent = s->ts_value;
        w->ts_recent_at = tcp_long_tick(now);
    }
    if ((s->flags & TCP_FIN) != 0 && !is_old(w, s)) {
        return TCP_WAIT_RENEW; // our acknowledgement of it was lost
    }
    return tcp_segment_space(s) > 0 || !is_acceptable ? TCP_WAIT_ANSWER : TCP_WAIT_NOTHING;
}

void tcp_wait_answer(const struct tcp_wait *w, nsec_t now, struct tcp_segment *out)
{
    *out = (struct tcp_segment){
        .source_port = w->local_port,
        .destination_port = w->peer_port,
        .seq = w->send_next,
        .ack = w->receive_next,
        .window = w->window,
        .flags = TCP_ACK,
    };
    if ((w->has & TCP_HAS_TIMESTAMPS) != 0) {
        out->has = TCP_HAS_TIMESTAMPS;
        out->ts_value = tcp_long_tick(now) + w->ts_offset;
        out->ts_echo = w->ts_recent;
    }
}

bool tcp_wait_may_connect(const struct tcp_wait *w, nsec_t now)
{
    static constexpr uint32_t SECOND = (uint32_t)(NSEC_PER_SEC >> 20);
    return (w->has & TCP_HAS_TIMESTAMPS) != 0 && tcp_long_tick(now) - w->ts_recent_at > SECOND;
}
