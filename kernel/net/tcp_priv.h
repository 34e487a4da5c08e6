// SPDX-License-Identifier: Apache-2.0
/* What the files of TCP share; tcp.h has the picture and the locks. */
#pragma once

#include "kernel/core/time.h"
#include "kernel/net/tcp.h"
#include "kernel/net/tcp_queue.h"
#include "kernel/net/tcp_table.h"
#include "lib/tcp/machine.h"
#include "lib/tcp/request.h"
#include "lib/tcp/wait.h"

// Connections that were made and not accepted.
struct tcp_backlog {
    struct list ready;    // [l] struct tcp_socket, with a reference each
    uint32_t count;       // [l]
    uint32_t half_open;   // [l] requests
    uint32_t max;         // [l]
    nsec_t cookies_until; // [l] some that were sent may still come back
};

struct tcp_socket {
    struct inet_socket inet;
    struct tcp_entry entry;           // [l] its place in the table
    struct tcp machine;               // [l]
    struct tcp_config config;         // [l] of the machine
    struct tcp_send_queue send;       // [l]
    struct tcp_receive_queue receive; // [l]
    struct ip_path path;              // [l] netif NULL: none yet
    struct list outgoing;             // [l] packets that go next
    struct mutex read_lock;           // RANK_STREAM
    struct mutex write_lock;          // RANK_STREAM
    struct timer timer;               // holds a reference while it is armed
    struct work work;                 // what the timer starts
    nsec_t armed_for;                 // [l] NSEC_NEVER: not armed
    uint32_t burst;                   // [l] bytes that the path takes at once
    uint32_t lent[2];                 // [l] bytes of the machine's lists (enum tcp_list)
    uint32_t counted;                 // [l] bytes of memory that are counted for it
    uint32_t user_mss;                // [l] TCP_MAXSEG; 0: none
    bool is_entered;                  // [l] it is in the table
    bool is_transmitting;             // [l] a thread gives `outgoing` to IP
    bool is_listening;                // [l]
    bool is_connecting;               // [l] connect has begun and did not tell yet how it ended
    bool is_connected;                // [l] the handshake was completed
    bool is_accepted;                 // [I] a listener made it
    bool is_ended;                    // [l] the peer sends no more
    bool is_receive_shut;             // [l]
    bool is_send_shut;                // [l]
    bool is_closed;                   // [l] its owner is gone
    bool is_lingering;                // [l] and waits for the end
    bool is_orphan;                   // [l] it is counted as one
    bool wants_room;                  // [l] somebody found none: waits, or watches
    bool is_corked;                   // [l] TCP_CORK
    bool has_own_port;                // [l] the user has chosen it
    bool has_receive_size;            // [l] SO_RCVBUF was set
    bool has_send_size;               // [l] SO_SNDBUF was set
    struct tcp_backlog backlog;       // of a listener
    struct list accept_link;          // [listener's lock] of backlog.ready
};

static inline struct tcp_socket *tcp_of(struct socket *s)
{
    return (struct tcp_socket *)(void *)s;
}

// A half-open connection.
struct tcp_half {
    struct tcp_record record;
    refcount_t refs;             // [a] the table has one
    struct tcp_request request;  // [shard lock]
    struct tcp_socket *listener; // [I] holds a reference
};

// A connection in TIME-WAIT.
struct tcp_rest {
    struct tcp_record record;
    struct tcp_wait wait; // [shard lock]
};

// A segment that came in.
struct tcp_incoming {
    struct packet *packet; // NULL: it was taken
    struct tcp_segment segment;
    size_t header_size;
    struct tcp_names names;
    uint32_t netif; // of link-local addresses
    uint32_t hash;
};

extern struct inet_port_table *tcp_ports; // [I] after boot

/* ---- The life of a connection (tcp_socket.c) ---- */

// What is to be done once the socket's lock is released.
struct tcp_after {
    struct list pieces;  // to be freed
    struct list packets; // the same
    uint32_t events;     // that came up
    bool wakes_reader;
    bool wakes_writers;
    bool has_left;  // the table
    uint8_t unrefs; // references to drop
};

void tcp_after_init(struct tcp_after *a);

// Acts on what the machine says.
void tcp_take_result(struct tcp_socket *s, const struct tcp_result *r, struct tcp_after *a)
    REQUIRES(s -> inet.lock);

// The end of every change: what the machine has to say is sent, its timer armed, and whom it concerns
// told.  Thread context; the caller has a reference.
void tcp_release(struct tcp_socket *s, struct tcp_after *a, nsec_t now) RELEASES(s -> inet.lock);

// Sleeps without the lock and comes back with it.  ERR_INTR, ERR_INTR_TIMED; ERR_AGAIN: the deadline
// has passed, or w says not to wait.
status_t tcp_sleep(struct tcp_socket *s, struct wait_queue *q, const struct socket_wait *w)
    REQUIRES(s -> inet.lock);

