// SPDX-License-Identifier: Apache-2.0
/* Queries over UDP, and the questions that come of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/list.h"
#include "user/lib/authority.h"
#include "user/lib/tool.h"
#include "user/swos-resolver/resolver.h"

enum {
    WAIT_MS = 1500, // for an answer, before the next server is asked
    ROUNDS = 2,
    PENDING_MAX = 256,
    QUERY_MAX = 512,
    UDP_PACKET = 4096,
    FIRST_PENDING = 2, // place of the first question among what is polled
};

struct asker {
    struct asker *next;
    struct peer from;
    uint16_t id;
    uint16_t udp_size;
};

struct pending {
    struct list link;
    struct key key;
    struct dns_query query; // ours
    struct asker *askers;
    int socket;
    unsigned tries;
    int64_t until_ms;
};

static struct {
    int udp;
    int tcp;
    struct list pending;
    size_t pending_count;
} resolver;

int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// ---- Replies ----

static void send_reply(const struct asker *a, const uint8_t *message, size_t size, uint32_t age)
{
    uint8_t copy[UDP_PACKET];
    size_t room = a->udp_size > DNS_UDP_SIZE_OLD ? a->udp_size : DNS_UDP_SIZE_OLD;
    if (size > sizeof(copy)) {
        return;
    }
    memcpy(copy, message, size);
    dns_reply_age(copy, size, a->id, age);
    if (size > room) {
        // The question alone, marked as truncated: the client asks again over TCP.
        struct dns_reply r;
        if (dns_reply_parse(span_of(copy, size), &r) != OK) {
            return;
        }
        size = r.records_at;
        memset(copy + 6, 0, 6);
        copy[2] |= 2;
    }
    (void)sendto(resolver.udp, copy, size, 0, (const struct sockaddr *)&a->from.address,
                 a->from.size);
}

static void finish(struct pending *p)
{
    while (p->askers != NULL) {
        struct asker *next = p->askers->next;
        free(p->askers);
        p->askers = next;
    }
    if (p->socket >= 0) {
        close(p->socket);
    }
    list_del(&p->link);
    resolver.pending_count--;
    free(p);
}

static void give_up(struct pending *p)
{
    uint8_t message[DNS_QUERY_SIZE_MAX];
    for (const struct asker *a = p->askers; a != NULL; a = a->next) {
        struct dns_query q = p->query;
        q.id = a->id;
        send_reply(a, message, dns_refuse(&q, DNS_SERVER_FAILURE, message), 0);
    }
    finish(p);
}

// ---- Questions ----

// Asks the next server, from another port and with another number.  False: there is none to ask any more.
static bool ask(struct pending *p)
{
    uint8_t message[DNS_QUERY_SIZE_MAX];
    size_t count = servers_look();
    while (count > 0 && p->tries < count * ROUNDS) {
        const struct peer *server = servers_get(p->tries++ % count);
        if (p->socket >= 0) {
            close(p->socket);
        }
        p->socket = socket(server->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        p->until_ms = now_ms() + WAIT_MS;
        if (p->socket >= 0 && getentropy(&p->query.id, sizeof(p->query.id)) == 0 &&
            connect(p->socket, (const struct sockaddr *)&server->address, server->size) == 0 &&
            send(p->socket, message, dns_query_emit(&p->query, message), 0) > 0) {
            return true;
        }
    }
    return false;
}

static struct pending *find_pending(const struct key *key)
{
    for (struct list *node = resolver.pending.next; node != &resolver.pending; node = node->next) {
        struct pending *p = container_of(node, struct pending, link);
        if (key_is_same(&p->key, key)) {
            return p;
        }
    }
    return NULL;
}

static struct pending *begin(const struct key *key, const struct dns_query *q)
{
    struct pending *p = resolver.pending_count < PENDING_MAX ? malloc(sizeof(*p)) : NULL;
    if (p != NULL) {
        *p = (struct pending){.key = *key, .query = *q, .socket = -1};
        p->query.udp_size = key->has_edns ? DNS_UDP_SIZE : 0;
        list_add_tail(&resolver.pending, &p->link);
        resolver.pending_count++;
    }
    return p;
}

static void take_query(void)
{
    uint8_t data[QUERY_MAX];
    struct asker from = {.from.size = sizeof(from.from.address)};
    struct dns_query q;
    uint32_t age;
    ssize_t size = recvfrom(resolver.udp, data, sizeof(data), MSG_DONTWAIT,
                            (struct sockaddr *)&from.from.address, &from.from.size);
    if (size < 0 || dns_query_parse(span_of(data, (size_t)size), &q) != OK) {
        return;
    }
    const struct key key = {.question = q.question,
                            .has_edns = q.udp_size != 0,
                            .wants_signatures = q.wants_signatures,
                            .wants_unchecked = q.wants_unchecked};
    from.id = q.id;
    from.udp_size = q.udp_size;
    struct span kept = cache_find(&key, &age);
    if (kept.size > 0) {
        send_reply(&from, kept.data, kept.size, age);
        return;
    }
    struct pending *p = find_pending(&key);
    bool is_new = p == NULL;
    p = is_new ? begin(&key, &q) : p;
    struct asker *a = p != NULL ? malloc(sizeof(*a)) : NULL;
    if (a != NULL) {
        *a = from;
        a->next = p->askers;
        p->askers = a;
    }
    if (is_new && p != NULL && !ask(p)) {
        give_up(p);
    }
}

static void take_reply(struct pending *p)
{
    uint8_t data[UDP_PACKET];
    struct dns_reply r;
    ssize_t size = recv(p->socket, data, sizeof(data), 0);
    if (size < 0) {
        if (errno != EAGAIN && errno != EINTR && !ask(p)) {
            give_up(p); // nobody listens there
        }
        return;
    }
    if (dns_reply_parse(span_of(data, (size_t)size), &r) != OK ||
        !dns_reply_answers(&r, &p->query)) {
        return;
    }
    cache_keep(&p->key, &r);
    for (const struct asker *a = p->askers; a != NULL; a = a->next) {
        send_reply(a, data, (size_t)size, 0);
    }
    finish(p);
}

// ---- The loop ----

static int time_left(void)
{
    int64_t next = INT64_MAX;
    int64_t now = now_ms();
    for (struct list *node = resolver.pending.next; node != &resolver.pending; node = node->next) {
        const struct pending *p = container_of(node, struct pending, link);
        next = p->until_ms < next ? p->until_ms : next;
    }
    return next == INT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

static void run_pending(const struct pollfd *waits, size_t count)
{
    size_t at = 0;
    for (struct list *node = resolver.pending.next; node != &resolver.pending && at < count; at++) {
        struct pending *p = container_of(node, struct pending, link);
        node = node->next;
        if (waits[at].revents != 0) {
            take_reply(p);
        } else if (p->until_ms <= now_ms() && !ask(p)) {
            give_up(p);
        }
    }
}

static void take_turn(void)
{
    static struct pollfd waits[FIRST_PENDING + PENDING_MAX];
    size_t count = FIRST_PENDING;
    waits[0] = (struct pollfd){.fd = resolver.udp, .events = POLLIN};
    waits[1] = (struct pollfd){.fd = resolver.tcp, .events = POLLIN};
    for (struct list *node = resolver.pending.next; node != &resolver.pending; node = node->next) {
        waits[count++] = (struct pollfd){.fd = container_of(node, struct pending, link)->socket,
                                         .events = POLLIN};
    }
    if (poll(waits, (nfds_t)count, time_left()) < 0) {
        return;
    }
    run_pending(waits + FIRST_PENDING, count - FIRST_PENDING);
    if (waits[0].revents != 0) {
        take_query();
    }
    if (waits[1].revents != 0) {
        stream_take(resolver.tcp);
    }
}

static int open_local(int type, uint16_t port)
{
    const int on = 1;
    const struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(s, (const struct sockaddr *)&local, sizeof(local)) != 0 ||
        (type == SOCK_STREAM && listen(s, STREAMS_MAX) != 0)) {
        tool_die("port %u: %s", port, strerror(errno));
    }
    return s;
}

int main(int argc, char **argv)
{
    const char *path = "/run/resolvers";
    int64_t port = DNS_PORT;
    int64_t servers_port = DNS_PORT;
    tool_begin(argc, argv, "[-p PORT] [-P PORT] [-f FILE]",
               "Answers questions for names at 127.0.0.1 port 53 (-p), and keeps the answers of "
               "the servers "
               "that FILE\n(/run/resolvers) names, which are asked at port 53 (-P).");
    for (int c; (c = getopt(argc, argv, "p:P:f:")) != -1;) {
        bool is_right = true;
        switch (c) {
        case 'p': is_right = tool_number(optarg, 1, UINT16_MAX, &port); break;
        case 'P': is_right = tool_number(optarg, 1, UINT16_MAX, &servers_port); break;
        case 'f': path = optarg; break;
        default: is_right = false; break;
        }
        if (!is_right) {
            tool_usage();
        }
    }
    if (optind < argc) {
        tool_usage();
    }
    servers_init(path, (uint16_t)servers_port);
    cache_init();
    list_init(&resolver.pending);
    authority_keep(AUTHORITY_FILES | AUTHORITY_NETWORK);
    (void)signal(SIGPIPE, SIG_IGN);
    resolver.udp = open_local(SOCK_DGRAM, (uint16_t)port);
    resolver.tcp = open_local(SOCK_STREAM, (uint16_t)port);
    for (;;) {
        take_turn();
    }
}
