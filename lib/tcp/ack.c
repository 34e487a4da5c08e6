// SPDX-License-Identifier: Apache-2.0
/* What an acknowledgement says (RFC 9293, 3.10.7.4, fifth check). */
#include "lib/tcp/machine_priv.h"

static constexpr nsec_t RTT_SANE =
    300 * NSEC_PER_SEC; // a timestamp that says more is not one of ours

// A block that tells of bytes that came twice: below the acknowledgement, or within the second block
// (RFC 2883, 4).
static bool is_dsack(const struct tcp_segment *s)
{
    const struct tcp_sack *a = &s->sacks[0];
    if (tcp_seq_le(a->right, s->ack)) {
        return true;
    }
    const struct tcp_sack *b = &s->sacks[1];
    return s->sack_count > 1 && tcp_seq_le(b->left, a->left) && tcp_seq_le(a->right, b->right);
}

static void take_sacks(struct tcp *t, const struct tcp_segment *s, struct tcp_ack_news *n)
{
    unsigned i = 0;
    if (is_dsack(s)) {
        uint32_t size = s->sacks[0].right - s->sacks[0].left;
        if (size > 0 && size <= t->send_window_max && tcp_seq_le(s->sacks[0].right, t->send_next)) {
            n->dsack = size;
            n->dsack_end = s->sacks[0].right;
        }
        i = 1;
    }
    for (; i < s->sack_count; i++) {
        const struct tcp_sack *block = &s->sacks[i];
        if (tcp_seq_lt(block->left, block->right) && tcp_seq_lt(t->send_unacked, block->left) &&
            tcp_seq_le(block->right, t->send_next)) {
            tcp_runs_sack(t, *block, &n->delivery);
        }
    }
}

// What is newly acknowledged leaves the queue of the caller.
static void advance(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_ack_news *n,
                    struct tcp_result *out)
{
    uint32_t data_end = tcp_seq_lt(t->send_end, s->ack) ? t->send_end : s->ack;
    n->acked = s->ack - t->send_unacked;
    tcp_runs_ack(t, s->ack, &n->delivery);
    out->acked = data_end - t->send_unacked;
    t->bytes_acked += out->acked;
    out->events |= out->acked > 0 ? TCP_EVENT_WRITABLE : 0;
    t->send_unacked = s->ack;
    if (t->recovery == TCP_RECOVERY_NONE) {
        t->recover = s->ack - 1; // so that it never falls behind by half of all numbers
    }
    t->retries = 0;
    t->progress_at = tcp_long_tick(now);
    t->rto_from = now;
    if (tcp_seq_lt(t->small_end, s->ack)) {
        t->small_end = s->ack;
    }
}

static void measure(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_ack_news *n)
{
    if (n->delivery.has_rtt) {
        n->rtt = tcp_ticks_ns((uint32_t)u64_max(tcp_tick(now) - n->delivery.rtt_sent, 1));
    } else if (n->acked > 0 && n->dsack == 0 && (t->has & TCP_HAS_TIMESTAMPS) != 0 &&
               s->ts_echo != 0) {
        // Only repetitions came; the timestamp tells which of them.  What came twice was acknowledged
        // before: that this was lost, and for how long, is not the path's time.
        n->rtt =
            tcp_long_ticks_ns((uint32_t)u64_max(tcp_long_tick(now) + t->ts_offset - s->ts_echo, 1));
    }
    if (n->rtt == 0 || n->rtt > RTT_SANE) {
        n->rtt = 0;
        return;
    }
    uint32_t per_round = t->cubic.window / (2 * tcp_payload_max(t));
    tcp_rtt_sample(&t->rtt, n->rtt, per_round > 0 ? per_round : 1, now);
}

