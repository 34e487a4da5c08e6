// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/netlink.h"

#include "kernel/core/worker.h"
#include "kernel/mm/inject.h"
#include "kernel/net/netlink_priv.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

static uint8_t room[16384];

static struct socket *make(void)
{
    struct socket *s = NULL;
    status_t status =
        socket_create(ABI_AF_NETLINK, ABI_SOCK_RAW, ABI_NETLINK_ROUTE, FILE_NONBLOCK, &s);
    return status == OK ? s : NULL;
}

static status_t send(struct socket *s, const void *bytes, size_t size)
{
    struct uio u;
    struct socket_message m = {.flags = 0};
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    return socket_send(s, &u, &m);
}

static status_t take(struct socket *s, size_t *got)
{
    struct uio u;
    struct socket_message m = {.flags = 0};
    uio_init_kernel(&u, room, sizeof(room));
    status_t status = socket_receive(s, &u, &m);
    *got = sizeof(room) - u.left;
    return status;
}

struct links_request {
    struct abi_nlmsghdr header;
    struct abi_ifinfomsg body;
};

static const struct links_request list_links = {
    .header = {.size = sizeof(list_links),
               .type = ABI_RTM_GETLINK,
               .flags = ABI_NLM_F_REQUEST | ABI_NLM_F_DUMP,
               .sequence = 5},
};

// The whole list: how many messages, and whether it had an end.
static status_t read_list(struct socket *s, unsigned *count, bool *has_end)
{
    status_t status = OK;
    *count = 0;
    *has_end = false;
    while (status == OK && !*has_end) {
        size_t got;
        struct netlink_message m;
        status = take(s, &got);
        struct span rest = span_of(room, got);
        while (status == OK && netlink_next(&rest, &m) == OK) {
            *has_end = m.header.type == ABI_NLMSG_DONE;
            *count += !*has_end;
        }
    }
    return status;
}

TEST(a_list_is_written_as_it_is_read)
{
    unsigned count;
    bool has_end;
    struct socket *s = make();
    EXPECT(s != NULL);
    EXPECT_OK(send(s, &list_links, sizeof(list_links)));
    EXPECT_EQ(s->ops->readable(s), 0); // nothing lies there yet
    EXPECT((s->ops->poll(s, NULL) & EVENT_IN) != 0);
    EXPECT_OK(read_list(s, &count, &has_end));
    EXPECT(count >= 1 && has_end);
    size_t got;
    EXPECT_STATUS(take(s, &got), ERR_AGAIN);
    socket_unref(s);
}

TEST(a_second_list_waits_for_the_end_of_the_first)
{
    size_t got;
    struct netlink_message m;
    struct socket *s = make();
    EXPECT(s != NULL);
    EXPECT_OK(send(s, &list_links, sizeof(list_links)));
    EXPECT_OK(send(s, &list_links, sizeof(list_links)));
    EXPECT_OK(take(s, &got));
    struct span rest = span_of(room, got);
    EXPECT_OK(netlink_next(&rest, &m));
    EXPECT_EQ(m.header.type, ABI_NLMSG_ERROR);
    int32_t error;
    memcpy(&error, m.payload.data, sizeof(error));
    EXPECT_EQ(error, ERR_BUSY);
    socket_unref(s);
}