// A connection that its owner ends at once.  Without the lock.
void tcp_abandon(struct tcp_socket *s);

// ERR_NOMEM.
status_t tcp_socket_create(uint16_t family, uint32_t protocol, uint32_t flags,
                           struct inet_socket **out);

// One that a listener makes, without path and names.  ERR_NOMEM.
status_t tcp_socket_create_accepted(struct tcp_socket *listener, struct tcp_socket **out);

// Tells the sum of all connections what the queues of this one take now; tcp_release does it.
void tcp_count_memory(struct tcp_socket *s) REQUIRES(s -> inet.lock);

// Whether the queues of all connections take too much memory.
bool tcp_memory_is_short(void);

/* ---- Memory for the machine's lists (tcp_lists.c) ---- */

void tcp_lists_grow(struct tcp_socket *s) REQUIRES(s -> inet.lock); // after TCP_EVENT_CROWDED

// The connection is over: CLOSED or in TIME-WAIT.
void tcp_lists_take_back(struct tcp_socket *s) REQUIRES(s -> inet.lock);

/* ---- Packets out (tcp_output.c) ---- */

// Makes packets of what the machine has to say.
void tcp_pull(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock);

// Gives all that is in `outgoing` to IP, without the lock, and comes back with it; the caller has set
// is_transmitting.
void tcp_transmit(struct tcp_socket *s) REQUIRES(s -> inet.lock);

// Keeps the path, and what the machine is to know of it.  False: there is none any more.
void tcp_set_path(struct tcp_socket *s, const struct ip_path *path) REQUIRES(s -> inet.lock);

// What of the socket's options the machine is to know.
void tcp_update_config(struct tcp_socket *s) REQUIRES(s -> inet.lock);

// A segment of no connection that has a machine.
void tcp_send_bare(const struct tcp_names *names, uint32_t netif, const struct tcp_segment *g);

// The most that a segment to that path carries, with TCP's options.
uint16_t tcp_path_payload(const struct ip_path *path);

/* ---- Who listens (tcp_listen.c) ---- */

status_t tcp_socket_listen(struct socket *socket, uint32_t backlog);
status_t tcp_socket_accept(struct socket *socket, const struct socket_wait *w, struct socket **out);
void tcp_stop_listening(struct tcp_socket *s);

// A segment for a listener, which is of no connection.  True: it is of one now, which is to be looked for.
bool tcp_listener_input(struct tcp_socket *listener, struct tcp_incoming *in);

// One for a half-open connection, found under the shard's lock.  True: it is one of a connection now,
// which is to be looked for again.
bool tcp_half_input(struct tcp_shard *shard, struct tcp_half *h, struct tcp_incoming *in)
    RELEASES(shard -> lock);
void tcp_half_unref(struct tcp_half *h);
void tcp_half_due(struct tcp_shard *shard, struct tcp_half *h, nsec_t now) REQUIRES(shard -> lock);

/* ---- TIME-WAIT (tcp_rest.c) ---- */

// Puts a record in place of a connection in that state, whose owner is gone.
void tcp_rest_replace(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock);

// True: the record is gone, and the segment is one for a listener.
bool tcp_rest_input(struct tcp_shard *shard, struct tcp_rest *r, struct tcp_incoming *in)
    RELEASES(shard -> lock);
void tcp_rest_remove(struct tcp_shard *shard, struct tcp_rest *r) REQUIRES(shard -> lock);

/* ---- Packets in (tcp_input.c), lists (tcp_diag.c) ---- */

void tcp_input_init(void);
void tcp_diag_init(void);

/* ---- Calls ---- */

status_t tcp_socket_connect(struct socket *socket, const struct socket_address *a,
                            const struct socket_wait *w);
status_t tcp_socket_send(struct socket *socket, struct uio *from, struct socket_message *m);
status_t tcp_socket_send_pages(struct socket *socket, struct page *const *pages, uint32_t offset,
                               uint32_t size, struct socket_message *m);
status_t tcp_socket_receive(struct socket *socket, struct uio *to, struct socket_message *m);
struct abi_tcp_info;
void tcp_describe(struct tcp_socket *s, struct abi_tcp_info *out) REQUIRES(s -> inet.lock);
uint8_t tcp_state_number(enum tcp_state state); // ABI_TCP_* of abi/netlink.h
status_t tcp_get_option(struct inet_socket *i, int32_t option, void *value, uint32_t *size);
status_t tcp_set_option(struct inet_socket *i, int32_t option, const void *value, uint32_t size);

// Bytes of memory that may wait to be acknowledged, and whether there is room for more.
uint32_t tcp_send_limit(const struct tcp_socket *s) REQUIRES(s -> inet.lock);
static inline bool tcp_has_room(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    return s->send.charge <= tcp_send_limit(s) / 2;
}
uint32_t tcp_receive_limit(const struct tcp_socket *s);
