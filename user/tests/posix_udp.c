// SPDX-License-Identifier: Apache-2.0
/*
 * UDP over loopback as POSIX and Linux have it; says nothing unless something is wrong.  It runs on Linux
 * too (gcc -I. user/tests/posix_udp.c), which is where its expectations come from.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "user/tests/check.h"

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

enum { BIG = 60000 };

union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static char bytes[65536];
static char more[65536];

static socklen_t size_of(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static union name loopback(int family, int port)
{
    union name n;
    memset(&n, 0, sizeof(n));
    n.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        n.v4.sin_port = htons((uint16_t)port);
        n.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        n.v6.sin6_port = htons((uint16_t)port);
        n.v6.sin6_addr = in6addr_loopback;
    }
    return n;
}

// A socket that is bound to any port of loopback, and its name.
static int make(int family, union name *n)
{
    int s = socket(family, SOCK_DGRAM, 0);
    socklen_t size = sizeof(*n);
    CHECK(s >= 0);
    *n = loopback(family, 0);
    CHECK(bind(s, &n->any, size_of(family)) == 0);
    CHECK(getsockname(s, &n->any, &size) == 0);
    CHECK(size == size_of(family));
    return s;
}

static int port_of(const union name *n)
{
    return ntohs(n->any.sa_family == AF_INET ? n->v4.sin_port : n->v6.sin6_port);
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

// Waits up to a second.
static int is_readable(int s)
{
    struct pollfd p = {.fd = s, .events = POLLIN};
    return poll(&p, 1, 1000) == 1 && (p.revents & POLLIN) != 0;
}

static void nap(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

/* ---- Bytes ---- */

static void a_datagram_arrives_whole(int family)
{
    union name a;
    union name b;
    union name from;
    socklen_t size = sizeof(from);
    int to = make(family, &a);
    int by = make(family, &b);
    CHECK(port_of(&a) >= 32768);
    CHECK(sendto(by, "hello", 5, 0, &a.any, size_of(family)) == 5);
    CHECK(sendto(by, "", 0, 0, &a.any, size_of(family)) == 0);
    CHECK(is_readable(to));
    int count = -1;
    CHECK(ioctl(to, FIONREAD, &count) == 0 && count == 5);
    CHECK(recvfrom(to, bytes, sizeof(bytes), MSG_PEEK, &from.any, &size) == 5);
    CHECK(size == size_of(family) && port_of(&from) == port_of(&b));
    CHECK(recv(to, bytes, 3, MSG_TRUNC | MSG_PEEK) == 5);
    CHECK(recv(to, bytes, 3, 0) == 3 && memcmp(bytes, "hel", 3) == 0);
    CHECK(recv(to, bytes, sizeof(bytes), 0) == 0);
    FAILS(recv(to, bytes, sizeof(bytes), MSG_DONTWAIT), EAGAIN);
    close(to);
    close(by);
}

static void large_ones_arrive(int family)
{
    union name a;
    union name b;
    int to = make(family, &a);
    int by = make(family, &b);
    static const size_t sizes[] = {1471, 1472, 1473, 2047, 2048, 2049, 4096, 9000, BIG};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            more[k] = (char)(k * 7 + i);
        }
        CHECK(sendto(by, more, sizes[i], 0, &a.any, size_of(family)) == (ssize_t)sizes[i]);
        CHECK(is_readable(to));
        CHECK(recv(to, bytes, sizeof(bytes), MSG_DONTWAIT) == (ssize_t)sizes[i]);
        CHECK(memcmp(bytes, more, sizes[i]) == 0);
    }
    FAILS(sendto(by, more, 65535, 0, &a.any, size_of(family)), EMSGSIZE);
    close(to);
    close(by);
}

