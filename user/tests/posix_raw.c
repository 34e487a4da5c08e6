// SPDX-License-Identifier: Apache-2.0
/*
 * Echo, raw and packet sockets over loopback; says nothing unless something is wrong.  It runs on Linux
 * too (gcc -I. user/tests/posix_raw.c, as root).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/tests/check.h"

// As Linux has them; not all C libraries do.
struct sock_filter {
    uint16_t code;
    uint8_t jt;
    uint8_t jf;
    uint32_t k;
};

struct sock_fprog {
    unsigned short len;
    struct sock_filter *filter;
};

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

static uint8_t bytes[65536];
static uint8_t more[65536];

static int is_readable(int s)
{
    struct pollfd p = {.fd = s, .events = POLLIN};
    return poll(&p, 1, 1000) == 1 && (p.revents & POLLIN) != 0;
}

static struct sockaddr_in loopback4(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct sockaddr_in6 loopback6(void)
{
    return (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
}

/* ---- Echo ---- */

static void echo_comes_back(int family, size_t size)
{
    struct sockaddr_in to4 = loopback4();
    struct sockaddr_in6 to6 = loopback6();
    bool is_v4 = family == AF_INET;
    struct sockaddr *to = is_v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6;
    socklen_t to_size = is_v4 ? sizeof(to4) : sizeof(to6);
    int s = socket(family, SOCK_DGRAM, is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (!CHECK(s >= 0)) {
        return;
    }
    memset(bytes, 7, size);
    bytes[0] = is_v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    bytes[1] = 0;
    bytes[6] = 0;
    bytes[7] = 42; // the sequence
    CHECK(sendto(s, bytes, size, 0, to, to_size) == (ssize_t)size);
    CHECK(is_readable(s));
    CHECK(recv(s, more, sizeof(more), 0) == (ssize_t)size);
    CHECK(more[0] == (is_v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) && more[7] == 42);
    CHECK(memcmp(more + 8, bytes + 8, size - 8) == 0);
    struct sockaddr_in6 own = {0}; // has room for both
    socklen_t own_size = sizeof(own);
    CHECK(getsockname(s, (struct sockaddr *)&own, &own_size) == 0);
    CHECK(memcmp(more + 4, &own.sin6_port, 2) == 0); // the identifier is the port
    CHECK(connect(s, to, to_size) == 0);
    CHECK(send(s, bytes, size, 0) == (ssize_t)size);
    CHECK(is_readable(s) && recv(s, more, sizeof(more), 0) == (ssize_t)size);
    FAILS(send(s, bytes, 7, 0), EINVAL);
    bytes[0] = 3;
    FAILS(send(s, bytes, size, 0), EINVAL);
    close(s);
}

/* ---- Raw ---- */

static uint16_t checksum(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return htons((uint16_t)~sum);
}

static void raw_sockets_see_headers_of_ipv4(void)
{
    struct sockaddr_in to = loopback4();
    int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    int udp = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    CHECK(s >= 0 && udp >= 0);
    uint8_t echo[16] = {ICMP_ECHO, [4] = 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
    uint16_t sum = checksum(echo, sizeof(echo));
    memcpy(echo + 2, &sum, sizeof(sum));
    CHECK(sendto(s, echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)) == 16);
    bool has_reply = false;
    for (int i = 0; i < 2 && is_readable(s); i++) { // its own request comes in, and the reply
        CHECK(recv(s, more, sizeof(more), 0) == 36);
        CHECK(more[0] == 0x45 && more[9] == IPPROTO_ICMP && more[12] == 127);
        CHECK(memcmp(more + 24, echo + 4, 12) == 0);
        has_reply = has_reply || more[20] == ICMP_ECHOREPLY;
    }
    CHECK(has_reply);
    FAILS(recv(udp, more, sizeof(more), MSG_DONTWAIT), EAGAIN);
    close(s);
    close(udp);
}

static void programs_make_their_own_headers(void)
{
    enum { PROTOCOL = 253 }; // for experiments (RFC 3692)
    struct sockaddr_in to = loopback4();
    int in = socket(AF_INET, SOCK_RAW, PROTOCOL);
    int out = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    CHECK(in >= 0 && out >= 0);
    uint8_t packet[24] = {0x45, [8] = 9, PROTOCOL, [16] = 127, [19] = 1, 'd', 'a', 't', 'a'};
    CHECK(sendto(out, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) == 24);
    CHECK(is_readable(in));
    CHECK(recv(in, more, sizeof(more), 0) == 24);
    CHECK(more[8] == 9 && more[12] == 127 && memcmp(more + 20, "data", 4) == 0);
    close(in);
    close(out);
}

static void raw_sockets_of_ipv6_make_checksums(void)
{
    struct sockaddr_in6 to = loopback6();
    int s = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
    CHECK(s >= 0);
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    CHECK(setsockopt(s, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) == 0);
    uint8_t echo[12] = {ICMP6_ECHO_REQUEST, [4] = 1, 2, 3, 4, 'p', 'i', 'n', 'g'};
    CHECK(sendto(s, echo, sizeof(echo), 0, (struct sockaddr *)&to, sizeof(to)) == 12);
    CHECK(is_readable(s));
    CHECK(recv(s, more, sizeof(more), 0) == 12);
    CHECK(more[0] == ICMP6_ECHO_REPLY && memcmp(more + 4, echo + 4, 8) == 0);
    FAILS(recv(s, more, sizeof(more), MSG_DONTWAIT), EAGAIN);
    close(s);
}

/* ---- Packets ---- */

// The next packet that has the mark in it, which way it went; -1: none.
static int next_marked(int s, const char *mark, ssize_t *size)
{
    struct sockaddr_ll from = {0};
    while (is_readable(s)) {
        socklen_t from_size = sizeof(from);
        *size = recvfrom(s, more, sizeof(more), 0, (struct sockaddr *)&from, &from_size);
        if (*size >= 4 && memmem(more, (size_t)*size, mark, strlen(mark)) != NULL) {
            CHECK(from_size >= 12 && from.sll_ifindex == 1);
            CHECK(from.sll_protocol == htons(ETH_P_IP) && from.sll_hatype == 772);
            return from.sll_pkttype;
        }
    }
    return -1;
}

static void packet_sockets_see_both_ways(void)
{
    int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = loopback4();
    struct sockaddr_ll where = {.sll_family = AF_PACKET,
                                .sll_protocol = htons(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex("lo")};
    ssize_t size = 0;
    CHECK(s >= 0 && udp >= 0);
    CHECK(where.sll_ifindex == 1);
    CHECK(bind(s, (struct sockaddr *)&where, sizeof(where)) == 0);
    to.sin_port = htons(9);
    CHECK(sendto(udp, "swos-mark", 9, 0, (struct sockaddr *)&to, sizeof(to)) == 9);
    CHECK(next_marked(s, "swos-mark", &size) == PACKET_OUTGOING);
    CHECK(size == 20 + 8 + 9);
    CHECK(next_marked(s, "swos-mark", &size) == PACKET_HOST);
    struct tpacket_stats {
        unsigned packets;
        unsigned drops;
    } stats;
    socklen_t stats_size = sizeof(stats);
    CHECK(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_size) == 0);
    CHECK(stats.packets >= 2 && stats.drops == 0);
    close(s);
    close(udp);
}

static void what_is_not_read_is_dropped_and_counted(void)
{
    int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    int room = 8192;
    struct sockaddr_in to = loopback4();
    to.sin_port = htons(9);
    CHECK(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) == 0);
    for (int i = 0; i < 200; i++) {
        (void)!sendto(udp, bytes, 1000, 0, (struct sockaddr *)&to, sizeof(to));
    }
    usleep(20000);
    struct tpacket_stats {
        unsigned packets;
        unsigned drops;
    } stats;
    socklen_t stats_size = sizeof(stats);
    CHECK(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_size) == 0);
    CHECK(stats.drops > 100 && stats.packets > stats.drops);
    close(s);
    close(udp);
}

