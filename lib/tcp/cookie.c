// SPDX-License-Identifier: Apache-2.0
/*
 * A cookie is 29 bits of a hash over the connection, the peer's number, the minute, the options and
 * the MSS, and 3 bits that say which MSS.  The options stand in the low bits of our timestamp: 4 of
 * window scale (15: none), 1 of SACK.
 */
#include "lib/tcp/cookie.h"

#include "lib/base/bits.h"
#include "lib/crypt/crypt.h"

enum {
    MSS_BITS = 3,
    OPTION_BITS = 5,
    OPTION_MASK = (1 << OPTION_BITS) - 1,
    OPTION_SACK = 1 << 4,
    OPTION_SCALE = 15, // a mask, and what stands for none
    ADDRESSES_SIZE = 2 * IP6_SIZE,
    MESSAGE_SIZE = 1 + ADDRESSES_SIZE + 4 + 14,
    ISN_SHIFT = 6,        // a number every 64 ns
    TIMESTAMP_SHIFT = 20, // as the machine counts them
    MSS_DEFAULT = 536,    // RFC 9293, 3.7.1
    MSS_DEFAULT_IP6 = 1220,
};

constexpr nsec_t PERIOD = 60 * NSEC_PER_SEC;

// What the one secret is used for.
enum purpose : uint8_t {
    PURPOSE_ISN = 1,
    PURPOSE_TIMESTAMP,
    PURPOSE_COOKIE,
};

// The least is for peers that are odd; then IPv4's and IPv6's minimum, tunnels, Ethernet, jumbo frames.
static const uint16_t sizes[1 << MSS_BITS] = {64, 536, 1220, 1360, 1400, 1440, 1460, 8940};

static_assert((int)TCP_SECRET_SIZE == (int)CRYPT_SIPHASH_KEY_SIZE);

// Begins a message; gives where it goes on.
static uint8_t *put_names(uint8_t *to, enum purpose purpose, const struct tcp_names *n)
{
    to[0] = purpose;
    __builtin_memcpy(to + 1, n->local.bytes, IP6_SIZE);
    __builtin_memcpy(to + 1 + IP6_SIZE, n->peer.bytes, IP6_SIZE);
    to += 1 + ADDRESSES_SIZE;
    write_be16(to, n->local_port);
    write_be16(to + 2, n->peer_port);
    return to + 4;
}

static uint32_t hash(const struct tcp_secret *secret, const uint8_t *message, const uint8_t *end)
{
    return (uint32_t)crypt_siphash(secret->bytes, span_of(message, (size_t)(end - message)));
}

uint32_t tcp_isn(const struct tcp_secret *secret, const struct tcp_names *names, nsec_t now)
{
    uint8_t message[MESSAGE_SIZE];
    const uint8_t *end = put_names(message, PURPOSE_ISN, names);
    return hash(secret, message, end) + (uint32_t)(now >> ISN_SHIFT);
}

// Ports are not in it: timestamps that go on from one connection to the next let its names be reused
// at once (RFC 6191).
uint32_t tcp_timestamp_offset(const struct tcp_secret *secret, const struct tcp_names *names)
{
    uint8_t message[MESSAGE_SIZE];
    struct tcp_names pair = {.local = names->local, .peer = names->peer};
    const uint8_t *end = put_names(message, PURPOSE_TIMESTAMP, &pair);
    return hash(secret, message, end);
}

// What a cookie vouches for.
struct claim {
    uint32_t seq; // of the SYN
    uint64_t period;
    uint8_t options;
    uint8_t size; // index
};

static uint32_t cookie_of(const struct tcp_secret *secret, const struct tcp_names *names,
                          const struct claim *c)
{
    uint8_t message[MESSAGE_SIZE];
    uint8_t *end = put_names(message, PURPOSE_COOKIE, names);
    write_be32(end, c->seq);
    write_be32(end + 4, (uint32_t)(c->period >> 32));
    write_be32(end + 8, (uint32_t)c->period);
    end[12] = c->options;
    end[13] = c->size;
    return hash(secret, message, end + 14) << MSS_BITS | c->size;
}

static uint8_t size_index(const struct tcp_names *names, const struct tcp_segment *syn)
{
    uint16_t mss = ip_is_v4(&names->peer) ? MSS_DEFAULT : MSS_DEFAULT_IP6;
    if ((syn->has & TCP_HAS_MSS) != 0) {
        mss = syn->mss;
    }
    uint8_t index = ARRAY_SIZE(sizes) - 1;
    while (index > 0 && sizes[index] > mss) {
        index--;
    }
    return index;
}

