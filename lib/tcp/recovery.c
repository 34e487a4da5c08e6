// SPDX-License-Identifier: Apache-2.0
/* When recovery from loss begins and ends, and what it does to the congestion window. */
#include "lib/tcp/machine_priv.h"

static void begin(struct tcp *t, enum tcp_recovery how, nsec_t now)
{
    t->recovery = how;
    t->recover = t->send_next;
    t->mode |= TCP_HAS_UNDO;
    t->mode &= (uint16_t)~(TCP_HAS_TAIL_PROBE | TCP_IS_TAIL_RESENT);
    t->undo_from = tcp_long_tick(now) + t->ts_offset;
    t->undo_bytes = 0;
    t->undo_begin = t->send_unacked;
    t->undo_end = t->send_next;
}

static void forget_duplicates(struct tcp *t)
{
    t->duplicate_acks = 0;
    if ((t->has & TCP_HAS_SACK_PERMITTED) == 0) {
        t->sacked = 0;
    }
}

// All that it was about is acknowledged.
static void end(struct tcp *t)
{
    if (t->recovery == TCP_RECOVERY_FAST) {
        tcp_cubic_recovered(&t->cubic);
    }
    t->recovery = TCP_RECOVERY_NONE;
    forget_duplicates(t);
    tcp_rack_recovered(t);
}

static void undo(struct tcp *t)
{
    // What seemed lost was late: so late that it was repeated, which the order of what is delivered does
    // not show.
    if (t->recovery == TCP_RECOVERY_FAST) {
        t->mode |= TCP_HAS_REORDERING;
        t->reordering_seen++;
    }
    t->mode &= (uint16_t)~TCP_HAS_UNDO;
    tcp_cubic_undo(&t->cubic);
    tcp_runs_find_all(t);
    t->recovery = TCP_RECOVERY_NONE;
    forget_duplicates(t);
}

/*
 * Nothing was lost if what was acknowledged is older than its repetition, as its timestamp tells
 * (Eifel, RFC 3522), or if everything that was repeated came twice (RFC 2883, RFC 3708).
 */
static bool was_spurious(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n)
{
    if (!tcp_is_in(t, TCP_HAS_UNDO)) {
        return false;
    }
    if (n->acked > 0 && t->recovery != TCP_RECOVERY_NONE && t->undo_bytes > 0 &&
        (t->has & TCP_HAS_TIMESTAMPS) != 0 && s->ts_echo != 0 &&
        tcp_seq_lt(s->ts_echo, t->undo_from)) {
        return true;
    }
    if (n->dsack == 0 || !tcp_seq_lt(t->undo_begin, n->dsack_end) ||
        tcp_seq_lt(t->undo_end, n->dsack_end)) {
        return false;
    }
    bool had_any = t->undo_bytes > 0;
    t->undo_bytes -= (uint32_t)u64_min(n->dsack, t->undo_bytes);
    return had_any && t->undo_bytes == 0;
}

// Without SACK a duplicate acknowledgement says only that one more segment came, and the first that
// is missing is what was lost (RFC 6582).
static void count_duplicates(struct tcp *t, const struct tcp_ack_news *n)
{
    uint32_t mss = tcp_payload_max(t);
    if (n->acked > 0) {
        uint32_t others = n->acked > mss ? n->acked - mss : 0;
        t->sacked -= (uint32_t)u64_min(t->sacked, others);
        t->duplicate_acks = 0;
        if (t->recovery == TCP_RECOVERY_FAST && tcp_seq_lt(t->send_unacked, t->recover)) {
            tcp_runs_lose_front(t, mss);
        }
    } else if (n->is_duplicate) {
        t->sacked += mss;
        t->duplicate_acks += t->duplicate_acks < UINT8_MAX ? 1 : 0;
        if (t->recovery == TCP_RECOVERY_NONE && t->duplicate_acks >= TCP_DUPLICATES_MAX &&
            tcp_seq_lt(t->recover, t->send_unacked)) {
            tcp_runs_lose_front(t, mss);
        }
    }
    uint32_t most = t->send_next - t->send_unacked - t->lost;
    most -= (uint32_t)u64_min(most, mss);
    t->sacked = (uint32_t)u64_min(t->sacked, most);
}

// What came, as the congestion window counts it.
static uint32_t delivered(const struct tcp *t, const struct tcp_ack_news *n)
{
    if ((t->has & TCP_HAS_SACK_PERMITTED) == 0 && n->acked == 0) {
        return n->is_duplicate ? tcp_payload_max(t) : 0;
    }
    return n->delivery.bytes;
}

