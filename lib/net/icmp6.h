// SPDX-License-Identifier: Apache-2.0
/*
 * ICMPv6 (RFC 4443): echo, and errors with the packet that they are about.  Neighbour discovery is in
 * ndp.h, groups are in mld.h.
 *
 * The checksum, over the pseudo header and the whole message, is the caller's: not looked at by
 * icmp6_parse, 0 after icmp6_emit.  A payload follows the header: an echo's data, an error's quote.
 */
#pragma once

#include "lib/net/ip6.h"
#include "lib/net/quote.h"

enum {
    ICMP6_HEADER_SIZE = 8,
    ICMP6_CHECKSUM_OFFSET = 2,
    ICMP6_QUOTE_MAX = 1232, // bytes of a quote, so that the whole packet has 1280 (RFC 4443, 2.4)
};

enum icmp6_type : uint8_t {
    ICMP6_UNREACHABLE = 1,
    ICMP6_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAMETER_PROBLEM = 4, // its codes: enum ip6_problem_code
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_MLD_QUERY = 130,
    ICMP6_MLD1_REPORT = 131,
    ICMP6_MLD1_DONE = 132,
    ICMP6_ROUTER_SOLICITATION = 133,
    ICMP6_ROUTER_ADVERTISEMENT = 134,
    ICMP6_NEIGHBOUR_SOLICITATION = 135,
    ICMP6_NEIGHBOUR_ADVERTISEMENT = 136,
    ICMP6_REDIRECT = 137,
    ICMP6_MLD2_REPORT = 143,
};

// Codes of ICMP6_UNREACHABLE.
enum icmp6_unreachable : uint8_t {
    ICMP6_NO_ROUTE = 0,
    ICMP6_PROHIBITED = 1,
    ICMP6_SCOPE = 2,
    ICMP6_ADDRESS = 3,
    ICMP6_PORT = 4,
    ICMP6_POLICY = 5,
    ICMP6_REJECT = 6,
};

enum { ICMP6_TIME_REASSEMBLY = 1 }; // code of ICMP6_TIME_EXCEEDED

struct icmp6_message {
    uint8_t type; // enum icmp6_type, or any other
    uint8_t code;
    uint16_t id; // of echo and its reply
    uint16_t sequence;
    uint32_t mtu;     // with ICMP6_TOO_BIG
    uint32_t pointer; // with ICMP6_PARAMETER_PROBLEM
};

// ERR_INVAL: cut short.
status_t icmp6_parse(struct span front, struct icmp6_message *out);

// Writes ICMP6_HEADER_SIZE bytes with a checksum of 0.
void icmp6_emit(const struct icmp6_message *m, uint8_t *to);

// Errors are never answered by errors, and nor are redirects (RFC 4443, 2.4 e).
static inline bool icmp6_is_error(uint8_t type)
{
    return type < 128 || type == ICMP6_REDIRECT;
}

// What an error means to who sent the packet.  False: nothing (it is no such message).
bool icmp6_error(const struct icmp6_message *m, struct quote_error *out);
