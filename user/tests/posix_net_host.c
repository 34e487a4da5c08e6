// SPDX-License-Identifier: Apache-2.0
/*
 * A host on a link and nothing else: posix_net_host INTERFACE ADDRESS/PREFIX GATEWAY SECONDS brings the
 * interface up with an IPv4 address and a default route, and joins the group ff02::1234:5678.  A
 * machine on the link tests it (tests/qemu/test_ip.py).
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/netlink.h"
#include "user/tests/check.h"

struct request {
    struct abi_nlmsghdr header;
    union {
        struct abi_ifaddrmsg address;
        struct abi_rtmsg route;
    };
    uint8_t attributes[64];
};

static void append(struct request *r, uint16_t type, const void *data, uint16_t size)
{
    struct abi_nlattr a = {.size = (uint16_t)(sizeof(a) + size), .type = type};
    uint8_t *at = (uint8_t *)r + r->header.size;
    memcpy(at, &a, sizeof(a));
    memcpy(at + sizeof(a), data, size);
    r->header.size += a.size;
}

// Sends a request and gives the kernel's answer: 0, or an error.
static int ask(int s, struct request *r)
{
    struct {
        struct abi_nlmsghdr header;
        struct abi_nlmsgerr error;
    } answer = {};
    r->header.flags |= ABI_NLM_F_REQUEST | ABI_NLM_F_ACK;
    if (send(s, r, r->header.size, 0) < 0 || recv(s, &answer, sizeof(answer), 0) < 0) {
        return -1;
    }
    return answer.header.type == ABI_NLMSG_ERROR ? answer.error.error : -1;
}

static void bring_up(const char *name)
{
    struct ifreq r = {};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(s >= 0);
    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0);
    r.ifr_flags |= IFF_UP;
    CHECK(ioctl(s, SIOCSIFFLAGS, &r) == 0);
    CHECK(close(s) == 0);
}

static void configure(unsigned index, const char *address, unsigned prefix, const char *gateway)
{
    struct in_addr a;
    struct in_addr g;
    int s = socket(AF_NETLINK, SOCK_RAW, ABI_NETLINK_ROUTE);
    CHECK(s >= 0 && inet_pton(AF_INET, address, &a) == 1 && inet_pton(AF_INET, gateway, &g) == 1);
    struct request r = {
        .header = {.size = sizeof(r.header) + sizeof(r.address),
                   .type = ABI_RTM_NEWADDR,
                   .flags = ABI_NLM_F_CREATE},
        .address = {.family = AF_INET, .prefix = (uint8_t)prefix, .netif = index},
    };
    append(&r, ABI_IFA_LOCAL, &a, sizeof(a));
    CHECK(ask(s, &r) == 0);
    r = (struct request){
        .header = {.size = sizeof(r.header) + sizeof(r.route),
                   .type = ABI_RTM_NEWROUTE,
                   .flags = ABI_NLM_F_CREATE},
        .route = {.family = AF_INET},
    };
    append(&r, ABI_RTA_OIF, &index, sizeof(index));
    append(&r, ABI_RTA_GATEWAY, &g, sizeof(g));
    CHECK(ask(s, &r) == 0);
    CHECK(close(s) == 0);
}

static void join(unsigned index)
{
    struct ipv6_mreq m = {.ipv6mr_interface = index};
    int s = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(s >= 0 && inet_pton(AF_INET6, "ff02::1234:5678", &m.ipv6mr_multiaddr) == 1);
    CHECK(setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        return 2;
    }
    char *slash = strchr(argv[2], '/');
    unsigned index = if_nametoindex(argv[1]);
    if (slash == NULL || index == 0) {
        return 2;
    }
    *slash = '\0';
    bring_up(argv[1]);
    configure(index, argv[2], (unsigned)strtoul(slash + 1, NULL, 10), argv[3]);
    join(index);
    (void)sleep((unsigned)strtoul(argv[4], NULL, 10));
    return check_end();
}
