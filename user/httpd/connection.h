// SPDX-License-Identifier: Apache-2.0
/*
 * A connection.
 *
 *   reading --> answering --> reading ...      answers were taken at once
 *                   \--> sending --> reading   the socket was full; nothing is read meanwhile
 *   ... --> ending --> gone                    the last answer was sent, unread bytes may be on their way:
 *                                              we have said our end and wait for the client's, so that
 *                                              no reset destroys the answer
 */
#pragma once

#include <netinet/in.h>

#include "lib/base/list.h"
#include "user/httpd/worker.h"

struct connection {
    struct list link; // worker.waiting[waiting]
    uint64_t due_ms;
    struct worker *worker;
    enum waiting waiting;
    int socket;
    bool is_watched;         // in the epoll set ...
    bool is_sending;         // ... for room instead of bytes
    bool is_last;            // no request is read any more
    bool is_fresh;           // a request was answered since it waits for a head
    bool must_linger;        // bytes of the client were left unread
    struct backlog *backlog; // [sending] what is left of answers
    char *input;             // bytes of a request that is not complete, or NULL
    size_t input_size;
    size_t input_seen; // of them, what was no complete head
    uint64_t discard;  // bytes of a body that nobody wants
    struct in6_addr client;
};

// A connection for an accepted socket, which it takes; it serves at once what has come already.
void connection_begin(struct worker *w, int socket, const struct in6_addr *client);

// Bytes, room or an error.
void connection_wake(struct connection *c, uint32_t events);

// It has waited for too long.
void connection_expire(struct connection *c);

// Ends it as soon as nothing is under way, or at once.
enum connection_stop { CONNECTION_FINISH, CONNECTION_ABORT };
void connection_stop(struct connection *c, enum connection_stop how);
