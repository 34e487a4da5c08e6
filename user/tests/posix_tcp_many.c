// SPDX-License-Identifier: Apache-2.0
/*
 * Thousands of TCP connections at a time: what they cost while they are idle (said with any argument), and
 * that all of them still work; says nothing unless something is wrong.  It runs on Linux too, where memory is not looked at.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "user/tests/check.h"

enum { CONNECTIONS = 2000, COST_MAX = 4096 };

static int clients[CONNECTIONS];
static int servers[CONNECTIONS];

static long free_memory(void)
{
    struct sysinfo info;
    CHECK(sysinfo(&info) == 0);
    return (long)(info.freeram * info.mem_unit);
}

static struct sockaddr_in loopback(int s)
{
    struct sockaddr_in n = {.sin_family = AF_INET};
    socklen_t size = sizeof(n);
    if (s >= 0) {
        CHECK(getsockname(s, (struct sockaddr *)&n, &size) == 0);
    }
    n.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return n;
}

static void connect_all(int listener)
{
    struct sockaddr_in n = loopback(listener);
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (!CHECK(clients[i] >= 0 && connect(clients[i], (struct sockaddr *)&n, sizeof(n)) == 0)) {
            exit(1);
        }
        servers[i] = accept(listener, NULL, NULL);
        if (!CHECK(servers[i] >= 0)) {
            exit(1);
        }
    }
}

// One byte each way, in another order than they were made in.
static void all_of_them_work(void)
{
    char c;
    for (int i = 0; i < CONNECTIONS; i++) {
        int k = (int)((unsigned)i * 7919u % CONNECTIONS);
        c = (char)k;
        CHECK(write(clients[k], &c, 1) == 1);
    }
    for (int i = CONNECTIONS - 1; i >= 0; i--) {
        CHECK(read(servers[i], &c, 1) == 1 && c == (char)i);
        CHECK(write(servers[i], &c, 1) == 1);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK(read(clients[i], &c, 1) == 1 && c == (char)i);
    }
}

// Of a set of all, just those that have something are told.
static void a_set_of_all_finds_the_few(void)
{
    struct epoll_event events[16];
    int set = epoll_create1(0);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, servers[i], &e) == 0);
    }
    CHECK(write(clients[1234], "x", 1) == 1);
    CHECK(epoll_wait(set, events, 16, 1000) == 1 && events[0].data.u32 == 1234);
    close(set);
}

int main(int argc, char **argv)
{
    struct rlimit limit = {.rlim_cur = 2 * CONNECTIONS + 64, .rlim_max = 2 * CONNECTIONS + 64};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in n = loopback(-1);
    CHECK(bind(listener, (struct sockaddr *)&n, sizeof(n)) == 0 && listen(listener, 128) == 0);
    long before = free_memory();
    connect_all(listener);
    long cost = (before - free_memory()) / (2L * CONNECTIONS);
#ifdef __swos__
    if (cost > COST_MAX) {
        fprintf(stderr, "an idle end of a connection takes %ld bytes\n", cost);
    }
    CHECK(cost <= COST_MAX);
    if (argc > 1) {
        printf("%ld bytes\n", cost);
    }
#else
    (void)cost;
#endif
    (void)argc;
    (void)argv;
    all_of_them_work();
    a_set_of_all_finds_the_few();
    for (int i = 0; i < CONNECTIONS; i++) {
        close(clients[i]);
        close(servers[i]);
    }
    close(listener);
    return check_end();
}
