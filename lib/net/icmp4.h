// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP for IPv4 (RFC 792, RFC 1122 3.2.2): echo, and errors with the packet that they are about.
 *
 * The checksum, over the whole message, is the caller's: not looked at by icmp4_parse, 0 after
 * icmp4_emit.  A payload follows the header: an echo's data, an error's quote.
 */
#pragma once

#include "lib/net/quote.h"

enum {
    ICMP4_HEADER_SIZE = 8,
    ICMP4_CHECKSUM_OFFSET = 2,
    ICMP4_QUOTE_MAX = 548, // bytes of a quote, so that the whole packet has 576 (RFC 1812, 4.3.2.3)
};

enum icmp4_type : uint8_t {
    ICMP4_ECHO_REPLY = 0,
    ICMP4_UNREACHABLE = 3,
    ICMP4_REDIRECT = 5,
    ICMP4_ECHO = 8,
    ICMP4_TIME_EXCEEDED = 11,
    ICMP4_PARAMETER_PROBLEM = 12,
};

// Codes of ICMP4_UNREACHABLE.
enum icmp4_unreachable : uint8_t {
    ICMP4_NET = 0,
    ICMP4_HOST = 1,
    ICMP4_PROTOCOL = 2,
    ICMP4_PORT = 3,
    ICMP4_TOO_BIG = 4, // fragmentation needed and DF set
    ICMP4_SOURCE_ROUTE = 5,
    ICMP4_NET_PROHIBITED = 9,
    ICMP4_HOST_PROHIBITED = 10,
    ICMP4_PROHIBITED = 13,
};

enum { ICMP4_TIME_REASSEMBLY = 1 }; // code of ICMP4_TIME_EXCEEDED

struct icmp4_message {
    uint8_t type; // enum icmp4_type, or any other
    uint8_t code;
    uint16_t id; // of echo and its reply
    uint16_t sequence;
    uint16_t mtu;           // with ICMP4_TOO_BIG; 0: a router that does not say (RFC 1191, 5)
    uint8_t pointer;        // with ICMP4_PARAMETER_PROBLEM
    struct ip_addr gateway; // with ICMP4_REDIRECT
};

// ERR_INVAL: cut short.
status_t icmp4_parse(struct span front, struct icmp4_message *out);

// Writes ICMP4_HEADER_SIZE bytes with a checksum of 0.
void icmp4_emit(const struct icmp4_message *m, uint8_t *to);

// Errors are never answered by errors (RFC 1122, 3.2.2).
static inline bool icmp4_is_error(uint8_t type)
{
    return type == ICMP4_UNREACHABLE || type == ICMP4_REDIRECT || type == ICMP4_TIME_EXCEEDED ||
           type == ICMP4_PARAMETER_PROBLEM || type == 4; // source quench
}

// What an error about packet `q` means to its sender.  False: nothing (it is no such message).
bool icmp4_error(const struct icmp4_message *m, const struct quote *q, struct quote_error *out);
