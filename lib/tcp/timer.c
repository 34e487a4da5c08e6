// SPDX-License-Identifier: Apache-2.0
/* When something is due, and what is done then. */
#include "lib/tcp/machine_priv.h"

static constexpr nsec_t TIME_WAIT_TIME = 60 * NSEC_PER_SEC;  // 2 MSL
static constexpr nsec_t LINGER_TIME = 60 * NSEC_PER_SEC;     // FIN_WAIT_2 without a reader
static constexpr nsec_t OVERRIDE_TIME = 200 * NSEC_PER_MSEC; // RFC 9293, 3.8.6.2.1
static constexpr nsec_t USER_TIMEOUT = 300 * NSEC_PER_SEC;   // RFC 9293, 3.9.1
static constexpr nsec_t KEEP_IDLE = 7200 * NSEC_PER_SEC;     // RFC 9293, 3.8.4
static constexpr nsec_t KEEP_INTERVAL = 75 * NSEC_PER_SEC;

enum { SYN_RETRIES = 6, KEEP_COUNT = 9 };

static nsec_t or_default(nsec_t value, nsec_t otherwise)
{
    return value != 0 ? value : otherwise;
}

// When a long tick that is past began.
static nsec_t moment(uint32_t long_tick, nsec_t now)
{
    nsec_t ago = tcp_long_tick(now) - long_tick;
    nsec_t ticks = now >> 20;
    return ticks > ago ? (ticks - ago) << 20 : 0;
}

static nsec_t later(nsec_t when, nsec_t by)
{
    return by < NSEC_NEVER - when ? when + by : NSEC_NEVER;
}

static void set(struct tcp *t, enum tcp_timer what, nsec_t at)
{
    t->timer = what;
    t->timer_at = at;
}

static nsec_t user_timeout(const struct tcp *t)
{
    return or_default(t->config.user_timeout, USER_TIMEOUT);
}

// It ends no later than the user's patience; the first one is shorter than the usual patience.
static nsec_t rto_deadline(const struct tcp *t, nsec_t now)
{
    nsec_t at = t->rto_from + tcp_rtt_rto(&t->rtt);
    if (t->retries > 0 || t->config.user_timeout != 0) {
        at = u64_min(at, later(moment(t->progress_at, now), user_timeout(t)));
    }
    return u64_max(at, now);
}

static void restart_in_flight(struct tcp *t, nsec_t now, nsec_t wait)
{
    nsec_t at = rto_deadline(t, now);
    enum tcp_timer sooner = TCP_TIMER_REORDER;
    if (wait == 0) {
        sooner = TCP_TIMER_PROBE;
        wait = tcp_tail_may_probe(t) ? tcp_tail_timeout(t) : NSEC_NEVER - now;
    }
    set(t, now + wait < at ? sooner : TCP_TIMER_RTO, u64_min(now + wait, at));
}

void tcp_timer_restart(struct tcp *t, nsec_t now, nsec_t wait)
{
    if (t->timer == TCP_TIMER_WAIT) {
        return;
    }
    bool has_flight = t->send_next != t->send_unacked;
    if (t->send_window == 0 && (has_flight || tcp_unsent(t) > 0)) {
        if (t->timer != TCP_TIMER_PERSIST) {
            set(t, TCP_TIMER_PERSIST, later(now, tcp_rtt_rto(&t->rtt)));
        }
    } else if (has_flight) {
        restart_in_flight(t, now, wait);
    } else if (tcp_unsent(t) > 0) {
        set(t, TCP_TIMER_OVERRIDE, later(now, OVERRIDE_TIME));
    } else {
        set(t, TCP_TIMER_NONE, NSEC_NEVER);
    }
}

void tcp_timer_sent(struct tcp *t, nsec_t now)
{
    bool is_kept =
        t->timer == TCP_TIMER_REORDER || (t->timer == TCP_TIMER_RTO && !tcp_tail_may_probe(t));
    if (!is_kept) {
        tcp_timer_restart(t, now, 0);
    }
}

void tcp_timer_syn(struct tcp *t, nsec_t now)
{
    set(t, TCP_TIMER_RTO, later(now, tcp_rtt_rto(&t->rtt)));
}

void tcp_timer_linger(struct tcp *t, nsec_t now)
{
    set(t, TCP_TIMER_WAIT, later(now, or_default(t->config.linger_timeout, LINGER_TIME)));
}

void tcp_time_wait(struct tcp *t, nsec_t now)
{
    t->state = TCP_TIME_WAIT;
    t->keep_at = NSEC_NEVER;
    set(t, TCP_TIMER_WAIT, later(now, TIME_WAIT_TIME));
}

