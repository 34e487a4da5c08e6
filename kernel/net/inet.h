// SPDX-License-Identifier: Apache-2.0
/*
 * What sockets of AF_INET and AF_INET6 have in common: names, ports, options, authority.  Beside it
 * lie the protocols: udp.h, tcp.h, icmp_socket.h (echo), raw.h; each registers what it is with
 * inet_register_protocol, and embeds struct inet_socket as its first field.
 *
 *   socket_create -> family AF_INET, AF_INET6 -> inet_protocol.create -> inet_init
 *   bind, connect -> net_authority_check -> inet_port_bind -> the protocol's own work
 *
 * A socket of AF_INET6 without IPV6_V6ONLY speaks both versions: addresses are one type (ip_addr), so
 * the protocols see no difference.
 *
 * Authority: the network grant of who makes the socket goes with it, and every bind, listen, connect
 * and send to an address asks what it allows (protocol, listen or connect, prefix, range of ports).
 * A grant that was revoked allows nothing any more, whoever holds the socket.
 *
 * Locking: `lock` (RANK_NET_SOCKET) guards names and the state of the protocol.  A port table has a
 * lock for each bucket (RANK_NET_PORTS), taken inside it.  Received packets come in without locks.
 */
#pragma once

#include "abi/inet.h"
#include "kernel/ipc/socket.h"
#include "kernel/net/authority.h"
#include "kernel/net/ip.h"

// An address with its port, of either version.
struct inet_name {
    struct ip_addr address;
    uint32_t netif; // sin6_scope_id; 0: none
    uint16_t port;  // host byte order
};

struct inet_options {
    uint8_t hop_limit;           // IP_TTL, IPV6_UNICAST_HOPS; 0: the default
    uint8_t multicast_hop_limit; // IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS
    uint8_t traffic_class;       // IP_TOS, IPV6_TCLASS
    bool is_v6_only;             // IPV6_V6ONLY
    bool multicast_loop;         // IP_MULTICAST_LOOP
    uint8_t mtu_discover;        // IP_MTU_DISCOVER
    bool wants_errors;           // IP_RECVERR, IPV6_RECVERR
    bool wants_packet_info;      // IP_PKTINFO, IPV6_RECVPKTINFO
    bool wants_hop_limit;        // IP_RECVTTL, IPV6_RECVHOPLIMIT
    bool wants_traffic_class;    // IP_RECVTOS, IPV6_RECVTCLASS
    uint8_t timestamps;          // SO_TIMESTAMP or SO_TIMESTAMPNS; 0: none
    uint32_t multicast_netif;    // IP_MULTICAST_IF
    uint32_t bound_netif;        // SO_BINDTODEVICE
};

struct inet_socket;

// A place in a port table: which packets are whose.
struct inet_port {
    struct list link;         // [port lock]
    struct list pair_link;    // [pair lock]
    struct inet_name local;   // [port lock] port 0: in no table
    struct inet_name pair[2]; // [pair lock] connected: local, peer
    uint32_t netif;           // [port lock] it belongs to this interface; 0: to all
    bool is_connected;        // [port lock] only what comes from its peer is its
    bool is_listening;        // [port lock]
    bool is_v6_only;          // [port lock]
    bool shares_address;      // [port lock] SO_REUSEADDR when it was bound
    bool shares_port;         // [port lock] SO_REUSEPORT when it was bound
};

// A group that a socket has joined.
struct inet_group {
    struct list link; // [l]
    struct ip_addr group;
    struct netif *netif;
};

struct inet_socket {
    struct socket socket;
    struct spinlock lock;                 // RANK_NET_SOCKET
    const struct inet_protocol *protocol; // [I]
    struct grant *grant;                  // [I] of the network, a reference; NULL: the kernel's own
    uint32_t principal;                   // [I] of who made it
    struct inet_name local;               // [l] port 0: not bound
    struct inet_name peer;                // [l] port 0: not connected
    struct inet_options options;          // [l]
    struct inet_port port;                // [port lock]
    status_t error;                       // [l] SO_ERROR: told once
    struct list groups;                   // [l] struct inet_group
    uint32_t group_count;                 // [l]
    struct wait_queue readers;
    struct wait_queue writers;
    struct event_source events;
};

struct inet_protocol {
    uint16_t type;     // SOCK_STREAM, ...
    uint8_t protocol;  // IP_PROTOCOL_*
    bool is_default;   // of its type: protocol 0 means it
    bool takes_any;    // any protocol that no other of its type has (raw sockets)
    enum net_act need; // what the network grant must allow to make one; 0: nothing
    // A socket with a reference, made with inet_init.  ERR_NOMEM, ERR_PROTONOSUPPORT.
    status_t (*create)(uint16_t family, uint32_t protocol, uint32_t flags,
                       struct inet_socket **out);
    // Options of its own level; NULL: none.  As socket_get_option.
    status_t (*get_option)(struct inet_socket *s, int32_t option, void *value, uint32_t *size);
    status_t (*set_option)(struct inet_socket *s, int32_t option, const void *value, uint32_t size);
};
void inet_register_protocol(const struct inet_protocol *p); // boot

