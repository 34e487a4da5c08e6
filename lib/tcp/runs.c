// SPDX-License-Identifier: Apache-2.0
/* What is in flight: runs of bytes in one state, end to end from send_unacked to send_next. */
#include "lib/tcp/machine_priv.h"

enum {
    // Runs that only repetitions may take, and SACK may not: so what is lost can always be sent.
    RUNS_FOR_RESENT = 4,
    RUNS_FOR_NEW = 2,
};

static uint32_t run_size(const struct tcp *t, unsigned i)
{
    return tcp_run_see(t, i)->end - tcp_run_begin(t, i);
}

static void remove(struct tcp *t, unsigned i)
{
    for (unsigned k = i + 1; k < t->run_count; k++) {
        *tcp_run_at(t, k - 1) = *tcp_run_at(t, k);
    }
    t->run_count--;
}

// How different the times of one run may be: a sixteenth of the round trip.
static uint32_t grain(const struct tcp *t)
{
    return (uint32_t)u64_min(t->rtt.smoothed >> 14, UINT16_MAX);
}

// Run `a` is of both times from now on.  Where they lie too far apart the late one counts.
static void join_times(struct tcp_run *a, const struct tcp_run *b)
{
    uint32_t last = tcp_run_sent_last(a);
    if (tcp_seq_lt(last, tcp_run_sent_last(b))) {
        last = tcp_run_sent_last(b);
    }
    if (tcp_seq_lt(b->sent, a->sent)) {
        a->sent = b->sent;
    }
    a->span = (uint16_t)u64_min(last - a->sent, UINT16_MAX);
    a->sent = last - a->span;
    a->is_cut = b->is_cut;
}

// Whether run `b` can be part of `a`, which lies before it.
static bool may_join(const struct tcp_run *a, const struct tcp_run *b, uint32_t apart)
{
    if ((a->state & TCP_RUN_SACKED) != 0 || (a->state & TCP_RUN_LOST) != 0) {
        // Their times do not matter any more.
        return ((a->state ^ b->state) & (TCP_RUN_SACKED | TCP_RUN_LOST)) == 0;
    }
    uint32_t gap = b->sent - a->sent;
    return a->state == b->state && (gap <= apart || -gap <= apart);
}

static void join(struct tcp *t, uint32_t apart)
{
    unsigned kept = 0;
    for (unsigned i = 1; i < t->run_count; i++) {
        struct tcp_run *a = tcp_run_at(t, kept);
        const struct tcp_run *b = tcp_run_at(t, i);
        if (may_join(a, b, apart)) {
            a->end = b->end;
            a->state |= b->state;
            join_times(a, b);
        } else {
            kept++;
            *tcp_run_at(t, kept) = *b;
        }
    }
    t->run_count = (uint16_t)u64_min(t->run_count, kept + 1);
}

void tcp_runs_join(struct tcp *t)
{
    join(t, 0);
}

// Makes room by joining runs whose times are near each other, then what is farther apart.
static bool reserve(struct tcp *t, unsigned keep_free)
{
    uint32_t apart = grain(t) | 1;
    while (t->run_count + keep_free > t->run_room && apart < 1u << 30) {
        join(t, apart);
        apart *= 4;
    }
    return t->run_count + keep_free <= t->run_room;
}

bool tcp_runs_have_room(struct tcp *t)
{
    return reserve(t, RUNS_FOR_NEW);
}

void tcp_runs_add(struct tcp *t, uint32_t end, uint32_t tick)
{
    if (t->run_count > 0) {
        struct tcp_run *last = tcp_run_at(t, t->run_count - 1u);
        if (last->state == 0 && tick - last->sent <= grain(t)) {
            last->end = end;
            last->span = (uint16_t)(tick - last->sent);
            last->is_cut = false;
            return;
        }
    }
    t->run_count++;
    *tcp_run_at(t, t->run_count - 1u) = (struct tcp_run){.end = end, .sent = tick};
}