// Of a peer with timestamps; without, it is as if it had none.
static uint8_t options_of(const struct tcp_segment *syn)
{
    if ((syn->has & TCP_HAS_TIMESTAMPS) == 0) {
        return OPTION_SCALE;
    }
    uint8_t scale = (syn->has & TCP_HAS_SCALE) != 0 ? syn->scale : OPTION_SCALE;
    return scale | ((syn->has & TCP_HAS_SACK_PERMITTED) != 0 ? OPTION_SACK : 0);
}

// The latest timestamp that has these options in it: later ones of the connection must not be below.
static uint32_t timestamp_with(uint8_t options, uint32_t timestamp)
{
    uint32_t with = (timestamp & ~(uint32_t)OPTION_MASK) | options;
    return tcp_seq_lt(timestamp, with) ? with - (1 << OPTION_BITS) : with;
}

void tcp_cookie_answer(const struct tcp_secret *secret, const struct tcp_names *names,
                       const struct tcp_segment *syn, const struct tcp_offer *ours, nsec_t now,
                       struct tcp_segment *out)
{
    struct claim claim = {
        .seq = syn->seq,
        .period = now / PERIOD,
        .options = options_of(syn),
        .size = size_index(names, syn),
    };
    *out = (struct tcp_segment){
        .source_port = names->local_port,
        .destination_port = names->peer_port,
        .seq = cookie_of(secret, names, &claim),
        .ack = syn->seq + 1,
        .window = (uint16_t)u64_min(ours->window, UINT16_MAX),
        .flags = TCP_SYN | TCP_ACK,
        .has = TCP_HAS_MSS,
        .mss = ours->mss,
    };
    if ((syn->has & TCP_HAS_TIMESTAMPS) == 0) {
        return;
    }
    uint32_t timestamp = (uint32_t)(now >> TIMESTAMP_SHIFT) + tcp_timestamp_offset(secret, names);
    out->has |= syn->has & (TCP_HAS_TIMESTAMPS | TCP_HAS_SCALE | TCP_HAS_SACK_PERMITTED);
    out->scale = ours->scale;
    out->ts_value = timestamp_with(claim.options, timestamp);
    out->ts_echo = syn->ts_value;
}

// The SYN as the cookie tells it.  Its window is known by the acknowledgement only.
static struct tcp_segment syn_of(const struct tcp_segment *ack, const struct claim *c)
{
    struct tcp_segment syn = {
        .source_port = ack->source_port,
        .destination_port = ack->destination_port,
        .seq = c->seq,
        .window = ack->window,
        .flags = TCP_SYN,
        .has = TCP_HAS_MSS,
        .mss = sizes[c->size],
    };
    if ((ack->has & TCP_HAS_TIMESTAMPS) != 0) {
        syn.has |= TCP_HAS_TIMESTAMPS;
        syn.ts_value = ack->ts_value;
    }
    if ((c->options & OPTION_SCALE) != OPTION_SCALE) {
        syn.has |= TCP_HAS_SCALE;
        syn.scale = c->options & OPTION_SCALE;
    }
    if ((c->options & OPTION_SACK) != 0) {
        syn.has |= TCP_HAS_SACK_PERMITTED;
    }
    return syn;
}

bool tcp_cookie_check(const struct tcp_secret *secret, const struct tcp_names *names,
                      const struct tcp_segment *ack, nsec_t now, struct tcp_segment *syn,
                      uint32_t *isn)
{
    if ((ack->flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK) {
        return false;
    }
    uint32_t cookie = ack->ack - 1;
    bool has_timestamps = (ack->has & TCP_HAS_TIMESTAMPS) != 0;
    struct claim claim = {
        .seq = ack->seq - 1,
        .period = now / PERIOD,
        .options = has_timestamps ? ack->ts_echo & OPTION_MASK : OPTION_SCALE,
        .size = cookie & (ARRAY_SIZE(sizes) - 1),
    };
    bool is_right = cookie_of(secret, names, &claim) == cookie;
    if (!is_right && claim.period > 0) {
        claim.period--;
        is_right = cookie_of(secret, names, &claim) == cookie;
    }
    if (!is_right) {
        return false;
    }
    *syn = syn_of(ack, &claim);
    *isn = cookie;
    return true;
}