static void vectors_and_several_messages(int family)
{
    union name a;
    union name b;
    union name from;
    int to = make(family, &a);
    int by = make(family, &b);
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}};
    struct msghdr m = {
        .msg_name = &a, .msg_namelen = size_of(family), .msg_iov = parts, .msg_iovlen = 2};
    CHECK(sendmsg(by, &m, 0) == 5);
    struct mmsghdr several[3] = {{.msg_hdr = m}, {.msg_hdr = m}, {.msg_hdr = m}};
    CHECK(sendmmsg(by, several, 3, 0) == 3);
    CHECK(several[2].msg_len == 5);
    CHECK(is_readable(to));
    nap(20);
    char room[4][8];
    struct iovec into[4];
    struct mmsghdr got[4];
    memset(got, 0, sizeof(got));
    for (int i = 0; i < 4; i++) {
        into[i] = (struct iovec){room[i], sizeof(room[i])};
        got[i].msg_hdr.msg_iov = &into[i];
        got[i].msg_hdr.msg_iovlen = 1;
    }
    got[0].msg_hdr.msg_name = &from;
    got[0].msg_hdr.msg_namelen = sizeof(from);
    CHECK(recvmmsg(to, got, 4, MSG_DONTWAIT, NULL) == 4);
    CHECK(got[3].msg_len == 5 && memcmp(room[3], "abcde", 5) == 0);
    CHECK(got[0].msg_hdr.msg_namelen == size_of(family) && port_of(&from) == port_of(&b));
    close(to);
    close(by);
}

/* ---- Names ---- */

static void connected_sockets_hear_their_peer_only(int family)
{
    union name a;
    union name b;
    union name c;
    union name name;
    socklen_t size = sizeof(name);
    int one = make(family, &a);
    int two = make(family, &b);
    int other = make(family, &c);
    FAILS(getpeername(one, &name.any, &size), ENOTCONN);
    FAILS(send(one, "x", 1, 0), EDESTADDRREQ);
    CHECK(connect(one, &b.any, size_of(family)) == 0);
    CHECK(getpeername(one, &name.any, &size) == 0 && port_of(&name) == port_of(&b));
    CHECK(sendto(other, "no", 2, 0, &a.any, size_of(family)) == 2);
    CHECK(sendto(two, "yes", 3, 0, &a.any, size_of(family)) == 3);
    CHECK(is_readable(one));
    CHECK(recv(one, bytes, sizeof(bytes), 0) == 3);
    CHECK(send(one, "back", 4, 0) == 4);
    CHECK(recv(two, bytes, sizeof(bytes), 0) == 4);
    CHECK(write(one, "more", 4) == 4);
    CHECK(read(two, bytes, sizeof(bytes)) == 4);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(one, &none, sizeof(none)) == 0);
    FAILS(getpeername(one, &name.any, &size), ENOTCONN);
    close(one);
    close(two);
    close(other);
}

static void ports_are_shared_as_asked(int family)
{
    union name a;
    int first = make(family, &a);
    int second = socket(family, SOCK_DGRAM, 0);
    FAILS(bind(second, &a.any, size_of(family)), EADDRINUSE);
    FAILS(bind(first, &a.any, size_of(family)), EINVAL);
    set(second, SOL_SOCKET, SO_REUSEADDR, 1);
    FAILS(bind(second, &a.any, size_of(family)), EADDRINUSE);
    close(first);
    CHECK(bind(second, &a.any, size_of(family)) == 0);
    int third = socket(family, SOCK_DGRAM, 0);
    set(third, SOL_SOCKET, SO_REUSEADDR, 1);
    CHECK(bind(third, &a.any, size_of(family)) == 0);
    close(second);
    close(third);
}

