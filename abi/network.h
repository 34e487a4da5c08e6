// SPDX-License-Identifier: Apache-2.0
/* What a network grant may be limited to: rules of grant_limit_network, of which one has to allow an act. */
#pragma once

#include <stdint.h>

enum swos_net_act {
    SWOS_NET_CONNECT = 1 << 0,   // connect, and send to
    SWOS_NET_LISTEN = 1 << 1,    // bind to a port of one's choice, listen
    SWOS_NET_CAPTURE = 1 << 2,   // packet and raw sockets
    SWOS_NET_CONFIGURE = 1 << 3, // addresses, routes, links
};

enum { SWOS_NET_RULES_MAX = 16, SWOS_NET_ANY_ADDRESS = 255 };

struct swos_net_rule {
    uint8_t acts;     // enum swos_net_act
    uint8_t protocol; // number of the IP protocol; 0: all
    uint8_t
        prefix;  // bits of `address`, of an IPv4 address its own; SWOS_NET_ANY_ADDRESS: any address
    uint8_t pad; // 0
    uint16_t port_first; // of TCP and UDP, host byte order
    uint16_t port_last;
    uint8_t address[16]; // IPv4 as ::ffff:a.b.c.d
};
