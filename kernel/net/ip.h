// SPDX-License-Identifier: Apache-2.0
/*
 * IP, both versions: addresses of interfaces, routes, neighbours, and packets in and out.
 *
 *   transport -> ip_path_find (once, kept) -> ip_send -> neighbour's address -> netif_transmit
 *   netif_receive -> ip4/ip6 input -> reassembly -> the transport's receive
 *   an ICMP error about one of our packets -> the transport's error
 *
 * A path says how packets to a destination leave: it is looked up once per connection and kept while
 * ip_path_is_current; changes of addresses, routes, links and of the path's MTU end that.
 *
 * Hosts only: nothing is forwarded.
 *
 * Locking: configuration under a mutex (RANK_NET_CONFIG); routes, addresses, neighbours each under a
 * spinlock of theirs (RANK_NET_ROUTE, RANK_NET_NEIGHBOUR), taken in thread context only.  Receiving
 * does not sleep.  No lock is held in calls of transports.
 */
#pragma once

#include "kernel/net/netif.h"

// How packets to one destination leave.  A value; holds no reference.
struct ip_path {
    struct netif *netif;
    struct ip_addr source;
    struct ip_addr destination;
    struct ip_addr next_hop;
    uint32_t mtu;        // of the path, bytes with the IP header
    uint32_t generation; // of ip_path_is_current
    bool is_local;       // it stays on this machine
};

// `source`: IP_ANY: the best for the destination is chosen (RFC 6724).  `netif`: NULL: any.
// ERR_NETUNREACH: no route, or no address.  ERR_ADDRNOTAVAIL: `source` is not ours.
// ERR_ACCES: the destination is a broadcast and `may_broadcast` is false.
status_t ip_path_find(const struct ip_addr *destination, const struct ip_addr *source,
                      struct netif *netif, bool may_broadcast, struct ip_path *out);
bool ip_path_is_current(const struct ip_path *p);

// What an IP header says beside the payload.
struct ip_meta {
    struct ip_addr source;
    struct ip_addr destination;
    struct netif *netif;   // received: where
    uint8_t protocol;      // of the transport
    uint8_t hop_limit;     // to send: 0: the default
    uint8_t traffic_class; // with ECN's two bits
    bool dont_fragment;    // to send: ERR_MSGSIZE instead of fragments, and DF with IPv4
    bool is_looped;        // to send to a group or to all: members on this machine get it as well
    bool is_multicast;     // received: it was sent to a group ...
    bool is_broadcast;     // ... or to all
    bool has_router_alert; // received (RFC 2113, RFC 2711)
};

// Sends what lies at `data` (the transport's header) along the path: takes the packet.  Addresses are
// the path's, what else is needed the meta's.  No lock is held: what stays on this machine is received
// before it returns.  OK does not mean that it arrived.  ERR_MSGSIZE,
// ERR_NETUNREACH: the path is not current any more and there is no other; ERR_NOBUFS.
status_t ip_send(struct packet *p, const struct ip_path *path, const struct ip_meta *m);

// The same for packets of a connection, all alike.
status_t ip_send_all(struct list *packets, const struct ip_path *path, const struct ip_meta *m);

// The sum of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1), not inverted.
uint32_t ip_pseudo_sum(const struct ip_addr *source, const struct ip_addr *destination,
                       uint8_t protocol, uint32_t size);

// Whether the transport's checksum of a received packet, at `data`, is right.
bool ip_checksum_is_right(const struct packet *p, const struct ip_meta *m);

// An error that the network told about a packet of ours.
struct ip_error {
    struct ip_addr source;      // of the packet: ours
    struct ip_addr destination; // of the packet
    struct ip_addr reporter;    // who told
    status_t error; // ERR_CONNREFUSED, ERR_HOSTUNREACH, ERR_NETUNREACH, ERR_MSGSIZE, ...
    bool is_hard;   // it will not go away by itself
    uint32_t mtu;   // with ERR_MSGSIZE: what fits, IP header included
    uint8_t type;   // of ICMP
    uint8_t code;
    uint8_t protocol;
    struct span transport; // what of the packet's transport was sent back: 8 bytes at least
};

struct ip_transport {
    uint8_t protocol;
    // Takes the packet: `data` is the transport's header, the checksum was not looked at.
    void (*receive)(struct packet *p, const struct ip_meta *m);
    // May be NULL.  Whether it is about something that was sent: only then is it believed what the
    // path's MTU is, so a transport that has sequence numbers looks at them (RFC 5927).
    bool (*error)(const struct ip_error *e);
};
// Boot.  ICMP's two protocols are IP's own: it answers, and tells transports of errors; who registers
// for them gets the rest (echo's replies), and errors about what it has sent.
void ip_register_transport(const struct ip_transport *t);