void tcp_timer_keepalive(struct tcp *t, nsec_t now)
{
    bool is_on = t->config.keeps_alive && tcp_has_handshake_done(t) && t->state != TCP_TIME_WAIT;
    nsec_t idle = or_default(t->config.keep_idle, KEEP_IDLE);
    t->keep_probes = 0;
    t->keep_at = is_on ? later(moment(t->heard_at, now), idle) : NSEC_NEVER;
}

nsec_t tcp_deadline(const struct tcp *t)
{
    return u64_min(u64_min(t->timer_at, t->ack_at), t->keep_at);
}

static status_t timeout_error(const struct tcp *t)
{
    return t->soft_error != OK ? t->soft_error : ERR_TIMEDOUT;
}

static void syn_timeout(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    unsigned most = t->config.syn_retries != 0 ? t->config.syn_retries : SYN_RETRIES;
    bool is_over = t->config.user_timeout != 0 &&
                   now >= later(moment(t->progress_at, now), t->config.user_timeout);
    if (t->retries >= most || is_over) {
        tcp_finish(t, timeout_error(t), out);
        return;
    }
    t->retries++;
    t->retransmits++;
    t->mode |= TCP_IS_SYN_REPEATED;
    t->pending |= TCP_PENDING_SYN;
    tcp_rtt_back_off(&t->rtt);
    tcp_timer_syn(t, now);
}

// Whether nothing has moved for longer than anybody wants to wait; then it is over.
static bool is_given_up(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    if (now < later(moment(t->progress_at, now), user_timeout(t))) {
        return false;
    }
    tcp_abort(t);
    tcp_finish(t, timeout_error(t), out);
    return true;
}

static void rto(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    // A later acknowledgement may have moved it.
    if (now < rto_deadline(t, now)) {
        set(t, TCP_TIMER_RTO, rto_deadline(t, now));
        return;
    }
    if (is_given_up(t, now, out)) {
        return;
    }
    tcp_recover_timeout(t, now);
    t->retries += t->retries < UINT8_MAX ? 1 : 0;
    tcp_rtt_back_off(&t->rtt);
    t->rto_from = now;
    set(t, TCP_TIMER_RTO, u64_max(rto_deadline(t, now), now + 1));
}

static void persist(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    if (is_given_up(t, now, out)) {
        return;
    }
    t->pending |= TCP_PENDING_PERSIST;
    tcp_rtt_back_off(&t->rtt);
    nsec_t patience = later(moment(t->progress_at, now), user_timeout(t));
    set(t, TCP_TIMER_PERSIST, u64_min(later(now, tcp_rtt_rto(&t->rtt)), patience));
}

static void expired(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    switch (t->timer) {
    case TCP_TIMER_RTO:
        tcp_has_handshake_done(t) ? rto(t, now, out) : syn_timeout(t, now, out);
        break;
    case TCP_TIMER_PROBE:
        t->pending |= TCP_PENDING_PROBE;
        tcp_tail_sent(t, false); // so that what is armed now is the time-out
        t->rto_from = now;
        restart_in_flight(t, now, 0);
        break;
    case TCP_TIMER_REORDER: restart_in_flight(t, now, tcp_recover_late(t, now)); break;
    case TCP_TIMER_PERSIST: persist(t, now, out); break;
    case TCP_TIMER_OVERRIDE:
        t->pending |= TCP_PENDING_OVERRIDE;
        set(t, TCP_TIMER_NONE, NSEC_NEVER);
        break;
    case TCP_TIMER_WAIT: tcp_finish(t, OK, out); break;
    default: set(t, TCP_TIMER_NONE, NSEC_NEVER); break;
    }
}

static void keepalive(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    nsec_t due = later(moment(t->heard_at, now), or_default(t->config.keep_idle, KEEP_IDLE));
    nsec_t interval = or_default(t->config.keep_interval, KEEP_INTERVAL);
    unsigned most = t->config.keep_count != 0 ? t->config.keep_count : KEEP_COUNT;
    if (now < due) {
        t->keep_probes = 0;
        t->keep_at = due;
        return;
    }
    // What is in flight has a time-out of its own.
    if (t->send_next != t->send_unacked) {
        t->keep_at = later(now, interval);
        return;
    }
    if (t->keep_probes >= most) {
        tcp_abort(t);
        tcp_finish(t, timeout_error(t), out);
        return;
    }
    t->keep_probes++;
    t->pending |= TCP_PENDING_KEEPALIVE;
    t->keep_at = later(now, interval);
}

void tcp_timeout(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    *out = (struct tcp_result){};
    if (t->ack_at <= now) {
        t->ack_at = NSEC_NEVER;
        tcp_ask_ack(t);
    }
    if (t->timer_at <= now) {
        expired(t, now, out);
    }
    if (t->keep_at <= now && t->state != TCP_CLOSED) {
        keepalive(t, now, out);
    }
}
