// SPDX-License-Identifier: Apache-2.0
/*
 * The way to a host: datagrams to ports where nobody listens, with few hops to live at first.  Who drops one
 * tells so, and the socket's queue of errors says who it was; the host itself says that the port is closed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/peer.h"
#include "user/lib/tool.h"

enum {
    FIRST_PORT = 33434,
    TIME_EXCEEDED4 = 11,
    UNREACHABLE4 = 3,
    PORT_UNREACHABLE4 = 3,
    UNREACHABLE6 = 1,
    TIME_EXCEEDED6 = 3,
    PORT_UNREACHABLE6 = 4,
    CONTROL_SIZE = 512,
    ORIGIN_ICMP4 = 2,
    ORIGIN_ICMP6 = 3,
};

// As the system puts it into control data, followed by the address of who told (Linux's sock_extended_err).
struct told {
    uint32_t error;
    uint8_t origin;
    uint8_t type;
    uint8_t code;
    uint8_t pad;
    uint32_t info;
    uint32_t data;
};

struct trace {
    struct peer peer;
    int64_t hops_max;
    int64_t tries;
    double wait;
    uint16_t port; // of the next
};

enum reply { NOTHING, ON_THE_WAY, ARRIVED, CANNOT };

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum reply judge(const struct told *t)
{
    bool is_v4 = t->origin == ORIGIN_ICMP4;
    if (t->type == (is_v4 ? TIME_EXCEEDED4 : TIME_EXCEEDED6)) {
        return ON_THE_WAY;
    }
    if (t->type == (is_v4 ? UNREACHABLE4 : UNREACHABLE6)) {
        return t->code == (is_v4 ? PORT_UNREACHABLE4 : PORT_UNREACHABLE6) ? ARRIVED : CANNOT;
    }
    return NOTHING;
}

// What the queue of errors has.
static enum reply read_error(int s, struct peer *who)
{
    char control[CONTROL_SIZE];
    char data[64];
    struct iovec vector = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct told told;
    if (recvmsg(s, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
        return NOTHING;
    }
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message); // the only one that was asked for
    if (c == NULL || c->cmsg_len < CMSG_LEN(sizeof(told))) {
        return NOTHING;
    }
    memcpy(&told, CMSG_DATA(c), sizeof(told));
    if (told.origin != ORIGIN_ICMP4 && told.origin != ORIGIN_ICMP6) {
        return NOTHING;
    }
    size_t left = c->cmsg_len - CMSG_LEN(sizeof(told));
    *who = (struct peer){.size = (socklen_t)left};
    memcpy(&who->address, CMSG_DATA(c) + sizeof(told),
           left < sizeof(who->address) ? left : sizeof(who->address));
    return judge(&told);
}

static int open_probe(const struct trace *t, int hops)
{
    const int on = 1;
    bool is_v4 = t->peer.address.ss_family == AF_INET;
    int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    int s = socket(t->peer.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || setsockopt(s, level, is_v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on)) != 0 ||
        setsockopt(s, level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops, sizeof(hops)) != 0) {
        tool_die("socket: %s", strerror(errno));
    }
    return s;
}

// One datagram and what comes of it.
static enum reply probe(struct trace *t, int hops, struct peer *who, double *ms)
{
    struct peer to = t->peer;
    int s = open_probe(t, hops);
    const char data[32] = {};
    if (to.address.ss_family == AF_INET) {
        ((struct sockaddr_in *)&to.address)->sin_port = htons(t->port);
    } else {
        ((struct sockaddr_in6 *)&to.address)->sin6_port = htons(t->port);
    }
    t->port++;
    double sent = now();
    enum reply reply = NOTHING;
    if (sendto(s, data, sizeof(data), 0, (struct sockaddr *)&to.address, to.size) < 0) {
        int why = errno;
        close(s);
        tool_die("send: %s", strerror(why));
    }
    for (double left; reply == NOTHING && (left = sent + t->wait - now()) > 0;) {
        struct pollfd p = {.fd = s};
        if (poll(&p, 1, (int)(left * 1000) + 1) > 0) {
            reply = read_error(s, who);
            if (reply == NOTHING && (p.revents & POLLERR) == 0) {
                break;
            }
        }
    }
    *ms = (now() - sent) * 1000;
    close(s);
    return reply;
}

// All probes of one distance; gives whether the way ends there.
static bool trace_hop(struct trace *t, int hops)
{
    char before[PEER_TEXT_SIZE] = "";
    bool is_end = false;
    printf("%2d ", hops);
    for (int64_t i = 0; i < t->tries; i++) {
        struct peer who;
        char text[PEER_TEXT_SIZE];
        double ms;
        enum reply reply = probe(t, hops, &who, &ms);
        if (reply == NOTHING) {
            printf(" *");
        } else {
            if (strcmp(peer_address(&who, text), before) != 0) {
                printf(" %s", text);
                memcpy(before, text, sizeof(before));
            }
            printf(" %.3f ms%s", ms, reply == CANNOT ? " !" : "");
            is_end = is_end || reply != ON_THE_WAY;
        }
        (void)fflush(stdout);
    }
    printf("\n");
    return is_end;
}

int main(int argc, char **argv)
{
    char text[PEER_TEXT_SIZE];
    int family = AF_UNSPEC;
    struct trace t = {.hops_max = 30, .tries = 3, .wait = 2, .port = FIRST_PORT};
    tool_begin(argc, argv, "[-46] [-m HOPS] [-q TRIES] [-w SECONDS] HOST",
               "Prints who is on the way to HOST; * is silence, ! that it goes no further.");
    for (int c; (c = getopt(argc, argv, "46m:q:w:n")) != -1;) {
        bool is_right = true;
        switch (c) {
        case '4': family = AF_INET; break;
        case '6': family = AF_INET6; break;
        case 'm': is_right = tool_number(optarg, 1, 255, &t.hops_max); break;
        case 'q': is_right = tool_number(optarg, 1, 10, &t.tries); break;
        case 'w': is_right = tool_duration(optarg, &t.wait) && t.wait > 0 && t.wait < 3600; break;
        case 'n': break; // names are never looked up
        default: is_right = false; break;
        }
        if (!is_right) {
            tool_usage();
        }
    }
    if (argc - optind != 1) {
        tool_usage();
    }
    t.peer = peer_find(argv[optind], NULL, family, SOCK_DGRAM);
    printf("traceroute to %s (%s), %d hops at most\n", argv[optind], peer_address(&t.peer, text),
           (int)t.hops_max);
    for (int hops = 1; hops <= t.hops_max; hops++) {
        if (trace_hop(&t, hops)) {
            return tool_end();
        }
    }
    tool_warn("%s: not reached", argv[optind]);
    return tool_end();
}