// Everything that comes in for this machine, before its transport takes it (raw sockets): borrows it,
// `data` at the transport's header.  NULL: nobody listens.
void ip_set_raw_hook(void (*receive)(const struct packet *p, const struct ip_meta *m));

// Tells the sender that nobody listens at that port, or knows that protocol: borrows the packet, whose
// `data` is at the transport's header.  Limited in rate (RFC 1812, 4.3.2.8).
enum ip_unreachable { IP_PORT_UNREACHABLE, IP_PROTOCOL_UNREACHABLE };
void ip_send_unreachable(const struct packet *p, const struct ip_meta *m, enum ip_unreachable why);

/* ---- Addresses, routes, neighbours: the administrator's (netlink), and lists of them ---- */

enum ip_address_origin : uint8_t { IP_STATIC, IP_DHCP, IP_AUTOCONF, IP_LINK_LOCAL };
enum ip_address_state : uint8_t { IP_TENTATIVE, IP_PREFERRED, IP_DEPRECATED, IP_DUPLICATE };

struct ip_address_info {
    struct ip_addr address;
    uint32_t netif; // index
    uint8_t prefix; // bits
    enum ip_address_origin origin;
    enum ip_address_state state;
    nsec_t preferred_until; // NSEC_NEVER
    nsec_t valid_until;
};

struct ip_route_info {
    struct ip_addr destination; // with `prefix` 0: the default route of the version of `gateway`
    uint8_t prefix;
    uint32_t netif;
    struct ip_addr gateway; // IP_ANY: on the link
    struct ip_addr source;  // preferred; IP_ANY: chosen
    uint32_t metric;
    enum ip_address_origin origin;
    bool is_v4;
    nsec_t valid_until;
};

enum ip_neighbour_state : uint8_t { // RFC 4861, 7.3.2, for ARP too
    IP_INCOMPLETE,
    IP_REACHABLE,
    IP_STALE,
    IP_DELAY,
    IP_PROBE,
    IP_FAILED,
    IP_PERMANENT,
};

struct ip_neighbour_info {
    struct ip_addr address;
    uint32_t netif;
    struct mac_addr mac;
    enum ip_neighbour_state state;
    bool is_router;
};

// ERR_EXIST (its lifetimes are changed all the same), ERR_INVAL, ERR_NODEV, ERR_NOMEM; ERR_NOENT.
// An address has the route to its neighbours made for it; IPv6's is looked for on the link first
// (RFC 4862, 5.4) unless its state says that it is IP_PREFERRED.
status_t ip_address_add(const struct ip_address_info *a);
status_t ip_address_remove(uint32_t netif, const struct ip_addr *a, uint8_t prefix);
status_t ip_route_add(const struct ip_route_info *r);
status_t ip_route_remove(const struct ip_route_info *r);
status_t ip_neighbour_add(const struct ip_neighbour_info *n);
status_t ip_neighbour_remove(uint32_t netif, const struct ip_addr *a);

// The next entry of a list that may change between calls: `*cursor` is 0 at first, and is moved on.  A
// list read this way has each entry once that was there all the time.  ERR_NOENT: no more.
status_t ip_address_list(uint64_t *cursor, struct ip_address_info *out);
status_t ip_route_list(uint64_t *cursor, struct ip_route_info *out);
status_t ip_neighbour_list(uint64_t *cursor, struct ip_neighbour_info *out);

// Whether the address is one of this machine's (any interface), or of this interface.
bool ip_is_local(const struct ip_addr *a);

// Joins or leaves a group on an interface: counted.  Thread context without locks.  ERR_NOMEM;
// ERR_INVAL: not a group.
status_t ip_group_join(struct netif *n, const struct ip_addr *group);
void ip_group_leave(struct netif *n, const struct ip_addr *group);

// Who is told of changes, in thread context without locks (netlink).
enum ip_change {
    IP_ADDRESS_ADDED,
    IP_ADDRESS_REMOVED,
    IP_ROUTE_ADDED,
    IP_ROUTE_REMOVED,
    IP_RESOLVER_HEARD, // each time that a router says it
};
void ip_set_change_hook(void (*changed)(enum ip_change what, const void *info));

// Router advertisements carry resolvers (RFC 8106): what is valid of them, for swos-netd; a list as
// those above.
struct ip_resolver_info {
    struct ip_addr address;
    uint32_t netif;
    nsec_t valid_until;
};
status_t ip_resolver_list(uint64_t *cursor, struct ip_resolver_info *out);

// For netif_register: readies `n->ip`.
void ip_netif_init(struct netif *n);

struct ip_counters; // of SNMP's names, kernel/net/ip_counters.h
void ip_init(void); // boot, before any interface