static inline struct inet_socket *inet_of(struct socket *s)
{
    return (struct inet_socket *)(void *)s;
}

// For protocols: fills the common part.  The network grant of the caller comes once it is made.  And
// the end of it: thread context, no locks.
void inet_init(struct inet_socket *s, const struct inet_protocol *p, const struct socket_ops *ops,
               uint16_t family, uint32_t flags);
void inet_fini(struct inet_socket *s);

// For connections that a listener made: options, family and grant are those of `listener`.
void inet_init_accepted(struct inet_socket *s, struct inet_socket *listener,
                        const struct socket_ops *ops);

// Addresses as programs have them.  ERR_INVAL: too short.  ERR_AFNOSUPPORT: of another family, or of
// IPv4 (mapped) for a socket that is of IPv6 only.
status_t inet_name_read(struct inet_socket *s, const struct socket_address *a,
                        struct inet_name *out);
void inet_name_write(const struct inet_socket *s, const struct inet_name *n,
                     struct socket_address *out);

// Whether the socket's grant allows the act with that address and port.  ERR_PERM, ERR_ACCES.
status_t inet_may(const struct inet_socket *s, enum net_act act, const struct inet_name *n);

// The interface that packets of the socket to `to` must leave by; NULL: any.  ERR_NODEV; ERR_INVAL: a
// link-local address without an interface.
status_t inet_netif_for(struct inet_socket *s, const struct inet_name *to, struct netif **out);

// Operations that a protocol can put into its struct socket_ops as they are.
status_t inet_local_name(struct socket *s, struct socket_address *out);
status_t inet_peer_name(struct socket *s, struct socket_address *out);
status_t inet_take_error(struct socket *s);
status_t inet_get_option(struct socket *s, int32_t level, int32_t option, void *value,
                         uint32_t *size);
status_t inet_set_option(struct socket *s, int32_t level, int32_t option, const void *value,
                         uint32_t size);

// For options of protocols: a number as programs give it (int, or a byte), and back.
status_t inet_option_number(const void *value, uint32_t size, int32_t *out); // ERR_INVAL
void inet_option_put(void *value, uint32_t *size, const void *what, size_t n);

/*
 * Ports.  A table for each protocol.  Binding to port 0 takes a free one of the ephemeral range
 * (32768 to 60999), from a place that cannot be guessed (RFC 6056, 3.3.1).  Who may share a port: as
 * Linux has SO_REUSEADDR (not while somebody listens) and SO_REUSEPORT (all of one principal have it).
 *
 *   inet_port_bind -> (inet_port_listen) -> inet_port_connect, inet_port_disconnect -> inet_port_unbind
 *
 * A socket is in the bucket of its port, and once connected in that of its pair of names too.  All of
 * these take the socket's lock, so they are called without it.
 */
enum inet_port_rule : uint8_t {
    INET_PORT_DATAGRAMS,   // who is bound gets packets; SO_REUSEADDR is enough to share
    INET_PORT_CONNECTIONS, // who listens or is connected does
};
struct inet_port_table;
status_t inet_port_table_create(const char *name, enum inet_port_rule rule,
                                struct inet_port_table **out); // boot; ERR_NOMEM

// Sets s->local.  ERR_ADDRINUSE, ERR_ADDRNOTAVAIL (not ours), ERR_ACCES (the grant), ERR_INVAL (bound
// already).  A port of 0 needs no right to listen.
status_t inet_port_bind(struct inet_port_table *t, struct inet_socket *s,
                        const struct inet_name *want);
void inet_port_unbind(struct inet_port_table *t, struct inet_socket *s);

// It takes connections.  ERR_ADDRINUSE: so does another at its address, and they do not share.
status_t inet_port_listen(struct inet_port_table *t, struct inet_socket *s);

// What comes from `peer` to `local` is its, and nothing else; sets s->local and s->peer.  It is bound.
// ERR_ADDRINUSE: another has that pair.
status_t inet_port_connect(struct inet_port_table *t, struct inet_socket *s,
                           const struct inet_name *local, const struct inet_name *peer);
void inet_port_disconnect(struct inet_port_table *t, struct inet_socket *s);

// The best socket for a packet to `local` from `peer`: connected before bound before any; among those
// that share a port, by hash of the names.  `local->netif` is where it came in.  With a reference;
// NULL: none.
struct inet_socket *inet_port_find(struct inet_port_table *t, const struct inet_name *local,
                                   const struct inet_name *peer);

// All of them that a packet to a group or to all is for, with references.  Gives how many there are;
// where that is more than `max`, none was given.
size_t inet_port_find_all(struct inet_port_table *t, const struct inet_name *local,
                          const struct inet_name *peer, struct inet_socket **out, size_t max);

// The next socket of the table, with a reference: `*cursor` is 0 at first, and is moved on.  Sockets that
// come or go meanwhile may be missed.  NULL: no more.  Thread context without locks.
struct inet_socket *inet_port_next(struct inet_port_table *t, uint64_t *cursor);

// Notes an error that is told once, and wakes.
void inet_set_error(struct inet_socket *s, status_t error);

void inet_families_init(void); // boot: registers AF_INET and AF_INET6 and the protocols here
