// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of IP share: the tables, and the ways between them.  See ip.h.
 *
 *   ip4_input, ip6_input -> ip_classify -> (reassembly) -> ip_deliver -> a transport, icmp, igmp
 *   ip_send -> ip_output_one -> ip_link_send -> neighbour -> netif_transmit
 *
 * Generations: a path is good while the sum of two counters is what it was: one of all changes of
 * configuration, and one of what was learned about the path to its destination.  Both only grow.
 * Look-ups for single packets are remembered by CPU, and forgotten with their generation; this needs
 * no lock since the kernel does not preempt itself.
 */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/net/ip.h"
#include "kernel/net/ip_alarm.h"
#include "kernel/net/ip_counters.h"
#include "lib/base/series.h"
#include "lib/net/route.h"

enum { IP_GENERATIONS = 64, IP_HOP_LIMIT = 64 };

/* ---- Tables ---- */

struct ip_address {
    struct list link;            // [route lock] of its interface
    struct rb_node node;         // [route lock] of the tables' addresses
    struct series_node series;   // [route lock]
    struct netif *netif;         // [I]
    struct ip_address_info info; // written under config and route lock
    nsec_t due;                  // [config] of duplicate address detection; NSEC_NEVER
    uint8_t probes;              // [config] solicitations that were sent for that
    uint8_t nonce[6];            // [config] of the last of them (RFC 7527)
};

struct ip_route {
    struct list link;          // [route lock] of those to the same prefix, best first
    struct list timed;         // [route lock] of those that end some time
    struct series_node series; // [route lock]
    struct netif *netif;       // [I]
    struct ip_route_info info; // written under config and route lock
    bool is_suspect;           // [route lock] its gateway does not answer: others are better
};

struct ip_group {
    struct list link;       // [route lock] of its interface
    struct ip_addr address; // [I]
    uint32_t users;         // [route lock]
    uint8_t reports;        // [route lock] that are still to be sent unasked
    nsec_t due;             // [route lock] when the next report goes; NSEC_NEVER
};

struct ip_tables {
    struct mutex config;                                    // RANK_NET_CONFIG
    struct spinlock lock;                                   // RANK_NET_ROUTE, the "route lock"
    struct rb_root addresses;                               // [lock] struct ip_address
    struct route_trie routes;                               // [lock] struct ip_route_set
    struct list timed;                                      // [lock] struct ip_route
    struct series address_series;                           // [lock]
    struct series route_series;                             // [lock]
    uint32_t suspects;                                      // [lock] routes that are suspect
    _Atomic uint32_t generation;                            // [a] of all
    _Atomic uint32_t generations[IP_GENERATIONS];           // [a] of destinations, by hash
    void (*changed)(enum ip_change what, const void *info); // [I]
};
extern struct ip_tables ip_tables;

// NULL: it is not there yet.
static inline struct netif *ip_loopback(void)
{
    struct netif *n = netif_loopback();
    return n != NULL && n->index != 0 ? n : NULL;
}

static inline unsigned ip_hash(const struct ip_addr *a)
{
    uint64_t mixed = (a->halves[0] ^ a->halves[1]) * 0x9e3779b97f4a7c15;
    return (unsigned)(mixed >> 32);
}

static inline uint32_t ip_generation(const struct ip_addr *destination)
{
    _Atomic uint32_t *own = &ip_tables.generations[ip_hash(destination) % IP_GENERATIONS];
    return atomic_load_explicit(&ip_tables.generation, memory_order_acquire) +
           atomic_load_explicit(own, memory_order_acquire);
}

// Something changed after which paths are looked up anew.  Any lock may be held.
static inline void ip_changed(void)
{
    (void)atomic_fetch_add_explicit(&ip_tables.generation, 1, memory_order_release);
}

static inline void ip_path_changed(const struct ip_addr *destination)
{
    _Atomic uint32_t *own = &ip_tables.generations[ip_hash(destination) % IP_GENERATIONS];
    (void)atomic_fetch_add_explicit(own, 1, memory_order_release);
}

/*
 * What a change of configuration leads to, told when no lock is held any more: what was added, as
 * copies, and what was taken out, which is freed then.
 */
struct ip_changes {
    struct list addresses; // struct ip_address, taken out
    struct list routes;    // struct ip_route, taken out
    bool has_address;
    bool has_route;
    struct ip_address_info address; // added, or changed
    struct ip_route_info route;
};
void ip_changes_init(struct ip_changes *c);
void ip_changes_tell(struct ip_changes *c);

