// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/httpd/answer.h"
#include "user/httpd/request.h"

enum {
    LINGER_MS = 2000,
    LINGER_BYTES = 1 << 20,  // that are read and dropped
    DISCARD_MAX = 64 * 1024, // of a body that is read to keep the connection
};

static uint64_t time_for(const struct worker *w, enum waiting waiting)
{
    const struct options *o = &w->server->options;
    switch (waiting) {
    case WAITING_HEAD: return (uint64_t)o->head_seconds * 1000;
    case WAITING_IDLE: return (uint64_t)o->idle_seconds * 1000;
    case WAITING_SEND: return (uint64_t)o->send_seconds * 1000;
    default: return LINGER_MS;
    }
}

static void wait_for(struct connection *c, enum waiting waiting)
{
    struct worker *w = c->worker;
    c->waiting = waiting;
    c->due_ms = w->now_ms + time_for(w, waiting);
    list_del(&c->link);
    list_add_tail(&w->waiting[waiting], &c->link);
    worker_arm(w, c->due_ms);
}

static void finish(struct connection *c)
{
    struct worker *w = c->worker;
    close(c->socket); // leaves the epoll set by itself
    list_del(&c->link);
    backlog_free(c->backlog);
    free(c->input);
    free(c);
    w->connections--;
    atomic_fetch_sub_explicit(&w->server->connections, 1, memory_order_relaxed);
}

static void abort_connection(struct connection *c)
{
    worker_count(c->worker, COUNT_ABORTED, 1);
    finish(c);
}

