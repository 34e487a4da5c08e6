// SPDX-License-Identifier: Apache-2.0
/*
 * Whose a TCP segment is: a hash table by the four names of a connection, of connections, of those half
 * open (requests) and of those that are over but not forgotten (TIME-WAIT).
 *
 * The table is in shards, each with a lock, buckets that become more with what is in them, and its own
 * list of records that have a time: all of one list last equally long, so that the first is due first.
 *
 * An entry holds no reference by itself: who enters one says what keeps it.
 *
 * Locking: a shard's lock (RANK_NET_PORTS) guards its buckets, its lists and the records in them.
 */
#pragma once

#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/net/inet.h"
#include "lib/tcp/cookie.h"

enum tcp_entry_kind : uint8_t {
    TCP_ENTRY_CONNECTION, // struct tcp_socket
    TCP_ENTRY_REQUEST,    // struct tcp_half
    TCP_ENTRY_WAIT,       // struct tcp_rest
};

struct tcp_entry {
    struct list link;         // [shard lock]
    struct tcp_names names;   // [I]
    uint32_t netif;           // [I] of link-local addresses; 0: any
    uint32_t hash;            // [I]
    enum tcp_entry_kind kind; // [I]
    bool is_entered;          // [shard lock]
};

// A record that has a time.
struct tcp_record {
    struct tcp_entry entry;
    struct list due_link; // [shard lock]
    nsec_t due_at;        // [shard lock]
    uint8_t step;         // [shard lock] which list
};

enum {
    TCP_STEP_FIRST = 0, // the answer to a SYN was sent once, twice, ...
    TCP_STEP_LAST = 5,  // and that was the last time
    TCP_STEP_WAIT,      // TIME-WAIT
    TCP_STEPS,
    TCP_SHARDS = 64,
};

struct tcp_shard {
    struct spinlock lock;
    uint32_t mask;              // [l] of buckets
    uint32_t count;             // [l] entries
    struct list *buckets;       // [l]
    struct list due[TCP_STEPS]; // [l] struct tcp_record
    nsec_t armed_for;           // [l] NSEC_NEVER: not armed
    struct timer timer;
    struct work work;
};

status_t tcp_table_init(void); // boot; ERR_NOMEM

// A secret of this machine, for numbers that nobody can guess; made when it is first asked for, which
// may sleep until there is entropy.  tcp_secret_get gives NULL while there is none.
void tcp_secret_make(void);
const struct tcp_secret *tcp_secret_get(void);

uint32_t tcp_table_hash(const struct tcp_names *n);
struct tcp_shard *tcp_table_shard(uint32_t hash);
struct tcp_shard *tcp_table_at(size_t index); // for walks

void tcp_entry_init(struct tcp_entry *e, enum tcp_entry_kind kind, const struct tcp_names *n,
                    uint32_t netif);

// NULL: there is none.
struct tcp_entry *tcp_shard_find(const struct tcp_shard *s, const struct tcp_names *n,
                                 uint32_t netif, uint32_t hash) REQUIRES(s -> lock);
void tcp_shard_add(struct tcp_shard *s, struct tcp_entry *e) REQUIRES(s -> lock);
void tcp_shard_remove(struct tcp_shard *s, struct tcp_entry *e) REQUIRES(s -> lock);

// The record is due once the time of its step has passed from now on; again: later.
void tcp_shard_time(struct tcp_shard *s, struct tcp_record *r, uint8_t step, nsec_t now)
    REQUIRES(s -> lock);
void tcp_shard_untime(struct tcp_record *r);

// One that is due, off its list; NULL: none, and the timer is armed for the next.
struct tcp_record *tcp_shard_due(struct tcp_shard *s, nsec_t now) REQUIRES(s -> lock);

// Boot: what is called, in a worker without locks, when something of a shard is due.
void tcp_table_set_due(void (*due)(struct tcp_shard *s));