// True: the window opened or closed.
static bool take_window(struct tcp *t, const struct tcp_segment *s)
{
    if (!tcp_seq_lt(t->window_seq, s->seq) &&
        (t->window_seq != s->seq || !tcp_seq_le(t->window_ack, s->ack))) {
        return false;
    }
    bool was_closed = t->send_window == 0;
    t->send_window = (uint32_t)s->window << t->send_scale;
    t->send_window_max = (uint32_t)u64_max(t->send_window_max, t->send_window);
    t->window_seq = s->seq;
    t->window_ack = s->ack;
    return was_closed != (t->send_window == 0);
}

static bool is_duplicate(const struct tcp *t, const struct tcp_segment *s)
{
    return s->ack == t->send_unacked && t->send_next != t->send_unacked &&
           tcp_segment_space(s) == 0 && (uint32_t)s->window << t->send_scale == t->send_window &&
           t->send_window > 0;
}

// Our FIN is acknowledged.
static void fin_acked(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    switch (t->state) {
    case TCP_FIN_WAIT_1:
        t->state = TCP_FIN_WAIT_2;
        if (tcp_is_in(t, TCP_IS_UNREAD)) {
            tcp_timer_linger(t, now);
        }
        break;
    case TCP_CLOSING: tcp_time_wait(t, now); break;
    case TCP_LAST_ACK: tcp_finish(t, OK, out); break;
    default: break;
    }
}

// What is in flight was sent into a closed window, and thrown away.  That is no congestion.
static void window_opened(struct tcp *t)
{
    t->rtt.backoff = 0;
    if (t->send_window > 0 && t->run_count > 0) {
        tcp_runs_lose_all(t);
        tcp_recover_repair(t);
    }
}

// Data that says nothing new of what we sent, as nearly all is that comes one way.
static bool is_silent(const struct tcp *t, const struct tcp_segment *s)
{
    return s->ack == t->send_unacked && s->payload_size > 0 && s->sack_count == 0 &&
           (uint32_t)s->window << t->send_scale == t->send_window && t->send_window > 0 &&
           tcp_seq_le(t->window_seq, s->seq);
}

bool tcp_input_ack(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out)
{
    if (tcp_seq_lt(t->send_next, s->ack) ||
        tcp_seq_lt(s->ack, t->send_unacked - t->send_window_max)) {
        tcp_challenge(t, now);
        return false;
    }
    if (is_silent(t, s)) {
        t->window_seq = s->seq;
        return true;
    }
    struct tcp_ack_news n = {.is_duplicate = is_duplicate(t, s)};
    bool is_old = tcp_seq_lt(s->ack, t->send_unacked);
    if (tcp_seq_lt(t->send_unacked, s->ack)) {
        advance(t, s, now, &n, out);
    }
    if (s->sack_count > 0 && (t->has & TCP_HAS_SACK_PERMITTED) != 0) {
        take_sacks(t, s, &n);
        n.is_duplicate = n.is_duplicate && n.delivery.bytes == 0 && n.dsack == 0;
        out->events |= tcp_list_wants(t, TCP_LIST_FLIGHT) > 0 ? TCP_EVENT_CROWDED : 0;
    }
    bool has_turned = !is_old && take_window(t, s);
    nsec_t wait = 0;
    if (n.delivery.bytes > 0 || n.acked > 0 || n.is_duplicate || n.dsack > 0) {
        measure(t, s, now, &n);
        wait = tcp_recover(t, s, &n, now);
    }
    if (t->send_window == 0 && !is_old && t->config.user_timeout == 0 &&
        !tcp_is_in(t, TCP_IS_UNREAD)) {
        t->progress_at = tcp_long_tick(now); // it is alive, and has a right to let us wait
    }
    if (has_turned) {
        window_opened(t);
    }
    if (n.acked > 0 || n.delivery.bytes > 0 || has_turned || t->timer == TCP_TIMER_PERSIST) {
        tcp_timer_restart(t, now, wait);
    }
    if (tcp_is_in(t, TCP_IS_CLOSING) && t->send_unacked == t->send_end + 1) {
        fin_acked(t, now, out);
    }
    return t->state != TCP_CLOSED;
}
