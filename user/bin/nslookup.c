// SPDX-License-Identifier: Apache-2.0
/*
 * Asks a name server: the one named, or those of /etc/resolv.conf.  Over UDP, and over TCP when the reply
 * does not fit; answers are only taken from where the question went.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/dns/record.h"
#include "user/lib/peer.h"
#include "user/lib/tool.h"

enum { TRIES = 3, WAIT_MS = 2000, SERVERS_MAX = 8, TEXT_MAX = 4096 };

static struct {
    struct peer list[SERVERS_MAX];
    size_t count;
} servers;

static void add_server(const char *host, const char *port)
{
    if (servers.count < SERVERS_MAX) {
        servers.list[servers.count++] = peer_find(host, port, AF_UNSPEC, SOCK_DGRAM);
    }
}

static void read_servers(const char *port)
{
    char line[512];
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char host[256];
        if (sscanf(line, " nameserver %255s", host) == 1) {
            add_server(host, port);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (servers.count == 0) {
        tool_die("/etc/resolv.conf: no name server");
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_ready(int socket, short events, int64_t until)
{
    int64_t left = until - now_ms();
    struct pollfd p = {.fd = socket, .events = events};
    return left > 0 && poll(&p, 1, (int)left) == 1;
}

enum outcome {
    ANSWERED,
    SILENT, // for as long as one waits
    FAILED, // errno
};

// A reply to the query of `size` bytes, put into `room`.
static enum outcome ask_udp(const struct peer *server, const struct dns_query *q,
                            struct span message, uint8_t *room, struct dns_reply *out)
{
    enum outcome result = SILENT;
    int s = socket(server->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (const struct sockaddr *)&server->address, server->size) != 0 ||
        send(s, message.data, message.size, 0) < 0) {
        result = FAILED;
    }
    for (int64_t until = now_ms() + WAIT_MS; result == SILENT && is_ready(s, POLLIN, until);) {
        ssize_t n = recv(s, room, DNS_UDP_SIZE, 0);
        if (n < 0) {
            result = FAILED; // the port is closed, as an ICMP error told
        } else if (dns_reply_parse(span_of(room, (size_t)n), out) == OK &&
                   dns_reply_answers(out, q)) {
            result = ANSWERED;
        }
    }
    int why = errno;
    if (s >= 0) {
        close(s);
    }
    errno = why;
    return result;
}

static bool receive_all(int socket, uint8_t *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(socket, to + done, size - done, 0);
        if (n <= 0) {
            errno = n == 0 ? ECONNRESET : errno;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static enum outcome ask_tcp(const struct peer *server, const struct dns_query *q,
                            struct span message, uint8_t *room, struct dns_reply *out)
{
    uint8_t data[2 + DNS_QUERY_SIZE_MAX];
    uint8_t size[2];
    const struct timeval wait = {.tv_sec = WAIT_MS / 1000};
    enum outcome result = FAILED;
    int s = socket(server->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    write_be16(data, (uint16_t)message.size);
    memcpy(data + 2, message.data, message.size);
    if (s < 0) {
        return FAILED;
    }
    (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(s, (const struct sockaddr *)&server->address, server->size) == 0 &&
        send(s, data, 2 + message.size, MSG_NOSIGNAL) == (ssize_t)(2 + message.size) &&
        receive_all(s, size, 2) && receive_all(s, room, read_be16(size))) {
        struct span reply = span_of(room, read_be16(size));
        result = dns_reply_parse(reply, out) == OK && dns_reply_answers(out, q) ? ANSWERED : SILENT;
    }
    int why = errno;
    close(s);
    errno = why;
    return result;
}

// Asks one server after the other until one answers; says what happened otherwise.
static bool ask(const struct dns_query *q, uint8_t *room, struct dns_reply *out,
                const struct peer **who)
{
    uint8_t message[DNS_QUERY_SIZE_MAX];
    struct span query = span_of(message, dns_query_emit(q, message));
    char text[PEER_TEXT_SIZE];
    for (size_t i = 0; i < servers.count * TRIES; i++) {
        const struct peer *server = &servers.list[i % servers.count];
        enum outcome outcome = ask_udp(server, q, query, room, out);
        if (outcome == ANSWERED && out->is_truncated) {
            outcome = ask_tcp(server, q, query, room, out);
        }
        if (outcome == ANSWERED) {
            *who = server;
            return true;
        }
        if (outcome == FAILED && i + servers.count >= servers.count * TRIES) {
            tool_fail(peer_text(server, text));
            return false;
        }
    }
    tool_warn("%s: no answer", peer_text(&servers.list[0], text));
    return false;
}

static void print_answers(const struct dns_reply *r)
{
    struct dns_walk walk = dns_records(r);
    struct dns_record record;
    unsigned count = 0;
    while (dns_record_next(&walk, &record) && record.section == DNS_ANSWER) {
        char name[DNS_NAME_TEXT_SIZE];
        char data[TEXT_MAX];
        struct ip_addr address;
        (void)dns_name_print(&record.name, name, sizeof(name));
        dns_record_print(&record, data, sizeof(data));
        if (dns_record_address(&record, &address) == OK) {
            printf("Name: %s\nAddress: %s\n", name, data);
        } else {
            const char *type = dns_type_name(record.type);
            printf("%s %s %s\n", name, type != NULL ? type : "TYPE", data);
        }
        count++;
    }
    if (count == 0) {
        tool_warn("no record of that type");
    }
}

static void look_up(const struct dns_name *name, uint16_t type)
{
    static uint8_t room[65536];
    char text[PEER_TEXT_SIZE];
    struct dns_reply reply;
    const struct peer *who;
    struct dns_query q = {.question = {.name = *name, .type = type, .class_code = DNS_CLASS_IN},
                          .udp_size = DNS_UDP_SIZE,
                          .wants_recursion = true};
    if (getentropy(&q.id, sizeof(q.id)) != 0) {
        tool_die("random numbers: %s", strerror(errno));
    }
    if (!ask(&q, room, &reply, &who)) {
        return;
    }
    printf("Server: %s\n\n", peer_text(who, text));
    if (reply.code != DNS_NO_ERROR) {
        char shown[DNS_NAME_TEXT_SIZE];
        const char *code = dns_code_name(reply.code);
        (void)dns_name_print(name, shown, sizeof(shown));
        tool_warn("%s: %s", shown,
                  reply.code == DNS_NO_NAME ? "no such name"
                  : code != NULL            ? code
                                            : "refused");
        return;
    }
    print_answers(&reply);
}

static bool is_port(const char *text)
{
    int64_t port;
    return tool_number(text, 1, 65535, &port);
}

int main(int argc, char **argv)
{
    struct dns_name name;
    struct ip_addr address;
    uint16_t type = 0;
    tool_begin(
        argc, argv, "NAME [SERVER [PORT]] [TYPE]",
        "Asks a name server for the addresses of NAME, or for records of TYPE (A, AAAA, MX, NS, "
        "TXT, SRV,\nSOA, CNAME, PTR). An address as NAME is looked up in reverse.");
    int words = argc;
    if (words > 2) {
        type = dns_type_find(argv[words - 1]);
        words -= type != 0;
    }
    if (words < 2 || words > 4 || argv[1][0] == '-' || (words == 4 && !is_port(argv[3]))) {
        tool_usage();
    }
    if (words > 2) {
        add_server(argv[2], words == 4 ? argv[3] : "53");
    } else {
        read_servers("53");
    }
    struct span text = span_of(argv[1], strlen(argv[1]));
    if (type == 0 && ip_parse(text, &address) == OK) {
        dns_reverse_name(&address, &name);
        type = DNS_PTR;
    } else if (dns_name_parse(text, &name) != OK) {
        tool_die("%s: not a name", argv[1]);
    }
    look_up(&name, type != 0 ? type : DNS_A);
    return tool_end();
}
