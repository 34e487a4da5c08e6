// SPDX-License-Identifier: Apache-2.0
/*
 * TCP over loopback as POSIX and Linux have it; says nothing unless something is wrong.  It runs on Linux
 * too (gcc -I. user/tests/posix_tcp.c), which is where its expectations come from.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "user/tests/check.h"

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

enum { STREAM = 3 * 1000 * 1000 + 7 };

union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Who listens by which family, who connects, and by which addresses.
struct way {
    int listener;
    int client;
    int is_mapped;
};

static const struct way ways[] = {
    {AF_INET, AF_INET, 0},
    {AF_INET6, AF_INET6, 0},
    {AF_INET6, AF_INET, 0},
    {AF_INET6, AF_INET6, 1},
};

static char bytes[65536];

static socklen_t size_of(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static union name name_of(int family, uint32_t v4, int is_mapped, int port)
{
    union name n;
    memset(&n, 0, sizeof(n));
    n.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        n.v4.sin_port = htons((uint16_t)port);
        n.v4.sin_addr.s_addr = htonl(v4);
        return n;
    }
    n.v6.sin6_port = htons((uint16_t)port);
    if (is_mapped) {
        const uint32_t mapped[4] = {0, 0, htonl(0xffff), htonl(v4)};
        memcpy(&n.v6.sin6_addr, mapped, sizeof(mapped));
    } else if (v4 != INADDR_ANY) {
        n.v6.sin6_addr = in6addr_loopback;
    }
    return n;
}

static int port_of(int s)
{
    union name n;
    socklen_t size = sizeof(n);
    CHECK(getsockname(s, &n.any, &size) == 0);
    return ntohs(n.any.sa_family == AF_INET ? n.v4.sin_port : n.v6.sin6_port);
}

static int peer_port_of(int s)
{
    union name n;
    socklen_t size = sizeof(n);
    CHECK(getpeername(s, &n.any, &size) == 0);
    return ntohs(n.any.sa_family == AF_INET ? n.v4.sin_port : n.v6.sin6_port);
}

static void set(int s, int level, int option, int value)
{
    CHECK(setsockopt(s, level, option, &value, sizeof(value)) == 0);
}

static int get(int s, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    CHECK(getsockopt(s, level, option, &value, &size) == 0);
    return value;
}

static void nap(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

// What poll says within `ms`.
static int events_of(int s, int wanted, int ms)
{
    struct pollfd p = {.fd = s, .events = (short)wanted};
    CHECK(poll(&p, 1, ms) >= 0);
    return p.revents;
}

// What poll says in the end: what one end does reaches the other a little later.
static int awaits(int s, int wanted)
{
    for (int i = 0; i < 100; i++) {
        int got = events_of(s, wanted, 1000);
        if ((got & wanted) == wanted) {
            return got;
        }
        nap(10);
    }
    return 0;
}

static int listen_on(int family, int backlog)
{
    int s = socket(family, SOCK_STREAM, 0);
    union name n = name_of(family, INADDR_ANY, 0, 0);
    CHECK(s >= 0 && bind(s, &n.any, size_of(family)) == 0);
    CHECK(listen(s, backlog) == 0);
    return s;
}

static int dial(int family, int is_mapped, int port)
{
    int s = socket(family, SOCK_STREAM, 0);
    union name n = name_of(family, INADDR_LOOPBACK, is_mapped, port);
    CHECK(connect(s, &n.any, size_of(family)) == 0);
    return s;
}

struct pair {
    int listener;
    int client;
    int server;
};

static struct pair make(const struct way *w)
{
    struct pair p = {.listener = listen_on(w->listener, 8)};
    p.client = dial(w->client, w->is_mapped, port_of(p.listener));
    p.server = accept(p.listener, NULL, NULL);
    CHECK(p.server >= 0);
    return p;
}

static void end(const struct pair *p)
{
    close(p->client);
    close(p->server);
    close(p->listener);
}

static void get_all(int s, char *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = recv(s, to + got, size - got, 0);
        if (!CHECK(n > 0)) {
            return;
        }
        got += (size_t)n;
    }
}

/* ---- Names ---- */

