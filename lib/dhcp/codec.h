// SPDX-License-Identifier: Apache-2.0
/*
 * DHCP's messages (RFC 2131) with the options that a host cares for (RFC 2132, 3396, 3397, 3442, 6842).
 * One struct is read and written, so that a server's side can be played in tests.
 *
 * Servers are not trusted: a message whose options do not fit, or which contradicts itself in what
 * matters, is refused; an option that is malformed and could be missing is as if it were.  A list keeps
 * what it has room for.
 */
#pragma once

#include "lib/dns/name.h"
#include "lib/net/address.h"

enum {
    DHCP_SERVER_PORT = 67,
    DHCP_CLIENT_PORT = 68,
    DHCP_SIZE_MIN = 300,  // of what is sent, for relays of old (RFC 951)
    DHCP_SIZE_MAX = 1472, // what we write, and say that we take
    DHCP_ADDRESSES_MAX = 8,
    DHCP_ROUTES_MAX = 16,
    DHCP_SEARCH_MAX = 255, // bytes
    DHCP_HOST_MAX = 63,
    DHCP_CLIENT_ID_MAX = 32,
    DHCP_MTU_MIN = 576,
};

enum dhcp_type : uint8_t {
    DHCP_NOTHING = 0, // in no message
    DHCP_DISCOVER = 1,
    DHCP_OFFER = 2,
    DHCP_REQUEST = 3,
    DHCP_DECLINE = 4,
    DHCP_ACK = 5,
    DHCP_NAK = 6,
    DHCP_RELEASE = 7,
    DHCP_INFORM = 8,
};

constexpr uint32_t DHCP_FOREVER = UINT32_MAX; // a lease that does not end

struct dhcp_addresses {
    uint8_t count;
    struct ip_addr list[DHCP_ADDRESSES_MAX];
};

struct dhcp_route {
    struct ip_addr destination; // bits behind the first `prefix` are clear
    uint8_t prefix;
    struct ip_addr gateway; // 0.0.0.0: on the link
};

struct dhcp_routes {
    uint8_t count;
    struct dhcp_route list[DHCP_ROUTES_MAX];
};

// Addresses that are not there are IP_ANY or 0.0.0.0, numbers 0, texts empty.
struct dhcp_message {
    enum dhcp_type type;
    bool wants_broadcast; // replies, for want of an address
    uint16_t seconds;     // since the client began
    uint32_t xid;
    struct mac_addr mac;   // of the client
    struct ip_addr client; // that it has: ciaddr
    struct ip_addr yours;  // that it gets: yiaddr
    struct ip_addr relay;  // giaddr
    struct ip_addr server; // identifier
    struct ip_addr requested;
    uint8_t prefix;   // of the subnet mask
    uint32_t lease_s; // or DHCP_FOREVER
    uint32_t renew_s;
    uint32_t rebind_s;
    uint16_t mtu; // not below DHCP_MTU_MIN
    struct dhcp_addresses routers;
    struct dhcp_addresses resolvers;
    struct dhcp_addresses clocks; // NTP servers
    bool has_routes;              // the routers do not count then (RFC 3442)
    struct dhcp_routes routes;
    char host[DHCP_HOST_MAX + 1]; // a name in the sense of dns_name_is_host
    char domain[DNS_NAME_MAX + 1];
    uint8_t search_size;
    uint8_t search[DHCP_SEARCH_MAX]; // names, for dhcp_search_next
    uint8_t client_id_size;
    uint8_t client_id[DHCP_CLIENT_ID_MAX];
};

// A request or a reply, of Ethernet.  ERR_INVAL.
status_t dhcp_parse(struct span bytes, struct dhcp_message *out);

// Writes it, with what a client asks for if it is a client's; gives its size, at most DHCP_SIZE_MAX.
size_t dhcp_emit(const struct dhcp_message *m, uint8_t *to);

// Name by name from 0 on.  False: no more, or what follows is malformed.
bool dhcp_search_next(const struct dhcp_message *m, size_t *at, struct dns_name *out);

// One line of text for logs and tests, terminated, cut at `size`.
void dhcp_print(const struct dhcp_message *m, char *text, size_t size);
