// SPDX-License-Identifier: Apache-2.0
/*
 * Fractions are exact where the RFC has them: beta is 7/10, C is 2/5.  The cubic function counts time
 * in 1/1024 s, so its cube is a shift away from seconds.
 */
#include "lib/tcp/cubic.h"

#include "lib/base/bits.h"
#include "lib/tcp/segment.h"

enum {
    INITIAL_BYTES = 14600, // RFC 6928: ten segments, but no more than this or two
    BURST_SEGMENTS = 8,    // growth per acknowledgement in slow start (L of RFC 9406)
    // HyStart++ (RFC 9406, 4.3).
    ROUND_SAMPLES = 8,
    CAUTIOUS_ROUNDS = 5,
    CAUTIOUS_DIVISOR = 4,
    RTT_DIVISOR = 8,
    // CUBIC (RFC 9438).
    TICKS_MAX = 1 << 20, // of the cubic function; its cube fits 60 bits
    RENO_SHIFT = 10,     // fraction of the Reno-friendly window
};

constexpr nsec_t RTT_RISE_MIN = 4 * NSEC_PER_MSEC;
constexpr nsec_t RTT_RISE_MAX = 16 * NSEC_PER_MSEC;
constexpr nsec_t TRAIN_GAP_MAX = 2 * NSEC_PER_MSEC; // between acknowledgements of one train

static uint32_t times(uint32_t bytes, uint32_t numerator, uint32_t denominator)
{
    return (uint32_t)((uint64_t)bytes * numerator / denominator);
}

static uint32_t bounded(const struct tcp_cubic *c, uint64_t window)
{
    return (uint32_t)u64_min(u64_max(window, c->mss), TCP_WINDOW_LIMIT);
}

static uint32_t initial_window(uint16_t mss, unsigned segments)
{
    uint64_t most = u64_max(INITIAL_BYTES, 2ull * mss);
    return (uint32_t)u64_min((uint64_t)segments * mss, most);
}

static void forget_rounds(struct tcp_cubic *c)
{
    c->rounds = (struct tcp_rounds){.least = NSEC_NEVER, .least_last = NSEC_NEVER};
}

void tcp_cubic_init(struct tcp_cubic *c, uint16_t mss, unsigned segments)
{
    *c = (struct tcp_cubic){
        .window = initial_window(mss, segments),
        .threshold = TCP_THRESHOLD_NONE,
        .mss = mss,
    };
    forget_rounds(c);
}

void tcp_cubic_set_mss(struct tcp_cubic *c, uint16_t mss)
{
    c->mss = mss;
    c->window = bounded(c, c->window);
}

/* ---- Slow start ---- */

// Five rounds of cautious slow start, in which the RTT did not fall again, end it.
static void end_round(struct tcp_cubic *c)
{
    struct tcp_rounds *r = &c->rounds;
    if (r->cautious == CAUTIOUS_ROUNDS) {
        c->threshold = c->window;
    } else if (r->cautious > 0) {
        r->cautious++;
    }
    r->least_last = r->least;
    r->least = NSEC_NEVER;
    r->samples = 0;
}

static void look_at_rtt(struct tcp_rounds *r)
{
    if (r->samples < ROUND_SAMPLES || r->least_last == NSEC_NEVER) {
        return;
    }
    nsec_t rise = u64_min(u64_max(r->least_last / RTT_DIVISOR, RTT_RISE_MIN), RTT_RISE_MAX);
    if (r->cautious > 0 && r->least < r->baseline) {
        r->cautious = 0;
    } else if (r->cautious == 0 && r->least >= r->least_last + rise) {
        r->baseline = r->least;
        r->cautious = 1;
    }
}

/*
 * Acknowledgements that follow one upon the other for half a round trip tell that the flight fills
 * half of the path, and the one that it lets out all of it (Ha and Rhee, "Taming the elephants", 2011).
 * The RTT tells the same a round later only, when twice as much is under way: without pacing the
 * least of a round is that of its first segments, which find no queue.
 */
static void watch_train(struct tcp_rounds *r, const struct tcp_ack *a, nsec_t now)
{
    if (now - r->train_at > TRAIN_GAP_MAX) {
        return;
    }
    r->train_at = now;
    nsec_t least = u64_min(r->least, r->least_last);
    if (a->is_limited && r->cautious == 0 && least != NSEC_NEVER &&
        now - r->begun_at >= least / 2) {
        r->baseline = 0;
        r->cautious = 1;
    }
}

/*
 * HyStart++ watches the first slow start only; later ones have a threshold to end at.  A round begins
 * with the first acknowledgement behind the end of the last one, not with that of its end: what was
 * sent in answer to the last acknowledgements of a flight would else not be of the round, and so the
 * rounds would slip against the flights, in which the RTT rises from the first to the last.
 */
