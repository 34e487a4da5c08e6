// SPDX-License-Identifier: Apache-2.0
/*
 * What an ICMP error quotes of the packet that it is about, and what the error means for who sent
 * that.  Anybody can make one up: the transport checks that the quote fits what it has sent (RFC 5927).
 */
#pragma once

#include "lib/net/address.h"

enum { QUOTE_TRANSPORT_MIN = 8 }; // bytes of the transport that a quote has to have

struct quote {
    struct ip_addr source; // ours, if it was our packet
    struct ip_addr destination;
    uint8_t protocol;
    uint32_t total_size;   // of the packet, as its header says
    struct span transport; // what there is of the transport's header and payload
};

// The packet at the begin of `bytes`: an IPv4 or IPv6 header, extensions, and 8 bytes or more of the
// transport.  ERR_INVAL: it is not that, or not a first fragment.
status_t quote_parse4(struct span bytes, struct quote *out);
status_t quote_parse6(struct span bytes, struct quote *out);

// Whether the IPv6 packet that begins there is an ICMPv6 error, whatever is wrong with the options before
// it: about such a one nothing is told (RFC 4443, 2.4 (e)).
bool quote_is_error6(struct span bytes);

struct quote_error {
    status_t error; // ERR_CONNREFUSED, ERR_HOSTUNREACH, ERR_NETUNREACH, ERR_MSGSIZE, ...
    bool is_hard;   // it will not go away by itself (RFC 1122, 4.2.3.9)
    uint32_t mtu;   // with ERR_MSGSIZE: what fits, IP header included
};
