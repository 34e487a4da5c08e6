// SPDX-License-Identifier: Apache-2.0
/* Options of level IPPROTO_TCP. */
#include "abi/netlink.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    SECONDS_MAX = 32767,
    COUNT_MAX = 127,
    MSS_LEAST = 88,
    MSS_UNCONNECTED = 536,
    NAME_SIZE = 16, // of a way of congestion control
    DEFAULT_SYN_RETRIES = 6,
    DEFAULT_KEEP_IDLE = 7200,
    DEFAULT_KEEP_INTERVAL = 75,
    DEFAULT_KEEP_COUNT = 9,
    DEFAULT_LINGER = 60,
};

uint8_t tcp_state_number(enum tcp_state state)
{
    static const uint8_t numbers[] = {
        [TCP_CLOSED] = ABI_TCP_CLOSE,          [TCP_SYN_SENT] = ABI_TCP_SYN_SENT,
        [TCP_SYN_RECEIVED] = ABI_TCP_SYN_RECV, [TCP_ESTABLISHED] = ABI_TCP_ESTABLISHED,
        [TCP_FIN_WAIT_1] = ABI_TCP_FIN_WAIT1,  [TCP_FIN_WAIT_2] = ABI_TCP_FIN_WAIT2,
        [TCP_CLOSE_WAIT] = ABI_TCP_CLOSE_WAIT, [TCP_CLOSING] = ABI_TCP_CLOSING,
        [TCP_LAST_ACK] = ABI_TCP_LAST_ACK,     [TCP_TIME_WAIT] = ABI_TCP_TIME_WAIT,
    };
    return numbers[state];
}

static uint32_t usec(nsec_t ns)
{
    return (uint32_t)u64_min(ns / NSEC_PER_USEC, UINT32_MAX);
}

static uint8_t option_bits(uint8_t has)
{
    enum { TIMESTAMPS = 1, SACK = 2, SCALE = 4 };
    return (uint8_t)(((has & TCP_HAS_TIMESTAMPS) != 0 ? TIMESTAMPS : 0) |
                     ((has & TCP_HAS_SACK_PERMITTED) != 0 ? SACK : 0) |
                     ((has & TCP_HAS_SCALE) != 0 ? SCALE : 0));
}

void tcp_describe(struct tcp_socket *s, struct abi_tcp_info *out)
{
    enum { SCALE_SHIFT = 4 };
    struct tcp_info i;
    tcp_info(&s->machine, time_now(), &i);
    uint32_t mss = (uint32_t)u64_max(i.send_mss, 1);
    *out = (struct abi_tcp_info){
        .state = s->is_listening ? (uint8_t)ABI_TCP_LISTEN : tcp_state_number(i.state),
        .retransmits = i.retries,
        .options = option_bits(i.has),
        .scales = (uint8_t)(i.send_scale | i.receive_scale << SCALE_SHIFT),
        .rto = usec(i.rto),
        .send_mss = i.send_mss,
        .receive_mss = i.receive_mss,
        .unacked = s->is_listening ? s->backlog.count : (i.in_flight + mss - 1) / mss,
        .sacked = s->is_listening ? s->backlog.max : 0,
        .lost = (i.lost + mss - 1) / mss,
        .path_mtu = s->path.netif != NULL ? s->path.mtu : 0,
        .rtt = usec(i.rtt),
        .rtt_variance = usec(i.rtt_variance),
        .threshold = i.threshold / mss,
        .window = i.window / mss,
        .advertised_mss = s->config.mss_max,
        .receive_space = i.receive_window,
        .total_retransmits = i.retransmits,
        .bytes_acked = i.bytes_acked,
        .bytes_received = i.bytes_received,
        .segments_out = i.segments_out,
        .segments_in = i.segments_in,
        .not_sent = i.unsent,
        .rtt_min = usec(i.rtt_min),
        .bytes_sent = i.bytes_sent,
        .duplicate_segments = i.duplicate_segments_in,
        .reordering_seen = i.reordering_seen,
        .send_window = i.send_window,
    };
}

/* ---- Reading ---- */

static int32_t seconds(nsec_t t, int32_t otherwise)
{
    return t == 0 ? otherwise : (int32_t)(t / NSEC_PER_SEC);
}