static void watch_rounds(struct tcp_cubic *c, const struct tcp_ack *a, nsec_t now)
{
    struct tcp_rounds *r = &c->rounds;
    if (!r->is_begun || tcp_seq_lt(r->end, a->ack)) {
        if (r->is_begun) {
            end_round(c);
        }
        r->end = a->next;
        r->is_begun = true;
        r->begun_at = now;
        r->train_at = now;
    }
    if (a->rtt != 0) {
        r->least = u64_min(r->least, a->rtt);
        r->samples = (uint8_t)u64_min(r->samples + 1u, ROUND_SAMPLES);
        look_at_rtt(r);
    }
    watch_train(r, a, now);
}

static void grow_fast(struct tcp_cubic *c, const struct tcp_ack *a)
{
    if (!a->is_limited) {
        return;
    }
    uint64_t growth = u64_min(a->acked, (uint64_t)BURST_SEGMENTS * c->mss);
    growth = c->rounds.cautious > 0 ? growth / CAUTIOUS_DIVISOR : growth;
    c->window = bounded(c, u64_min(c->window + growth, c->threshold));
}

/* ---- Congestion avoidance ---- */

// The integer part, a bit at a time.
static uint32_t cube_root(uint64_t x)
{
    uint64_t root = 0;
    for (unsigned shift = 66; shift > 0;) {
        shift -= 3;
        root *= 2;
        uint64_t step = 3 * root * (root + 1) + 1;
        if (x >> shift >= step) {
            x -= step << shift;
            root++;
        }
    }
    return (uint32_t)root;
}

// K (RFC 9438, 4.2): the cube root of segments to grow / C, in 1/1024 s.
static uint32_t plateau_ticks(const struct tcp_cubic *c)
{
    uint64_t bytes = c->growth.window_max - c->window;
    return cube_root((bytes * 5 << 29) / c->mss);
}

// Nanoseconds as 1/1024 s.
static uint64_t ticks_of(nsec_t time)
{
    return u64_min(time, TICKS_MAX * NSEC_PER_MSEC) * 2 / (NSEC_PER_SEC >> 9);
}

// W_cubic (RFC 9438, 4.2) at a time since the epoch began.
static uint32_t cubic_at(const struct tcp_cubic *c, nsec_t time)
{
    const struct tcp_growth *g = &c->growth;
    uint64_t ticks = u64_min(ticks_of(time), TICKS_MAX);
    bool is_past = ticks >= g->plateau;
    uint64_t distance = is_past ? ticks - g->plateau : g->plateau - ticks;
    uint64_t bytes = (distance * distance * distance >> 20) * c->mss * 2 / 5 >> 10;
    if (is_past) {
        return bounded(c, g->window_max + bytes);
    }
    return bounded(c, g->window_max - u64_min(bytes, g->window_max));
}

static void begin_epoch(struct tcp_cubic *c, nsec_t now)
{
    struct tcp_growth *g = &c->growth;
    if (g->window_prior == 0) {
        g->window_prior = c->window; // slow start ended without a loss
    }
    g->window_max = (uint32_t)u64_max(g->window_max, c->window);
    g->plateau = plateau_ticks(c);
    g->elapsed = 0;
    g->counted_at = now;
    g->reno = (uint64_t)c->window << RENO_SHIFT;
    g->has_epoch = true;
    c->credit = 0;
}

// W_est (RFC 9438, 4.3): alpha is 9/17 until the window before the loss is reached, then 1.
static uint32_t reno_window(struct tcp_cubic *c, uint32_t acked)
{
    struct tcp_growth *g = &c->growth;
    uint64_t product = (uint64_t)acked * c->mss << RENO_SHIFT;
    if (g->reno < (uint64_t)g->window_prior << RENO_SHIFT) {
        product = product / 17 * 9;
    }
    g->reno = u64_min(g->reno + product / c->window, (uint64_t)TCP_WINDOW_LIMIT << RENO_SHIFT);
    return (uint32_t)(g->reno >> RENO_SHIFT);
}

// Each window's worth of acknowledgements takes the window to where the function is a round trip on.
static void grow_cubic(struct tcp_cubic *c, const struct tcp_ack *a)
{
    uint32_t target = cubic_at(c, c->growth.elapsed + a->rtt_smoothed);
    target = (uint32_t)u64_min(target, c->window + c->window / 2);
    if (target <= c->window) {
        return;
    }
    c->credit += (uint64_t)(target - c->window) * u64_min(a->acked, c->window);
    uint64_t growth = c->credit / c->window;
    c->credit -= growth * c->window;
    c->window = bounded(c, c->window + growth);
}

