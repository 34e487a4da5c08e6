// SPDX-License-Identifier: Apache-2.0
/*
 * The time of day from a server, by SNTP (RFC 5905, 14).  Several questions; the answer of the shortest
 * way counts.  An answer is believed only if it repeats a random number of the question, comes from a
 * server that is synchronised, and says a time since this system was made.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/span.h"
#include "user/lib/peer.h"
#include "user/lib/tool.h"

enum {
    PACKET = 48,
    CLIENT_V4 = 4 << 3 | 3, // version 4, mode 3
    MODE_SERVER = 4,
    STRATUM_MAX = 15,
    AT_ORIGIN = 24,
    AT_RECEIVED = 32,
    AT_SENT = 40,
    ROOT_DELAY = 4,
    ROOT_DISPERSION = 8,
    SAMPLES = 4,
    SAMPLE_PAUSE_US = 100000,
    WAIT_MS = 2000,
    DAEMON_SECONDS = 1024,
    RETRY_SECONDS = 64,
};

static const double unix_epoch = 2208988800.0; // seconds from 1900 to 1970
static const double era = 4294967296.0;        // after which NTP's seconds begin anew: 2036
static const double earliest = 1767225600.0;   // 2026-01-01: nobody runs this before
static const double distance_max = 1.5;        // seconds: RFC 5905's MAXDIST

struct sample {
    double offset; // of the server's clock to ours, seconds
    double delay;
    unsigned stratum;
};

static double read_clock(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double read_short(const uint8_t *bytes)
{
    return read_be32(bytes) / 65536.0;
}

// Seconds since 1970; times before it are those of the next era.
static double read_time(const uint8_t *bytes)
{
    double seconds = read_be32(bytes) - unix_epoch;
    seconds += seconds < 0 ? era : 0;
    return seconds + read_be32(bytes + 4) / era;
}

// NULL, or why the answer is not to be believed.
static const char *judge(const uint8_t *answer, const uint8_t *question, struct sample *out)
{
    unsigned leap = answer[0] >> 6;
    unsigned stratum = answer[1];
    if ((answer[0] & 7) != MODE_SERVER || memcmp(answer + AT_ORIGIN, question + AT_SENT, 8) != 0) {
        return "no answer to what was asked";
    }
    if (stratum == 0) {
        return "the server wants to be left alone";
    }
    if (leap == 3 || stratum > STRATUM_MAX) {
        return "the server does not know the time";
    }
    if (read_short(answer + ROOT_DELAY) / 2 + read_short(answer + ROOT_DISPERSION) > distance_max) {
        return "the server is too far from a clock";
    }
    if (read_time(answer + AT_SENT) < earliest || out->delay < -0.001) {
        return "a time that cannot be";
    }
    out->stratum = stratum;
    return NULL;
}

// One question.  NULL, or what went wrong; errno 0 with SILENCE.
static const char silence[] = "no answer";

static const char *ask(int s, struct sample *out)
{
    uint8_t question[PACKET] = {CLIENT_V4};
    uint8_t answer[PACKET + 1024];
    const char *why = silence;
    // In the place of our time a random number, which tells a stranger nothing and nobody can guess.
    if (getentropy(question + AT_SENT, 8) != 0) {
        return strerror(errno);
    }
    double wall = read_clock(CLOCK_REALTIME);
    double sent = read_clock(CLOCK_MONOTONIC);
    if (send(s, question, sizeof(question), 0) != (ssize_t)sizeof(question)) {
        return strerror(errno);
    }
    for (double left; (left = sent + WAIT_MS / 1000.0 - read_clock(CLOCK_MONOTONIC)) > 0;) {
        struct pollfd p = {.fd = s, .events = POLLIN};
        if (poll(&p, 1, (int)(left * 1000) + 1) != 1) {
            continue;
        }
        ssize_t size = recv(s, answer, sizeof(answer), 0);
        double took = read_clock(CLOCK_MONOTONIC) - sent;
        if (size < 0) {
            return strerror(errno);
        }
        if (size < PACKET) {
            continue;
        }
        double received = read_time(answer + AT_RECEIVED);
        double answered = read_time(answer + AT_SENT);
        out->delay = took - (answered - received);
        out->offset = (received - wall + answered - (wall + took)) / 2;
        why = judge(answer, question, out);
        if (why == NULL || memcmp(answer + AT_ORIGIN, question + AT_SENT, 8) == 0) {
            return why;
        }
    }
    return why;
}

static int open_server(const char *host, const char *port, int family)
{
    char text[PEER_TEXT_SIZE];
    struct peer server = peer_find(host, port, family, SOCK_DGRAM);
    int s = socket(server.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (struct sockaddr *)&server.address, server.size) != 0) {
        tool_die("%s: %s", peer_text(&server, text), strerror(errno));
    }
    return s;
}

// The best of several; NULL, or why there is none.
static const char *measure(int s, struct sample *best)
{
    const char *why = silence;
    bool is_there = false;
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample one = {};
        const char *error = ask(s, &one);
        if (error == NULL && (!is_there || one.delay < best->delay)) {
            *best = one;
            is_there = true;
        } else if (error != NULL) {
            why = error;
            if (!is_there && i > 0) {
                break; // twice in a row
            }
        }
        usleep(SAMPLE_PAUSE_US);
    }
    return is_there ? NULL : why;
}

static bool set_clock(double offset)
{
    double now = read_clock(CLOCK_REALTIME) + offset;
    double whole;
    double part = modf(now, &whole);
    const struct timespec t = {.tv_sec = (time_t)whole, .tv_nsec = (long)(part * 1e9)};
    return clock_settime(CLOCK_REALTIME, &t) == 0;
}

struct options {
    int family;
    const char *port;
    bool only_asks;
    bool goes_on;
};

// Asks and sets the clock once; false after a message.
static bool synchronise(const char *host, const struct options *o)
{
    struct sample best;
    int s = open_server(host, o->port, o->family);
    const char *why = measure(s, &best);
    close(s);
    if (why != NULL) {
        tool_warn("%s: %s", host, why);
        return false;
    }
    printf("ntp: %s stratum %u offset %+.6f s delay %.6f s\n", host, best.stratum, best.offset,
           best.delay);
    if (!o->only_asks && !set_clock(best.offset)) {
        tool_fail("the clock");
        return false;
    }
    if (!o->only_asks) {
        printf("ntp: the clock is set\n");
    }
    (void)fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.family = AF_UNSPEC, .port = "123"};
    tool_begin(
        argc, argv, "[-46dq] [-p PORT] SERVER",
        "Sets the clock by a time server; -q: only prints by how much it is wrong; -d: goes on and "
        "asks again and again.");
    for (int c; (c = getopt(argc, argv, "46dp:q")) != -1;) {
        switch (c) {
        case '4': o.family = AF_INET; break;
        case '6': o.family = AF_INET6; break;
        case 'd': o.goes_on = true; break;
        case 'p': o.port = optarg; break;
        case 'q': o.only_asks = true; break;
        default: tool_usage();
        }
    }
    if (argc - optind != 1) {
        tool_usage();
    }
    bool is_done = synchronise(argv[optind], &o);
    while (o.goes_on) {
        sleep(is_done ? DAEMON_SECONDS : RETRY_SECONDS);
        is_done = synchronise(argv[optind], &o);
    }
    return tool_end();
}
