// SPDX-License-Identifier: Apache-2.0
/* What users ask: opening, sending, reading, closing. */
#include "lib/tcp/machine.h"

#include "lib/tcp/machine_priv.h"

void tcp_init(struct tcp *t, const struct tcp_config *c)
{
    *t = (struct tcp){
        .config = *c,
        .timer_at = NSEC_NEVER,
        .ack_at = NSEC_NEVER,
        .keep_at = NSEC_NEVER,
        .reorder_steps = 1,
        .run_room = TCP_RUNS_FEW,
        .range_room = TCP_RANGES_FEW,
        .receive_space = (uint32_t)u64_min(c->receive_buffer, TCP_SPACE_FIRST),
    };
    tcp_rtt_init(&t->rtt, TCP_RTO_FLOOR);
}

void tcp_configure(struct tcp *t, const struct tcp_config *c)
{
    bool was_kept_alive = t->config.keeps_alive;
    nsec_t idle_before = t->config.keep_idle;
    t->config = *c;
    if (t->receive_space > c->receive_buffer) {
        t->receive_space = c->receive_buffer; // what was offered stays so
    }
    if (t->state == TCP_CLOSED) {
        t->receive_space = (uint32_t)u64_min(c->receive_buffer, TCP_SPACE_FIRST);
    }
    if (c->keeps_alive != was_kept_alive || c->keep_idle != idle_before) {
        t->keep_at = c->keeps_alive && tcp_has_handshake_done(t) ? 0 : NSEC_NEVER;
    }
}

static void open(struct tcp *t, const struct tcp_open *o, nsec_t now)
{
    t->local_port = o->local_port;
    t->peer_port = o->peer_port;
    t->ts_offset = o->ts_offset;
    t->send_unacked = o->isn;
    t->send_next = o->isn + 1;
    t->send_first = o->isn + 1;
    t->send_end = o->isn + 1;
    t->small_end = o->isn + 1;
    t->recover = o->isn;
    t->rack_front = o->isn;
    t->receive_scale = tcp_window_scale(t);
    t->send_mss = TCP_MSS_DEFAULT;
    t->progress_at = tcp_long_tick(now);
    t->heard_at = t->progress_at;
    t->rto_from = now;
}

void tcp_connect(struct tcp *t, const struct tcp_open *o, nsec_t now)
{
    open(t, o, now);
    t->state = TCP_SYN_SENT;
    t->pending = TCP_PENDING_SYN;
}

void tcp_accept(struct tcp *t, const struct tcp_open *o, const struct tcp_segment *syn, nsec_t now)
{
    open(t, o, now);
    tcp_take_syn(t, syn, now);
    t->state = TCP_SYN_RECEIVED;
    t->mode |= TCP_IS_PASSIVE;
    t->pending = TCP_PENDING_SYN;
    t->segments_in = 1;
}

void tcp_accept_cookie(struct tcp *t, const struct tcp_open *o, const struct tcp_segment *syn,
                       nsec_t now)
{
    open(t, o, now);
    tcp_take_syn(t, syn, now);
    t->mode |= TCP_IS_PASSIVE;
    t->send_unacked = t->send_first;
    tcp_establish(t, now);
}

void tcp_send(struct tcp *t, uint32_t bytes, nsec_t now)
{
    if (t->state == TCP_CLOSED || tcp_is_in(t, TCP_IS_CLOSING)) {
        return;
    }
    if (tcp_unsent(t) == 0 && t->send_next == t->send_unacked) {
        t->progress_at = tcp_long_tick(now);
    }
    t->send_end += bytes;
}

void tcp_consume(struct tcp *t, uint32_t bytes)
{
    t->unread -= (uint32_t)u64_min(bytes, t->unread);
    tcp_window_consumed(t);
}

// The FIN can be sent once the handshake is over.
void tcp_begin_closing(struct tcp *t)
{
    if (t->state == TCP_ESTABLISHED) {
        t->state = TCP_FIN_WAIT_1;
    } else if (t->state == TCP_CLOSE_WAIT) {
        t->state = TCP_LAST_ACK;
    }
}

void tcp_shutdown_send(struct tcp *t, nsec_t now)
{
    if (t->state == TCP_CLOSED || tcp_is_in(t, TCP_IS_CLOSING)) {
        return;
    }
    if (tcp_unsent(t) == 0 && t->send_next == t->send_unacked) {
        t->progress_at = tcp_long_tick(now);
    }
    t->mode |= TCP_IS_CLOSING;
    tcp_begin_closing(t);
}

void tcp_close(struct tcp *t, nsec_t now)
{
    if (t->state == TCP_SYN_SENT || t->unread > 0) {
        tcp_abort(t); // nobody will read what came: the peer is told (RFC 2525, 2.17)
        return;
    }
    t->mode |= TCP_IS_UNREAD;
    tcp_shutdown_send(t, now);
    if (t->state == TCP_FIN_WAIT_2) {
        tcp_timer_linger(t, now);
    }
}

void tcp_abort(struct tcp *t)
{
    switch (t->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK: t->pending |= TCP_PENDING_RST; break;
    default: break;
    }
    tcp_stop(t);
}

void tcp_path_mss(struct tcp *t, uint16_t mss, nsec_t now)
{
    uint16_t least = mss > TCP_MSS_MIN ? mss : TCP_MSS_MIN;
    if (t->config.mss_max > least) {
        t->config.mss_max = least;
    }
    if (t->send_mss <= least) {
        return;
    }
    t->send_mss = least;
    if (!tcp_has_handshake_done(t)) {
        return;
    }
    tcp_cubic_set_mss(&t->cubic, (uint16_t)tcp_payload_max(t));
    if (t->run_count > 0) {
        tcp_runs_lose_all(t); // none of them came through
        tcp_recover_repair(t);
        tcp_timer_restart(t, now, 0);
    }
}

bool tcp_is_in_flight(const struct tcp *t, uint32_t seq)
{
    return t->state != TCP_CLOSED && !tcp_seq_lt(seq, t->send_unacked) &&
           tcp_seq_lt(seq, t->send_next);
}

void tcp_unreachable(struct tcp *t, uint32_t seq, status_t error, struct tcp_result *out)
{
    *out = (struct tcp_result){};
    if (t->state == TCP_CLOSED || t->state == TCP_TIME_WAIT || tcp_seq_lt(seq, t->send_unacked) ||
        !tcp_seq_lt(seq, t->send_next)) {
        return;
    }
    if (tcp_has_handshake_done(t)) {
        t->soft_error = error;
    } else {
        tcp_finish(t, error, out);
    }
}
