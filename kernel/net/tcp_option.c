// SPDX-License-Identifier: Apache-2.0
/* Options of level IPPROTO_TCP. */
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { SECONDS_MAX = 32767, COUNT_MAX = 127, MSS_LEAST = 88 };

static uint32_t seconds(nsec_t t)
{
    return (uint32_t)(t / NSEC_PER_SEC);
}

// As TCP_INFO numbers states.
static uint8_t state_number(const struct tcp_socket *s)
{
    static const uint8_t numbers[] = {
        [TCP_CLOSED] = 7,     [TCP_SYN_SENT] = 2,   [TCP_SYN_RECEIVED] = 3, [TCP_ESTABLISHED] = 1,
        [TCP_FIN_WAIT_1] = 4, [TCP_FIN_WAIT_2] = 5, [TCP_CLOSE_WAIT] = 8,   [TCP_CLOSING] = 11,
        [TCP_LAST_ACK] = 9,   [TCP_TIME_WAIT] = 6,
    };
    enum { LISTEN = 10 };
    return s->role == TCP_ROLE_LISTENER ? LISTEN : numbers[tcp_state(&s->machine)];
}

static void get_info(struct tcp_socket *s, void *value, uint32_t *size)
{
    struct tcp_info info;
    spin_lock(&s->inet.lock);
    tcp_info(&s->machine, time_now(), &info);
    uint8_t state = state_number(s);
    spin_unlock(&s->inet.lock);
    uint32_t mss = u64_max(info.send_mss, 1);
    const struct abi_tcp_info out = {
        .state = state,
        .retransmits = info.retries,
        .options = info.has,
        .scales = (uint8_t)(info.send_scale | info.receive_scale << 4),
        .rto = (uint32_t)(info.rto / NSEC_PER_USEC),
        .send_mss = info.send_mss,
        .receive_mss = info.receive_mss,
        .unacked = info.in_flight / mss,
        .lost = info.lost / mss,
        .rtt = (uint32_t)(info.rtt / NSEC_PER_USEC),
        .rtt_variance = (uint32_t)(info.rtt_variance / NSEC_PER_USEC),
        .threshold = info.threshold / mss,
        .window = info.window / mss,
        .receive_space = info.receive_window,
        .total_retransmits = info.retransmits,
        .bytes_acked = info.bytes_acked,
        .bytes_received = info.bytes_received,
        .segments_out = info.segments_out,
        .segments_in = info.segments_in,
        .not_sent = info.unsent,
        .rtt_min = (uint32_t)(info.rtt_min / NSEC_PER_USEC),
        .bytes_sent = info.bytes_sent,
    };
    inet_option_put(value, size, &out, sizeof(out));
}

status_t tcp_get_option(struct inet_socket *i, int32_t option, void *value, uint32_t *size)
{
    static const char cubic[16] = "cubic";
    struct tcp_socket *s = tcp_of_inet(i);
    int32_t n;
    spin_lock(&i->lock);
    const struct tcp_config c = s->config;
    const struct tcp *t = &s->machine;
    uint16_t mss = s->role == TCP_ROLE_CONNECTION ? t->send_mss : 536;
    bool is_corked = s->is_corked;
    spin_unlock(&i->lock);
    switch (option) {
    case ABI_TCP_INFO: get_info(s, value, size); return OK;
    case ABI_TCP_CONGESTION: inet_option_put(value, size, cubic, sizeof(cubic)); return OK;
    case ABI_TCP_NODELAY: n = c.is_nodelay; break;
    case ABI_TCP_CORK: n = is_corked; break;
    case ABI_TCP_MAXSEG: n = mss; break;
    case ABI_TCP_KEEPIDLE: n = (int32_t)seconds(c.keep_idle); break;
    case ABI_TCP_KEEPINTVL: n = (int32_t)seconds(c.keep_interval); break;
    case ABI_TCP_KEEPCNT: n = c.keep_count; break;
    case ABI_TCP_SYNCNT: n = c.syn_retries; break;
    case ABI_TCP_LINGER2: n = (int32_t)seconds(c.linger_timeout); break;
    case ABI_TCP_USER_TIMEOUT: n = (int32_t)(c.user_timeout / NSEC_PER_MSEC); break;
    case ABI_TCP_QUICKACK: n = 1; break;
    default: return ERR_NOPROTOOPT;
    }
    inet_option_put(value, size, &n, sizeof(n));
    return OK;
}

static bool is_between(int32_t n, int32_t least, int32_t most)
{
    return n >= least && n <= most;
}

static status_t change(struct tcp_socket *s, int32_t option, int32_t n) REQUIRES(s -> inet.lock)
{
    struct tcp_config *c = &s->config;
    switch (option) {
    case ABI_TCP_NODELAY: c->is_nodelay = n != 0; return OK;
    case ABI_TCP_CORK: s->is_corked = n != 0; return OK;
    case ABI_TCP_QUICKACK: return OK; // a hint
    case ABI_TCP_MAXSEG:
        c->mss_max = (uint16_t)n;
        return is_between(n, MSS_LEAST, SECONDS_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_KEEPIDLE:
        c->keep_idle = (nsec_t)n * NSEC_PER_SEC;
        return is_between(n, 1, SECONDS_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_KEEPINTVL:
        c->keep_interval = (nsec_t)n * NSEC_PER_SEC;
        return is_between(n, 1, SECONDS_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_KEEPCNT:
        c->keep_count = (uint8_t)n;
        return is_between(n, 1, COUNT_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_SYNCNT:
        c->syn_retries = (uint8_t)n;
        return is_between(n, 1, COUNT_MAX) ? OK : ERR_INVAL;
    case ABI_TCP_LINGER2:
        c->linger_timeout = (nsec_t)u64_max(0, (uint64_t)n) * NSEC_PER_SEC;
        return n >= 0 ? OK : ERR_INVAL;
    case ABI_TCP_USER_TIMEOUT:
        c->user_timeout = (nsec_t)n * NSEC_PER_MSEC;
        return n >= 0 ? OK : ERR_INVAL;
    default: return ERR_NOPROTOOPT;
    }
}

status_t tcp_set_option(struct inet_socket *i, int32_t option, const void *value, uint32_t size)
{
    struct tcp_socket *s = tcp_of_inet(i);
    struct tcp_turn turn;
    int32_t n;
    if (option == ABI_TCP_CONGESTION) {
        return size >= 5 && memcmp(value, "cubic", 5) == 0 ? OK : ERR_NOENT;
    }
    status_t status = inet_option_number(value, size, &n);
    if (status != OK) {
        return status;
    }
    tcp_turn_begin(s, &turn);
    const struct tcp_config before = s->config;
    status = change(s, option, n);
    if (status == OK) {
        tcp_configure_from_options(s);
    } else {
        s->config = before;
    }
    tcp_turn_end(s, &turn);
    return status;
}
