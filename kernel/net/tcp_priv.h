// SPDX-License-Identifier: Apache-2.0
/* What the files of TCP sockets share; tcp.h has the picture and the locks. */
#pragma once

#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/net/tcp.h"
#include "kernel/net/tcp_bytes.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/machine.h"

enum tcp_role : uint8_t {
    TCP_ROLE_IDLE, // nothing yet, or it is over
    TCP_ROLE_LISTENER,
    TCP_ROLE_CONNECTION, // its machine is not CLOSED
};

enum tcp_socket_flags : uint16_t {
    TCP_SOCKET_CLOSED = 1 << 0,    // no handle is left
    TCP_SOCKET_SEND_SHUT = 1 << 1, // shutdown(SHUT_WR)
    TCP_SOCKET_RECEIVE_SHUT = 1 << 2,
    TCP_SOCKET_ENDED = 1 << 3, // the peer's FIN came in order
    TCP_SOCKET_WAS_CONNECTED = 1 << 4,
    TCP_SOCKET_CONNECT_TOLD = 1 << 5, // connect said so
    TCP_SOCKET_WANTS_ROOM = 1 << 6,   // a writer waits, or watches
};

struct tcp_socket {
    struct inet_socket inet;  // first
    enum tcp_role role;       // [l]
    uint16_t flags;           // [l] enum tcp_socket_flags
    struct tcp machine;       // [l]
    struct tcp_config config; // [l] as the options want it
    bool is_corked;           // [l] TCP_CORK
    struct ip_path path;      // [l] netif NULL: none yet

    struct mutex send_lock;   // RANK_STREAM
    struct tcp_bytes to_send; // [l]
    struct mutex read_lock;   // RANK_STREAM
    struct list received;     // [l] packets in order; the first is changed with read_lock held
    struct list early;        // [l] packets that came out of order, by position
    uint32_t received_end;    // [l] position behind the last byte in order
    uint32_t readable;        // [l] bytes in order
    uint32_t charged;         // [l] bytes of memory of both lists

    struct timer timer;
    nsec_t armed_at;  // [l] NSEC_NEVER: not
    struct work work; // holds a reference while it is queued

    // Of a connection that nobody has accepted.
    struct tcp_socket *listener; // [l] a reference; NULL: none
    struct list child_link;      // [listener's list_lock]
    bool is_ready;               // [listener's list_lock] on `ready`, else on `half_open` or none

    // Of a listener.
    struct spinlock list_lock; // RANK_NET_LISTENER
    struct list half_open;     // [list_lock]
    struct list ready;         // [list_lock]
    uint32_t half_open_count;  // [list_lock]
    uint32_t ready_count;      // [list_lock]
    uint32_t backlog;          // [list_lock] 0: it does not listen any more
};

static inline struct tcp_socket *tcp_of_inet(struct inet_socket *s)
{
    return container_of(s, struct tcp_socket, inet);
}

static inline struct tcp_socket *tcp_of(struct socket *s)
{
    return tcp_of_inet(inet_of(s));
}

static inline void tcp_ref(struct tcp_socket *s)
{
    file_ref(&s->inet.socket.file);
}

static inline void tcp_unref(struct tcp_socket *s)
{
    socket_unref(&s->inet.socket);
}

/* ---- Turns (tcp_turn.c) ---- */

struct tcp_turn {
    nsec_t now;
    struct list packets; // to be sent
    struct ip_path path; // theirs
    struct ip_meta meta;
    uint32_t events;     // EVENT_* to be told
    bool is_established; // it is connected from now on
    bool is_over;        // the connection's own reference goes
    bool wakes_all;      // everybody who sleeps looks again
};

void tcp_turn_begin(struct tcp_socket *s, struct tcp_turn *t) ACQUIRES(s -> inet.lock);

// What the machine said: errors, ends, bytes that were acknowledged.
void tcp_turn_result(struct tcp_socket *s, const struct tcp_result *r, struct tcp_turn *t)
    REQUIRES(s -> inet.lock);

// Sends, arms the timer, gives the lock back, wakes.
void tcp_turn_end(struct tcp_socket *s, struct tcp_turn *t) RELEASES(s -> inet.lock);

