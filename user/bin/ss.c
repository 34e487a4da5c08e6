// SPDX-License-Identifier: Apache-2.0
/* Sockets of the Internet, through AF_NETLINK's sock_diag: who listens, who is connected. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/rtnl.h"
#include "user/lib/tool.h"

enum { TCP = 6, UDP = 17, NAME_SIZE = 64 };

static const char *state_name(uint8_t state)
{
    static const char *const names[] = {
        [ABI_TCP_ESTABLISHED] = "ESTAB",    [ABI_TCP_SYN_SENT] = "SYN-SENT",
        [ABI_TCP_SYN_RECV] = "SYN-RECV",    [ABI_TCP_FIN_WAIT1] = "FIN-WAIT-1",
        [ABI_TCP_FIN_WAIT2] = "FIN-WAIT-2", [ABI_TCP_TIME_WAIT] = "TIME-WAIT",
        [ABI_TCP_CLOSE] = "UNCONN",         [ABI_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
        [ABI_TCP_LAST_ACK] = "LAST-ACK",    [ABI_TCP_LISTEN] = "LISTEN",
        [ABI_TCP_CLOSING] = "CLOSING",
    };
    return state < sizeof(names) / sizeof(names[0]) && names[state] != NULL ? names[state] : "?";
}

static void name_text(char text[static NAME_SIZE], uint8_t family, const uint8_t *address,
                      uint16_t port)
{
    char ip[IP_TEXT_SIZE];
    struct ip_addr a = family == ABI_AF_INET ? ip4_read(address) : ip6_read(address);
    bool is_any = ip_is_unspecified(&a);
    bool has_brackets = !ip_is_v4(&a) && !is_any;
    ip_print(&a, ip);
    (void)snprintf(text, NAME_SIZE, "%s%s%s:", has_brackets ? "[" : "", is_any ? "*" : ip,
                   has_brackets ? "]" : "");
    size_t used = strlen(text);
    // Ports are in network byte order, as the message has them.
    const uint8_t *bytes = (const uint8_t *)&port;
    if (read_be16(bytes) == 0) {
        (void)snprintf(text + used, NAME_SIZE - used, "*");
    } else {
        (void)snprintf(text + used, NAME_SIZE - used, "%u", read_be16(bytes));
    }
}

static bool show(void *context, const struct netlink_message *m)
{
    const char *protocol = context;
    char local[NAME_SIZE];
    char peer[NAME_SIZE];
    struct abi_inet_diag_message d;
    if (m->header.type != ABI_SOCK_DIAG_BY_FAMILY ||
        netlink_get(m->payload, sizeof(d), &d, sizeof(d)) != OK) {
        return true;
    }
    name_text(local, d.family, d.name.local, d.name.local_port);
    name_text(peer, d.family, d.name.peer, d.name.peer_port);
    printf("%-5s %-10s %7u %7u %-28s %s\n", protocol, state_name(d.state), d.receive_queue,
           d.send_queue, local, peer);
    return true;
}

static bool list(struct rtnl *r, uint8_t protocol, uint32_t states)
{
    char name[] = "tcp";
    if (protocol == UDP) {
        memcpy(name, "udp", sizeof(name));
    }
    static const uint8_t families[] = {ABI_AF_INET, ABI_AF_INET6};
    for (size_t i = 0; i < sizeof(families); i++) {
        const struct abi_inet_diag_request q = {
            .family = families[i], .protocol = protocol, .states = states};
        if (!rtnl_dump_request(r, ABI_SOCK_DIAG_BY_FAMILY, span_of(&q, sizeof(q)), show, name)) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    const uint32_t waiting = 1u << ABI_TCP_LISTEN | 1u << ABI_TCP_CLOSE;
    uint32_t states = ~waiting;
    bool wants_tcp = false;
    bool wants_udp = false;
    struct rtnl r;
    tool_begin(
        argc, argv, "[-altun]",
        "Lists connections; -l: sockets that wait for some, -a: all; -t: of TCP only, -u: of UDP "
        "only. Addresses\nare never looked up (-n).");
    for (int c; (c = getopt(argc, argv, "altun")) != -1;) {
        switch (c) {
        case 'a': states = UINT32_MAX; break;
        case 'l': states = waiting; break;
        case 't': wants_tcp = true; break;
        case 'u': wants_udp = true; break;
        case 'n': break;
        default: tool_usage();
        }
    }
    if (optind < argc) {
        tool_usage();
    }
    if (!rtnl_open(&r, RTNL_SOCKETS, 0)) {
        tool_die("netlink: %s", strerror(errno));
    }
    printf("%-5s %-10s %7s %7s %-28s %s\n", "Proto", "State", "Recv-Q", "Send-Q", "Local", "Peer");
    if (((wants_tcp || !wants_udp) && !list(&r, TCP, states)) ||
        ((wants_udp || !wants_tcp) && !list(&r, UDP, states))) {
        tool_fail("netlink");
    }
    rtnl_close(&r);
    return tool_end();
}