// Makes `at` the end of run `i`, which it lies in; what is behind becomes run i + 1.  The caller
// has made room.
static void split(struct tcp *t, unsigned i, uint32_t at)
{
    t->run_count++;
    for (unsigned k = t->run_count - 1u; k > i; k--) {
        *tcp_run_at(t, k) = *tcp_run_at(t, k - 1);
    }
    tcp_run_at(t, i)->end = at;
    tcp_run_at(t, i)->is_cut = true;
}

// Notes that `bytes` of run `r`, up to `end`, have come.
static void deliver(struct tcp *t, const struct tcp_run *r, uint32_t end, uint32_t bytes,
                    struct tcp_delivery *d)
{
    if ((r->state & TCP_RUN_SACKED) != 0) {
        return;
    }
    d->bytes += bytes;
    if (d->bytes == bytes || tcp_seq_lt(d->front, end)) {
        d->front = end;
    }
    if ((r->state & TCP_RUN_LOST) != 0) {
        d->lost += bytes;
    }
    uint32_t sent = end == r->end && !r->is_cut ? tcp_run_sent_last(r) : r->sent;
    if (!d->has_any || tcp_seq_lt(d->sent, sent) || (d->sent == sent && tcp_seq_lt(d->end, end))) {
        d->has_any = true;
        d->sent = sent;
        d->end = end;
        d->is_resent = r->state != 0;
    }
    if (r->state == 0 && (!d->has_rtt || tcp_seq_lt(d->rtt_sent, sent))) {
        d->has_rtt = true;
        d->rtt_sent = sent;
    }
    if ((r->state & TCP_RUN_RESENT) == 0 && tcp_seq_lt(end, t->rack_front)) {
        d->is_reordered = true;
    }
}

static void count_out(struct tcp *t, uint8_t state, uint32_t bytes)
{
    if ((state & TCP_RUN_SACKED) != 0) {
        t->sacked -= bytes;
    } else if ((state & TCP_RUN_LOST) != 0) {
        t->lost -= bytes;
    }
}

// `ack` lies in what is in flight, or at its end.  The caller moves send_unacked after that.
void tcp_runs_ack(struct tcp *t, uint32_t ack, struct tcp_delivery *d)
{
    uint32_t begin = t->send_unacked;
    while (t->run_count > 0 && tcp_seq_lt(begin, ack)) {
        struct tcp_run *r = tcp_run_at(t, 0);
        uint32_t end = tcp_seq_lt(ack, r->end) ? ack : r->end;
        deliver(t, r, end, end - begin, d);
        count_out(t, r->state, end - begin);
        begin = end;
        if (end == r->end) {
            t->run_first = (uint16_t)((t->run_first + 1u) & (t->run_room - 1u));
            t->run_count--;
        }
    }
}

// The part [left, right) of run `i` has come; gives the index of the run behind it.
static unsigned sack_part(struct tcp *t, unsigned i, uint32_t left, uint32_t right,
                          struct tcp_delivery *d)
{
    if (left != tcp_run_begin(t, i)) {
        split(t, i, left);
        i++;
    }
    if (right != tcp_run_at(t, i)->end) {
        split(t, i, right);
    }
    struct tcp_run *r = tcp_run_at(t, i);
    deliver(t, r, right, right - left, d);
    count_out(t, r->state, right - left);
    r->state = TCP_RUN_SACKED;
    t->sacked += right - left;
    return i + 1;
}