// The connection begins: it has a path, and holds a reference from now on.
void tcp_start(struct tcp_socket *s, const struct ip_path *path) REQUIRES(s -> inet.lock);
void tcp_turn_init(struct tcp_socket *s); // timer and work
void tcp_turn_fini(struct tcp_socket *s); // without locks; nothing of it runs after that

// The most payload of a segment along a path.
uint16_t tcp_mss_of(const struct ip_path *path);

/* ---- Segments without a connection (tcp_segment.c) ---- */

// Sends one with nothing behind its header, from `local` to `peer`; what fails is as if it was lost.
void tcp_send_segment(const struct tcp_segment *s, const struct ip_addr *local,
                      const struct ip_addr *peer, struct netif *netif);

struct tcp_incoming {
    const struct ip_meta *meta;
    struct tcp_segment segment;
    uint32_t header_size;
    struct inet_name local;
    struct inet_name peer;
};

// Tells the peer that there is no such connection.
void tcp_refuse_segment(const struct tcp_incoming *in);

// Puts header and checksum in front of a packet's payload.
void tcp_put_header(struct packet *p, const struct tcp_segment *s, const struct ip_addr *local,
                    const struct ip_addr *peer);

/* ---- Secrets (tcp_segment.c) ---- */

const struct tcp_secret *tcp_secret(void); // there once it was asked for where one may sleep
void tcp_make_secret(void);                // thread context without spinlocks
void tcp_open_for(const struct inet_name *local, const struct inet_name *peer, nsec_t now,
                  struct tcp_open *out);

/* ---- Sockets (tcp_socket.c) ---- */

extern const struct socket_ops tcp_socket_ops;
struct inet_port_table *tcp_ports(void);
status_t tcp_socket_alloc(struct tcp_socket **out); // without inet_init
void tcp_socket_set_up(struct tcp_socket *s);       // after it
void tcp_configure_from_options(struct tcp_socket *s) REQUIRES(s -> inet.lock);
bool tcp_has_room(const struct tcp_socket *s) REQUIRES(s -> inet.lock);

// Sleeps on `q` without the lock.  ERR_AGAIN: time is up, or there is none; ERR_INTR, ERR_INTR_TIMED.
status_t tcp_sleep(struct tcp_socket *s, struct wait_queue *q, const struct socket_wait *w)
    REQUIRES(s -> inet.lock);

/* ---- Listeners (tcp_listen.c) ---- */

status_t tcp_listen(struct socket *s, uint32_t backlog);
status_t tcp_accept_next(struct socket *s, const struct socket_wait *w, struct socket **out);

// A segment for a listener: takes nothing.
void tcp_listener_input(struct tcp_socket *l, const struct tcp_incoming *in);

// A child is connected, or is over.
void tcp_child_connected(struct tcp_socket *child);
void tcp_child_over(struct tcp_socket *child);
void tcp_listener_close(struct tcp_socket *l);
bool tcp_listener_is_ready(struct tcp_socket *l);

/* ---- TIME_WAIT (tcp_wait.c) ---- */

// Keeps a record of it.  Without memory there is none.
void tcp_wait_add(const struct inet_name *local, const struct inet_name *peer,
                  const struct tcp *machine, nsec_t now);

// Whether a segment was for one, and was dealt with.
bool tcp_wait_input(const struct tcp_incoming *in, nsec_t now);
void tcp_wait_init(void);

/* ---- Bytes (tcp_send.c, tcp_receive.c) ---- */

status_t tcp_send_bytes(struct socket *s, struct uio *from, struct socket_message *m);
status_t tcp_receive_bytes(struct socket *s, struct uio *to, struct socket_message *m);

// Keeps the payload of a packet that tcp_input wants: takes it.
void tcp_keep(struct tcp_socket *s, struct packet *p, uint32_t header_size,
              const struct tcp_result *r) REQUIRES(s -> inet.lock);

// Whether there is memory for one more.
bool tcp_may_keep(const struct tcp_socket *s, const struct packet *p) REQUIRES(s -> inet.lock);
void tcp_drop_received(struct tcp_socket *s); // the end of it

/* ---- Options (tcp_option.c) ---- */

status_t tcp_get_option(struct inet_socket *i, int32_t option, void *value, uint32_t *size);
status_t tcp_set_option(struct inet_socket *i, int32_t option, const void *value, uint32_t size);
