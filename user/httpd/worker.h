// SPDX-License-Identifier: Apache-2.0
/* One thread of the server, with all that it needs for itself. */
#pragma once

#include <pthread.h>

#include "lib/base/list.h"
#include "lib/http/date.h"
#include "user/httpd/cache.h"
#include "user/httpd/log.h"
#include "user/httpd/output.h"
#include "user/httpd/server.h"

// What a connection waits for, each with a time of its own; those that came first are due first.
enum waiting {
    WAITING_HEAD,
    WAITING_IDLE,
    WAITING_SEND,
    WAITING_END, // the client is to see the answer before the connection is gone
    WAITINGS,
};

struct worker {
    struct server *server;
    pthread_t thread;
    int epoll;
    int wake;  // eventfd: is_stopping was set
    int timer; // timerfd: fires at armed_ms
    int spare; // a handle to give up when there are no others
    int listeners[LISTENERS_MAX];
    unsigned listener_count;
    bool is_listening;             // the listeners are in the epoll set
    bool is_running;               // the thread was started
    struct list waiting[WAITINGS]; // connections
    unsigned connections;
    uint64_t now_ms;           // monotonic, of this turn of the loop
    int64_t now;               // seconds since 1970
    uint64_t armed_ms;         // UINT64_MAX: not
    char date[HTTP_DATE_SIZE]; // of `now`
    struct cache cache;
    struct access_log log;
    struct output output;
    _Atomic uint64_t counters[COUNTERS]; // [a] written by this worker only
    char input[INPUT_SIZE];
};

// False with errno; worker_close in any case.
bool worker_open(struct worker *w, struct server *server);
void worker_close(struct worker *w);

// Listens at one address; false with errno.
bool worker_listen(struct worker *w, const struct sockaddr *address, socklen_t size);

// What the thread runs: returns when the server stops and all connections have ended.
void *worker_run(void *worker);

// The timer fires at this time or earlier.
void worker_arm(struct worker *w, uint64_t at_ms);

static inline void worker_count(struct worker *w, enum counter which, uint64_t n)
{
    uint64_t old = atomic_load_explicit(&w->counters[which], memory_order_relaxed);
    atomic_store_explicit(&w->counters[which], old + n, memory_order_relaxed);
}
