// SPDX-License-Identifier: Apache-2.0
/*
 * TCP between sockets and IP: the machine of lib/tcp with queues, a timer, and its place among all
 * connections.
 *
 *   send -> pieces (tcp_queue.h) -> the machine's output -> packets -> ip_send_all
 *   ip -> receive -> the table of connections (tcp_table.h) -> the machine -> packets in order -> user
 *   a SYN -> listener -> request (struct tcp_half) -> the last ACK -> connection -> accept
 *   closed by its owner -> orphan -> TIME-WAIT (struct tcp_rest) -> forgotten
 *
 * A connection that nobody has accepted yet costs a request of some 200 bytes, and no more of them than
 * the backlog; beyond that SYNs are answered with cookies, which cost nothing.  So a flood leaves those
 * who are connected alone.  TIME-WAIT is a record of about the same size.
 *
 * Invariants: 1. a connection that is in the table has a reference from there, so that what its owner
 * closed goes on by itself; 2. one whose timer is armed has another; 3. packets of a connection are
 * given to IP in the order in which the machine made them: one thread at a time does it.
 *
 * Locking: the socket's lock (inet.lock, RANK_NET_SOCKET) guards machine and queues; it is never held
 * across copies from or to the user or while packets are given to IP.  Senders hold write_lock, readers
 * read_lock (RANK_STREAM), neither while it waits.  A shard of the table is locked inside.
 */
#pragma once

#include "kernel/net/inet.h"
#include "lib/tcp/tcp.h"

void tcp_sockets_init(void); // boot, after ip_init
