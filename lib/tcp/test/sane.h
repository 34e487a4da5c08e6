// SPDX-License-Identifier: Apache-2.0
/* What holds of the machine after every call, whatever came. */
#pragma once

#include "lib/tcp/machine.h"

// Runs lie end to end over what is in flight, and the counts of bytes are theirs.
static inline bool tcp_are_runs_sane(const struct tcp *t)
{
    uint32_t begin = t->send_unacked;
    uint32_t sacked = 0;
    uint32_t lost = 0;
    for (unsigned i = 0; i < t->run_count; i++) {
        const struct tcp_run *runs = t->runs_lent != NULL ? t->runs_lent : t->runs_few;
        const struct tcp_run *r = &runs[(t->run_first + i) % t->run_room];
        if (!tcp_seq_lt(begin, r->end)) {
            return false;
        }
        sacked += (r->state & TCP_RUN_SACKED) != 0 ? r->end - begin : 0;
        lost += (r->state & (TCP_RUN_SACKED | TCP_RUN_LOST)) == TCP_RUN_LOST ? r->end - begin : 0;
        begin = r->end;
    }
    bool has_sack = (t->has & TCP_HAS_SACK_PERMITTED) != 0;
    return begin == t->send_next && lost == t->lost && (!has_sack || sacked == t->sacked) &&
           t->sacked + t->lost <= t->send_next - t->send_unacked;
}

// Ranges lie ahead of what is in order, and do not touch each other.
static inline bool tcp_are_ranges_sane(const struct tcp *t)
{
    const struct tcp_sack *ranges = t->ranges_lent != NULL ? t->ranges_lent : t->ranges_few;
    if (t->range_count > t->range_room) {
        return false;
    }
    for (unsigned i = 0; i < t->range_count; i++) {
        const struct tcp_sack *a = &ranges[i];
        if (!tcp_seq_lt(t->receive_next, a->left) || !tcp_seq_lt(a->left, a->right)) {
            return false;
        }
        for (unsigned k = 0; k < i; k++) {
            const struct tcp_sack *b = &ranges[k];
            if (!tcp_seq_lt(a->right, b->left) && !tcp_seq_lt(b->right, a->left)) {
                return false;
            }
        }
    }
    return true;
}

static inline bool tcp_is_sane(const struct tcp *t)
{
    if (t->state < TCP_ESTABLISHED) {
        return t->state != TCP_CLOSED ||
               (t->timer_at == NSEC_NEVER && t->ack_at == NSEC_NEVER && t->keep_at == NSEC_NEVER);
    }
    // What is in flight never waits without a timer.
    bool has_timer = t->timer_at != NSEC_NEVER || t->send_next == t->send_unacked;
    uint32_t fin = (t->mode & TCP_IS_CLOSING) != 0 ? 1 : 0;
    return tcp_are_runs_sane(t) && tcp_are_ranges_sane(t) && has_timer &&
           tcp_seq_le(t->send_unacked, t->send_next) &&
           tcp_seq_le(t->send_next, t->send_end + fin) && t->run_count <= t->run_room;
}
