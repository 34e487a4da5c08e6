// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "user/httpd/connection.h"

enum {
    EVENTS = 256,
    BACKLOG = 1024,
    ACCEPTS = 16,      // of one listener in one turn
    DEFER_SECONDS = 5, // for which the system may keep a connection whose client says nothing
};

static const uint64_t never = UINT64_MAX;

static void read_clocks(struct worker *w)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    w->now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (t.tv_sec != w->now || w->date[0] == '\0') {
        w->now = t.tv_sec;
        http_date_format(w->now, w->date);
    }
}

static bool add_handle(struct worker *w, int handle, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, handle, &event) == 0;
}

bool worker_open(struct worker *w, struct server *server)
{
    w->server = server;
    w->log.file = server->log;
    w->armed_ms = never;
    for (size_t i = 0; i < WAITINGS; i++) {
        list_init(&w->waiting[i]);
    }
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    w->spare = dup(w->wake);
    read_clocks(w);
    return w->epoll >= 0 && w->wake >= 0 && w->timer >= 0 && w->spare >= 0 &&
           cache_init(&w->cache) && add_handle(w, w->wake, &w->wake) &&
           add_handle(w, w->timer, &w->timer);
}

void worker_close(struct worker *w)
{
    int handles[] = {w->epoll, w->wake, w->timer, w->spare};
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        if (handles[i] > 0) {
            close(handles[i]);
        }
    }
    for (unsigned i = 0; i < w->listener_count; i++) {
        close(w->listeners[i]);
    }
    w->listener_count = 0;
    cache_fini(&w->cache);
}

static void set_option(int socket, int level, int option, int value)
{
    (void)setsockopt(socket, level, option, &value, sizeof(value)); // they only make it better
}

bool worker_listen(struct worker *w, const struct sockaddr *address, socklen_t size)
{
    const int on = 1;
    int s = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) {
        return false;
    }
    set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(s, IPPROTO_TCP, TCP_NODELAY, 1); // connections inherit it
    set_option(s, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS);
    if (address->sa_family == AF_INET6) {
        set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if ((w->server->options.workers > 1 &&
         setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
        bind(s, address, size) != 0 || listen(s, BACKLOG) != 0 ||
        !add_handle(w, s, &w->listeners[w->listener_count])) {
        int why = errno;
        close(s);
        errno = why;
        return false;
    }
    w->listeners[w->listener_count++] = s;
    w->is_listening = true;
    return true;
}

void worker_arm(struct worker *w, uint64_t at_ms)
{
    if (at_ms >= w->armed_ms) {
        return;
    }
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000}};
    if (timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0) {
        w->armed_ms = at_ms;
    }
}

// ---- Accepting ----

static struct in6_addr address_of(const struct sockaddr_storage *a)
{
    struct in6_addr out = {};
    if (a->ss_family == AF_INET6) {
        out = ((const struct sockaddr_in6 *)a)->sin6_addr;
    } else if (a->ss_family == AF_INET) {
        out.s6_addr[10] = 0xff;
        out.s6_addr[11] = 0xff;
        memcpy(out.s6_addr + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
    }
    return out;
}

// There are as many connections as there may be: says so, in the hope that the client reads it.
static void refuse(struct worker *w, int socket)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nServer: swift-os httpd\r\n"
                                 "Content-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
    worker_count(w, COUNT_REFUSED, 1);
    (void)recv(socket, w->input, sizeof(w->input),
               0); // unread bytes would make a reset of the close
    (void)send(socket, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    (void)shutdown(socket, SHUT_WR);
    (void)recv(socket, w->input, sizeof(w->input), 0);
    close(socket);
}

// The connection that has been idle for longest makes room for a new one.
static bool make_room(struct worker *w)
{
    if (list_is_empty(&w->waiting[WAITING_IDLE])) {
        return false;
    }
    connection_expire(container_of(w->waiting[WAITING_IDLE].next, struct connection, link));
    return true;
}

static bool take_place(struct worker *w)
{
    struct server *s = w->server;
    for (unsigned tries = 0; tries < 2; tries++) {
        if (atomic_fetch_add_explicit(&s->connections, 1, memory_order_relaxed) <
            s->options.connections) {
            return true;
        }
        atomic_fetch_sub_explicit(&s->connections, 1, memory_order_relaxed);
        if (!make_room(w)) {
            return false;
        }
    }
    return false;
}

// No handle was left: the spare one is given up to take the connection and refuse it.
static void accept_and_refuse(struct worker *w, int listener)
{
    close(w->spare);
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
        refuse(w, socket);
    }
    w->spare = dup(w->wake);
    (void)make_room(w);
}