static void avoid(struct tcp_cubic *c, const struct tcp_ack *a, nsec_t now)
{
    struct tcp_growth *g = &c->growth;
    if (!g->has_epoch) {
        begin_epoch(c, now);
    }
    if (a->is_limited) {
        g->elapsed += now - g->counted_at;
        uint32_t reno = reno_window(c, a->acked);
        if (cubic_at(c, g->elapsed) < reno) {
            c->window = bounded(c, u64_max(c->window, reno));
        } else {
            grow_cubic(c, a);
        }
    }
    g->counted_at = now;
}

void tcp_cubic_acked(struct tcp_cubic *c, const struct tcp_ack *a, nsec_t now)
{
    if (c->threshold == TCP_THRESHOLD_NONE) {
        watch_rounds(c, a, now);
    }
    if (tcp_cubic_is_slow_start(c)) {
        grow_fast(c, a);
    } else {
        avoid(c, a, now);
    }
}

/* ---- Loss ---- */

static void reduce(struct tcp_cubic *c, uint32_t flight)
{
    c->saved_window = c->window;
    c->saved_threshold = c->threshold;
    c->saved_growth = c->growth;
    uint64_t used = u64_min(flight, c->window);
    c->threshold = (uint32_t)u64_max(used * 7 / 10, 2ull * c->mss);
    c->growth.window_prior = c->window;
    c->growth.has_epoch = false;
}

void tcp_cubic_lost(struct tcp_cubic *c, uint32_t flight)
{
    // Fast convergence: who could not get back to where it was leaves room to others.
    uint32_t max = c->window < c->growth.window_max ? times(c->window, 17, 20) : c->window;
    reduce(c, flight);
    c->growth.window_max = max;
    c->window = c->threshold;
    c->repair_flight = (uint32_t)u64_max(flight, 1);
    c->repair_delivered = 0;
    c->repair_sent = 0;
}

// What may be sent while more is in flight than the threshold: in proportion to what was delivered.
static uint64_t proportional(const struct tcp_cubic *c)
{
    uint64_t delivered = (uint64_t)c->repair_delivered * c->threshold;
    uint64_t may = (delivered + c->repair_flight - 1) / c->repair_flight;
    return may > c->repair_sent ? may - c->repair_sent : 0;
}

// And below it: what was delivered, and a segment more while all goes well.
static uint64_t conserving(const struct tcp_cubic *c, uint32_t delivered, uint32_t flight,
                           bool has_progress)
{
    uint64_t owed = c->repair_delivered > c->repair_sent ? c->repair_delivered - c->repair_sent : 0;
    uint64_t may = u64_max(owed, delivered) + (has_progress ? c->mss : 0);
    return u64_min(c->threshold - flight, may);
}

void tcp_cubic_repairing(struct tcp_cubic *c, uint32_t delivered, uint32_t flight,
                         bool has_progress)
{
    c->repair_delivered += delivered;
    uint64_t may =
        flight > c->threshold ? proportional(c) : conserving(c, delivered, flight, has_progress);
    if (c->repair_sent == 0) {
        may = u64_max(may, c->mss); // the first repetition waits for nothing
    }
    c->window = (uint32_t)u64_min(flight + may, TCP_WINDOW_LIMIT);
}

void tcp_cubic_recovered(struct tcp_cubic *c)
{
    c->window = bounded(c, c->threshold);
}

void tcp_cubic_timed_out(struct tcp_cubic *c, uint32_t flight, bool is_repeated)
{
    if (!is_repeated) {
        reduce(c, flight);
    }
    c->growth.window_max = 0; // the next epoch begins with K = 0 (RFC 9438, 4.8)
    c->growth.has_epoch = false;
    c->window = c->mss;
    forget_rounds(c);
}

void tcp_cubic_undo(struct tcp_cubic *c)
{
    if (c->saved_window == 0) {
        return;
    }
    c->window = bounded(c, u64_max(c->window, c->saved_window));
    c->threshold = c->saved_threshold;
    c->growth = c->saved_growth;
    c->saved_window = 0;
}

void tcp_cubic_idled(struct tcp_cubic *c, nsec_t idle, nsec_t rto)
{
    uint64_t halvings = u64_min(idle / u64_max(rto, 1), 31);
    uint32_t least = (uint32_t)u64_min(c->window, initial_window(c->mss, TCP_INITIAL_SEGMENTS));
    if (halvings == 0 || c->window == least) {
        return;
    }
    c->threshold = (uint32_t)u64_max(c->threshold, times(c->window, 3, 4));
    c->window = (uint32_t)u64_max(c->window >> halvings, least);
    c->growth.has_epoch = false;
    forget_rounds(c);
}
