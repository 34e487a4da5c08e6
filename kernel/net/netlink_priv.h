// SPDX-License-Identifier: Apache-2.0
/* What the files of netlink share; netlink.h has the picture and the locks. */
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/net/netlink.h"
#include "lib/netlink/route.h"

struct netlink_list;

// A list that a socket is reading.
struct netlink_dump {
    const struct netlink_list *list; // NULL: none
    struct abi_nlmsghdr header;      // of its messages
    uint64_t cursor;                 // of the list: 0 at first
    uint8_t family;                  // only those; 0: all
    struct abi_inet_diag_request diag;
};

struct netlink_list {
    // Writes the next one.  ERR_NOENT: no more.  ERR_NOSPC: no room, the cursor is as it was.
    status_t (*next)(struct netlink_dump *d, struct netlink_writer *w);
};

/* ---- Sockets (netlink_socket.c) and what waits there (netlink_queue.c) ---- */

// One answer or notice, or a part of a list.
struct netlink_buffer {
    struct list link; // [l]
    uint32_t size;    // [I]
    uint32_t group;   // [I] 0: an answer
    uint8_t bytes[];
};

struct netlink_socket {
    struct socket socket;
    struct spinlock lock;     // RANK_NET_SOCKET
    struct grant *grant;      // [I] a reference; NULL: the kernel's own
    struct list link;         // [sockets lock]
    uint32_t port;            // [sockets lock] 0: not bound
    uint32_t groups;          // [l] mask of 1 << group
    struct list queue;        // [l] struct netlink_buffer
    uint32_t charged;         // [l] bytes
    bool has_lost;            // [l] something found no room
    bool is_closed;           // [l]
    bool wants_group;         // [l] NETLINK_PKTINFO
    bool tells_no_loss;       // [l] NETLINK_NO_ENOBUFS
    struct mutex dump_lock;   // RANK_STREAM
    struct netlink_dump dump; // [dump_lock]
    _Atomic bool is_dumping;  // [a] dump.list is not NULL
    struct wait_queue readers;
    struct event_source events;
};

static inline struct netlink_socket *netlink_of(struct socket *s)
{
    return (struct netlink_socket *)(void *)s;
}

// A request that is being answered.
struct netlink_request {
    struct netlink_socket *s;
    const struct netlink_message *m;
    struct netlink_writer answer; // what goes back beside the acknowledgement
};

// What is done about a type of message.
struct netlink_handler {
    uint16_t type;
    bool is_change;                  // takes NET_CONFIGURE
    uint16_t answer;                 // type of what `list` gives
    const struct netlink_list *list; // with NLM_F_DUMP; NULL: none
    // Without it.  NULL: ERR_NOTSUP.
    status_t (*handle)(struct netlink_request *r);
};

// Of both protocols, terminated by a type of 0.
extern const struct netlink_handler netlink_link_handlers[];
extern const struct netlink_handler netlink_address_handlers[];
extern const struct netlink_handler netlink_route_handlers[];
extern const struct netlink_handler netlink_neighbour_handlers[];
extern const struct netlink_handler netlink_diag_handlers[];

// The header of an answer.
struct abi_nlmsghdr netlink_answer_header(const struct netlink_request *r, uint16_t type);

// Handles one message of a socket of that protocol.
void netlink_handle(struct netlink_socket *s, uint32_t protocol, const struct netlink_message *m);

// Whether the request is one of those that make something new only where it is not there, and what that
// makes of a status of ERR_EXIST.
status_t netlink_added(const struct netlink_request *r, status_t status);

// Queues a copy for the socket, as an answer or for a group.  What finds no room is lost.
void netlink_queue(struct netlink_socket *s, const void *bytes, size_t size);
void netlink_queue_copy(struct netlink_socket *s, uint32_t group, const void *bytes, size_t size);
status_t netlink_receive(struct socket *socket, struct uio *to, struct socket_message *m);

// The socket reads that list from now on.  ERR_BUSY: it reads one.
status_t netlink_start_dump(struct netlink_socket *s, const struct netlink_dump *d);
status_t netlink_may_change(const struct netlink_socket *s);

// Queues a copy for all sockets of NETLINK_ROUTE that joined the group.
void netlink_multicast(uint32_t group, const void *bytes, size_t size);
bool netlink_has_members(uint32_t group);

/* ---- What there is, as messages ---- */

void netlink_describe_link(const struct netif *n, struct netlink_link *out);
void netlink_describe_address(const struct ip_address_info *a, struct netlink_address *out);
void netlink_describe_route(const struct ip_route_info *r, struct netlink_route *out);

// Seconds from now until `until`, rounded up; ABI_LIFETIME_FOREVER.
uint32_t netlink_seconds_left(nsec_t until);
nsec_t netlink_until(uint32_t seconds);

void netlink_notify_init(void);
