// SPDX-License-Identifier: Apache-2.0
/*
 * A virtio network device (virtio 1.2, 5.1): pairs of queues to receive and to send, and one for
 * commands.
 *
 *   found, down --start--> up --stop--> down
 *                          | ^
 *    the device lies or    v |  stop, start (no more often than every ten seconds)
 *    asks for it          broken
 *
 * Memory and threads are taken when it is brought up for the first time.  Each pair has a thread that
 * receives in batches and takes back what was sent; one more, `keeper`, sees to the link and to devices
 * that are broken.
 *
 * The device is not trusted: see lib/virtio/ring.h, and every length of its headers is checked.
 *
 * Locking: `lock` (RANK_MODULE) for going up and down and for commands; the ring to receive belongs to
 * the pair's thread while it runs, and to the holder of `lock` otherwise; the ring to send is under
 * send_lock (RANK_DEVICE).
 * Lifetimes: once it was up, all of it lives for ever, but for tests.
 */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/thread.h"
#include "kernel/dev/virtio/virtio.h"
#include "kernel/net/netif.h"

// Features (5.1.3).
constexpr uint64_t NET_F_CSUM = 1ull << 0;
constexpr uint64_t NET_F_GUEST_CSUM = 1ull << 1;
constexpr uint64_t NET_F_MTU = 1ull << 3;
constexpr uint64_t NET_F_MAC = 1ull << 5;
constexpr uint64_t NET_F_GUEST_TSO4 = 1ull << 7;
constexpr uint64_t NET_F_GUEST_TSO6 = 1ull << 8;
constexpr uint64_t NET_F_HOST_TSO4 = 1ull << 11;
constexpr uint64_t NET_F_HOST_TSO6 = 1ull << 12;
constexpr uint64_t NET_F_MRG_RXBUF = 1ull << 15;
constexpr uint64_t NET_F_STATUS = 1ull << 16;
constexpr uint64_t NET_F_CTRL_VQ = 1ull << 17;
constexpr uint64_t NET_F_CTRL_RX = 1ull << 18;
constexpr uint64_t NET_F_MQ = 1ull << 22;

// What goes before each packet (5.1.6).
struct net_header {
    uint8_t flags;
    uint8_t segment_type;
    uint16_t headers_size;
    uint16_t segment_size;
    uint16_t sum_start;
    uint16_t sum_offset;
    uint16_t buffers; // received: that the packet is in
};
static_assert(sizeof(struct net_header) == 12);

enum { NET_NEEDS_CHECKSUM = 1, NET_DATA_VALID = 2 };                       // flags
enum { NET_SEGMENT_NONE = 0, NET_SEGMENT_TCP4 = 1, NET_SEGMENT_TCP6 = 4 }; // segment_type

enum net_pair_state { PAIR_STOPPED, PAIR_STOPPING, PAIR_RUNNING, PAIR_ENDING };

struct net_pair {
    struct virtio_net *nic;      // [I]
    struct virtio_queue receive; // [thread]
    struct virtio_queue send;    // [send_lock] its ring
    struct spinlock send_lock;
    bool is_live;           // [send_lock] the device takes packets
    bool is_blocked;        // [send_lock] the interface waits for room
    struct thread *thread;  // [lock]
    _Atomic unsigned state; // [a] enum net_pair_state
};

enum { NET_GROUPS_MAX = 64, NET_COMMAND_MAX = 8 + NET_GROUPS_MAX * MAC_SIZE };

// A command (5.1.6.5), shared with the device.
struct net_command {
    uint8_t class;
    uint8_t command;
    uint8_t data[NET_COMMAND_MAX];
    uint8_t result;
};

struct virtio_net {
    struct netif netif;
    struct virtio_device *device; // [I]
    uint64_t features;            // [I] that it had when it was found, and has to have again
    unsigned pairs_max;           // [I] of the device
    unsigned pair_count;          // [I] once it was up
    struct net_pair *pairs;       // [I] once it was up
    struct mutex lock;
    bool is_started;               // [lock]
    nsec_t restarted;              // [lock] when it was broken last
    struct virtio_queue commands;  // [lock] its ring
    struct net_command *command;   // [lock]
    struct wait_queue answered;    // commands
    struct wait_queue stopped;     // pairs
    struct completion ended;       // a thread, on destruction
    _Atomic bool is_ending;        // [a]
    struct thread *_Atomic keeper; // [a]
    _Atomic bool keeper_is_called; // [a]
};

static inline struct virtio_net *net_of(struct netif *n)
{
    return container_of(n, struct virtio_net, netif);
}

static inline bool net_has(const struct virtio_net *nic, uint64_t feature)
{
    return (nic->features & feature) != 0;
}

// Something may have happened to the link, or is broken.  Any context.
void net_call_keeper(struct virtio_net *nic);

// Receiving: buffers for the device, and up to a batch of packets, which go up.  False: there was none.
status_t net_receive_fill(struct net_pair *pair); // ERR_NOMEM: with fewer than there should be
bool net_receive_batch(struct net_pair *pair);
void net_receive_empty(struct net_pair *pair); // of a device that was reset

// Sending: netif_ops.transmit; what the thread does after interrupts; the end.
bool net_transmit(struct netif *n, struct packet *p, bool more);
void net_send_reclaim(struct net_pair *pair);
void net_send_set_live(struct net_pair *pair, bool is_live);
void net_send_empty(struct net_pair *pair);

// Commands.  `lock` is held.  ERR_IO: it says no, or nothing, and then it is broken.
void net_command_interrupt(struct virtio_queue *q);
status_t net_command_pairs(struct virtio_net *nic) REQUIRES(nic -> lock);
void net_command_filter(struct virtio_net *nic) REQUIRES(nic -> lock);
