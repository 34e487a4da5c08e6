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
    uint32_t multicast_netif;    // IP_MULTICAST_IF
    uint32_t bound_netif;        // SO_BINDTODEVICE
};

struct inet_socket;

// A place in a port table: who listens for what.
struct inet_port {
    struct list link; // [bucket lock]
    struct inet_socket *socket;
    bool is_bound; // [bucket lock]
};

struct inet_socket {
    struct socket socket;
    struct spinlock lock;                 // RANK_NET_SOCKET
    const struct inet_protocol *protocol; // [I]
    struct grant *grant;                  // [I] of the network, a reference
    struct inet_name local;               // [l] port 0: not bound
    struct inet_name peer;                // [l] port 0: not connected
    struct inet_options options;          // [l]
    struct inet_port port;                // [bucket lock]
    status_t error;                       // [l] SO_ERROR: told once
    struct list groups;                   // [l] multicast groups that it joined
    struct wait_queue readers;
    struct wait_queue writers;
    struct event_source events;
};

struct inet_protocol {
    uint16_t type;    // SOCK_STREAM, ...
    uint8_t protocol; // IP_PROTOCOL_*
    bool is_default;  // of its type: protocol 0 means it
    // A socket with a reference, made with inet_init.  ERR_NOMEM.
    status_t (*create)(uint16_t family, uint32_t flags, struct inet_socket **out);
    // Options of its own level; NULL: none.  As socket_get_option.
    status_t (*get_option)(struct inet_socket *s, int32_t option, void *value, uint32_t *size);
    status_t (*set_option)(struct inet_socket *s, int32_t option, const void *value, uint32_t size);
};
void inet_register_protocol(const struct inet_protocol *p); // boot

static inline struct inet_socket *inet_of(struct socket *s)
{
    return (struct inet_socket *)(void *)s;
}

// For protocols: fills the common part; takes the caller's network grant.  And the end of it.
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
void inet_name_write(struct inet_socket *s, const struct inet_name *n, struct socket_address *out);

/*
 * Ports.  A table for each protocol.  Binding to port 0 takes a free one of the ephemeral range
 * (32768 to 60999), from a place that cannot be guessed (RFC 6056).  Who may share a port: as Linux
 * has SO_REUSEADDR (not while somebody listens) and SO_REUSEPORT (all of one principal have it).
 */
struct inet_port_table;
status_t inet_port_table_create(const char *name, struct inet_port_table **out); // boot; ERR_NOMEM

// ERR_ADDRINUSE, ERR_ADDRNOTAVAIL (not ours), ERR_ACCES (the grant), ERR_INVAL (bound already).
status_t inet_port_bind(struct inet_port_table *t, struct inet_socket *s,
                        const struct inet_name *want);
void inet_port_unbind(struct inet_port_table *t, struct inet_socket *s);

// The best socket for a packet to `local` from `peer`: connected before bound before any; among those
// that share a port, by hash of the names.  With a reference; NULL: none.
struct inet_socket *inet_port_find(struct inet_port_table *t, const struct inet_name *local,
                                   const struct inet_name *peer);

// All of them that a packet to a group or to all is for.
size_t inet_port_find_all(struct inet_port_table *t, const struct inet_name *local,
                          const struct inet_name *peer, struct inet_socket **out, size_t max);

// Notes an error that is told once, and wakes.
void inet_set_error(struct inet_socket *s, status_t error);

void inet_families_init(void); // boot: registers AF_INET and AF_INET6 and the protocols here