static void both_ends_know_each_other(const struct way *w)
{
    union name n;
    socklen_t size = sizeof(n);
    int listener = listen_on(w->listener, 8);
    int client = dial(w->client, w->is_mapped, port_of(listener));
    int server = accept(listener, &n.any, &size);
    CHECK(size == size_of(w->listener) && n.any.sa_family == w->listener);
    CHECK(ntohs(n.v4.sin_port) == port_of(client));
    CHECK(port_of(server) == port_of(listener) && peer_port_of(client) == port_of(listener));
    CHECK(peer_port_of(server) == port_of(client));
    CHECK(get(server, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    CHECK(get(server, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
    CHECK(get(listener, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    CHECK(get(server, SOL_SOCKET, SO_ACCEPTCONN) == 0);
    size = sizeof(n);
    FAILS(getpeername(listener, &n.any, &size), ENOTCONN);
    close(client);
    close(server);
    close(listener);
}

static void ports_are_taken_once(void)
{
    int a = listen_on(AF_INET, 1);
    int b = socket(AF_INET, SOCK_STREAM, 0);
    union name n = name_of(AF_INET, INADDR_ANY, 0, port_of(a));
    FAILS(bind(b, &n.any, size_of(AF_INET)), EADDRINUSE);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    FAILS(bind(b, &n.any, size_of(AF_INET)), EADDRINUSE);
    n = name_of(AF_INET, 0xc0000201, 0, 0);
    FAILS(bind(b, &n.any, size_of(AF_INET)), EADDRNOTAVAIL);
    CHECK(listen(b, 1) == 0 && port_of(b) != 0); // gets one by itself
    n = name_of(AF_INET, INADDR_LOOPBACK, 0, 0);
    FAILS(bind(b, &n.any, size_of(AF_INET)), EINVAL);
    close(a);
    close(b);
    // SO_REUSEPORT: both are given some.
    int shared[2];
    int port = 0;
    for (int i = 0; i < 2; i++) {
        shared[i] = socket(AF_INET, SOCK_STREAM, 0);
        set(shared[i], SOL_SOCKET, SO_REUSEPORT, 1);
        n = name_of(AF_INET, INADDR_LOOPBACK, 0, port);
        CHECK(bind(shared[i], &n.any, size_of(AF_INET)) == 0 && listen(shared[i], 64) == 0);
        port = port_of(shared[i]);
    }
    int got[2] = {0, 0};
    for (int i = 0; i < 32; i++) {
        int c = dial(AF_INET, 0, port);
        struct pollfd both[2] = {{.fd = shared[0], .events = POLLIN},
                                 {.fd = shared[1], .events = POLLIN}};
        CHECK(poll(both, 2, 1000) == 1);
        int k = both[0].revents == 0;
        int s = accept(shared[k], NULL, NULL);
        got[k]++;
        close(s);
        close(c);
    }
    CHECK(got[0] > 0 && got[1] > 0);
    close(shared[0]);
    close(shared[1]);
}

/* ---- Bytes ---- */

static void bytes_arrive(const struct way *w)
{
    struct pair p = make(w);
    char peeked[8];
    CHECK(send(p.client, "hello", 5, 0) == 5 && send(p.client, " world", 6, 0) == 6);
    CHECK(awaits(p.server, POLLIN) != 0);
    int count = -1;
    for (int i = 0; i < 200 && count != 11; i++) { // the second may have to wait for an answer
        CHECK(ioctl(p.server, FIONREAD, &count) == 0);
        nap(10);
    }
    CHECK(count == 11);
    CHECK(recv(p.server, peeked, 8, MSG_PEEK) == 8 && memcmp(peeked, "hello wo", 8) == 0);
    CHECK(recv(p.server, bytes, 2, 0) == 2 && memcmp(bytes, "he", 2) == 0);
    CHECK(recv(p.server, NULL, 3, MSG_TRUNC) == 3); // thrown away
    CHECK(recv(p.server, bytes, sizeof(bytes), 0) == 6 && memcmp(bytes, " world", 6) == 0);
    FAILS(recv(p.server, bytes, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(read(p.server, bytes, 0) == 0 && send(p.client, "", 0, 0) == 0);
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    struct iovec in[2] = {{bytes, 1}, {bytes + 10, 4}};
    CHECK(writev(p.server, out, 3) == 5);
    CHECK(awaits(p.client, POLLIN) != 0 && readv(p.client, in, 2) == 5);
    CHECK(bytes[0] == 'a' && memcmp(bytes + 10, "bcde", 4) == 0);
    FAILS(send(p.client, (void *)16, 10, 0), EFAULT);
    CHECK(send(p.client, "x", 1, 0) == 1 && awaits(p.server, POLLIN) != 0);
    FAILS(recv(p.server, (void *)16, 10, 0), EFAULT);
    CHECK(recv(p.server, bytes, 10, 0) == 1 && bytes[0] == 'x');
    end(&p);
}

static char pattern(size_t at)
{
    return (char)(at * 7 + at / 251 + at / 65521);
}

struct stream {
    int socket;
    size_t step;
};

static void *write_stream(void *argument)
{
    const struct stream *w = argument;
    static char from[65536];
    for (size_t at = 0; at < STREAM;) {
        size_t size = w->step < STREAM - at ? w->step : STREAM - at;
        for (size_t i = 0; i < size; i++) {
            from[i] = pattern(at + i);
        }
        ssize_t n = write(w->socket, from, size);
        if (!CHECK(n > 0)) {
            break;
        }
        at += (size_t)n;
    }
    shutdown(w->socket, SHUT_WR);
    return NULL;
}

static void long_streams_stay_in_order(const struct way *w, size_t write_step, size_t read_step)
{
    pthread_t writer;
    struct pair p = make(w);
    struct stream out = {.socket = p.client, .step = write_step};
    CHECK(pthread_create(&writer, NULL, write_stream, &out) == 0);
    size_t at = 0;
    int is_right = 1;
    for (;;) {
        ssize_t n = read(p.server, bytes, read_step);
        if (n <= 0) {
            CHECK(n == 0);
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            is_right &= bytes[i] == pattern(at + (size_t)i);
        }
        at += (size_t)n;
    }
    CHECK(is_right && at == STREAM);
    pthread_join(writer, NULL);
    end(&p);
}

static void a_slow_reader_stops_the_writer(void)
{
    struct pair p = make(&ways[0]);
    CHECK(fcntl(p.client, F_SETFL, O_NONBLOCK) == 0);
    set(p.server, SOL_SOCKET, SO_RCVBUF, 16384);
    size_t sent = 0;
    for (int i = 0; i < 20; i++) {
        for (;;) {
            ssize_t n = write(p.client, bytes, sizeof(bytes));
            if (n < 0) {
                CHECK(errno == EAGAIN);
                break;
            }
            sent += (size_t)n;
        }
        nap(5);
    }
    CHECK(sent < (size_t)32 << 20);
    CHECK((events_of(p.client, POLLOUT, 0) & POLLOUT) == 0);
    size_t got = 0;
    while (got < sent) {
        ssize_t n = read(p.server, bytes, sizeof(bytes));
        if (!CHECK(n > 0)) {
            break;
        }
        got += (size_t)n;
    }
    CHECK(awaits(p.client, POLLOUT) != 0);
    end(&p);
}

static void small_packets_do_not_eat_memory(void)
{
    struct pair p = make(&ways[0]);
    set(p.client, IPPROTO_TCP, TCP_NODELAY, 1);
    CHECK(fcntl(p.client, F_SETFL, O_NONBLOCK) == 0);
    size_t sent = 0;
    for (int i = 0; i < 30000; i++) {
        char c = pattern(sent);
        sent += write(p.client, &c, 1) == 1;
    }
    size_t got = 0;
    int is_right = 1;
    while (got < sent) {
        ssize_t n = read(p.server, bytes, 1000);
        if (!CHECK(n > 0)) {
            break;
        }
        for (ssize_t i = 0; i < n; i++) {
            is_right &= bytes[i] == pattern(got + (size_t)i);
        }
        got += (size_t)n;
    }
    CHECK(is_right);
    end(&p);
}

static void *send_late(void *argument)
{
    int s = *(int *)argument;
    nap(30);
    CHECK(send(s, "abc", 3, 0) == 3);
    nap(30);
    CHECK(send(s, "defg", 4, 0) == 4);
    return NULL;
}

static void readers_wait(void)
{
    pthread_t late;
    struct pair p = make(&ways[0]);
    CHECK(pthread_create(&late, NULL, send_late, &p.client) == 0);
    CHECK(recv(p.server, bytes, 7, MSG_WAITALL) == 7 && memcmp(bytes, "abcdefg", 7) == 0);
    pthread_join(late, NULL);
    CHECK(pthread_create(&late, NULL, send_late, &p.client) == 0);
    CHECK(recv(p.server, bytes, 7, MSG_WAITALL | MSG_PEEK) == 7);
    CHECK(recv(p.server, bytes, 20, 0) == 7 && memcmp(bytes, "abcdefg", 7) == 0);
    pthread_join(late, NULL);
    set(p.server, SOL_SOCKET, SO_RCVLOWAT, 5);
    CHECK(get(p.server, SOL_SOCKET, SO_RCVLOWAT) == 5);
    CHECK(send(p.client, "abc", 3, 0) == 3);
    CHECK(events_of(p.server, POLLIN, 60) == 0);
    CHECK(send(p.client, "de", 2, 0) == 2);
    CHECK(awaits(p.server, POLLIN) == POLLIN && recv(p.server, bytes, 9, 0) == 5);
    struct timeval t = {.tv_usec = 50000};
    CHECK(setsockopt(p.server, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
    FAILS(recv(p.server, bytes, 1, 0), EAGAIN);
    end(&p);
}

static void files_are_sent(void)
{
    struct pair p = make(&ways[0]);
    char path[] = "/tmp/tcp-XXXXXX";
    int file = mkstemp(path);
    off_t at = 3;
    unlink(path);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern(i);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(write(file, bytes, sizeof(bytes)) == sizeof(bytes));
    }
    CHECK(sendfile(p.client, file, &at, 70000) == 70000 && at == 70003);
    get_all(p.server, bytes, 3);
    CHECK(bytes[0] == pattern(3) && bytes[2] == pattern(5));
    get_all(p.server, bytes, 65530);
    CHECK(bytes[65529] == pattern(65535)); // the last before the second half
    get_all(p.server, bytes, 70000 - 65533);
    CHECK(lseek(file, -5, SEEK_END) == 2 * sizeof(bytes) - 5);
    CHECK(sendfile(p.client, file, NULL, 100) == 5); // to the end and no further
    CHECK(sendfile(p.client, file, NULL, 100) == 0);
    get_all(p.server, bytes, 5);
    CHECK(bytes[0] == pattern(65531) && bytes[4] == pattern(65535));
    close(p.server);
    awaits(p.client, POLLIN);
    at = 0;
    for (int i = 0; i < 50 && sendfile(p.client, file, &at, 10) == 10; i++) {
        nap(10);
    }
    FAILS(sendfile(p.client, file, &at, 10), EPIPE);
    close(file);
    p.server = open("/dev/null", O_RDONLY);
    end(&p);
}

/* ---- Connecting ---- */

static void closed_ports_refuse(const struct way *w)
{
    int listener = listen_on(w->listener, 1);
    union name n = name_of(w->client, INADDR_LOOPBACK, w->is_mapped, port_of(listener));
    close(listener);
    int s = socket(w->client, SOCK_STREAM, 0);
    FAILS(connect(s, &n.any, size_of(w->client)), ECONNREFUSED);
    FAILS(connect(s, &n.any, size_of(w->client)), ECONNREFUSED); // again
    CHECK(get(s, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(fcntl(s, F_SETFL, O_NONBLOCK) == 0);
    int r = connect(s, &n.any, size_of(w->client));
    CHECK(r == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    if (errno == EINPROGRESS) {
        int events = awaits(s, POLLOUT | POLLERR | POLLHUP | POLLIN);
        CHECK((events & POLLERR) != 0);
        CHECK(get(s, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
        CHECK(get(s, SOL_SOCKET, SO_ERROR) == 0);
    }
    close(s);
}

static void connecting_goes_step_by_step(void)
{
    int listener = listen_on(AF_INET, 4);
    union name n = name_of(AF_INET, INADDR_LOOPBACK, 0, port_of(listener));
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK((events_of(s, POLLOUT, 0) & POLLHUP) != 0);
    FAILS(recv(s, bytes, 1, 0), ENOTCONN);
    signal(SIGPIPE, SIG_IGN);
    FAILS(send(s, bytes, 1, 0), EPIPE);
    FAILS(shutdown(s, SHUT_WR), ENOTCONN);
    FAILS(accept(s, NULL, NULL), EINVAL);
    int r = connect(s, &n.any, size_of(AF_INET));
    CHECK(r == 0 || errno == EINPROGRESS);
    CHECK(awaits(s, POLLOUT) == POLLOUT);
    CHECK(get(s, SOL_SOCKET, SO_ERROR) == 0);
    if (r != 0) {
        CHECK(connect(s, &n.any, size_of(AF_INET)) == 0); // tells how it came out
    }
    FAILS(connect(s, &n.any, size_of(AF_INET)), EISCONN);
    FAILS(listen(s, 1), EINVAL);
    int server = accept(listener, NULL, NULL);
    CHECK(send(server, "x", 1, 0) == 1 && awaits(s, POLLIN) != 0);
    // AF_UNSPEC takes it back, and it may connect again.
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(s, &none, sizeof(none)) == 0);
    socklen_t size = sizeof(n);
    union name other;
    FAILS(getpeername(s, &other.any, &size), ENOTCONN);
    CHECK(awaits(server, POLLIN | POLLHUP) != 0);
    FAILS(recv(server, bytes, 1, 0), ECONNRESET);
    close(server);
    CHECK(fcntl(s, F_SETFL, 0) == 0);
    CHECK(connect(s, &n.any, size_of(AF_INET)) == 0);
    server = accept(listener, NULL, NULL);
    CHECK(send(s, "again", 5, 0) == 5 && recv(server, bytes, 9, 0) == 5);
    close(s);
    close(server);
    close(listener);
}

static void addresses_are_looked_at(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    union name n = name_of(AF_INET, INADDR_LOOPBACK, 0, 1);
    FAILS(connect(s, &n.any, 4), EINVAL);
    n.any.sa_family = AF_UNIX;
    FAILS(connect(s, &n.any, size_of(AF_INET)), EAFNOSUPPORT);
    n = name_of(AF_INET, 0xe0000001, 0, 1);
    FAILS(connect(s, &n.any, size_of(AF_INET)), ENETUNREACH);
    close(s);
    s = socket(AF_INET6, SOCK_STREAM, 0);
    set(s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    n = name_of(AF_INET6, INADDR_LOOPBACK, 1, 1);
    CHECK(connect(s, &n.any, size_of(AF_INET6)) == -1);
    close(s);
}

static void a_socket_can_talk_to_itself(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    union name n = name_of(AF_INET, INADDR_LOOPBACK, 0, 0);
    socklen_t size = sizeof(n);
    CHECK(bind(s, &n.any, size_of(AF_INET)) == 0 && getsockname(s, &n.any, &size) == 0);
    CHECK(connect(s, &n.any, size_of(AF_INET)) == 0);
    CHECK(send(s, "me", 2, 0) == 2 && recv(s, bytes, 9, 0) == 2);
    close(s);
}

/* ---- Listening ---- */

static void accepting_waits_and_inherits(void)
{
    int listener = listen_on(AF_INET, 2);
    set(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    set(listener, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
    FAILS(accept(listener, NULL, NULL), EAGAIN);
    CHECK(events_of(listener, POLLIN | POLLOUT, 0) == 0);
    int c = dial(AF_INET, 0, port_of(listener));
    CHECK(awaits(listener, POLLIN) == POLLIN);
    int s = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK((fcntl(s, F_GETFL) & O_NONBLOCK) != 0 && fcntl(s, F_GETFD) == FD_CLOEXEC);
    CHECK(get(s, SOL_SOCKET, SO_KEEPALIVE) == 1 && get(s, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(get(s, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
    FAILS(recv(s, bytes, 1, 0), EAGAIN);
    FAILS(recv(listener, bytes, 1, 0), ENOTCONN);
    FAILS(send(listener, bytes, 1, MSG_NOSIGNAL), EPIPE);
    close(s);
    close(c);
    // Who was not accepted when it closes is reset.
    c = dial(AF_INET, 0, port_of(listener));
    CHECK(awaits(listener, POLLIN) == POLLIN);
    close(listener);
    CHECK(awaits(c, POLLIN) != 0);
    FAILS(recv(c, bytes, 1, 0), ECONNRESET);
    close(c);
}

static void *close_late(void *argument)
{
    nap(50);
    shutdown(*(int *)argument, SHUT_RD);
    return NULL;
}

static void who_waits_to_accept_is_told_of_the_end(void)
{
    pthread_t late;
    int listener = listen_on(AF_INET, 2);
    CHECK(pthread_create(&late, NULL, close_late, &listener) == 0);
    FAILS(accept(listener, NULL, NULL), EINVAL);
    pthread_join(late, NULL);
    close(listener);
}

static void a_full_backlog_makes_others_wait(void)
{
    int listener = listen_on(AF_INET, 1);
    int port = port_of(listener);
    union name n = name_of(AF_INET, INADDR_LOOPBACK, 0, port);
    int c[4];
    for (int i = 0; i < 4; i++) {
        c[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int r = connect(c[i], &n.any, size_of(AF_INET));
        CHECK(r == 0 || errno == EINPROGRESS);
    }
    // All of them come through once there is room: the SYNs are sent again.
    for (int i = 0; i < 4; i++) {
        int s = accept(listener, NULL, NULL);
        CHECK(s >= 0);
        close(s);
    }
    for (int i = 0; i < 4; i++) {
        close(c[i]);
    }
    close(listener);
}

/* ---- Ends ---- */

static void halves_are_shut(const struct way *w)
{
    struct pair p = make(w);
    CHECK(send(p.client, "last", 4, 0) == 4 && shutdown(p.client, SHUT_WR) == 0);
    FAILS(send(p.client, "more", 4, MSG_NOSIGNAL), EPIPE);
    CHECK((awaits(p.server, POLLIN | POLLRDHUP) & POLLHUP) == 0);
    CHECK(recv(p.server, bytes, 10, 0) == 4 && recv(p.server, bytes, 10, 0) == 0);
    CHECK(recv(p.server, bytes, 10, 0) == 0);
    CHECK(send(p.server, "answer", 6, 0) == 6);
    CHECK(awaits(p.client, POLLIN) != 0 && recv(p.client, bytes, 10, 0) == 6);
    CHECK(shutdown(p.server, SHUT_WR) == 0);
    CHECK((awaits(p.client, POLLIN | POLLHUP) & POLLHUP) != 0 && recv(p.client, bytes, 10, 0) == 0);
    CHECK((awaits(p.server, POLLHUP | POLLRDHUP) & POLLHUP) != 0);
    end(&p);
    p = make(w);
    CHECK(send(p.client, "still", 5, 0) == 5 && awaits(p.server, POLLIN) != 0);
    CHECK(shutdown(p.server, SHUT_RD) == 0);
    CHECK(recv(p.server, bytes, 10, 0) == 5 && recv(p.server, bytes, 10, 0) == 0);
    CHECK(send(p.server, "x", 1, 0) == 1 && recv(p.client, bytes, 10, 0) == 1);
    end(&p);
}

static volatile sig_atomic_t pipes;

static void note_pipe(int number)
{
    (void)number;
    pipes++;
}

static void unread_bytes_mean_a_reset(void)
{
    struct pair p = make(&ways[0]);
    signal(SIGPIPE, note_pipe);
    CHECK(send(p.client, "unread", 6, 0) == 6 && awaits(p.server, POLLIN) != 0);
    close(p.server);
    CHECK((awaits(p.client, POLLIN | POLLHUP | POLLERR) & POLLERR) != 0);
    FAILS(recv(p.client, bytes, 1, 0), ECONNRESET);
    CHECK(recv(p.client, bytes, 1, 0) == 0);
    FAILS(send(p.client, "x", 1, 0), EPIPE);
    CHECK(pipes == 1);
    FAILS(send(p.client, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(pipes == 1);
    FAILS(write(p.client, "x", 1), EPIPE);
    CHECK(pipes == 2);
    p.server = open("/dev/null", O_RDONLY);
    end(&p);
    // So does sending to who is gone.
    p = make(&ways[0]);
    close(p.server);
    CHECK(awaits(p.client, POLLIN | POLLRDHUP) != 0);
    CHECK(recv(p.client, bytes, 1, 0) == 0);
    CHECK(send(p.client, "x", 1, 0) == 1);
    CHECK(awaits(p.client, POLLHUP) != 0);
    CHECK(send(p.client, "x", 1, MSG_NOSIGNAL) == -1);
    p.server = open("/dev/null", O_RDONLY);
    end(&p);
    signal(SIGPIPE, SIG_IGN);
}

static void lingering(void)
{
    struct pair p = make(&ways[0]);
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    CHECK(setsockopt(p.server, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
    close(p.server);
    CHECK(awaits(p.client, POLLIN) != 0);
    FAILS(recv(p.client, bytes, 1, 0), ECONNRESET);
    p.server = open("/dev/null", O_RDONLY);
    end(&p);
    // What was written before close arrives, and close waits for it.
    p = make(&ways[0]);
    l.l_linger = 5;
    CHECK(setsockopt(p.client, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
    memset(bytes, 'y', sizeof(bytes));
    CHECK(send(p.client, bytes, 50000, 0) == 50000);
    close(p.client);
    get_all(p.server, bytes, 50000);
    CHECK(recv(p.server, bytes, 10, 0) == 0);
    p.client = open("/dev/null", O_RDONLY);
    end(&p);
}

/* ---- Options ---- */

static void options_are_kept(void)
{
    struct pair p = make(&ways[0]);
    struct tcp_info info;
    char name[16] = "";
    socklen_t size = sizeof(name);
    static const int numbers[][2] = {{TCP_NODELAY, 1},   {TCP_CORK, 0},    {TCP_KEEPIDLE, 60},
                                     {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}, {TCP_USER_TIMEOUT, 9000},
                                     {TCP_SYNCNT, 2},    {TCP_LINGER2, 7}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        set(p.client, IPPROTO_TCP, numbers[i][0], numbers[i][1]);
        CHECK(get(p.client, IPPROTO_TCP, numbers[i][0]) == numbers[i][1]);
    }
    CHECK(getsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0);
    CHECK(name[0] != '\0');
    CHECK(setsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, name, size) == 0);
    FAILS(setsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, "fast!", 5), ENOENT);
    CHECK(get(p.client, IPPROTO_TCP, TCP_MAXSEG) > 500);
    int zero = 0;
    FAILS(setsockopt(p.client, IPPROTO_TCP, TCP_KEEPCNT, &zero, sizeof(zero)), EINVAL);
    FAILS(setsockopt(p.client, IPPROTO_TCP, 9999, &zero, sizeof(zero)), ENOPROTOOPT);
    size = sizeof(info);
    CHECK(getsockopt(p.client, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size >= 104);
    CHECK(info.tcpi_state == TCP_ESTABLISHED && info.tcpi_snd_mss > 500 && info.tcpi_snd_cwnd >= 2);
    CHECK((info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE)) == 7);
    end(&p);
}

static void corks_hold_small_segments_back(void)
{
    struct pair p = make(&ways[0]);
    set(p.client, IPPROTO_TCP, TCP_CORK, 1);
    CHECK(send(p.client, "a", 1, 0) == 1);
    CHECK(events_of(p.server, POLLIN, 50) == 0);
    set(p.client, IPPROTO_TCP, TCP_CORK, 0);
    CHECK(awaits(p.server, POLLIN) != 0 && recv(p.server, bytes, 9, 0) == 1);
    CHECK(send(p.client, "a", 1, MSG_MORE) == 1);
    CHECK(events_of(p.server, POLLIN, 50) == 0);
    CHECK(send(p.client, "b", 1, 0) == 1);
    CHECK(awaits(p.server, POLLIN) != 0 && recv(p.server, bytes, 9, 0) == 2);
    end(&p);
}

static void epoll_tells_edges(void)
{
    struct pair p = make(&ways[0]);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int set_of = epoll_create1(0);
    CHECK(epoll_ctl(set_of, EPOLL_CTL_ADD, p.server, &e) == 0);
    CHECK(epoll_wait(set_of, &e, 1, 1000) == 1 && e.events == EPOLLOUT);
    CHECK(epoll_wait(set_of, &e, 1, 20) == 0);
    CHECK(send(p.client, "x", 1, 0) == 1);
    CHECK(epoll_wait(set_of, &e, 1, 1000) == 1 && e.events == (EPOLLIN | EPOLLOUT));
    CHECK(epoll_wait(set_of, &e, 1, 20) == 0);
    CHECK(send(p.client, "y", 1, 0) == 1);
    CHECK(epoll_wait(set_of, &e, 1, 1000) == 1 && e.events == (EPOLLIN | EPOLLOUT));
    shutdown(p.client, SHUT_WR);
    CHECK(epoll_wait(set_of, &e, 1, 1000) == 1);
    CHECK(e.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP));
    close(set_of);
    end(&p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        both_ends_know_each_other(&ways[i]);
        bytes_arrive(&ways[i]);
        long_streams_stay_in_order(&ways[i], 65536, 65536);
        closed_ports_refuse(&ways[i]);
        halves_are_shut(&ways[i]);
    }
    long_streams_stay_in_order(&ways[0], 1000, 65536);
    long_streams_stay_in_order(&ways[1], 65536, 777);
    ports_are_taken_once();
    a_slow_reader_stops_the_writer();
    small_packets_do_not_eat_memory();
    readers_wait();
    files_are_sent();
    connecting_goes_step_by_step();
    addresses_are_looked_at();
    a_socket_can_talk_to_itself();
    accepting_waits_and_inherits();
    who_waits_to_accept_is_told_of_the_end();
    a_full_backlog_makes_others_wait();
    unread_bytes_mean_a_reset();
    lingering();
    options_are_kept();
    corks_hold_small_segments_back();
    epoll_tells_edges();
    return check_end();
}
