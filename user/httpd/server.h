// SPDX-License-Identifier: Apache-2.0
/*
 * /bin/httpd: files of one folder over HTTP/1.1.
 *
 * One thread per CPU, each a worker with everything of its own: listening sockets (SO_REUSEPORT), an epoll
 * set, connections, open files, the log's buffer.  Workers share what does not change, and look at each
 * other only to add up counters.  So a request takes no lock, and in the steady state four system calls:
 * epoll_wait, recv, sendmsg, and the accept4 of its connection.
 *
 *   worker.c      waits, accepts, ends what took too long
 *   connection.c  bytes in, requests out of them (request.c), answers out
 *   answer.c      what a request is answered with: cache.c, listing.c, metrics.c, parts.c
 *   output.c      pieces of answers into a socket
 *   root.c        names below the root, and never outside
 */
#pragma once

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEAD_MAX = 8192,           // bytes of a request's head
    INPUT_SIZE = 4 * HEAD_MAX, // what a worker reads at a time
    LISTENERS_MAX = 2,         // IPv4, IPv6
};

struct options {
    const char *root;
    const char *address; // NULL: all of both versions
    const char *log;     // NULL: none
    uint16_t port;
    bool has_v4;
    bool has_v6;
    unsigned workers;
    unsigned connections;      // at the same time, of all workers
    unsigned idle_seconds;     // between requests
    unsigned head_seconds;     // from the first byte of a request to the end of its head
    unsigned send_seconds;     // without a byte taken
    unsigned shutdown_seconds; // for what is under way when the server is told to stop
};

enum counter {
    COUNT_ACCEPTED,
    COUNT_REFUSED,   // answered 503: too many connections
    COUNT_TIMED_OUT, // ended because the client was too slow
    COUNT_ABORTED,   // ended by the client, or by an error
    COUNT_BYTES_IN,
    COUNT_BYTES_OUT,
    COUNT_GET,
    COUNT_HEAD,
    COUNT_OTHER_METHOD,
    COUNT_1XX, // never sent; the classes are found by adding to it
    COUNT_2XX,
    COUNT_3XX,
    COUNT_4XX,
    COUNT_5XX,
    COUNT_CACHE_HITS,
    COUNT_CACHE_MISSES,
    COUNTERS,
};

struct worker;

struct server {
    struct options options;
    int root;                     // [I] handle of the root folder
    int log;                      // [I] handle of the log, or -1; what it shows may change
    int64_t started;              // [I] seconds since 1970
    struct worker *workers;       // [I] options.workers of them
    _Atomic unsigned connections; // [a] of all workers
    _Atomic bool is_stopping;     // [a] set before the workers are woken
};
