// SPDX-License-Identifier: Apache-2.0
/*
 * The congestion window of one connection: CUBIC (RFC 9438) behind slow start with HyStart++
 * (RFC 9406), and proportional rate reduction while losses are repaired (RFC 6937).  In bytes.
 *
 *   slow start --the RTT grows or the path is full--> cautious slow start --5 rounds--> avoidance
 *        |                                            |    `--the RTT falls--> slow start
 *        |                                            |
 *        '------------ tcp_cubic_lost ----------------'--> recovery --tcp_cubic_recovered--> avoidance
 *
 * The caller finds losses and counts what is in flight; here is only how much may be.  It may send
 * while `window` is more than what is in flight, in recovery too.  After each acknowledgement it calls
 * tcp_cubic_acked, or in recovery tcp_cubic_repairing; after a time-out it stays out of recovery and
 * the window grows from one segment.
 *
 * Invariants:
 *  1. window >= mss, but in recovery, where it is what is in flight and may be sent.
 *  2. window <= TCP_WINDOW_LIMIT, which keeps all products within 64 bits.
 *  3. Time passes for the cubic function only while the window is what limits the sender.
 *
 * It does no pacing: bursts are bounded by the growth per acknowledgement (8 segments, RFC 9406, 4.3).
 */
#pragma once

#include "lib/base/types.h"

enum {
    TCP_INITIAL_SEGMENTS = 10,  // RFC 6928
    TCP_WINDOW_LIMIT = 1 << 30, // no peer can offer more (RFC 7323, 2.3)
};

constexpr uint32_t TCP_THRESHOLD_NONE = UINT32_MAX; // slow start has no end yet

// Of HyStart++.
struct tcp_rounds {
    uint32_t end;      // the round ends when this is acknowledged
    uint8_t samples;   // RTTs in this round
    uint8_t cautious;  // rounds of cautious slow start; 0: not in it
    bool is_begun;     // `end` is set
    nsec_t least;      // RTT of this round; NSEC_NEVER: none
    nsec_t least_last; // of the one before
    nsec_t baseline;   // at which cautious slow start began; 0: by a full path
    nsec_t begun_at;   // when the round did
    nsec_t train_at;   // the last of its acknowledgements that followed one upon the other
};

// What a spurious reduction is undone to.
struct tcp_growth {
    uint32_t window_max;   // W_max: where the window was before the last loss
    uint32_t window_prior; // before the last loss, without fast convergence
    uint32_t plateau;      // time at which the function comes to W_max (K), in 1/1024 s
    bool has_epoch;        // an epoch has begun, and the fields below are of it
    nsec_t elapsed;        // time in it, less that without a limit
    nsec_t counted_at;     // up to when `elapsed` was counted
    uint64_t reno;         // W_est, in 1/1024 bytes
};

struct tcp_cubic {
    uint32_t window;    // cwnd
    uint32_t threshold; // ssthresh
    uint16_t mss;
    uint64_t credit; // acknowledged bytes times growth that did not yet make a byte
    struct tcp_growth growth;
    struct tcp_rounds rounds;
    // While losses are repaired:
    uint32_t repair_flight;    // in flight when it began (RecoverFS)
    uint32_t repair_delivered; // since
    uint32_t repair_sent;      // since
    // For undoing; window 0: nothing to undo.
    uint32_t saved_window;
    uint32_t saved_threshold;
    struct tcp_growth saved_growth;
};

// `segments` is TCP_INITIAL_SEGMENTS, or 1 where the SYN or its answer was lost (RFC 5681, 3.1).
void tcp_cubic_init(struct tcp_cubic *c, uint16_t mss, unsigned segments);

// The path takes other segments; the window stays what it is in bytes (RFC 8899, 4.4).
void tcp_cubic_set_mss(struct tcp_cubic *c, uint16_t mss);

// An acknowledgement outside of recovery.
struct tcp_ack {
    uint32_t acked; // bytes that it newly acknowledges or, with SACK, tells as delivered
    uint32_t ack;   // its number
    uint32_t next;  // number of the next new byte to send
    nsec_t rtt;     // measured by it; 0: none
    nsec_t rtt_smoothed;
    bool is_limited; // the window was what limited the sender
};
void tcp_cubic_acked(struct tcp_cubic *c, const struct tcp_ack *a, nsec_t now);

// Recovery begins; the lost bytes are still counted in `flight`.  The acknowledgement that told of the
// loss, if it was one, comes to tcp_cubic_repairing next.
void tcp_cubic_lost(struct tcp_cubic *c, uint32_t flight);

// An acknowledgement in recovery told of `delivered` more bytes (cumulatively or by SACK); `flight` is
// without what is lost and not yet repeated.  `has_progress`: it advanced and told of no further loss.
void tcp_cubic_repairing(struct tcp_cubic *c, uint32_t delivered, uint32_t flight,
                         bool has_progress);

// Bytes were sent in recovery, new or repeated.
static inline void tcp_cubic_sent(struct tcp_cubic *c, uint32_t bytes)
{
    c->repair_sent += bytes;
}

// Recovery is over.
void tcp_cubic_recovered(struct tcp_cubic *c);

// The retransmission time-out has come; `flight` is with what is lost.  `is_repeated`: for bytes whose
// loss has lowered the threshold already, by a time-out (RFC 5681, 3.1) or in recovery.
void tcp_cubic_timed_out(struct tcp_cubic *c, uint32_t flight, bool is_repeated);

// The last reduction was spurious: nothing was lost (RFC 9438, 4.9).  Ends recovery.
void tcp_cubic_undo(struct tcp_cubic *c);

// Nothing was in flight for `idle`: the window halves for each time-out of that, down to the initial
// one, and the threshold remembers where it was (RFC 2861; RFC 7661, 4.4).
void tcp_cubic_idled(struct tcp_cubic *c, nsec_t idle, nsec_t rto);

static inline bool tcp_cubic_is_slow_start(const struct tcp_cubic *c)
{
    return c->window < c->threshold;
}
