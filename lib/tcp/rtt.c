// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/rtt.h"

#include "lib/base/bits.h"

enum {
    BACKOFF_MAX = 10, // doublings that take any time-out past the longest
    // Gains of RFC 6298, 2.3: 1/8 and 1/4.
    SMOOTHED_GAIN = 8,
    VARIANCE_GAIN = 4,
    SAMPLES_MAX = 1024, // more a round trip would move the averages by less than they can hold
};

void tcp_rtt_init(struct tcp_rtt *r, nsec_t floor)
{
    *r = (struct tcp_rtt){.floor = floor, .rto = TCP_RTO_FIRST};
}

// The windowed minimum: what is older than two windows is forgotten.
static void note_least(struct tcp_rtt *r, nsec_t rtt, nsec_t now)
{
    if (r->least == 0) {
        r->least = rtt;
        r->least_last = rtt;
        r->least_from = now;
    } else if (now - r->least_from >= TCP_RTT_WINDOW) {
        r->least_last = now - r->least_from >= 2 * TCP_RTT_WINDOW ? rtt : r->least;
        r->least = rtt;
        r->least_from = now;
    } else {
        r->least = u64_min(r->least, rtt);
    }
}

static nsec_t move_toward(nsec_t average, nsec_t sample, uint64_t gain)
{
    return sample > average ? average + (sample - average) / gain
                            : average - (average - sample) / gain;
}

void tcp_rtt_sample(struct tcp_rtt *r, nsec_t rtt, uint32_t per_round, nsec_t now)
{
    rtt = u64_min(u64_max(rtt, 1), TCP_RTO_MAX);
    note_least(r, rtt, now);
    if (r->smoothed == 0) {
        r->smoothed = rtt;
        r->variance = rtt / 2;
    } else {
        uint64_t samples = u64_min(u64_max(per_round, 1), SAMPLES_MAX);
        nsec_t error = rtt > r->smoothed ? rtt - r->smoothed : r->smoothed - rtt;
        r->variance = move_toward(r->variance, error, VARIANCE_GAIN * samples);
        r->smoothed = move_toward(r->smoothed, rtt, SMOOTHED_GAIN * samples);
    }
    r->rto = u64_min(r->smoothed + u64_max(4 * r->variance, r->floor), TCP_RTO_MAX);
    r->backoff = 0;
}

void tcp_rtt_back_off(struct tcp_rtt *r)
{
    if (r->backoff < BACKOFF_MAX) {
        r->backoff++;
    }
}

void tcp_rtt_syn_repeated(struct tcp_rtt *r)
{
    if (!tcp_rtt_is_known(r)) {
        r->rto = TCP_RTO_FIRST_LOST;
        r->backoff = 0;
    }
}

nsec_t tcp_rtt_rto(const struct tcp_rtt *r)
{
    return u64_min(r->rto << r->backoff, TCP_RTO_MAX);
}

nsec_t tcp_rtt_least(const struct tcp_rtt *r)
{
    return u64_min(r->least, r->least_last);
}
