// SPDX-License-Identifier: Apache-2.0
/*
 * /bin/swos-resolver: a name server for this machine's programs that keeps answers for as long as they are valid.  What it does
 * not know it asks the servers of a file (/run/resolvers, in the form of resolv.conf), which is read again
 * when it has changed.
 *
 *   query -> cache -> reply
 *         \-> a question of our own, from a port of its own -> reply -> cache -> everybody who asked
 *
 * Replies are believed as far as they answer the question, whole, with its random number, at the port that
 * it came from.  Over TCP, which clients turn to when a reply is too long, queries are passed on as they are,
 * by a thread each.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/dns/message.h"
#include "user/lib/peer.h"

// What makes two queries the same.
struct key {
    struct dns_question question;
    bool has_edns;
    bool wants_signatures;
    bool wants_unchecked;
};

int64_t now_ms(void);
bool key_is_same(const struct key *a, const struct key *b);

/* ---- servers.c: whom to ask ---- */

void servers_init(const char *path, uint16_t port);

// How many there are now; the file is read again if it has changed.
size_t servers_look(void);
const struct peer *servers_get(size_t i);

/* ---- cache.c: answers that are kept ---- */

void cache_init(void);

// A reply that still holds, valid until the next call, and its age in seconds; no bytes: there is none.
struct span cache_find(const struct key *key, uint32_t *age);
void cache_keep(const struct key *key, const struct dns_reply *r);

/* ---- stream.c: TCP ---- */

enum { STREAMS_MAX = 16 }; // at the same time

// Takes the next connection of the listener, and serves it by a thread.
void stream_take(int listener);
