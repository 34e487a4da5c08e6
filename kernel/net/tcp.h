// SPDX-License-Identifier: Apache-2.0
/*
 * TCP sockets: the machine of lib/tcp with the bytes, the timer and the network around it.
 *
 *   write -> tcp_bytes (pages) -> tcp_output says what goes -> packets that show the pages -> ip_send_all
 *   ip -> receive -> tcp_input says what to keep -> the list of packets -> read
 *
 * Whatever changes a connection does it in a turn: tcp_turn_begin takes the lock; tcp_turn_end pulls what
 * is to be sent, arms the timer, gives the lock back, sends, and wakes.  So nothing is sent or woken under
 * a connection's lock, and loopback may deliver in the sender's context.
 *
 *   idle --connect--> connection        listener --SYN--> half open --ACK--> ready --accept--> connection
 *   idle --listen---> listener          connection --closed by both--> over (idle, if somebody has it)
 *                                                  \--TIME_WAIT that nobody has--> a record (tcp_wait.c)
 *
 * What a flood can take is bounded: half open connections of a listener by its backlog, beyond which SYN
 * cookies are given (lib/tcp/cookie.h) that need no memory; ready ones by the backlog; unread bytes by
 * SO_RCVBUF, counted in memory; TIME_WAITs by a number, beyond which the oldest goes.
 *
 * Locking: that of the socket (inet.lock, RANK_NET_SOCKET) guards the machine and both queues; send_lock
 * and read_lock (RANK_STREAM) keep writers and readers apart while they copy without it; a listener's
 * list_lock (RANK_NET_LISTENER) guards its lists of connections.
 * Lifetimes: a connection that is not over holds a reference on its socket; a listener's list holds one
 * on each connection in it.
 */
#pragma once

#include "kernel/net/inet.h"

void tcp_sockets_init(void); // boot, from inet_families_init

struct tcp_socket;
struct tcp_info;

// What a list of sockets shows of one.
struct tcp_description {
    struct inet_name local;
    struct inet_name peer;
    uint8_t state;          // as TCP_INFO has it
    uint32_t receive_queue; // bytes unread; of a listener: connections to be accepted
    uint32_t send_queue;    // bytes not acknowledged; of a listener: the backlog
    uint32_t principal;
    uint64_t id;
};
void tcp_for_each(bool (*visit)(void *context, const struct tcp_description *d), void *context);
