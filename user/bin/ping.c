// SPDX-License-Identifier: Apache-2.0
/*
 * Echo requests through an ICMP socket, which needs no authority over packets: the system chooses the
 * identifier and shows no other program's replies.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/span.h"
#include "user/lib/peer.h"
#include "user/lib/tool.h"

enum {
    HEADER = 8, // of ICMP: type, code, checksum, identifier, sequence
    SIZE_MAX_BYTES = 65507 - HEADER,
    ECHO4 = 8,
    REPLY4 = 0,
    ECHO6 = 128,
    REPLY6 = 129,
};

struct options {
    int64_t count; // 0: until stopped
    int64_t size;
    int64_t hops;
    double interval;
    double wait;
    int family;
    bool is_quiet;
};

static struct {
    struct options options;
    struct peer peer;
    int socket;
    uint64_t mark; // random, in each request: replies to others are none of ours
    uint64_t sent;
    uint64_t received;
    uint64_t seen; // a bit for each of the last 64 sequence numbers that was answered
    double least;
    double most;
    double sum;
    double squares;
    volatile sig_atomic_t is_stopped;
} ping;

static uint8_t packet[HEADER + SIZE_MAX_BYTES];

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stop(int signal)
{
    (void)signal;
    ping.is_stopped = 1;
}

// What every payload begins with, as far as it has room: when it was sent, and the mark.
struct stamp {
    double at;
    uint64_t mark;
};

static void send_request(void)
{
    struct stamp stamp = {.at = now(), .mark = ping.mark};
    size_t size = (size_t)ping.options.size;
    memset(packet, 0, HEADER);
    packet[0] = ping.peer.address.ss_family == AF_INET ? ECHO4 : ECHO6;
    write_be16(packet + 6, (uint16_t)ping.sent);
    for (size_t i = 0; i < size; i++) {
        packet[HEADER + i] = (uint8_t)i;
    }
    memcpy(packet + HEADER, &stamp, size < sizeof(stamp) ? size : sizeof(stamp));
    if (send(ping.socket, packet, HEADER + size, 0) < 0) {
        tool_fail("send");
    } else {
        ping.seen &= ~(1ull << (ping.sent % 64));
    }
    ping.sent++;
}

static void count_time(double ms)
{
    ping.least = ping.received == 0 || ms < ping.least ? ms : ping.least;
    ping.most = ms > ping.most ? ms : ping.most;
    ping.sum += ms;
    ping.squares += ms * ms;
}

static void take_reply(ssize_t size, const struct peer *from, int hops)
{
    char text[PEER_TEXT_SIZE];
    struct stamp stamp = {};
    bool has_stamp = size >= (ssize_t)(HEADER + sizeof(stamp));
    uint8_t type = ping.peer.address.ss_family == AF_INET ? REPLY4 : REPLY6;
    if (size < HEADER || packet[0] != type) {
        return;
    }
    if (has_stamp) {
        memcpy(&stamp, packet + HEADER, sizeof(stamp));
        if (stamp.mark != ping.mark) {
            return;
        }
    }
    unsigned sequence = read_be16(packet + 6);
    bool is_again = (ping.seen >> (sequence % 64) & 1) != 0;
    double ms = has_stamp ? (now() - stamp.at) * 1000 : 0;
    ping.seen |= 1ull << (sequence % 64);
    if (!is_again) {
        if (has_stamp) {
            count_time(ms);
        }
        ping.received++;
    }
    if (ping.options.is_quiet) {
        return;
    }
    printf("%zd bytes from %s: seq=%u", size, peer_address(from, text), sequence + 1);
    if (hops >= 0) {
        printf(" ttl=%d", hops);
    }
    if (has_stamp) {
        printf(" time=%.3f ms", ms);
    }
    printf("%s\n", is_again ? " (again)" : "");
    (void)fflush(stdout);
}

// One message; false: there is none.
static bool receive(void)
{
    char control[256];
    struct peer from = {};
    struct iovec vector = {.iov_base = packet, .iov_len = sizeof(packet)};
    struct msghdr message = {.msg_name = &from.address,
                             .msg_namelen = sizeof(from.address),
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    int hops = -1;
    ssize_t size = recvmsg(ping.socket, &message, MSG_DONTWAIT);
    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            tool_fail("reply"); // an error that the network told
            return true;
        }
        return false;
    }
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message); // the only one that was asked for
    if (c != NULL && ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
                      (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))) {
        memcpy(&hops, CMSG_DATA(c), sizeof(hops));
    }
    from.size = message.msg_namelen;
    take_reply(size, &from, hops);
    return true;
}

static void wait_until(double when)
{
    for (double left; !ping.is_stopped && (left = when - now()) > 0;) {
        struct pollfd p = {.fd = ping.socket, .events = POLLIN};
        if (poll(&p, 1, (int)ceil(left * 1000)) > 0) {
            while (receive()) {
            }
        }
        if (ping.options.count > 0 && ping.received >= (uint64_t)ping.options.count) {
            return;
        }
    }
}

static void run(void)
{
    double next = now();
    while (!ping.is_stopped) {
        send_request();
        bool is_last = ping.options.count > 0 && ping.sent >= (uint64_t)ping.options.count;
        if (is_last) {
            wait_until(now() + ping.options.wait);
            return;
        }
        next += ping.options.interval;
        wait_until(next);
    }
}

static void print_sum(void)
{
    char text[PEER_TEXT_SIZE];
    double lost =
        ping.sent > 0 ? 100.0 * (double)(ping.sent - ping.received) / (double)ping.sent : 0;
    printf("\n--- %s ping statistics ---\n%llu packets transmitted, %llu received, %.4g%% packet "
           "loss\n",
           peer_address(&ping.peer, text), (unsigned long long)ping.sent,
           (unsigned long long)ping.received, lost);
    if (ping.received > 0 && ping.options.size >= (int64_t)sizeof(struct stamp)) {
        double mean = ping.sum / (double)ping.received;
        double spread = ping.squares / (double)ping.received - mean * mean;
        printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ping.least, mean, ping.most,
               spread > 0 ? sqrt(spread) : 0);
    }
}

static void open_socket(void)
{
    const int on = 1;
    const int hops = (int)ping.options.hops;
    bool is_v4 = ping.peer.address.ss_family == AF_INET;
    ping.socket = socket(ping.peer.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC,
                         is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (ping.socket < 0) {
        tool_die("socket failed: %s", strerror(errno));
    }
    int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    (void)setsockopt(ping.socket, level, is_v4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, &on, sizeof(on));
    if (hops > 0) {
        (void)setsockopt(ping.socket, level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops,
                         sizeof(hops));
    }
    if (connect(ping.socket, (struct sockaddr *)&ping.peer.address, ping.peer.size) != 0) {
        char text[PEER_TEXT_SIZE];
        tool_die("%s: %s", peer_address(&ping.peer, text), strerror(errno));
    }
}

static void read_option(int c, struct options *o)
{
    bool is_right = true;
    switch (c) {
    case '4': o->family = AF_INET; break;
    case '6': o->family = AF_INET6; break;
    case 'c': is_right = tool_number(optarg, 1, INT32_MAX, &o->count); break;
    case 's': is_right = tool_number(optarg, 0, SIZE_MAX_BYTES, &o->size); break;
    case 't': is_right = tool_number(optarg, 1, 255, &o->hops); break;
    case 'i': is_right = tool_duration(optarg, &o->interval) && o->interval >= 0.002; break;
    case 'W': is_right = tool_duration(optarg, &o->wait); break;
    case 'q': o->is_quiet = true; break;
    default: is_right = false; break;
    }
    if (!is_right) {
        tool_usage();
    }
}

int main(int argc, char **argv)
{
    char text[PEER_TEXT_SIZE];
    const char *name = argc > 0 ? argv[0] : "ping";
    size_t length = strlen(name);
    struct options *o = &ping.options;
    *o = (struct options){.size = 56, .interval = 1, .wait = 2, .family = AF_UNSPEC};
    tool_begin(
        argc, argv, "[-46q] [-c COUNT] [-i SECONDS] [-s SIZE] [-t HOPS] [-W SECONDS] HOST",
        "Asks HOST for echoes once a second until stopped, or COUNT times; fails when none comes.");
    if (length > 0 && name[length - 1] == '6') {
        o->family = AF_INET6;
    }
    for (int c; (c = getopt(argc, argv, "46qc:i:s:t:W:")) != -1;) {
        read_option(c, o);
    }
    if (argc - optind != 1) {
        tool_usage();
    }
    ping.peer = peer_find(argv[optind], NULL, o->family, SOCK_DGRAM);
    if (getentropy(&ping.mark, sizeof(ping.mark)) != 0) {
        tool_die("random numbers: %s", strerror(errno));
    }
    open_socket();
    struct sigaction action = {.sa_handler = stop}; // no SA_RESTART: waiting ends
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    printf("PING %s (%s): %d data bytes\n", argv[optind], peer_address(&ping.peer, text),
           (int)o->size);
    (void)fflush(stdout);
    run();
    print_sum();
    return tool_end() != 0 || ping.received == 0 ? TOOL_FAILED : 0;
}
