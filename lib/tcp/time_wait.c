// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/time_wait.h"

#include "lib/tcp/machine_priv.h"

void tcp_time_wait_begin(const struct tcp *t, struct tcp_time_wait *out)
{
    *out = (struct tcp_time_wait){
        .send_next = t->send_next,
        .receive_next = t->receive_next,
        .ts_recent = t->ts_recent,
        .ts_offset = t->ts_offset,
        .window =
            (uint16_t)u64_min((t->receive_edge - t->receive_next) >> t->receive_scale, UINT16_MAX),
        .has_timestamps = (t->has & TCP_HAS_TIMESTAMPS) != 0,
    };
}

// Whether a SYN is newer than all that the old connection has received.
static bool is_new(const struct tcp_time_wait *w, const struct tcp_segment *s)
{
    if (w->has_timestamps && (s->has & TCP_HAS_TIMESTAMPS) != 0) {
        return tcp_seq_lt(w->ts_recent, s->ts_value) ||
               (w->ts_recent == s->ts_value && tcp_seq_lt(w->receive_next, s->seq));
    }
    return tcp_seq_lt(w->receive_next, s->seq);
}

static void answer_with_ack(const struct tcp_time_wait *w, const struct tcp_segment *s, nsec_t now,
                            struct tcp_segment *answer)
{
    *answer = (struct tcp_segment){
        .source_port = s->destination_port,
        .destination_port = s->source_port,
        .seq = w->send_next,
        .ack = w->receive_next,
        .window = w->window,
        .flags = TCP_ACK,
    };
    if (w->has_timestamps) {
        answer->has = TCP_HAS_TIMESTAMPS;
        answer->ts_value = tcp_long_tick(now) + w->ts_offset;
        answer->ts_echo = w->ts_recent;
    }
}

enum tcp_time_wait_verdict tcp_time_wait_input(struct tcp_time_wait *w, const struct tcp_segment *s,
                                               nsec_t now, struct tcp_segment *answer)
{
    if ((s->flags & TCP_RST) != 0) {
        return s->seq == w->receive_next ? TCP_TIME_WAIT_END : TCP_TIME_WAIT_IGNORE;
    }
    if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && is_new(w, s)) {
        return TCP_TIME_WAIT_REUSE;
    }
    bool is_plain_ack = tcp_segment_space(s) == 0 && s->seq == w->receive_next;
    if (is_plain_ack) {
        return TCP_TIME_WAIT_IGNORE;
    }
    answer_with_ack(w, s, now, answer);
    return TCP_TIME_WAIT_ANSWER;
}