// Watches for bytes or for room; what is watched already costs nothing.
static bool watch(struct connection *c, bool for_room)
{
    if (c->is_watched && c->is_sending == for_room) {
        return true;
    }
    struct epoll_event event = {.events = for_room ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    int operation = c->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    c->is_watched = true;
    c->is_sending = for_room;
    return epoll_ctl(c->worker->epoll, operation, c->socket, &event) == 0;
}

// Keeps what was not used, at the begin of a buffer of its own.
static bool keep_input(struct connection *c, const char *data, size_t size)
{
    if (size == 0) {
        free(c->input);
        c->input = NULL;
    } else {
        char *room = malloc(size);
        if (room == NULL) {
            return false;
        }
        memcpy(room, data, size);
        free(c->input);
        c->input = room;
    }
    c->input_size = size;
    return true;
}

// The answers were sent, and no other will be.
static void end(struct connection *c)
{
    if (!c->must_linger && c->input_size == 0 && c->discard == 0) {
        finish(c);
        return;
    }
    c->is_last = true;
    c->discard = LINGER_BYTES;
    (void)keep_input(c, NULL, 0);
    if (shutdown(c->socket, SHUT_WR) != 0 || !watch(c, false)) {
        finish(c);
        return;
    }
    wait_for(c, WAITING_END);
}

// Reads and drops until the client's end.
static void drain(struct connection *c)
{
    struct worker *w = c->worker;
    ssize_t n = recv(c->socket, w->input, sizeof(w->input), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || (uint64_t)n >= c->discard) {
        finish(c);
        return;
    }
    c->discard -= (uint64_t)n;
}

static void refuse(struct connection *c, const struct request *request, unsigned status)
{
    c->is_last = true; // the answer says so
    c->must_linger = true;
    answer_error(c->worker, c, request, status);
}

// What follows the request's head: drops it, or ends the connection behind the answer.
static void pass_body(struct connection *c, const struct request *r)
{
    if (r->is_chunked || r->body > DISCARD_MAX) {
        c->is_last = true;
        c->must_linger = true;
        return;
    }
    c->discard = r->body;
}

static size_t drop_body(struct connection *c, size_t size)
{
    size_t dropped = size < c->discard ? size : (size_t)c->discard;
    c->discard -= dropped;
    return dropped;
}

// Answers one request of the data; gives the bytes that it had.  0: it is not complete.
static size_t serve_one(struct connection *c, const char *data, size_t size)
{
    struct request r;
    int head = request_parse(data, size, c->input_seen, &r);
    c->input_seen = 0;
    if (head == 0) {
        c->input_seen = size;
        if (size >= HEAD_MAX) {
            refuse(c, NULL, memchr(data, '\n', HEAD_MAX) != NULL ? 431 : 414);
            return size;
        }
        return 0;
    }
    if (head < 0 || head > HEAD_MAX) {
        refuse(c, NULL, head < 0 ? (unsigned)-head : 431);
        return size;
    }
    if (!r.keeps_alive ||
        atomic_load_explicit(&c->worker->server->is_stopping, memory_order_relaxed)) {
        c->is_last = true;
    }
    pass_body(c, &r);
    answer(c->worker, c, &r);
    c->is_fresh = true;
    return (size_t)head;
}

// Sends what was gathered.  False: the connection is gone, or it waits for room.
static bool send_gathered(struct connection *c)
{
    struct worker *w = c->worker;
    uint64_t bytes = 0;
    if (w->output.count == 0) {
        return true;
    }
    enum sent result = output_send(&w->output, c->socket, &c->backlog, &bytes);
    worker_count(w, COUNT_BYTES_OUT, bytes);
    if (result == SENT_ALL) {
        return true;
    }
    if (result == SENT_FAILED || !watch(c, true)) {
        abort_connection(c);
    } else {
        wait_for(c, WAITING_SEND);
    }
    return false;
}

// All is answered that was complete: waits for more, or ends.
static void rest(struct connection *c)
{
    if (c->is_last) {
        end(c);
        return;
    }
    if (!watch(c, false)) {
        abort_connection(c);
        return;
    }
    if (c->input_size == 0 && c->discard == 0) {
        wait_for(c, WAITING_IDLE);
    } else if (c->waiting != WAITING_HEAD || c->is_fresh) {
        wait_for(c, WAITING_HEAD); // from its first byte on; more bytes give no more time
    }
    c->is_fresh = false;
}

// Answers what is in `data`.  False: not to go on; the connection may be gone.
static bool serve(struct connection *c, const char *data, size_t size)
{
    struct worker *w = c->worker;
    size_t used = drop_body(c, size);
    while (used < size && !c->is_last) {
        if (!output_has_room(&w->output)) {
            // The rest waits with the connection in case that the socket is full.
            if (!keep_input(c, data + used, size - used)) {
                output_clear(&w->output);
                abort_connection(c);
                return false;
            }
            if (!send_gathered(c)) {
                return false;
            }
        }
        size_t one = serve_one(c, data + used, size - used);
        if (one == 0) {
            break;
        }
        used += one;
        used += drop_body(c, size - used);
    }
    if (!keep_input(c, data + used, size - used)) {
        output_clear(&w->output);
        abort_connection(c);
        return false;
    }
    return send_gathered(c);
}

// Reads once, and answers.
static void receive(struct connection *c)
{
    struct worker *w = c->worker;
    size_t kept = c->input_size;
    if (kept > 0) {
        memcpy(w->input, c->input, kept);
    }
    ssize_t n = recv(c->socket, w->input + kept, sizeof(w->input) - kept, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (!c->is_watched && !watch(c, false)) {
            abort_connection(c);
        }
        return;
    }
    if (n <= 0) {
        if (n == 0 && kept == 0 && c->discard == 0) {
            finish(c);
        } else {
            abort_connection(c);
        }
        return;
    }
    worker_count(w, COUNT_BYTES_IN, (uint64_t)n);
    if (serve(c, w->input, kept + (size_t)n)) {
        rest(c);
    }
}

// There is room again; then what was read before is answered, which may fill it again.
static void go_on_sending(struct connection *c)
{
    struct worker *w = c->worker;
    struct backlog *b = c->backlog;
    uint64_t bytes = 0;
    enum sent result = pieces_send(c->socket, b->pieces, &b->first, b->count, &bytes);
    worker_count(w, COUNT_BYTES_OUT, bytes);
    if (result == SENT_FAILED) {
        abort_connection(c);
        return;
    }
    if (result != SENT_ALL) {
        if (bytes > 0) {
            wait_for(c, WAITING_SEND);
        }
        return;
    }
    backlog_free(b);
    c->backlog = NULL;
    size_t kept = c->input_size;
    if (kept > 0) {
        memcpy(w->input, c->input, kept);
        if (!serve(c, w->input, kept)) {
            return;
        }
    }
    rest(c);
}

void connection_begin(struct worker *w, int socket, const struct in6_addr *client)
{
    struct connection *c = malloc(sizeof(*c));
    if (c == NULL) {
        close(socket);
        worker_count(w, COUNT_ABORTED, 1);
        atomic_fetch_sub_explicit(&w->server->connections, 1, memory_order_relaxed);
        return;
    }
    *c = (struct connection){.worker = w, .socket = socket, .client = *client};
    list_init(&c->link);
    w->connections++;
    wait_for(c, WAITING_HEAD);
    receive(c);
}

void connection_wake(struct connection *c, uint32_t events)
{
    if ((events & EPOLLERR) != 0) {
        abort_connection(c);
    } else if (c->backlog != NULL) {
        go_on_sending(c);
    } else if (c->waiting == WAITING_END) {
        drain(c);
    } else {
        receive(c);
    }
}

void connection_expire(struct connection *c)
{
    struct worker *w = c->worker;
    if (c->waiting == WAITING_IDLE || c->waiting == WAITING_END) {
        finish(c);
        return;
    }
    worker_count(w, COUNT_TIMED_OUT, 1);
    if (c->waiting == WAITING_HEAD && c->input_size > 0) {
        refuse(c, NULL, 408);
        if (send_gathered(c)) {
            end(c);
        }
        return;
    }
    finish(c);
}

void connection_stop(struct connection *c, enum connection_stop how)
{
    c->is_last = true;
    if (how == CONNECTION_ABORT) {
        abort_connection(c);
    } else if (c->waiting == WAITING_IDLE) {
        finish(c);
    }
}