static void grow(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n,
                 nsec_t now)
{
    struct tcp_ack a = {
        .acked = delivered(t, n),
        .ack = s->ack,
        .next = t->send_next,
        .rtt = n->rtt,
        .rtt_smoothed = t->rtt.smoothed,
        .is_limited = tcp_is_in(t, TCP_IS_LIMITED) || t->recovery == TCP_RECOVERY_RTO,
    };
    if (a.acked > 0) {
        tcp_cubic_acked(&t->cubic, &a, now);
    }
}

static void begin_fast(struct tcp *t, nsec_t now)
{
    begin(t, TCP_RECOVERY_FAST, now);
    tcp_cubic_lost(&t->cubic, t->send_next - t->send_unacked);
    t->pending |= TCP_PENDING_PROBE; // the first repetition goes in any case
}

void tcp_recover_repair(struct tcp *t)
{
    if (t->recovery == TCP_RECOVERY_NONE) {
        t->recovery = TCP_RECOVERY_RTO;
        t->recover = t->send_next;
    }
    t->pending |= TCP_PENDING_PROBE;
}

// Nothing was lost, and nothing says that something could be: segments are acknowledged in the order
// in which they were sent.
static bool is_plain(const struct tcp *t, const struct tcp_ack_news *n)
{
    return t->recovery == TCP_RECOVERY_NONE && (t->sacked | t->lost) == 0 && n->dsack == 0 &&
           n->acked > 0 && !n->delivery.is_resent && !n->delivery.is_reordered &&
           !tcp_is_in(t, TCP_HAS_TAIL_PROBE) && t->duplicate_acks == 0;
}

nsec_t tcp_recover(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n,
                   nsec_t now)
{
    if (is_plain(t, n)) {
        tcp_rack_advance(t, &n->delivery, now);
        grow(t, s, n, now);
        return 0;
    }
    uint32_t wait = 0;
    uint32_t lost_before = t->lost;
    bool was_fast = t->recovery == TCP_RECOVERY_FAST;
    if (was_spurious(t, s, n)) {
        undo(t);
    }
    if ((t->has & TCP_HAS_SACK_PERMITTED) != 0) {
        tcp_rack_update(t, s, n, now);
        wait = tcp_rack_detect(t, now);
        tcp_tail_ack(t, s, n);
    } else {
        count_duplicates(t, n);
    }
    if (t->recovery != TCP_RECOVERY_NONE && !tcp_seq_lt(t->send_unacked, t->recover)) {
        end(t);
    }
    if (t->recovery == TCP_RECOVERY_NONE && t->lost > 0) {
        begin_fast(t, now);
    }
    if (t->recovery == TCP_RECOVERY_FAST) {
        tcp_cubic_repairing(&t->cubic, delivered(t, n), tcp_flight(t),
                            n->acked > 0 && t->lost <= lost_before);
    } else if (!was_fast) {
        grow(t, s, n, now);
    }
    return tcp_ticks_ns(wait);
}

nsec_t tcp_recover_late(struct tcp *t, nsec_t now)
{
    uint32_t wait = tcp_rack_detect(t, now);
    if (t->recovery == TCP_RECOVERY_NONE && t->lost > 0) {
        begin_fast(t, now);
    }
    if (t->recovery == TCP_RECOVERY_FAST) {
        tcp_cubic_repairing(&t->cubic, 0, tcp_flight(t), false);
    }
    return tcp_ticks_ns(wait);
}

void tcp_recover_timeout(struct tcp *t, nsec_t now)
{
    uint32_t flight = t->send_next - t->send_unacked;
    bool is_repeated = t->retries > 0;
    // What was told as come, and is now missing, was thrown away (RFC 2018, 8).
    if (t->run_count > 0 && (tcp_run_at(t, 0)->state & TCP_RUN_SACKED) != 0) {
        tcp_runs_forget_sacks(t);
    }
    if (t->recovery != TCP_RECOVERY_RTO || !is_repeated) {
        begin(t, TCP_RECOVERY_RTO, now);
    }
    tcp_cubic_timed_out(&t->cubic, flight, is_repeated);
    if ((t->has & TCP_HAS_SACK_PERMITTED) != 0 && tcp_rtt_is_known(&t->rtt)) {
        tcp_rack_detect_timeout(t, now);
    } else {
        t->duplicate_acks = 0;
        tcp_runs_lose_all(t);
    }
    t->pending |= TCP_PENDING_PROBE;
}