static void a_shared_port_spreads_senders(int family)
{
    enum { SHARING = 4, SENDERS = 64 };
    union name a = loopback(family, 0);
    socklen_t size = sizeof(a);
    int sharing[SHARING];
    int got[SHARING] = {0};
    for (int i = 0; i < SHARING; i++) {
        sharing[i] = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        set(sharing[i], SOL_SOCKET, SO_REUSEPORT, 1);
        CHECK(bind(sharing[i], &a.any, size_of(family)) == 0);
        CHECK(getsockname(sharing[i], &a.any, &size) == 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        int s = socket(family, SOCK_DGRAM, 0);
        CHECK(sendto(s, "x", 1, 0, &a.any, size_of(family)) == 1);
        close(s);
    }
    nap(50);
    int total = 0;
    for (int i = 0; i < SHARING; i++) {
        while (recv(sharing[i], bytes, 1, 0) == 1) {
            got[i]++;
        }
        CHECK(got[i] > 0 && got[i] < SENDERS);
        total += got[i];
        close(sharing[i]);
    }
    CHECK(total == SENDERS);
}

static void addresses_that_are_not_ours_are_refused(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    union name n = loopback(AF_INET, 0);
    n.v4.sin_addr.s_addr = htonl(0x08080808);
    FAILS(bind(s, &n.any, sizeof(n.v4)), EADDRNOTAVAIL);
    FAILS(bind(s, &n.any, 4), EINVAL);
    union name v6 = loopback(AF_INET6, 0);
    FAILS(bind(s, &v6.any, sizeof(v6.v6)), EAFNOSUPPORT);
    close(s);
}

static void one_socket_speaks_both_versions(void)
{
    int s = socket(AF_INET6, SOCK_DGRAM, 0);
    union name n = loopback(AF_INET6, 0);
    union name from;
    socklen_t size = sizeof(n);
    n.v6.sin6_addr = in6addr_any;
    CHECK(bind(s, &n.any, sizeof(n.v6)) == 0);
    CHECK(getsockname(s, &n.any, &size) == 0);
    int by = socket(AF_INET, SOCK_DGRAM, 0);
    union name to = loopback(AF_INET, port_of(&n));
    CHECK(sendto(by, "v4", 2, 0, &to.any, sizeof(to.v4)) == 2);
    CHECK(is_readable(s));
    size = sizeof(from);
    CHECK(recvfrom(s, bytes, sizeof(bytes), 0, &from.any, &size) == 2);
    CHECK(size == sizeof(from.v6) && IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr));
    CHECK(sendto(s, "back", 4, 0, &from.any, sizeof(from.v6)) == 4);
    CHECK(recv(by, bytes, sizeof(bytes), 0) == 4);
    close(by);
    int only = socket(AF_INET6, SOCK_DGRAM, 0);
    set(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    FAILS(bind(only, &n.any, sizeof(n.v6)), EADDRINUSE);
    int v4 = socket(AF_INET, SOCK_DGRAM, 0);
    to.v4.sin_addr.s_addr = INADDR_ANY;
    FAILS(bind(v4, &to.any, sizeof(to.v4)), EADDRINUSE);
    close(s);
    CHECK(bind(only, &n.any, sizeof(n.v6)) == 0);
    CHECK(bind(v4, &to.any, sizeof(to.v4)) == 0);
    close(only);
    close(v4);
}

/* ---- Errors ---- */

// A port that nobody has.
static union name nobody(int family)
{
    union name n;
    close(make(family, &n));
    return n;
}

static void a_closed_port_is_told_to_who_is_connected(int family)
{
    union name n = nobody(family);
    union name a;
    int s = make(family, &a);
    CHECK(sendto(s, "x", 1, 0, &n.any, size_of(family)) == 1); // nobody is told
    nap(20);
    CHECK(get(s, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(connect(s, &n.any, size_of(family)) == 0);
    CHECK(send(s, "x", 1, 0) == 1);
    struct pollfd p = {.fd = s};
    CHECK(poll(&p, 1, 1000) == 1 && (p.revents & POLLERR) != 0);
    FAILS(recv(s, bytes, sizeof(bytes), MSG_DONTWAIT), ECONNREFUSED);
    FAILS(recv(s, bytes, sizeof(bytes), MSG_DONTWAIT), EAGAIN);
    CHECK(send(s, "x", 1, 0) == 1);
    nap(20);
    CHECK(get(s, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
    CHECK(get(s, SOL_SOCKET, SO_ERROR) == 0);
    close(s);
}

struct extended {
    uint32_t error;
    uint8_t origin;
    uint8_t type;
    uint8_t code;
    uint8_t pad;
    uint32_t info;
    uint32_t data;
};

static void errors_queue_for_who_asks(int family)
{
    union name n = nobody(family);
    union name a;
    union name to;
    int s = make(family, &a);
    bool is_v4 = family == AF_INET;
    set(s, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_RECVERR : IPV6_RECVERR, 1);
    CHECK(sendto(s, "hello", 5, 0, &n.any, size_of(family)) == 5);
    struct pollfd p = {.fd = s};
    CHECK(poll(&p, 1, 1000) == 1 && p.revents == POLLERR);
    char control[256];
    struct iovec v = {bytes, sizeof(bytes)};
    struct msghdr m = {.msg_name = &to,
                       .msg_namelen = sizeof(to),
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    CHECK(recvmsg(s, &m, MSG_ERRQUEUE) == 5);
    CHECK(memcmp(bytes, "hello", 5) == 0);
    CHECK((m.msg_flags & MSG_ERRQUEUE) != 0);
    CHECK(port_of(&to) == port_of(&n));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    struct extended e;
    if (CHECK(c != NULL)) {
        CHECK(c->cmsg_level == (is_v4 ? IPPROTO_IP : IPPROTO_IPV6));
        CHECK(c->cmsg_type == (is_v4 ? IP_RECVERR : IPV6_RECVERR));
        memcpy(&e, CMSG_DATA(c), sizeof(e));
        CHECK(e.error == ECONNREFUSED && e.origin == (is_v4 ? 2 : 3));
    }
    FAILS(recvmsg(s, &m, MSG_ERRQUEUE), EAGAIN);
    close(s);
}

static void ends_are_shut(int family)
{
    union name a;
    union name b;
    int one = make(family, &a);
    int two = make(family, &b);
    FAILS(shutdown(one, SHUT_RD), ENOTCONN);
    CHECK(connect(one, &b.any, size_of(family)) == 0);
    CHECK(shutdown(one, SHUT_RDWR) == 0);
    CHECK(recv(one, bytes, sizeof(bytes), 0) == 0);
    FAILS(send(one, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(one);
    close(two);
}

/* ---- Waiting ---- */

static void *send_later(void *argument)
{
    const union name *n = argument;
    int s = socket(n->any.sa_family, SOCK_DGRAM, 0);
    nap(50);
    CHECK(sendto(s, "late", 4, 0, &n->any, size_of(n->any.sa_family)) == 4);
    close(s);
    return NULL;
}

static void receiving_waits(int family)
{
    union name a;
    pthread_t t;
    int s = make(family, &a);
    CHECK(pthread_create(&t, NULL, send_later, &a) == 0);
    CHECK(recv(s, bytes, sizeof(bytes), 0) == 4);
    pthread_join(t, NULL);
    struct timeval soon = {.tv_usec = 30000};
    CHECK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
    FAILS(recv(s, bytes, sizeof(bytes), 0), EAGAIN);
    int set_of = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    CHECK(epoll_ctl(set_of, EPOLL_CTL_ADD, s, &e) == 0);
    CHECK(epoll_wait(set_of, &e, 1, 0) == 0);
    CHECK(pthread_create(&t, NULL, send_later, &a) == 0);
    CHECK(epoll_wait(set_of, &e, 1, 1000) == 1 && (e.events & EPOLLIN) != 0);
    pthread_join(t, NULL);
    close(set_of);
    close(s);
}

static void a_flood_is_bounded(int family)
{
    union name a;
    union name b;
    int to = make(family, &a);
    int by = make(family, &b);
    set(to, SOL_SOCKET, SO_RCVBUF, 32768);
    for (int i = 0; i < 20000; i++) {
        (void)!sendto(by, more, 1000, 0, &a.any, size_of(family));
    }
    nap(50);
    int got = 0;
    while (recv(to, bytes, sizeof(bytes), MSG_DONTWAIT) == 1000) {
        got++;
    }
    CHECK(got > 0 && got < 200);
    close(to);
    close(by);
}

/* ---- Options and control data ---- */

static void options_keep_what_they_are_given(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(get(s, IPPROTO_IP, IP_TTL) == 64);
    set(s, IPPROTO_IP, IP_TTL, 5);
    CHECK(get(s, IPPROTO_IP, IP_TTL) == 5);
    int bad = 256;
    FAILS(setsockopt(s, IPPROTO_IP, IP_TTL, &bad, sizeof(bad)), EINVAL);
    CHECK(get(s, IPPROTO_IP, IP_MULTICAST_TTL) == 1);
    CHECK(get(s, IPPROTO_IP, IP_MULTICAST_LOOP) == 1);
    FAILS(setsockopt(s, IPPROTO_IP, 9999, &bad, sizeof(bad)), ENOPROTOOPT);
    FAILS(setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &bad, sizeof(bad)), ENOPROTOOPT);
    CHECK(get(s, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
    CHECK(get(s, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP);
    CHECK(get(s, SOL_SOCKET, SO_DOMAIN) == AF_INET);
    FAILS(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6), ENODEV);
    close(s);
    FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    FAILS(socket(AF_INET, 9, 0), ESOCKTNOSUPPORT);
}

// CMSG_NXTHDR, whose musl form compares sizes of different signs.
static struct cmsghdr *next_header(struct msghdr *m, struct cmsghdr *c)
{
    char *next = (char *)c + CMSG_ALIGN(c->cmsg_len);
    char *end = (char *)m->msg_control + m->msg_controllen;
    return end - next < (ptrdiff_t)sizeof(*c) ? NULL : (struct cmsghdr *)(void *)next;
}

static void control_data_says_where_it_came_in(int family)
{
    union name a;
    union name b;
    bool is_v4 = family == AF_INET;
    int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    int to = make(family, &a);
    int by = make(family, &b);
    set(to, level, is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1);
    set(to, level, is_v4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
    set(to, SOL_SOCKET, SO_TIMESTAMP, 1);
    set(by, level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, 7);
    CHECK(sendto(by, "x", 1, 0, &a.any, size_of(family)) == 1);
    char control[256];
    struct iovec v = {bytes, sizeof(bytes)};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    CHECK(is_readable(to));
    CHECK(recvmsg(to, &m, 0) == 1);
    int seen = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = next_header(&m, c)) {
        if (c->cmsg_level == level && c->cmsg_type == (is_v4 ? IP_TTL : IPV6_HOPLIMIT)) {
            int hops;
            memcpy(&hops, CMSG_DATA(c), sizeof(hops));
            CHECK(hops == 7);
            seen |= 1;
        } else if (c->cmsg_level == SOL_SOCKET) {
            CHECK(c->cmsg_len == CMSG_LEN(sizeof(struct timeval)));
            seen |= 2;
        } else if (is_v4) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            CHECK(info.ipi_ifindex == 1 && info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
            seen |= 4;
        } else {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            CHECK(info.ipi6_ifindex == 1 && IN6_IS_ADDR_LOOPBACK(&info.ipi6_addr));
            seen |= 4;
        }
    }
    CHECK(seen == 7);
    m.msg_controllen = sizeof(struct cmsghdr);
    CHECK(sendto(by, "x", 1, 0, &a.any, size_of(family)) == 1);
    CHECK(recvmsg(to, &m, 0) == 1 && (m.msg_flags & MSG_CTRUNC) != 0);
    close(to);
    close(by);
}

static void members_of_a_group_all_hear(void)
{
    enum { MEMBERS = 3 };
    int members[MEMBERS];
    union name n = loopback(AF_INET, 0);
    socklen_t size = sizeof(n);
    struct ip_mreqn join = {.imr_multiaddr.s_addr = htonl(0xefc0ffee), .imr_ifindex = 1};
    n.v4.sin_addr.s_addr = INADDR_ANY;
    for (int i = 0; i < MEMBERS; i++) {
        members[i] = socket(AF_INET, SOCK_DGRAM, 0);
        set(members[i], SOL_SOCKET, SO_REUSEADDR, 1);
        set(members[i], IPPROTO_IP, IP_MULTICAST_ALL, 0);
        CHECK(bind(members[i], &n.any, sizeof(n.v4)) == 0);
        CHECK(getsockname(members[i], &n.any, &size) == 0);
        if (i != 0) {
            CHECK(setsockopt(members[i], IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) == 0);
            FAILS(setsockopt(members[i], IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)),
                  EADDRINUSE);
        }
    }
    int by = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(setsockopt(by, IPPROTO_IP, IP_MULTICAST_IF, &join, sizeof(join)) == 0);
    n.v4.sin_addr = join.imr_multiaddr;
    CHECK(sendto(by, "all", 3, 0, &n.any, sizeof(n.v4)) == 3);
    CHECK(is_readable(members[1]) && is_readable(members[2]));
    CHECK(recv(members[1], bytes, sizeof(bytes), 0) == 3);
    CHECK(recv(members[2], bytes, sizeof(bytes), 0) == 3);
    FAILS(recv(members[0], bytes, sizeof(bytes), MSG_DONTWAIT), EAGAIN);
    CHECK(setsockopt(members[1], IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)) == 0);
    FAILS(setsockopt(members[1], IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof(join)),
          EADDRNOTAVAIL);
    close(by);
    for (int i = 0; i < MEMBERS; i++) {
        close(members[i]);
    }
}

static void groups_of_ipv6_hear(void)
{
    int s = socket(AF_INET6, SOCK_DGRAM, 0);
    union name n = loopback(AF_INET6, 0);
    socklen_t size = sizeof(n);
    struct ipv6_mreq join = {.ipv6mr_interface = 1};
    CHECK(inet_pton(AF_INET6, "ff02::1234", &join.ipv6mr_multiaddr) == 1);
    n.v6.sin6_addr = in6addr_any;
    CHECK(bind(s, &n.any, sizeof(n.v6)) == 0);
    CHECK(getsockname(s, &n.any, &size) == 0);
    CHECK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof(join)) == 0);
    n.v6.sin6_addr = join.ipv6mr_multiaddr;
    n.v6.sin6_scope_id = 1;
    ssize_t sent = sendto(s, "six", 3, 0, &n.any, sizeof(n.v6));
#ifndef __swos__
    if (sent == -1 && errno == ENETUNREACH) {
        close(s);
        return; // loopback may have no route for groups there
    }
#endif
    CHECK(sent == 3);
    CHECK(is_readable(s) && recv(s, bytes, sizeof(bytes), 0) == 3);
    CHECK(setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &join, sizeof(join)) == 0);
    close(s);
}

static void sending_to_all_takes_leave(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    union name n = loopback(AF_INET, 9);
    n.v4.sin_addr.s_addr = INADDR_BROADCAST;
    ssize_t sent = sendto(s, "x", 1, 0, &n.any, sizeof(n.v4));
    CHECK(sent == -1 && (errno == EACCES || errno == ENETUNREACH));
    close(s);
}

/* ---- Many ---- */

static void thousands_of_sockets(void)
{
    enum { COUNT = 900 };
    static int all[COUNT];
    union name n;
    for (int i = 0; i < COUNT; i++) {
        all[i] = make(AF_INET, &n);
    }
    int by = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(sendto(by, "last", 4, 0, &n.any, sizeof(n.v4)) == 4);
    CHECK(is_readable(all[COUNT - 1]));
    for (int i = 0; i < COUNT; i++) {
        CHECK(close(all[i]) == 0);
    }
    close(by);
}

struct ball {
    int by;
    union name to;
    int rounds;
};

static void *bounce(void *argument)
{
    struct ball *b = argument;
    char byte;
    for (int i = 0; i < b->rounds; i++) {
        CHECK(recv(b->by, &byte, 1, 0) == 1);
        CHECK(sendto(b->by, &byte, 1, 0, &b->to.any, sizeof(b->to.v4)) == 1);
    }
    return NULL;
}

static void nothing_is_lost_between_two(void)
{
    enum { ROUNDS = 2000 };
    union name a;
    union name b;
    pthread_t t;
    struct ball one = {.by = make(AF_INET, &a), .rounds = ROUNDS};
    int s = make(AF_INET, &b);
    char byte = 1;
    one.to = b;
    CHECK(pthread_create(&t, NULL, bounce, &one) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sendto(s, &byte, 1, 0, &a.any, sizeof(a.v4)) == 1);
        CHECK(recv(s, &byte, 1, 0) == 1);
    }
    pthread_join(t, NULL);
    close(s);
    close(one.by);
}

static void of_a_family(int family)
{
    a_datagram_arrives_whole(family);
    large_ones_arrive(family);
    vectors_and_several_messages(family);
    connected_sockets_hear_their_peer_only(family);
    ports_are_shared_as_asked(family);
    a_shared_port_spreads_senders(family);
    a_closed_port_is_told_to_who_is_connected(family);
    errors_queue_for_who_asks(family);
    ends_are_shut(family);
    receiving_waits(family);
    a_flood_is_bounded(family);
    control_data_says_where_it_came_in(family);
}

int main(void)
{
    of_a_family(AF_INET);
    of_a_family(AF_INET6);
    addresses_that_are_not_ours_are_refused();
    one_socket_speaks_both_versions();
    options_keep_what_they_are_given();
    members_of_a_group_all_hear();
    groups_of_ipv6_hear();
    sending_to_all_takes_leave();
    thousands_of_sockets();
    nothing_is_lost_between_two();
    return check_end();
}
