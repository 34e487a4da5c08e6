// SPDX-License-Identifier: Apache-2.0
/*
 * The round-trip time of a connection, and how long to wait for an acknowledgement (RFC 6298).
 *
 * The caller measures: from timestamps, or from a segment that was sent once only (Karn).  With more
 * than one sample a round trip each counts less (RFC 7323, appendix G).
 *
 * What is added to the smoothed time is never below `floor`: a path whose time does not vary gives no
 * time-out at the first acknowledgement that is delayed.  So the time-out is never below `floor`
 * either, and never above TCP_RTO_MAX.
 */
#pragma once

#include "lib/base/types.h"

constexpr nsec_t TCP_RTO_FIRST = NSEC_PER_SEC;           // without a sample
constexpr nsec_t TCP_RTO_FIRST_LOST = 3 * TCP_RTO_FIRST; // and the SYN was repeated
constexpr nsec_t TCP_RTO_FLOOR = 200 * NSEC_PER_MSEC;    // the usual one
constexpr nsec_t TCP_RTO_MAX = 120 * NSEC_PER_SEC;
constexpr nsec_t TCP_RTT_WINDOW =
    150 * NSEC_PER_SEC; // the least time is that of one to two of these

struct tcp_rtt {
    nsec_t smoothed; // 0: no sample yet
    nsec_t variance;
    nsec_t floor;
    nsec_t rto;        // without back-off
    nsec_t least;      // of this window
    nsec_t least_last; // of the one before
    nsec_t least_from; // when this window began
    uint8_t backoff;   // doublings since the last sample
};

void tcp_rtt_init(struct tcp_rtt *r, nsec_t floor);

// A measured time; `per_round` is how many are to be expected in one round trip, at least 1.
void tcp_rtt_sample(struct tcp_rtt *r, nsec_t rtt, uint32_t per_round, nsec_t now);

// The time-out has come: the next one is twice as long.
void tcp_rtt_back_off(struct tcp_rtt *r);

// The handshake is over and its SYN was repeated: without a sample it begins at 3 s (RFC 6298, 5.7).
void tcp_rtt_syn_repeated(struct tcp_rtt *r);

// With back-off.
nsec_t tcp_rtt_rto(const struct tcp_rtt *r);

static inline bool tcp_rtt_is_known(const struct tcp_rtt *r)
{
    return r->smoothed != 0;
}

// The least of the last minutes (RFC 8985, 6.2, step 1); 0: no sample.
nsec_t tcp_rtt_least(const struct tcp_rtt *r);
