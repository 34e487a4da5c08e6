// SPDX-License-Identifier: Apache-2.0
/* Port tables as their two files see them: inet_port.c changes them, inet_port_find.c reads them. */
#pragma once

#include "kernel/net/inet.h"

enum { INET_PORT_BUCKETS = 1024, INET_PORT_LOCKS = 64 }; // bucket i has lock i % INET_PORT_LOCKS

struct inet_port_side {
    struct spinlock locks[INET_PORT_LOCKS]; // RANK_NET_PORTS
    struct list buckets[INET_PORT_BUCKETS]; // [its lock]
};

struct inet_port_table {
    enum inet_port_rule rule;    // [I]
    _Atomic uint64_t secret;     // [a] so that nobody can fill one bucket; 0: nobody was ever bound
    struct inet_port_side ports; // struct inet_port, by its port
    struct inet_port_side pairs; // struct inet_port, by the pair of names
};

static inline uint64_t inet_port_mix(uint64_t h, uint64_t value)
{
    constexpr uint64_t MULTIPLIER = 0x9e3779b97f4a7c15; // 2^64 / golden ratio
    h = (h ^ value) * MULTIPLIER;
    return h ^ h >> 32;
}

static inline uint64_t inet_port_hash(struct inet_port_table *t, const struct inet_name *local,
                                      const struct inet_name *peer)
{
    uint64_t h = atomic_load_explicit(&t->secret, memory_order_relaxed);
    h = inet_port_mix(h, local->address.halves[1] ^ local->port);
    h = inet_port_mix(h, local->address.halves[0]);
    h = inet_port_mix(h, peer->address.halves[1]);
    h = inet_port_mix(h, peer->address.halves[0]);
    return inet_port_mix(h, peer->port);
}

// A bucket and its lock.
struct inet_port_place {
    struct list *bucket;
    struct spinlock *lock;
};

static inline struct inet_port_place inet_port_place_at(struct inet_port_side *side, uint64_t hash)
{
    size_t i = hash % INET_PORT_BUCKETS;
    return (struct inet_port_place){.bucket = &side->buckets[i],
                                    .lock = &side->locks[i % INET_PORT_LOCKS]};
}

static inline struct inet_port_place inet_port_place_of(struct inet_port_table *t, uint16_t port)
{
    return inet_port_place_at(&t->ports, port);
}

static inline struct inet_port_place inet_port_pair_place(struct inet_port_table *t,
                                                          const struct inet_name *local,
                                                          const struct inet_name *peer)
{
    return inet_port_place_at(&t->pairs, inet_port_hash(t, local, peer));
}

static inline struct inet_socket *inet_port_socket(struct inet_port *p)
{
    return container_of(p, struct inet_socket, port);
}

static inline struct inet_port *inet_port_in_ports(struct list *node)
{
    return container_of(node, struct inet_port, link);
}

static inline struct inet_port *inet_port_in_pairs(struct list *node)
{
    return container_of(node, struct inet_port, pair_link);
}

// With a reference, unless it is about to go.
static inline bool inet_port_try_ref(struct inet_port *p)
{
    return refcount_inc_unless_zero(&inet_port_socket(p)->socket.file.object.refs);
}

static inline bool inet_is_any6(const struct ip_addr *a)
{
    return (a->halves[0] | a->halves[1]) == 0;
}

// Whether packets to `a` are for who is bound as `p` is.
static inline bool inet_port_covers(const struct inet_port *p, const struct ip_addr *a)
{
    const struct ip_addr *own = &p->local.address;
    if (inet_is_any6(own)) {
        return !(p->is_v6_only && ip_is_v4(a));
    }
    return ip_is_equal(own, a) || (ip_is_unspecified(own) && ip_is_v4(a));
}

static inline bool inet_port_is_pair(const struct inet_port *p, const struct inet_name *local,
                                     const struct inet_name *peer)
{
    return p->pair[0].port == local->port && p->pair[1].port == peer->port &&
           ip_is_equal(&p->pair[0].address, &local->address) &&
           ip_is_equal(&p->pair[1].address, &peer->address) &&
           (p->netif == 0 || local->netif == 0 || p->netif == local->netif);
}
