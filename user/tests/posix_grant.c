// SPDX-License-Identifier: Apache-2.0
/* Network grants that are limited and withdrawn; says nothing unless something is wrong. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/gen/syscall_stubs.h"
#include "abi/netlink.h"
#include "abi/rights.h"
#include "user/libswos/swiftos.h"
#include "user/tests/check.h"

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

enum { PORT = 7100, PORTS = 10 };

static const struct swos_net_rule local_udp = {
    .acts = SWOS_NET_CONNECT | SWOS_NET_LISTEN,
    .protocol = IPPROTO_UDP,
    .prefix = 8,
    .port_first = PORT,
    .port_last = PORT + PORTS - 1,
    .address = {[10] = 0xff, 0xff, 127},
};

static struct sockaddr_in name_of(uint32_t address, int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(address)};
}

static int bind_to(int s, uint32_t address, int port)
{
    struct sockaddr_in n = name_of(address, port);
    return bind(s, (struct sockaddr *)&n, sizeof(n));
}

static int send_to(int s, uint32_t address, int port)
{
    struct sockaddr_in n = name_of(address, port);
    return (int)sendto(s, "x", 1, 0, (struct sockaddr *)&n, sizeof(n));
}

// Runs `part` in a child, so that what it gives up is not missed.
static void apart(void (*part)(void))
{
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        part();
        _exit(check_end());
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void adopt(const struct swos_net_rule *rules, size_t count)
{
    long g = grant_limit_network(rules, count);
    CHECK(g >= 0);
    CHECK(grant_adopt((int)g) == 0);
    close((int)g);
}

static void ports_and_addresses_are_limited(void)
{
    adopt(&local_udp, 1);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s >= 0);
    FAILS(bind_to(s, INADDR_LOOPBACK, PORT - 1), EACCES);
    FAILS(bind_to(s, INADDR_LOOPBACK, PORT + PORTS), EACCES);
    FAILS(bind_to(s, INADDR_ANY, PORT), EACCES); // more than its prefix
    CHECK(bind_to(s, INADDR_LOOPBACK, PORT) == 0);
    CHECK(send_to(s, INADDR_LOOPBACK, PORT) == 1);
    FAILS(send_to(s, INADDR_LOOPBACK, PORT - 1), EACCES);
    FAILS(send_to(s, 0x0a000001, PORT), EACCES);
    struct sockaddr_in far = name_of(0x08080808, PORT);
    FAILS(connect(s, (struct sockaddr *)&far, sizeof(far)), EACCES);
    int t = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(t >= 0);
    FAILS(bind_to(t, INADDR_LOOPBACK, PORT), EACCES);
    close(s);
    close(t);
}

static void capturing_and_changing_take_more(void)
{
    struct {
        struct abi_nlmsghdr header;
        struct abi_ifinfomsg body;
    } down = {.header = {.size = sizeof(down),
                         .type = ABI_RTM_NEWLINK,
                         .flags = ABI_NLM_F_REQUEST | ABI_NLM_F_ACK},
              .body = {.index = 1, .change = ABI_IFF_UP}};
    struct {
        struct abi_nlmsghdr header;
        struct abi_nlmsgerr error;
    } answer;
    adopt(&local_udp, 1);
    FAILS(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EACCES);
    FAILS(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
    int s = socket(AF_NETLINK, SOCK_RAW, ABI_NETLINK_ROUTE);
    CHECK(s >= 0);
    CHECK(send(s, &down, sizeof(down), 0) == sizeof(down));
    CHECK(recv(s, &answer, sizeof(answer), 0) == sizeof(answer));
    CHECK(answer.error.error == -EPERM);
    CHECK(if_nametoindex("lo") == 1); // asking is free
    struct ifreq r = {.ifr_name = "lo"};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(ioctl(udp, SIOCSIFFLAGS, &r), EPERM);
    close(udp);
    close(s);
}

static void limits_only_add_up(void)
{
    const struct swos_net_rule all = {.acts = SWOS_NET_CONNECT | SWOS_NET_LISTEN |
                                              SWOS_NET_CAPTURE | SWOS_NET_CONFIGURE,
                                      .prefix = SWOS_NET_ANY_ADDRESS,
                                      .port_last = UINT16_MAX};
    adopt(&local_udp, 1);
    adopt(&all, 1);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(bind_to(s, INADDR_LOOPBACK, PORT - 1), EACCES);
    FAILS(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EACCES);
    close(s);
}

static void who_may_only_connect_does_not_listen(void)
{
    const struct swos_net_rule out = {
        .acts = SWOS_NET_CONNECT, .prefix = SWOS_NET_ANY_ADDRESS, .port_last = UINT16_MAX};
    adopt(&out, 1);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(s >= 0 && bind_to(s, INADDR_LOOPBACK, 0) == 0); // any port, to connect from
    FAILS(listen(s, 1), EACCES);
    FAILS(bind_to(socket(AF_INET, SOCK_STREAM, 0), INADDR_LOOPBACK, PORT), EACCES);
    close(s);
}

static void bad_rules_are_refused(void)
{
    struct swos_net_rule r = local_udp;
    r.port_first = PORT + PORTS;
    FAILS(grant_limit_network(&r, 1), EINVAL);
    r = local_udp;
    r.pad = 1;
    FAILS(grant_limit_network(&r, 1), EINVAL);
    r = local_udp;
    r.prefix = 40;
    FAILS(grant_limit_network(&r, 1), EINVAL);
    FAILS(grant_limit_network(&r, SWOS_NET_RULES_MAX + 1), EINVAL);
    FAILS(grant_limit_network((const struct swos_net_rule *)8, 1), EFAULT);
    CHECK(sys_grant_drop(SWOS_GRANT_NETWORK) == 0);
    FAILS(grant_limit_network(&local_udp, 1), EPERM);
    FAILS(socket(AF_INET, SOCK_DGRAM, 0), EPERM);
    FAILS(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
}

// A grant that was withdrawn allows nothing, and what was made with it neither.
static void a_revoked_grant_ends_its_sockets(void)
{
    long g = grant_limit_network(&local_udp, 1);
    long poor = sys_handle_duplicate((int)g, SWIFTOS_RIGHT_TRANSFER);
    CHECK(g >= 0 && poor >= 0);
    CHECK(grant_adopt((int)g) == 0);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind_to(s, INADDR_LOOPBACK, PORT) == 0);
    struct sockaddr_in own = name_of(INADDR_LOOPBACK, PORT);
    CHECK(connect(s, (struct sockaddr *)&own, sizeof(own)) == 0);
    CHECK(send(s, "x", 1, 0) == 1);
    FAILS(grant_revoke((int)poor), EACCES);
    CHECK(grant_revoke((int)g) == 0);
    FAILS(send(s, "x", 1, 0), EPERM);
    FAILS(recv(s, &own, 1, MSG_DONTWAIT), EPERM);
    FAILS(socket(AF_INET, SOCK_DGRAM, 0), EPERM);
    close(s);
}

int main(void)
{
    apart(ports_and_addresses_are_limited);
    apart(capturing_and_changing_take_more);
    apart(limits_only_add_up);
    apart(who_may_only_connect_does_not_listen);
    apart(bad_rules_are_refused);
    apart(a_revoked_grant_ends_its_sockets);
    return check_end();
}