static void filters_choose(void)
{
    // IPv4, UDP to port 7077, of which 24 bytes are wanted: behind the link's header.
    struct sock_filter program[] = {{0x30, 0, 0, 9},    {0x15, 0, 3, 17}, {0x28, 0, 0, 22},
                                    {0x15, 0, 1, 7077}, {0x06, 0, 0, 24}, {0x06, 0, 0, 0}};
    struct sock_fprog all = {6, program};
    int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = loopback4();
    CHECK(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)) == 0);
    while (recv(s, more, sizeof(more), MSG_DONTWAIT) >= 0) {
    }
    to.sin_port = htons(7078);
    CHECK(sendto(udp, "other", 5, 0, (struct sockaddr *)&to, sizeof(to)) == 5);
    to.sin_port = htons(7077);
    CHECK(sendto(udp, "wanted", 6, 0, (struct sockaddr *)&to, sizeof(to)) == 6);
    CHECK(is_readable(s));
    CHECK(recv(s, more, sizeof(more), 0) == 24);
    CHECK(more[9] == 17 && more[22] == 7077 >> 8 && more[23] == (7077 & 255));
    program[1].jf = 9;
    FAILS(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)), EINVAL);
    CHECK(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &all, sizeof(all)) == 0);
    FAILS(setsockopt(s, SOL_SOCKET, SO_DETACH_FILTER, &all, sizeof(all)), ENOENT);
    close(s);
    close(udp);
}

int main(void)
{
    echo_comes_back(AF_INET, 64);
    echo_comes_back(AF_INET6, 64);
    echo_comes_back(AF_INET, 8);
    echo_comes_back(AF_INET, 20000);
    echo_comes_back(AF_INET6, 20000);
    raw_sockets_see_headers_of_ipv4();
    programs_make_their_own_headers();
    raw_sockets_of_ipv6_make_checksums();
    packet_sockets_see_both_ways();
    what_is_not_read_is_dropped_and_counted();
    filters_choose();
    return check_end();
}