TEST(what_finds_no_room_is_told_once)
{
    enum { LIMIT = 8192, SENT = 200 };
    int32_t limit = LIMIT;
    int32_t group = ABI_RTNLGRP_LINK;
    size_t got;
    unsigned count = 0;
    struct socket *s = make();
    EXPECT(s != NULL);
    EXPECT_OK(socket_set_option(s, ABI_SOL_SOCKET, ABI_SO_RCVBUF, &limit, sizeof(limit)));
    EXPECT_OK(
        socket_set_option(s, ABI_SOL_NETLINK, ABI_NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
    EXPECT(netlink_has_members(ABI_RTNLGRP_LINK));
    for (unsigned i = 0; i < SENT; i++) {
        netlink_multicast(ABI_RTNLGRP_LINK, room, 100);
    }
    EXPECT((s->ops->poll(s, NULL) & EVENT_ERR) != 0);
    while (take(s, &got) == OK) {
        count++;
    }
    EXPECT(count > 10 && count < LIMIT / 100); // the loop ended with the one ENOBUFS
    EXPECT_STATUS(take(s, &got), ERR_AGAIN);
    socket_unref(s);
    EXPECT(!netlink_has_members(ABI_RTNLGRP_LINK));
}

// What a router says about a resolver (RFC 8106, 5.1).
static void advertise(const char *resolver)
{
    uint8_t bytes[16 + 24] = {[0] = 134, [4] = 64, [16] = ABI_ND_OPT_RDNSS, 3, [22] = 2, 0x58};
    const struct ip_addr a = link_address(resolver);
    memcpy(bytes + 24, a.bytes, IP6_SIZE);
    const struct link_packet6 p = {.source = "fe80::2",
                                   .destination = "ff02::1",
                                   .next = IP_PROTOCOL_ICMP6,
                                   .hop_limit = 255,
                                   .payload = bytes,
                                   .size = sizeof(bytes)};
    link_put_ip6(&p);
    worker_flush();
}

TEST(a_resolver_that_a_router_names_is_told)
{
    int32_t group = ABI_RTNLGRP_ND_USEROPT;
    size_t got;
    struct netlink_message m;
    struct netlink_resolver r;
    struct socket *s = make();
    EXPECT(s != NULL);
    EXPECT_OK(
        socket_set_option(s, ABI_SOL_NETLINK, ABI_NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
    struct netif *n = link_begin();
    link_wait_for_ip6(n);
    advertise("2001:db8::53");
    status_t status = take(s, &got);
    link_end();
    EXPECT_OK(status);
    struct span rest = span_of(room, got);
    EXPECT_OK(netlink_next(&rest, &m));
    EXPECT_EQ(m.header.type, ABI_RTM_NEWNDUSEROPT);
    EXPECT_OK(netlink_resolver_parse(m.payload, &r));
    const struct ip_addr named = link_address("2001:db8::53");
    EXPECT(ip_is_equal(&r.address, &named));
    EXPECT_EQ(r.netif, n->index);
    EXPECT(r.lifetime > 590 && r.lifetime <= 600);
    socket_unref(s);
}

static status_t ask(void)
{
    unsigned count;
    bool has_end;
    struct socket *s;
    status_t status =
        socket_create(ABI_AF_NETLINK, ABI_SOCK_RAW, ABI_NETLINK_ROUTE, FILE_NONBLOCK, &s);
    if (status != OK) {
        return status;
    }
    status = send(s, &list_links, sizeof(list_links));
    if (status == OK) {
        status = read_list(s, &count, &has_end);
    }
    socket_unref(s);
    worker_flush();
    return status;
}

TEST(netlink_survives_every_allocation_failing)
{
    for (size_t n = 0; inject_is_available(); n++) {
        inject_arm(n);
        status_t status = ask();
        if (!inject_disarm()) {
            EXPECT_OK(status);
            break;
        }
        EXPECT(status == OK || status == ERR_NOMEM || status == ERR_NOBUFS);
    }
}

TEST(garbage_is_answered_or_passed_over)
{
    size_t got;
    struct socket *s = make();
    EXPECT(s != NULL);
    uint64_t state = 88172645463325252ull;
    for (unsigned i = 0; i < 2000; i++) {
        struct links_request r = list_links;
        uint8_t *bytes = (uint8_t *)&r;
        for (size_t k = offsetof(struct abi_nlmsghdr, type); k < sizeof(r); k++) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            bytes[k] = (uint8_t)(state >> 56);
        }
        r.header.type = (uint16_t)(ABI_RTM_NEWLINK + r.header.type % 20);
        r.header.flags = (uint16_t)((r.header.flags & ~1u) | (i & 1));
        bool is_change = r.header.type % 4 < 2; // what it would change is not the test's
        if (!is_change) {
            EXPECT_OK(send(s, &r, sizeof(r)));
        }
        while (take(s, &got) == OK) {
        }
    }
    socket_unref(s);
}
