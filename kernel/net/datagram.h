// SPDX-License-Identifier: Apache-2.0
/*
 * What sockets of datagrams have in common: UDP, ICMP echo and raw ones, which embed struct
 * datagram_socket as their first field and give it a struct datagram_ops.
 *
 *   datagram_send: to whom, with what authority -> room -> a packet with the bytes -> ops->finish
 *       (the transport's header) -> ip_send -> the device -> packet.freed: there is room again
 *   ops of the protocol: who it is for -> datagram_deliver -> queue -> datagram_receive
 *   an ICMP error -> datagram_tell_error -> SO_ERROR, or the queue of errors (MSG_ERRQUEUE)
 *
 * What is unread is bounded by SO_RCVBUF and what is under way by SO_SNDBUF, both counted in memory that
 * is taken.  A datagram that finds no room is dropped, and counted.
 *
 * Locking: the socket's lock (inet.lock) guards the queues.  A datagram that is in no queue belongs to
 * who took it out; who only looks holds a reference.
 */
#pragma once

#include "kernel/net/inet.h"
#include "lib/base/refcount.h"

struct datagram_socket;

// One that waits to be read; or an error, whose `bytes` are what was sent back of the payload.
struct datagram {
    struct list link;                // [l]
    refcount_t refs;                 // [a]
    struct packet *packet;           // [I] data: what is read; NULL: an error
    uint32_t charge;                 // [I] bytes
    struct inet_name from;           // [I] of an error: where the packet was sent to
    struct ip_addr to;               // [I]
    uint32_t netif;                  // [I] index
    uint8_t hop_limit;               // [I]
    uint8_t traffic_class;           // [I]
    nsec_t arrived;                  // [I] wall-clock time; 0: nobody asked
    struct abi_extended_error error; // [I]
    struct ip_addr reporter;         // [I] of the error
    uint32_t size;                   // [I] of `bytes`
    uint8_t bytes[];
};

// A packet to be sent.
struct datagram_sending {
    struct datagram_socket *s;
    struct inet_name to;
    struct inet_name from; // what control data wants; IP_ANY: what the socket has
    struct netif *netif;   // NULL: what the route says
    struct ip_path path;
    struct ip_meta meta;
    uint32_t size;     // of the payload
    bool has_new_path; // it was looked up just now
    bool has_header;   // IP_HDRINCL
};

struct datagram_ops {
    uint32_t size_max;                    // of what is sent at once
    bool has_ports;                       // a name to send to has to have one
    struct inet_port_table *const *ports; // NULL: it has none
    // Puts the transport's header in front, or completes that of the program.
    status_t (*finish)(const struct datagram_sending *g, struct packet *p);
    // Sends it.  NULL: ip_send.  Takes the packet.
    status_t (*transmit)(const struct datagram_sending *g, struct packet *p);
    // Whose it is, as programs see it.  NULL: by its address.
    void (*write_name)(const struct datagram *d, struct socket_address *out);
    // Nothing more comes: where it is not in `ports`.  May be NULL.
    void (*unbind)(struct datagram_socket *s);
};

struct datagram_socket {
    struct inet_socket inet;
    const struct datagram_ops *ops; // [I]
    struct list queue;              // [l] struct datagram
    struct list errors;             // [l] struct datagram
    uint32_t charged;               // [l] bytes of both
    uint32_t error_count;           // [l]
    uint64_t drops;                 // [l] datagrams that found no room
    bool is_connected;              // [l]
    bool is_receive_shut;           // [l]
    bool is_send_shut;              // [l]
    bool is_closed;                 // [l]
    struct ip_path path;            // [l] to the peer, while it is current
    _Atomic uint32_t sent;          // [a] bytes of packets under way
    _Atomic bool wants_room;        // [a] somebody found none
};

static inline struct datagram_socket *datagram_of(struct socket *s)
{
    return (struct datagram_socket *)(void *)s;
}

// After inet_init.
void datagram_init(struct datagram_socket *s, const struct datagram_ops *ops);

// Queues what was received, for a socket: takes the packet, whose data is what will be read.  `from`
// has the port of the sender.  Gives whether there was room.
bool datagram_deliver(struct datagram_socket *s, struct packet *p, const struct ip_meta *m,
                      const struct inet_name *from);

// An error about a packet of the socket to `to`, of which `rest` came back.
void datagram_tell_error(struct datagram_socket *s, const struct ip_error *e,
                         const struct inet_name *to, struct span rest);
void datagram_tell_too_big(struct datagram_socket *s, const struct inet_name *to, uint32_t mtu);

// For connect: a path to `to` for the socket's options and what it is bound to.  What ip_path_find says,
// ERR_NODEV, ERR_INVAL.
status_t datagram_find_path(struct datagram_socket *s, const struct inet_name *to,
                            struct ip_path *out);

// Whether less than SO_SNDBUF is under way; if not, who frees room tells all.
bool datagram_has_room(struct datagram_socket *s);

// Waits until there is room.  ERR_PIPE: the end was shut.  ERR_AGAIN, ERR_INTR.
status_t datagram_await_room(struct datagram_socket *s, const struct socket_wait *w);
// Counts a packet of the socket until it is freed.
void datagram_charge(struct datagram_socket *s, struct packet *p);
void datagram_count_drop(struct datagram_socket *s);

// Binds it to any port, if it has ports and is not bound.
status_t datagram_bind_any(struct datagram_socket *s);

// Control data (datagram_control.c).
void datagram_put_control(struct inet_socket *s, const struct datagram *d,
                          struct socket_message *m);
status_t datagram_get_control(struct datagram_sending *g, const struct socket_message *m);

// As programs that list sockets see it.
struct inet_diag_info;
void datagram_describe(struct datagram_socket *s, struct inet_diag_info *out);

void datagram_unref(struct datagram *d); // NULL is fine

// Moves up to `size` bytes of a packet from `offset` on.  ERR_FAULT.
status_t datagram_copy_out(const struct packet *p, struct uio *to, size_t size);
// A packet with the next `size` bytes, of which the first DATAGRAM_FRONT lie in one piece.  ERR_FAULT,
// ERR_NOBUFS.
enum { DATAGRAM_FRONT = 64 };
status_t datagram_copy_in(struct uio *from, uint32_t size, struct packet **out);

// Operations of struct socket_ops.
status_t datagram_bind(struct socket *s, const struct socket_address *a);
status_t datagram_send(struct socket *s, struct uio *from, struct socket_message *m);
status_t datagram_receive(struct socket *s, struct uio *to, struct socket_message *m);
status_t datagram_receive_error(struct socket *s, struct uio *to, struct socket_message *m);
status_t datagram_shutdown(struct socket *s, uint32_t directions);
uint32_t datagram_poll(struct socket *s, struct event_watch *w);
size_t datagram_readable(struct socket *s);
bool datagram_is_listening(struct socket *s);
void datagram_options_changed(struct socket *s);
status_t datagram_ioctl(struct socket *s, uint32_t request, vaddr_t argument, int64_t *result);
void datagram_close(struct socket *s);
void datagram_release(struct socket *s);
