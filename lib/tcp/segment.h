// SPDX-License-Identifier: Apache-2.0
/*
 * TCP's wire format (RFC 9293, 3.1) with the options of RFC 7323 (window scale, timestamps) and
 * RFC 2018 (SACK).  Other options are skipped.  All fields are in host byte order.
 *
 * The checksum is not looked at and not made here: it covers addresses, and the device may do it.
 */
#pragma once

#include "lib/base/span.h"

enum tcp_flags : uint8_t {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

enum {
    TCP_HEADER_MIN = 20,
    TCP_HEADER_MAX = 60,
    TCP_SACKS_MAX = 4,
    TCP_CHECKSUM_OFFSET = 16, // of the checksum within the header
};

// Options that a segment has.
enum tcp_has : uint8_t {
    TCP_HAS_MSS = 1 << 0,
    TCP_HAS_SCALE = 1 << 1,
    TCP_HAS_TIMESTAMPS = 1 << 2,
    TCP_HAS_SACK_PERMITTED = 1 << 3,
};

struct tcp_sack {
    uint32_t left;
    uint32_t right; // behind the last byte
};

struct tcp_segment {
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t seq;
    uint32_t ack;    // with TCP_ACK
    uint16_t window; // as in the header, not scaled
    uint8_t flags;   // enum tcp_flags
    uint8_t has;     // enum tcp_has
    uint16_t mss;    // with TCP_HAS_MSS
    uint8_t scale;   // with TCP_HAS_SCALE; at most 14
    uint8_t sack_count;
    uint32_t ts_value; // with TCP_HAS_TIMESTAMPS
    uint32_t ts_echo;
    struct tcp_sack sacks[TCP_SACKS_MAX];
    uint32_t payload_size; // bytes behind the header
};

// Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4).
static inline bool tcp_seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool tcp_seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

// What of the sequence space it takes: bytes, SYN and FIN.
static inline uint32_t tcp_segment_space(const struct tcp_segment *s)
{
    return s->payload_size + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
}

// Reads header and options; *header_size is where the payload begins.  `packet` is the header with
// all that is behind it.  ERR_INVAL: cut short, or an option that does not fit.
status_t tcp_parse(struct span packet, struct tcp_segment *out, size_t *header_size);

// Bytes of the header with its options, a multiple of 4.
size_t tcp_header_size(const struct tcp_segment *s);

// Writes it with a checksum of 0; `to` has TCP_HEADER_MAX bytes.  Gives tcp_header_size.
size_t tcp_emit(const struct tcp_segment *s, uint8_t *to);

// One line of text for logs and tests, terminated, cut at `size`.
void tcp_print(const struct tcp_segment *s, char *text, size_t size);
