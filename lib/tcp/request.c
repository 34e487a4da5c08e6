// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/request.h"

#include "lib/tcp/machine_priv.h"

void tcp_request_init(struct tcp_request *r, const struct tcp_open *o, const struct tcp_offer *ours,
                      const struct tcp_segment *syn)
{
    *r = (struct tcp_request){
        .isn = o->isn,
        .ts_offset = o->ts_offset,
        .peer_isn = syn->seq,
        .ts_recent = syn->ts_value,
        .local_port = o->local_port,
        .peer_port = o->peer_port,
        .mss = ours->mss,
        .window = (uint16_t)u64_min(ours->window, UINT16_MAX),
        .peer_mss = syn->mss,
        .peer_window = syn->window,
        .scale = ours->scale,
        .peer_scale = syn->scale,
        .has = syn->has,
    };
}

void tcp_request_answer(const struct tcp_request *r, nsec_t now, struct tcp_segment *out)
{
    *out = (struct tcp_segment){
        .source_port = r->local_port,
        .destination_port = r->peer_port,
        .seq = r->isn,
        .ack = r->peer_isn + 1,
        .window = r->window,
        .flags = TCP_SYN | TCP_ACK,
        .has = r->has | TCP_HAS_MSS,
        .mss = r->mss,
        .scale = (r->has & TCP_HAS_SCALE) != 0 ? r->scale : 0,
    };
    if ((r->has & TCP_HAS_TIMESTAMPS) != 0) {
        out->ts_value = tcp_long_tick(now) + r->ts_offset;
        out->ts_echo = r->ts_recent;
    }
}

// RFC 9293, 3.10.7.4, for SYN_RECEIVED.
enum tcp_request_news tcp_request_input(const struct tcp_request *r, const struct tcp_segment *s)
{
    uint32_t first = r->peer_isn + 1;
    if ((s->flags & TCP_RST) != 0) {
        return s->seq == first ? TCP_REQUEST_END : TCP_REQUEST_NOTHING;
    }
    if ((s->flags & TCP_SYN) != 0) {
        return (s->flags & TCP_ACK) == 0 ? TCP_REQUEST_REPEAT : TCP_REQUEST_REFUSE;
    }
    if ((s->flags & TCP_ACK) == 0) {
        return TCP_REQUEST_NOTHING;
    }
    if (s->ack != r->isn + 1) {
        return TCP_REQUEST_REFUSE;
    }
    bool lacks_timestamp = (r->has & ~s->has & TCP_HAS_TIMESTAMPS) != 0;
    bool is_in_window = tcp_seq_le(first, s->seq) && tcp_seq_le(s->seq, first + r->window);
    return is_in_window && !lacks_timestamp ? TCP_REQUEST_OPEN : TCP_REQUEST_NOTHING;
}

void tcp_request_open(const struct tcp_request *r, struct tcp_open *o, struct tcp_segment *syn)
{
    *o = (struct tcp_open){
        .local_port = r->local_port,
        .peer_port = r->peer_port,
        .isn = r->isn,
        .ts_offset = r->ts_offset,
    };
    *syn = (struct tcp_segment){
        .source_port = r->peer_port,
        .destination_port = r->local_port,
        .seq = r->peer_isn,
        .window = r->peer_window,
        .flags = TCP_SYN,
        .has = r->has,
        .mss = r->peer_mss,
        .scale = r->peer_scale,
        .ts_value = r->ts_recent,
    };
}
