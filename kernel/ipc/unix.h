// SPDX-License-Identifier: Apache-2.0
/*
 * Local sockets (AF_UNIX): streams, datagrams and sequenced packets between processes of this system,
 * which carry handles and the sender's identity along.
 *
 *     socket A --owns--> inbox A <--peer-- socket B
 *     socket A --peer--> inbox B <--owns-- socket B
 *
 * A socket is two objects: what its owner has (struct unix_socket, a file) and what others reach, its
 * inbox: the messages for it, who waits, and its name.  A sender holds a reference on the inbox that it
 * sends to and never on the socket, so references form no circle, and closing needs no order.
 *
 * States of an inbox: open --(nobody sends any more)--> ENDED, --(its owner reads no more)--> REFUSES,
 * --(its owner closed)--> GONE, which includes both.  The inbox of a listening socket holds
 * connections that wait to be accepted; each is a whole socket already.
 *
 * Invariants: 1. bytes come out in the order in which each sender put them in, records whole; 2. what
 * an inbox holds is at most its limit (SO_RCVBUF) or one message; 3. a sender that found no room is
 * woken when half of the limit is free; 4. a handle in a message is counted in flight
 * (unix_flight.c) from before the message is in an inbox until after it left it.
 *
 * Locking: an inbox has a spinlock (RANK_OBJECT), which also guards its owner's `peer`.  No two of them
 * are held together.  User memory is copied without it: a sender fills buffers that nobody sees yet;
 * a reader holds `read_lock` (RANK_STREAM), without which nothing leaves the inbox.
 * Lifetimes: an inbox is counted by its owner, by the sockets that send to it, and by calls in between.
 */
#pragma once

#include "lib/base/span.h"
#include "lib/base/types.h"

// Names in the file system: what the layer of paths hands over at boot.  Called without locks, for the
// calling process.
struct unix_path_ops {
    // A new socket node, with a reference.  ERR_ADDRINUSE: there is something.  Errors of the walk.
    status_t (*make)(struct span path, void **node);
    // The socket node at `path`, with a reference, if the caller may write to it.  ERR_CONNREFUSED: it
    // is no socket.  Errors of the walk.
    status_t (*find)(struct span path, void **node);
    void (*unref)(void *node);
};

// Boot.  The table is kept; NULL: there are no paths.
void unix_init(const struct unix_path_ops *paths);

// Sockets of which a handle is in a message that nobody received yet.
size_t unix_in_flight(void);
