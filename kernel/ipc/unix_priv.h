// SPDX-License-Identifier: Apache-2.0
/* What the files of local sockets share; unix.h has the picture and the locks. */
#pragma once

#include "kernel/ipc/socket.h"
#include "kernel/ipc/unix.h"
#include "lib/base/rbtree.h"

/* ---- Names (unix_name.c) ---- */

// An address that a socket is bound to.  Counted by the inbox that has it and by messages from there.
struct unix_name {
    refcount_t refs;
    struct rb_node link;      // [shard lock]
    struct unix_inbox *owner; // [shard lock] NULL: in no tree
    void *node;               // [I] of a path, with a reference until the name is taken away
    uint32_t size;            // [I] of bytes
    uint8_t bytes[];          // [I] the address, with the family
};

status_t unix_name_create(const struct socket_address *a, struct unix_name **out); // ERR_NOMEM
void unix_name_unref(struct unix_name *n);                                         // NULL is fine
void unix_name_get(const struct unix_name *n, struct socket_address *out);         // NULL: no name

// Makes `n` the name of the inbox for all to find: takes over a reference on `node` (NULL: the name is
// its bytes).  ERR_ADDRINUSE.
status_t unix_name_enter(struct unix_name *n, void *node, struct unix_inbox *owner);

// Takes it away again, if it is the owner's: accepted sockets have that of who listens.  Thread
// context, no locks.
void unix_name_remove(struct unix_name *n, const struct unix_inbox *owner);

// ERR_INVAL: not an address of this family, or none that could have a name.
status_t unix_address_check(const struct socket_address *a);

// Whose name it is, with a reference.  ERR_CONNREFUSED: nobody's.  Errors of the walk.
status_t unix_name_find(const struct socket_address *a, struct unix_inbox **out);
status_t unix_bind(struct socket *s, const struct socket_address *a);
void unix_name_init(const struct unix_path_ops *ops);

/* ---- Messages and inboxes (unix_inbox.c) ---- */

enum unix_buffer_flags : uint32_t {
    BUFFER_CONTINUES = 1 << 0, // the record goes on in the next one
    BUFFER_EOR = 1 << 1,       // the sender said MSG_EOR
    BUFFER_IDENTIFIED = 1 << 2,
};

// A piece of a message.  What goes with the message lies in its first.
struct unix_buffer {
    struct list link;                // [inbox lock]
    uint32_t size;                   // [I] of data
    uint32_t taken;                  // [read_lock] of it
    uint32_t flags;                  // [I]
    uint32_t charge;                 // [I] bytes of the inbox's limit that come back with it
    struct unix_name *from;          // [I] holds a reference; NULL: the sender has no name
    struct socket_cargo *cargo;      // [read_lock] NULL: none
    struct caller_identity identity; // [I] with BUFFER_IDENTIFIED
    char data[];
};

enum unix_inbox_flags : uint32_t {
    INBOX_ENDED = 1 << 0,   // nobody will send any more
    INBOX_REFUSES = 1 << 1, // who sends gets ERR_PIPE
    INBOX_GONE = 1 << 2,    // the owner closed
    INBOX_LISTENS = 1 << 3,
    INBOX_WANTS_ROOM = 1 << 4, // somebody found none: waits, or watches
};

struct unix_inbox {
    refcount_t refs; // [a]
    uint16_t type;   // [I]
    struct spinlock lock;
    uint32_t flags;                  // [l] enum unix_inbox_flags
    uint32_t limit;                  // [l] bytes
    size_t charged;                  // [l] bytes of memory that count against it
    size_t bytes;                    // [l] unread
    struct list buffers;             // [l] struct unix_buffer
    status_t error;                  // [l] told once
    _Atomic bool wants_identity;     // [a] SO_PASSCRED of the owner
    struct list senders;             // [l] struct unix_socket whose peer it is
    const struct unix_inbox *source; // [l] datagrams come from there only; NULL: from anywhere
    struct list pending;             // [l] struct unix_socket to be accepted
    uint32_t pending_count;          // [l]
    uint32_t backlog;                // [l]
    struct unix_name *name;          // [l] set once, holds a reference; NULL: none
    struct caller_identity identity; // [l] who connected, or listens
    struct mutex read_lock;          // RANK_STREAM
    struct wait_queue readers;
    struct wait_queue writers;
    struct event_source events;
};

// What is to be done once the inbox's lock is released.
struct unix_wakes {
    bool reader;
    uint32_t events;
};

status_t unix_inbox_create(uint16_t type, uint32_t limit, struct unix_inbox **out); // ERR_NOMEM
void unix_inbox_unref(struct unix_inbox *in);

static inline struct unix_inbox *unix_inbox_ref(struct unix_inbox *in)
{
    refcount_inc(&in->refs);
    return in;
}

