// SPDX-License-Identifier: Apache-2.0
/* The table of neighbours, for those who change it: see ip_neighbour.c. */
#pragma once

#include "kernel/net/ip_priv.h"
#include "lib/net/neighbour.h"

struct neighbour {
    struct rb_node node;    // [l] by address and interface
    struct rb_node planned; // [l] by deadline
    struct list link;       // [l] of `used` or `heard`, the longest not used first
    struct series_node series;
    struct netif *netif;              // [I]
    struct ip_addr address;           // [I]
    struct neighbour_machine machine; // [l]
    struct list waiting;              // [l] packets, oldest first
    uint16_t waiting_count;           // [l]
    bool is_planned;                  // [l]
    bool is_used;                     // [l] something was sent to it
};

struct neighbour_table {
    struct spinlock lock; // RANK_NET_NEIGHBOUR
    struct rb_root tree;
    struct rb_root deadlines;
    struct list used;
    struct list heard; // those that only made themselves known
    struct series series;
    uint32_t count;
    uint32_t heard_count;
    uint32_t waiting_count; // packets of all
    uint32_t limit;         // [I] entries
    struct ip_alarm alarm;
    _Atomic uint32_t generations[64]; // [a] of what CPUs remember, by hash
};
extern struct neighbour_table ip_neighbours;

// What is to be done when the lock is released.
struct neighbour_outcome {
    struct list ready; // packets for `address` on `netif`
    struct list lost;  // packets that nobody takes
    struct list gone;  // struct neighbour, to be freed
    enum neighbour_step step;
    struct netif *netif;
    struct ip_addr address;
    struct mac_addr mac;
};
void ip_neighbour_outcome_init(struct neighbour_outcome *o);
void ip_neighbour_finish(struct neighbour_outcome *o) EXCLUDES(ip_neighbours.lock);

struct neighbour *ip_neighbour_find(const struct netif *n, const struct ip_addr *a)
    REQUIRES(ip_neighbours.lock);

// A new entry, for which another may have to go.  There is none of that address.
enum ip_neighbour_use { IP_NEIGHBOUR_USED, IP_NEIGHBOUR_HEARD };
status_t ip_neighbour_create(struct netif *n, const struct ip_addr *a, enum ip_neighbour_use use,
                             struct neighbour_outcome *o, struct neighbour **out)
    REQUIRES(ip_neighbours.lock);
void ip_neighbour_take_out(struct neighbour *e, struct neighbour_outcome *o)
    REQUIRES(ip_neighbours.lock);

// After a step of an entry's machine, which was not planned meanwhile.
void ip_neighbour_note(struct neighbour *e, enum neighbour_step step, struct neighbour_outcome *o)
    REQUIRES(ip_neighbours.lock);

// The deadline of a machine is changed between these two.
void ip_neighbour_unplan(struct neighbour *e) REQUIRES(ip_neighbours.lock);
void ip_neighbour_plan(struct neighbour *e) REQUIRES(ip_neighbours.lock);

// Something is sent to it.
void ip_neighbour_touch(struct neighbour *e) REQUIRES(ip_neighbours.lock);

// Changes when what CPUs remember of that address is not sure any more.
_Atomic uint32_t *ip_neighbour_generation(const struct ip_addr *a);

void ip_neighbour_ring(void); // deadlines have passed

struct neighbour_times ip_neighbour_times(const struct netif *n, const struct ip_addr *a);
