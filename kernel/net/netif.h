// SPDX-License-Identifier: Apache-2.0
/*
 * Network interfaces: a driver below, the protocols above.
 *
 *   driver's probe -> netif_register -> up, down by the administrator -> (never goes)
 *   netif_transmit -> queue -> ops->transmit -> the device
 *   the device's interrupt -> the interface's thread -> ops->poll -> netif_receive -> a protocol
 *
 * Receiving is in one thread per receive queue: the interrupt wakes it and is off until the queue was
 * found empty, so that a flood costs a share of the CPU and no more.  A batch goes up at once.
 *
 * What is sent waits in a bounded queue while the device is full; what finds no room there is dropped,
 * and counted.  A device may have several such queues: a packet goes to that of the CPU which sends it.
 * Loopback (kernel/net/loopback.c) hands what is sent to netif_receive from a worker, so that nothing
 * recurses and no lock of a sender is held.
 *
 * Locking: a queue's `lock` (RANK_NET_QUEUE) for what waits; flags and counters are atomic; addresses
 * belong to kernel/net/ip.h.  All of it is for threads, nothing for interrupts.  ops are called without
 * locks, but for transmit, whose caller may hold any of a rank below RANK_NET_QUEUE.
 * Lifetimes: interfaces live for ever.
 */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/net/ip_netif.h"
#include "kernel/net/packet.h"
#include "lib/net/ethernet.h"

enum { NETIF_NAME_SIZE = 16, NETIF_QUEUE_MAX = 1024 }; // packets that wait

enum netif_flags : uint32_t { // values of IFF_* where there is one
    NETIF_UP = 0x1,           // the administrator wants it
    NETIF_BROADCAST = 0x2,
    NETIF_LOOPBACK = 0x8,
    NETIF_RUNNING = 0x40, // the link is there
    NETIF_PROMISCUOUS = 0x100,
    NETIF_ALL_MULTICAST = 0x200,
    NETIF_MULTICAST = 0x1000,
};

enum netif_features : uint32_t {
    NETIF_CAN_CHECKSUM = 1 << 0, // finishes PACKET_SUM_PARTIAL
    NETIF_CAN_SEGMENT4 = 1 << 1, // cuts TCP over IPv4
    NETIF_CAN_SEGMENT6 = 1 << 2, // and over IPv6
    NETIF_NO_QUEUE = 1 << 8,     // transmit takes packets of all CPUs at a time; false: dropped
    NETIF_NO_AUTOCONF = 1 << 9,  // it gets no address and joins no group by itself
};

struct netif_counters {
    _Atomic uint64_t packets_in;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t errors_in;
    _Atomic uint64_t dropped_in;
    _Atomic uint64_t packets_out;
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t errors_out;
    _Atomic uint64_t dropped_out;
};

static inline void netif_count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

struct netif_ops {
    // Gives the packet to the device: takes it, unless there is no room: false, and netif_resume once
    // there is.  For one queue (p->queue) called by one thread at a time.  `more` says that another
    // follows at once, so that the device need not be told yet.
    bool (*transmit)(struct netif *n, struct packet *p, bool more);
    // The administrator brought it up or down.  ERR_IO, ERR_NOMEM.  May be NULL.
    status_t (*set_up)(struct netif *n, bool is_up);
    // Flags or groups changed: NETIF_PROMISCUOUS, NETIF_ALL_MULTICAST, netif_groups.  May be NULL.
    void (*set_filter)(struct netif *n);
};

// Packets that wait until the device has room.
struct netif_queue {
    struct spinlock lock; // RANK_NET_QUEUE
    struct list packets;  // [l]
    uint32_t count;       // [l]
    bool is_sending;      // [l] somebody is in ops->transmit
    bool is_full;         // [l] the device said so
    bool is_resumed;      // [l] it has room again, said since ops->transmit was entered
};