static inline bool unix_inbox_is_stream(const struct unix_inbox *in)
{
    return in->type == ABI_SOCK_STREAM;
}

static inline bool unix_inbox_is_connected_type(const struct unix_inbox *in)
{
    return in->type != ABI_SOCK_DGRAM;
}

// Whether half of the limit is free, which is when senders are told.
static inline bool unix_inbox_has_room(const struct unix_inbox *in) REQUIRES(in -> lock)
{
    return in->charged <= in->limit / 2;
}

// Lets go of the lock, and tells whom it concerns that `events` came up.
void unix_inbox_unlock(struct unix_inbox *in, uint32_t events) RELEASES(in -> lock);

// Sleeps on one of its queues without the lock, and comes back with it.  ERR_INTR, ERR_INTR_TIMED;
// ERR_AGAIN: the deadline has passed, or w says not to wait.
status_t unix_inbox_sleep(struct unix_inbox *in, struct wait_queue *q, const struct socket_wait *w)
    REQUIRES(in -> lock);

// Tells the sockets that are connected to it what came up for them.
void unix_inbox_tell_senders(struct unix_inbox *in, uint32_t events) REQUIRES(in -> lock);

// As unix_inbox_sleep, for more to read and without read_lock too.
status_t unix_inbox_sleep_reader(struct unix_inbox *in, const struct socket_wait *w)
    REQUIRES(in -> lock, in->read_lock);

// Takes buffers out for good: gives back what they were charged, and tells who waits for room.
void unix_inbox_uncharge(struct unix_inbox *in, size_t charge) REQUIRES(in -> lock);

// Frees buffers that are in no inbox (any more), and ends the handles in them.
void unix_buffers_free(struct list *buffers);

/* ---- Sockets (unix_socket.c) ---- */

// What the collector thinks of a socket in flight.
enum unix_mark : uint8_t { MARK_USED, MARK_SUSPECT, MARK_REACHED };

struct unix_socket {
    struct socket socket;
    struct unix_inbox *inbox;  // [I] holds a reference
    struct unix_inbox *peer;   // [inbox lock] holds a reference; NULL: not connected
    bool is_connecting;        // [inbox lock]
    bool is_closed;            // [inbox lock]
    _Atomic bool is_send_shut; // [a]
    struct list sender_link;   // [peer's lock] of peer->senders
    struct list pending_link;  // [listener's lock] of inbox->pending
    bool is_unaccepted;        // [listener's lock] it is there
    // unix_flight.c
    _Atomic uint32_t in_flight; // [flight lock, read anywhere] handles of it in messages
    uint32_t found;             // [flight lock] of them in inboxes of suspects
    enum unix_mark mark;        // [flight lock]
    struct list flight_link;    // [flight lock]
    struct list mark_link;      // [flight lock]
};

static inline struct unix_socket *unix_socket_of(struct socket *s)
{
    return container_of(s, struct unix_socket, socket);
}

// A socket with an inbox.  ERR_NOMEM.
status_t unix_socket_create(uint32_t type, uint32_t flags, struct unix_socket **out);

// The inbox that it sends to, with a reference; NULL: none.
struct unix_inbox *unix_peer_get(struct unix_socket *s);

// Makes `peer` what it sends to: takes over the caller's reference.  NULL: nothing any more.
void unix_peer_set(struct unix_socket *s, struct unix_inbox *peer);

// The socket that an object is; NULL: none of this family.
struct unix_socket *unix_socket_from_object(struct object *o);

/* ---- Connections (unix_connect.c), sending, receiving ---- */

status_t unix_listen(struct socket *s, uint32_t backlog);
status_t unix_accept(struct socket *s, const struct socket_wait *w, struct socket **out);
status_t unix_connect(struct socket *s, const struct socket_address *a,
                      const struct socket_wait *w);
status_t unix_send(struct socket *s, struct uio *from, struct socket_message *m);
status_t unix_receive(struct socket *s, struct uio *to, struct socket_message *m);

/* ---- Handles in flight (unix_flight.c) ---- */

// A cargo goes into messages, or has come out of its inbox.  No spinlock held.
void unix_flight_begin(const struct socket_cargo *c);
void unix_flight_end(const struct socket_cargo *c);

// One more of each handle, for who only looks at the message that has `c`.  ERR_NOMEM.
status_t unix_flight_copy(const struct socket_cargo *c, struct socket_cargo **out);

// Ends the handles of a cargo that came out of an inbox; NULL is fine.
void unix_flight_drop(struct socket_cargo *c);

// A handle of the socket, that is not in flight, is about to end.
void unix_flight_handle_goes(struct unix_socket *s);
void unix_flight_init(void);

// Takes everything out of the socket's inbox and ends it.
void unix_inbox_purge(struct unix_inbox *in);