static status_t get_number(struct tcp_socket *s, int32_t option, int32_t *n)
    REQUIRES(s -> inet.lock)
{
    const struct tcp_config *c = &s->config;
    switch (option) {
    case ABI_TCP_NODELAY: *n = c->is_nodelay; return OK;
    case ABI_TCP_CORK: *n = s->is_corked; return OK;
    case ABI_TCP_QUICKACK: *n = 1; return OK;
    case ABI_TCP_KEEPIDLE: *n = seconds(c->keep_idle, DEFAULT_KEEP_IDLE); return OK;
    case ABI_TCP_KEEPINTVL: *n = seconds(c->keep_interval, DEFAULT_KEEP_INTERVAL); return OK;
    case ABI_TCP_KEEPCNT: *n = c->keep_count == 0 ? DEFAULT_KEEP_COUNT : c->keep_count; return OK;
    case ABI_TCP_SYNCNT: *n = c->syn_retries == 0 ? DEFAULT_SYN_RETRIES : c->syn_retries; return OK;
    case ABI_TCP_LINGER2: *n = seconds(c->linger_timeout, DEFAULT_LINGER); return OK;
    case ABI_TCP_USER_TIMEOUT: *n = (int32_t)(c->user_timeout / NSEC_PER_MSEC); return OK;
    case ABI_TCP_MAXSEG: {
        struct tcp_info info;
        tcp_info(&s->machine, 0, &info);
        *n = s->is_entered ? info.send_mss : MSS_UNCONNECTED;
        *n = !s->is_entered && s->user_mss != 0 ? (int32_t)s->user_mss : *n;
        return OK;
    }
    default: return ERR_NOPROTOOPT;
    }
}

status_t tcp_get_option(struct inet_socket *i, int32_t option, void *value, uint32_t *size)
{
    static const char cubic[NAME_SIZE] = "cubic";
    struct tcp_socket *s = tcp_of(&i->socket);
    struct abi_tcp_info info;
    int32_t n;
    if (option == ABI_TCP_CONGESTION) {
        inet_option_put(value, size, cubic, sizeof(cubic));
        return OK;
    }
    spin_lock(&s->inet.lock);
    if (option == ABI_TCP_INFO) {
        tcp_describe(s, &info);
        spin_unlock(&s->inet.lock);
        inet_option_put(value, size, &info, sizeof(info));
        return OK;
    }
    status_t status = get_number(s, option, &n);
    spin_unlock(&s->inet.lock);
    if (status == OK) {
        inet_option_put(value, size, &n, sizeof(n));
    }
    return status;
}

/* ---- Setting ---- */

static bool is_between(int32_t n, int32_t least, int32_t most)
{
    return n >= least && n <= most;
}

static status_t check(int32_t option, int32_t n)
{
    switch (option) {
    case ABI_TCP_NODELAY:
    case ABI_TCP_CORK:
    case ABI_TCP_QUICKACK: return OK;
    case ABI_TCP_KEEPIDLE:
    case ABI_TCP_KEEPINTVL: return is_between(n, 1, SECONDS_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_KEEPCNT:
    case ABI_TCP_SYNCNT: return is_between(n, 1, COUNT_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_LINGER2: return is_between(n, -1, SECONDS_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_USER_TIMEOUT: return n >= 0 ? OK : ERR_INVAL;
    case ABI_TCP_MAXSEG: return n == 0 || is_between(n, MSS_LEAST, SECONDS_MAX) ? OK : ERR_INVAL;
    default: return ERR_NOPROTOOPT;
    }
}

static void change(struct tcp_socket *s, int32_t option, int32_t n) REQUIRES(s -> inet.lock)
{
    struct tcp_config *c = &s->config;
    switch (option) {
    case ABI_TCP_NODELAY: c->is_nodelay = n != 0; break;
    case ABI_TCP_KEEPIDLE: c->keep_idle = (nsec_t)n * NSEC_PER_SEC; break;
    case ABI_TCP_KEEPINTVL: c->keep_interval = (nsec_t)n * NSEC_PER_SEC; break;
    case ABI_TCP_KEEPCNT: c->keep_count = (uint8_t)n; break;
    case ABI_TCP_SYNCNT: c->syn_retries = (uint8_t)n; break;
    // Below 0: not at all, which is as short as it goes.
    case ABI_TCP_LINGER2: c->linger_timeout = n < 0 ? 1 : (nsec_t)n * NSEC_PER_SEC; break;
    case ABI_TCP_USER_TIMEOUT: c->user_timeout = (nsec_t)n * NSEC_PER_MSEC; break;
    case ABI_TCP_MAXSEG: s->user_mss = (uint32_t)n; break;
    case ABI_TCP_CORK:
        s->is_corked = n != 0;
        c->is_corked = s->is_corked;
        break;
    default: break; // TCP_QUICKACK is a hint
    }
    tcp_update_config(s);
}

static status_t set_congestion(const void *value, uint32_t size)
{
    static const char cubic[] = "cubic";
    bool is_cubic = size >= sizeof(cubic) - 1 && memcmp(value, cubic, sizeof(cubic) - 1) == 0 &&
                    (size == sizeof(cubic) - 1 || ((const char *)value)[sizeof(cubic) - 1] == '\0');
    return is_cubic ? OK : ERR_NOENT;
}

status_t tcp_set_option(struct inet_socket *i, int32_t option, const void *value, uint32_t size)
{
    struct tcp_socket *s = tcp_of(&i->socket);
    struct tcp_after after;
    int32_t n;
    if (option == ABI_TCP_CONGESTION) {
        return set_congestion(value, size);
    }
    status_t status = inet_option_number(value, size, &n);
    status = status == OK ? check(option, n) : status;
    if (status != OK) {
        return status;
    }
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    change(s, option, n);
    tcp_release(s, &after, time_now());
    return OK;
}
