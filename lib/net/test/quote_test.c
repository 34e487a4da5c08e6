// SPDX-License-Identifier: Apache-2.0
#include "lib/net/quote.h"

#include "lib/net/ip6.h"
#include "tests/harness/test.h"

enum { UNREACHABLE = 1, ECHO_REQUEST = 128 };

TEST(an_error_of_ipv6_is_known_behind_whatever_options)
{
    // Destination options that nobody knows, a fragment header whose second byte is no length, ICMPv6.
    uint8_t packet[IP6_HEADER_SIZE + 16 + 8 + 4] = {[6] = IP6_DESTINATION};
    uint8_t *options = packet + IP6_HEADER_SIZE;
    options[0] = IP6_FRAGMENT;
    options[1] = 1;
    options[2] = 0x9e;
    options[16] = IP_PROTOCOL_ICMP6;
    options[17] = 200;
    options[24] = UNREACHABLE;
    EXPECT(quote_is_error6(span_of(packet, sizeof(packet))));
    options[24] = ECHO_REQUEST;
    EXPECT(!quote_is_error6(span_of(packet, sizeof(packet))));
}

TEST(what_is_cut_short_is_no_error_of_ipv6)
{
    uint8_t packet[IP6_HEADER_SIZE + 8 + 1] = {[6] = IP6_HOP_BY_HOP, [40] = IP_PROTOCOL_ICMP6};
    packet[48] = UNREACHABLE;
    EXPECT(quote_is_error6(span_of(packet, sizeof(packet))));
    for (size_t size = 0; size < sizeof(packet); size++) {
        EXPECT(!quote_is_error6(span_of(packet, size)));
    }
}