// The run that has the byte `seq`, which is in flight.
static unsigned find(const struct tcp *t, uint32_t seq)
{
    unsigned low = 0;
    unsigned high = t->run_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (tcp_seq_le(tcp_run_see(t, middle)->end, seq)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void tcp_runs_sack(struct tcp *t, struct tcp_sack block, struct tcp_delivery *d)
{
    bool is_new = false;
    for (unsigned i = find(t, block.left); i < t->run_count; i++) {
        uint32_t begin = tcp_run_begin(t, i);
        uint32_t end = tcp_run_at(t, i)->end;
        if (!tcp_seq_lt(begin, block.right)) {
            break;
        }
        if ((tcp_run_at(t, i)->state & TCP_RUN_SACKED) != 0) {
            continue;
        }
        if (t->run_count + RUNS_FOR_RESENT > t->run_room) {
            break;
        }
        uint32_t left = tcp_seq_lt(begin, block.left) ? block.left : begin;
        uint32_t right = tcp_seq_lt(block.right, end) ? block.right : end;
        i = sack_part(t, i, left, right, d) - 1;
        is_new = true;
    }
    if (is_new) {
        join(t, 0);
        (void)reserve(t, RUNS_FOR_RESENT + 2);
    }
}

static void set_resent(struct tcp *t, unsigned i, uint32_t tick)
{
    struct tcp_run *r = tcp_run_at(t, i);
    count_out(t, r->state, run_size(t, i));
    r->state = TCP_RUN_RESENT;
    r->sent = tick;
    r->span = 0;
    r->is_cut = false;
    if (i > 0 && may_join(tcp_run_at(t, i - 1), r, grain(t))) {
        tcp_run_at(t, i - 1)->end = r->end;
        join_times(tcp_run_at(t, i - 1), r);
        remove(t, i);
    }
}

void tcp_runs_resent(struct tcp *t, uint32_t end, uint32_t tick)
{
    bool has_room = reserve(t, 1);
    unsigned i;
    if (!tcp_runs_first_lost(t, &i)) {
        return;
    }
    // Without room the whole run counts as sent: what was not is found lost again later.
    if (has_room && end != tcp_run_at(t, i)->end) {
        split(t, i, end);
    }
    set_resent(t, i, tick);
}

void tcp_runs_tail_resent(struct tcp *t, uint32_t begin, uint32_t tick)
{
    bool has_room = reserve(t, 1);
    unsigned last = t->run_count - 1u;
    if (has_room && tcp_seq_lt(tcp_run_begin(t, last), begin)) {
        split(t, last, begin);
        last++;
    }
    set_resent(t, last, tick);
}

void tcp_runs_front_resent(struct tcp *t)
{
    tcp_run_at(t, 0)->state |= TCP_RUN_RESENT;
}

void tcp_runs_lose(struct tcp *t, unsigned i)
{
    struct tcp_run *r = tcp_run_at(t, i);
    if ((r->state & (TCP_RUN_SACKED | TCP_RUN_LOST)) == 0) {
        r->state |= TCP_RUN_LOST;
        t->lost += run_size(t, i);
    }
}

void tcp_runs_lose_front(struct tcp *t, uint32_t bytes)
{
    if (t->run_count == 0 || tcp_run_at(t, 0)->state & (TCP_RUN_SACKED | TCP_RUN_LOST)) {
        return;
    }
    if (run_size(t, 0) > bytes && reserve(t, 1) && run_size(t, 0) > bytes) {
        split(t, 0, t->send_unacked + bytes);
    }
    tcp_runs_lose(t, 0);
}

void tcp_runs_lose_all(struct tcp *t)
{
    if ((t->has & TCP_HAS_SACK_PERMITTED) == 0) {
        t->sacked = 0; // it was only estimated
    }
    for (unsigned i = 0; i < t->run_count; i++) {
        tcp_runs_lose(t, i);
    }
    join(t, 0);
}

void tcp_runs_find_all(struct tcp *t)
{
    for (unsigned i = 0; i < t->run_count; i++) {
        tcp_run_at(t, i)->state &= (uint8_t)~TCP_RUN_LOST;
    }
    t->lost = 0;
}

void tcp_runs_forget_sacks(struct tcp *t)
{
    for (unsigned i = 0; i < t->run_count; i++) {
        struct tcp_run *r = tcp_run_at(t, i);
        if ((r->state & TCP_RUN_SACKED) != 0) {
            r->state = TCP_RUN_RESENT; // its time is not known
        }
    }
    t->sacked = 0;
}

bool tcp_runs_first_lost(const struct tcp *t, unsigned *i)
{
    for (unsigned k = 0; k < t->run_count; k++) {
        if ((tcp_run_see(t, k)->state & TCP_RUN_LOST) != 0) {
            *i = k;
            return true;
        }
    }
    return false;
}