/* ---- Addresses: ip_address.c, ip_source.c, ip_duplicate.c ---- */

// The address of this interface, or of any (NULL), in whatever state.
struct ip_address *ip_address_find(const struct ip_addr *a, const struct netif *n)
    REQUIRES(ip_tables.lock);

static inline bool ip_address_is_usable(const struct ip_address *a)
{
    return a->info.state == IP_PREFERRED || a->info.state == IP_DEPRECATED;
}

status_t ip_address_put(const struct ip_address_info *info, struct ip_changes *c)
    REQUIRES(ip_tables.config);
// Takes it out, with the route that was made of it.
void ip_address_take_out(struct ip_address *a, struct ip_changes *c) REQUIRES(ip_tables.config);
void ip_address_set_state(struct ip_address *a, enum ip_address_state state)
    REQUIRES(ip_tables.config);

// A new address: looks for duplicates, or tells the neighbours.
void ip_address_begin(struct ip_address *a) REQUIRES(ip_tables.config);
// Lifetimes of addresses or routes are others now.
void ip_lifetimes_changed(void) REQUIRES(ip_tables.config);
void ip_lifetimes_look(void); // the same, by itself
void ip_lifetimes_init(void);

// The best source for packets to `destination` by that interface (RFC 6724).  False: there is none.
bool ip_source_find(const struct ip_addr *destination, const struct netif *n, struct ip_addr *out)
    REQUIRES(ip_tables.lock);

enum ip_kind : uint8_t {
    IP_KIND_NONE, // not for this machine
    IP_KIND_LOCAL,
    IP_KIND_BROADCAST,
    IP_KIND_GROUP,
};

// What a packet that came in by `n` to that address is.
enum ip_kind ip_classify(const struct netif *n, const struct ip_addr *destination);
bool ip_is_broadcast_of(const struct netif *n, const struct ip_addr *a) REQUIRES(ip_tables.lock);
bool ip_is_local_on(const struct netif *n, const struct ip_addr *a) REQUIRES(ip_tables.lock);
bool ip_group_is_joined(const struct netif *n, const struct ip_addr *group)
    REQUIRES(ip_tables.lock);

void ip_group_init(void);
void ip_group_announce(struct netif *n); // the link came up

/* ---- Routes: ip_route.c ---- */

struct ip_route *ip_route_find(const struct ip_addr *destination, const struct netif *n)
    REQUIRES(ip_tables.lock);
status_t ip_route_put(const struct ip_route_info *info, struct ip_changes *c)
    REQUIRES(ip_tables.config);
status_t ip_route_drop(const struct ip_route_info *info, struct ip_changes *c)
    REQUIRES(ip_tables.config);
// The neighbour at that address answers, or does not: routes over it are good, or the last resort.
void ip_route_gateway(const struct netif *n, const struct ip_addr *gateway, bool answers);
bool ip_route_exists(const struct ip_route_info *r);
// Takes default routes out that lead over a router and were learned from it, but those of that metric.
void ip_route_forget_router(const struct netif *n, const struct ip_addr *router, uint32_t but);
void ip_route_take_out(struct ip_route *r, struct ip_changes *c) REQUIRES(ip_tables.config);

/* ---- Paths: ip_path.c, ip_pmtu.c ---- */

// The MTU that the network told for a destination, or `mtu`.
uint32_t ip_pmtu_get(const struct ip_addr *destination, uint32_t mtu);
void ip_pmtu_learn(const struct ip_addr *destination, uint32_t mtu);
void ip_pmtu_flush(void); // links changed
void ip_pmtu_init(void);

// The interface's MTU for that version.
uint32_t ip_netif_mtu(const struct netif *n, bool is_v4);

/* ---- Neighbours: ip_neighbour.c, arp.c, ndp.c ---- */

void ip_neighbour_init(void);

// Whether the link address of a neighbour is known; it is then not asked about.
bool ip_neighbour_resolve(struct netif *n, const struct ip_addr *a, struct mac_addr *out);

// Keeps the packet, whose data is the IP header, until the link address is there: takes it.
void ip_neighbour_wait(struct netif *n, const struct ip_addr *a, struct packet *p);