struct netif {
    struct list link;               // [I] of all, in the order of their index
    const struct netif_ops *ops;    // [I]
    char name[NETIF_NAME_SIZE];     // [I] "lo", "eth0"
    uint32_t index;                 // [I] from 1; loopback has 1
    uint32_t header_size;           // [I] of the link: 14 for Ethernet, 0 for loopback
    uint32_t features;              // [I] enum netif_features
    uint32_t mtu_max;               // [I]
    struct mac_addr mac;            // [I]
    _Atomic uint32_t flags;         // [a] enum netif_flags
    _Atomic uint32_t mtu;           // [a] bytes of a packet without the link's header
    struct netif_counters counters; // [a]
    struct ip_netif ip;             // of kernel/net/ip.h
    struct list groups;             // [group lock] link addresses of groups that are let in
    uint32_t promiscuous;           // [group lock] who wants everything
    uint32_t queue_count;           // [I] once it was up
    struct netif_queue *queues;     // [I] once it was up
    struct netif_queue queue;       // the only one of those that brought none
};

// Adds one: the driver has set ops, header_size, features, mtu_max, mtu, mac and flags; the rest is
// zero.  It gets its index, and the name `prefix` with a number (loopback: without).  Boot.  ERR_NOMEM.
status_t netif_register(struct netif *n, const char *prefix);

// What netif_register does first; alone it is for tests of drivers, whose interfaces do not stay.
void netif_init(struct netif *n);

// From drivers, before the interface is up for the first time: several queues instead of the one, in
// zeroed memory that lives for ever.
void netif_set_queues(struct netif *n, struct netif_queue *queues, uint32_t count);

struct netif *netif_find(uint32_t index);        // NULL: none
struct netif *netif_find_name(const char *name); // NULL: none
struct netif *netif_next(const struct netif *n); // NULL: the first, or none
struct netif *netif_loopback(void);

static inline bool netif_is_up(const struct netif *n)
{
    const uint32_t both = NETIF_UP | NETIF_RUNNING;
    return (atomic_load_explicit(&n->flags, memory_order_relaxed) & both) == both;
}

// Sends packets that have their link's header, or for loopback none: takes them all.  Thread context;
// no lock of rank RANK_NET_QUEUE or above is held.
void netif_transmit(struct netif *n, struct packet *p);
void netif_transmit_all(struct netif *n, struct list *packets);

// From drivers: the device has room again in that queue.  Thread context, no lock held.
void netif_resume(struct netif *n, uint32_t queue);

// From drivers that went down: nothing waits any more.
void netif_drop_queued(struct netif *n);

// From drivers, in thread context without locks: what came in, with the link's header in the front.
// Takes them all.
void netif_receive(struct netif *n, struct list *packets);

// The administrator's: ERR_INVAL, and what the driver says.  Tells the listeners.
status_t netif_set_up(struct netif *n, bool is_up);
status_t netif_set_mtu(struct netif *n, uint32_t mtu);
void netif_set_running(struct netif *n, bool is_running); // from drivers: the link came or went

// What the link lets in beside its own address and broadcasts: groups, and everything.  Both are
// counted.  Thread context without locks.  ERR_NOMEM.
status_t netif_group_add(struct netif *n, const struct mac_addr *group);
void netif_group_remove(struct netif *n, const struct mac_addr *group);
void netif_set_promiscuous(struct netif *n, bool is_wanted);

// For drivers: up to `max` groups; gives how many there are.
size_t netif_groups(struct netif *n, struct mac_addr *out, size_t max);

// Taps see every packet that goes in or out (packet sockets): called in the sender's or receiver's
// context, perhaps with locks of a rank below RANK_NET_QUEUE; borrows the packet.  While none is there
// it costs one load.
struct netif_tap {
    struct list link; // [tap lock]
    uint32_t running; // [tap lock] calls
    bool is_leaving;  // [tap lock]
    void (*packet)(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing);
};
void netif_add_tap(struct netif_tap *t);
void netif_remove_tap(struct netif_tap *t); // on return it is not running any more; may sleep

// Who is told of changes (netlink, IP): in thread context without locks.
enum netif_change { NETIF_ADDED, NETIF_CHANGED };
struct netif_listener {
    struct list link;
    void (*changed)(struct netif_listener *l, struct netif *n, enum netif_change what);
};
void netif_add_listener(struct netif_listener *l); // boot; hears of those that are there too

// What a link's type of packet is given to: Ethernet types, in host byte order (lib/net/ethernet.h).
// Takes the packet, whose data is behind the link's header.  Registered at boot; one for each type.
struct netif_protocol {
    uint16_t type;
    void (*receive)(struct netif *n, struct packet *p, const struct mac_addr *from);
};
void netif_register_protocol(const struct netif_protocol *p);