static bool accept_one(struct worker *w, int listener)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    int socket = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        if (errno == EMFILE || errno == ENFILE) {
            accept_and_refuse(w, listener);
        }
        return false;
    }
    worker_count(w, COUNT_ACCEPTED, 1);
    if (take_place(w)) {
        struct in6_addr client = address_of(&from);
        connection_begin(w, socket, &client);
    } else {
        refuse(w, socket);
    }
    return true;
}

// ---- Stopping ----

static void stop_all(struct worker *w, enum connection_stop how)
{
    for (size_t i = 0; i < WAITINGS; i++) {
        struct list *next;
        for (struct list *node = w->waiting[i].next; node != &w->waiting[i]; node = next) {
            next = node->next;
            connection_stop(container_of(node, struct connection, link), how);
        }
    }
}

static void stop_listening(struct worker *w)
{
    for (unsigned i = 0; i < w->listener_count; i++) {
        close(w->listeners[i]);
    }
    w->listener_count = 0;
    w->is_listening = false;
}

// ---- The loop ----

// Ends what has waited for too long, and sees when the timer is needed again.
static void look_at_times(struct worker *w)
{
    uint64_t expirations;
    uint64_t next = never;
    (void)!read(w->timer, &expirations, sizeof(expirations));
    w->armed_ms = never;
    log_flush(&w->log);
    for (size_t i = 0; i < WAITINGS; i++) {
        while (!list_is_empty(&w->waiting[i])) {
            struct connection *c = container_of(w->waiting[i].next, struct connection, link);
            if (c->due_ms > w->now_ms) {
                next = c->due_ms < next ? c->due_ms : next;
                break;
            }
            connection_expire(c);
        }
    }
    worker_arm(w, next);
}

// What is not a connection.
static bool is_own(const struct worker *w, const void *mark)
{
    const char *p = mark;
    return p >= (const char *)w && p < (const char *)(w + 1);
}

static void take_turn(struct worker *w, const struct epoll_event *events, int count)
{
    bool is_due = false;
    // A connection may end others when it asks for room, so all that have events come first.
    for (int i = 0; i < count; i++) {
        if (!is_own(w, events[i].data.ptr)) {
            connection_wake(events[i].data.ptr, events[i].events);
        }
    }
    for (int i = 0; i < count; i++) {
        const void *mark = events[i].data.ptr;
        if (mark == &w->timer) {
            is_due = true;
        } else if (is_own(w, mark) && mark != &w->wake) {
            int listener = *(const int *)mark;
            for (int n = 0; n < ACCEPTS && accept_one(w, listener); n++) {
            }
        }
    }
    if (is_due) {
        look_at_times(w);
    }
}

void *worker_run(void *worker)
{
    struct worker *w = worker;
    struct epoll_event events[EVENTS];
    uint64_t until = never;
    while (w->is_listening || (w->connections > 0 && w->now_ms < until)) {
        int count = epoll_wait(w->epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) {
            break;
        }
        read_clocks(w);
        take_turn(w, events, count);
        if (w->is_listening &&
            atomic_load_explicit(&w->server->is_stopping, memory_order_acquire)) {
            uint64_t ignored;
            (void)!read(w->wake, &ignored, sizeof(ignored));
            stop_listening(w);
            stop_all(w, CONNECTION_FINISH);
            until = w->now_ms + (uint64_t)w->server->options.shutdown_seconds * 1000;
            worker_arm(w, until);
        }
    }
    stop_all(w, CONNECTION_ABORT);
    log_flush(&w->log);
    return NULL;
}