// What was heard of a neighbour.  `may_add`: there may be none yet.
void ip_neighbour_heard(struct netif *n, const struct ip_addr *a, const struct mac_addr *mac,
                        bool may_add);
struct neighbour_answer;
void ip_neighbour_answered(struct netif *n, const struct ip_addr *a,
                           const struct neighbour_answer *answer);
void ip_neighbour_flush(const struct netif *n); // the link went

// Asks for a link address: `mac` NULL: all, else that one.
void arp_solicit(struct netif *n, const struct ip_addr *target, const struct mac_addr *mac);
void arp_announce(struct netif *n, const struct ip_addr *own);
void ndp_solicit(struct netif *n, const struct ip_addr *target, const struct mac_addr *mac);

/* ---- Output: ip_output.c, ip_link.c ---- */

// Sends a packet that has its IP header.  Takes it.
void ip_link_send(struct netif *n, const struct ip_addr *next_hop, struct packet *p);
// With the link's header put in front, for packets that are no IP.  Takes it.
void ip_link_frame(struct netif *n, const struct mac_addr *to, uint16_t type, struct packet *p);
uint16_t ip_random_id(void);

/* ---- Input: ip_deliver.c, ip4_input.c, ip6_input.c, icmp*.c ---- */

// Gives the packet, `data` at the transport's header, to whom it is for: takes it.
void ip_deliver(struct packet *p, const struct ip_meta *m);
// Protocols that are IP's own; and what is left of such a packet, for a transport that wants it.
void ip_register_own(uint8_t protocol, void (*receive)(struct packet *p, const struct ip_meta *m));
void ip_hand_on(struct packet *p, const struct ip_meta *m);
// Makes the packet one piece, of what is read as a whole and answered with something else.  ERR_NOMEM;
// ERR_MSGSIZE: nobody needs so much.
status_t ip_make_linear(struct packet **p);
// Tells the transport, and believes what it says.
bool ip_tell_error(const struct ip_error *e);
// A packet of ours that does not go: tells its transport.
void ip_report_failure(const struct packet *p, status_t error);

void ip4_receive(struct netif *n, struct packet *p, const struct mac_addr *from);
void ip6_receive(struct netif *n, struct packet *p, const struct mac_addr *from);
void arp_receive(struct netif *n, struct packet *p, const struct mac_addr *from);

// Behind the IPv6 header, which `p` begins with.
void ip6_take(struct packet *p, struct ip_meta *m);

/* ---- ICMP: icmp.c, icmp4.c, icmp6.c ---- */

void icmp4_init(void);
void icmp6_init(void);

// What is in one piece of a received packet, from its network's header on.
struct span icmp_original(const struct packet *p);

// Whether another error may be sent to that address now (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f).
bool icmp_may_send(const struct ip_addr *to);
// Whether an error about a packet may be sent at all (RFC 1122, 3.2.2; RFC 4443, 2.4 e).
bool icmp_may_answer(const struct ip_meta *m);
// A packet with `header_size` bytes of room, and behind them what an error quotes of `p`.
status_t icmp_quote(const struct packet *p, size_t header_size, size_t max, struct packet **out);
// Whether the packet may be sent back as it is, with new headers.
bool icmp_has_headroom(const struct packet *p);
// Writes the checksum, on top of a pseudo header's sum.
void icmp_finish(struct packet *p, uint32_t sum);
// Sends a message, finished but for ICMPv6's checksum, to who sent that packet, from the address that it was sent to if we have it.
void icmp_reply(struct packet *p, const struct ip_meta *m);
// An error with its quote was understood.
struct quote;
struct quote_error;
struct icmp_report {
    const struct quote *quote;
    const struct quote_error *error;
    uint8_t type;
    uint8_t code;
};
void icmp_report(const struct icmp_report *r, const struct ip_meta *m);

void icmp4_send_error(const struct packet *p, const struct ip_meta *m, uint8_t type, uint8_t code);
void icmp6_send_error(const struct packet *p, const struct ip_meta *m, uint8_t type, uint8_t code,
                      uint32_t value);
// ndp.c, mld.c: messages whose checksum is right; `p` stays the caller's unless said.
// True: it was taken.
bool ndp_receive(struct packet *p, const struct ip_meta *m);
void mld_receive(struct packet *p, const struct ip_meta *m);
void igmp_receive(struct packet *p, const struct ip_meta *m);
