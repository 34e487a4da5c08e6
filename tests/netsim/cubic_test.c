// SPDX-License-Identifier: Apache-2.0
/* The window of lib/tcp against the formulas of RFC 9438 in floating point. */
#include "lib/tcp/cubic.h"

#include <math.h>

#include "lib/base/bits.h"
#include "tests/harness/test.h"

static const double beta = 0.7;
static const double c = 0.4;

struct path {
    uint16_t mss;
    uint32_t window; // at which a segment is lost
    nsec_t round_trip;
};

static const struct path paths[] = {
    {1448, 20 * 1448, 10 * NSEC_PER_MSEC},      {1448, 100 * 1448, 20 * NSEC_PER_MSEC},
    {1448, 100 * 1448, 200 * NSEC_PER_MSEC},    {1448, 1000 * 1448, 100 * NSEC_PER_MSEC},
    {536, 5000 * 536, 50 * NSEC_PER_MSEC},      {8948, 500 * 8948, 5 * NSEC_PER_MSEC},
    {1448, 400000 * 1448, 300 * NSEC_PER_MSEC}, {65483, 10 * 65483, NSEC_PER_MSEC},
};

// Figure 1: K and W_cubic, in segments and seconds.
static double plateau(double max, double start)
{
    return cbrt((max - start) / c);
}

static double cubic_window(double t, double k, double max)
{
    return c * pow(t - k, 3) + max;
}

struct model {
    double window; // segments
    double reno;
    double prior;
    double k;
};

// An acknowledgement of one segment at `t` seconds of the epoch (4.2 to 4.5).
static void model_acked(struct model *m, double t, double round_trip)
{
    double alpha = m->reno < m->prior ? 3 * (1 - beta) / (1 + beta) : 1;
    m->reno += alpha / m->window;
    if (cubic_window(t, m->k, m->prior) < m->reno) {
        m->window = fmax(m->window, m->reno);
        return;
    }
    double target = cubic_window(t + round_trip, m->k, m->prior);
    target = fmin(fmax(target, m->window), 1.5 * m->window);
    m->window += (target - m->window) / m->window;
}

static bool is_near(double got, double want, double part)
{
    return fabs(got - want) <= part * want + 1;
}

// After a loss at a window, at most this many acknowledgements are looked at.
enum { ACKS_MAX = 400000 };

static bool follows(const struct path *p)
{
    struct tcp_cubic cubic;
    tcp_cubic_init(&cubic, p->mss, TCP_INITIAL_SEGMENTS);
    cubic.window = p->window;
    tcp_cubic_lost(&cubic, p->window);
    tcp_cubic_recovered(&cubic);
    double max = (double)p->window / p->mss;
    struct model m = {.window = max * beta, .reno = max * beta, .prior = max};
    m.k = plateau(max, m.window);
    double round_trip = (double)p->round_trip / 1e9;
    double end = 2 * m.k;
    nsec_t start = NSEC_PER_SEC;
    double t = 0;
    for (unsigned i = 0; i < ACKS_MAX && t < end; i++) {
        struct tcp_ack a = {.acked = p->mss, .rtt_smoothed = p->round_trip, .is_limited = true};
        tcp_cubic_acked(&cubic, &a, start + (nsec_t)(t * 1e9));
        model_acked(&m, t, round_trip);
        if (!is_near((double)cubic.window / p->mss, m.window, 0.01)) {
            return false;
        }
        t += round_trip / m.window;
    }
    return true;
}

TEST(the_window_after_a_loss_is_that_of_rfc_9438_within_a_hundredth)
{
    for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
        EXPECT(follows(&paths[i]));
    }
}

TEST(the_plateau_time_is_a_cube_root)
{
    for (uint32_t segments = 3; segments < 700000; segments += 1 + segments / 7) {
        struct tcp_cubic cubic;
        tcp_cubic_init(&cubic, 1448, TCP_INITIAL_SEGMENTS);
        cubic.window = segments * 1448;
        tcp_cubic_lost(&cubic, cubic.window);
        tcp_cubic_recovered(&cubic);
        double start = (double)cubic.window / 1448;
        struct tcp_ack a = {.acked = 1448, .is_limited = true};
        tcp_cubic_acked(&cubic, &a, 1);
        double want = plateau(segments, start) * 1024;
        EXPECT(fabs((double)cubic.growth.plateau - want) <= 1);
    }
}
