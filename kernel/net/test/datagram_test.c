// SPDX-License-Identifier: Apache-2.0
/* Sockets of datagrams over loopback, where memory is short, and their limits. */
#include "kernel/net/datagram.h"

#include "abi/packet.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/mm/inject.h"
#include "kernel/net/test/link.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { LOCALHOST = 0x7f000001 };

static struct socket *make(uint16_t family, uint32_t type, uint32_t protocol)
{
    struct socket *s = NULL;
    return socket_create(family, type, protocol, FILE_NONBLOCK, &s) == OK ? s : NULL;
}

static struct socket_address name4(uint32_t address, uint16_t port)
{
    struct abi_sockaddr_in a = {.family = ABI_AF_INET};
    struct socket_address out = {.size = sizeof(a)};
    write_be16((uint8_t *)&a.port, port);
    write_be32(a.address, address);
    memcpy(out.bytes, &a, sizeof(a));
    return out;
}

static uint16_t port_of(struct socket *s)
{
    spin_lock(&inet_of(s)->lock);
    uint16_t port = inet_of(s)->local.port;
    spin_unlock(&inet_of(s)->lock);
    return port;
}

static status_t bind_to(struct socket *s, uint32_t address, uint16_t port)
{
    const struct socket_address a = name4(address, port);
    return s->ops->bind(s, &a);
}

static status_t connect_to(struct socket *s, uint32_t address, uint16_t port)
{
    const struct socket_address a = name4(address, port);
    const struct socket_wait w = {.may_wait = false};
    return s->ops->connect(s, &a, &w);
}

static status_t send_to(struct socket *s, uint16_t port, const void *bytes, size_t size)
{
    struct uio u;
    const struct socket_address to = name4(LOCALHOST, port);
    struct socket_message m = {.to = &to};
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    return socket_send(s, &u, &m);
}

static status_t take(struct socket *s, void *bytes, size_t size, size_t *got)
{
    struct uio u;
    struct socket_message m = {.flags = 0};
    uio_init_kernel(&u, bytes, size);
    status_t status = socket_receive(s, &u, &m);
    *got = size - u.left;
    return status;
}

// The same, waiting for what is under way.
static status_t await(struct socket *s, void *bytes, size_t size, size_t *got)
{
    status_t status = ERR_AGAIN;
    nsec_t deadline = time_now() + NSEC_PER_SEC;
    while (status == ERR_AGAIN && time_now() < deadline) {
        worker_flush();
        status = take(s, bytes, size, got);
    }
    return status;
}

static uint8_t big[60000];
static uint8_t room[65536];

TEST(a_datagram_reaches_who_is_bound)
{
    size_t got;
    struct socket *to = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    struct socket *by = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    EXPECT(to != NULL && by != NULL);
    EXPECT_OK(bind_to(to, LOCALHOST, 0));
    EXPECT(port_of(to) >= 32768 && port_of(to) <= 60999);
    EXPECT_OK(send_to(by, port_of(to), "hello", 5));
    EXPECT_OK(await(to, room, sizeof(room), &got));
    EXPECT_EQ(got, 5);
    memset(big, 3, sizeof(big));
    EXPECT_OK(send_to(by, port_of(to), big, sizeof(big)));
    EXPECT_OK(await(to, room, sizeof(room), &got));
    EXPECT_EQ(got, sizeof(big));
    EXPECT_MEM(room, big, sizeof(big));
    socket_unref(to);
    socket_unref(by);
}

// Everything that takes memory on the way; what arrives may be nothing.
static status_t send_and_receive(size_t size)
{
    size_t got;
    struct socket *to;
    struct socket *by;
    status_t status = socket_create(ABI_AF_INET, ABI_SOCK_DGRAM, 0, FILE_NONBLOCK, &to);
    if (status != OK) {
        return status;
    }
    status = socket_create(ABI_AF_INET, ABI_SOCK_DGRAM, 0, FILE_NONBLOCK, &by);
    if (status == OK) {
        status = bind_to(to, LOCALHOST, 0);
        status = status == OK ? connect_to(by, LOCALHOST, port_of(to)) : status;
        status = status == OK ? send_to(by, port_of(to), big, size) : status;
        worker_flush();
        if (status == OK && take(to, room, sizeof(room), &got) == OK) {
            status = got == size ? OK : ERR_IO;
        }
        socket_unref(by);
    }
    socket_unref(to);
    worker_flush();
    return status;
}

static void sweep(size_t size)
{
    for (size_t n = 0; inject_is_available(); n++) {
        inject_arm(n);
        status_t status = send_and_receive(size);
        if (!inject_disarm()) {
            EXPECT_OK(status);
            break;
        }
        EXPECT(status == OK || status == ERR_NOMEM || status == ERR_NOBUFS);
    }
}

TEST(datagrams_survive_every_allocation_failing)
{
    EXPECT_OK(send_and_receive(100)); // what is made once is there then
    sweep(100);
    sweep(20000);
}

// An echo of either kind of socket, or a frame; with a group joined meanwhile.
static status_t use(uint16_t family, uint32_t type, uint32_t protocol)
{
    static const uint8_t echo[16] = {8};
    const struct abi_ip_mreqn join = {.group = {239, 1, 2, 3}, .netif = 1};
    struct socket *s;
    size_t got;
    status_t status = socket_create(family, type, protocol, FILE_NONBLOCK, &s);
    if (status != OK) {
        return status;
    }
    if (family == ABI_AF_INET) {
        status = socket_set_option(s, ABI_IPPROTO_IP, ABI_IP_ADD_MEMBERSHIP, &join, sizeof(join));
        status = status == OK ? send_to(s, 0, echo, sizeof(echo)) : status;
    } else {
        struct uio u;
        const struct abi_sockaddr_ll there = {.family = ABI_AF_PACKET, .netif = 1};
        struct socket_address to = {.size = sizeof(there)};
        struct socket_message m = {.to = &to};
        memcpy(to.bytes, &there, sizeof(there));
        uio_init_kernel(&u, (void *)(uintptr_t)echo, sizeof(echo));
        status = socket_send(s, &u, &m);
    }
    worker_flush();
    (void)(take(s, room, sizeof(room), &got) == OK);
    socket_unref(s);
    worker_flush();
    return status;
}

TEST(echo_raw_and_packet_sockets_survive_every_allocation_failing)
{
    static const struct {
        uint16_t family;
        uint32_t type;
        uint32_t protocol;
    } kinds[] = {
        {ABI_AF_INET, ABI_SOCK_DGRAM, IP_PROTOCOL_ICMP},
        {ABI_AF_INET, ABI_SOCK_RAW, IP_PROTOCOL_ICMP},
        {ABI_AF_PACKET, ABI_SOCK_RAW, ABI_ETH_P_ALL << 8},
    };
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        EXPECT_OK(use(kinds[k].family, kinds[k].type, kinds[k].protocol));
        for (size_t n = 0; inject_is_available(); n++) {
            inject_arm(n);
            status_t status = use(kinds[k].family, kinds[k].type, kinds[k].protocol);
            if (!inject_disarm()) {
                EXPECT_OK(status);
                break;
            }
            EXPECT(status == OK || status == ERR_NOMEM || status == ERR_NOBUFS);
        }
    }
}

TEST(what_is_unread_is_bounded)
{
    enum { LIMIT = 16384, SENT = 500 };
    int32_t limit = LIMIT;
    size_t got;
    size_t count = 0;
    struct socket *to = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    struct socket *by = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    EXPECT(to != NULL && by != NULL);
    EXPECT_OK(bind_to(to, LOCALHOST, 0));
    EXPECT_OK(socket_set_option(to, ABI_SOL_SOCKET, ABI_SO_RCVBUF, &limit, sizeof(limit)));
    for (unsigned i = 0; i < SENT; i++) {
        EXPECT_OK(send_to(by, port_of(to), big, 500));
        worker_flush();
    }
    spin_lock(&inet_of(to)->lock);
    uint32_t charged = datagram_of(to)->charged;
    uint64_t drops = datagram_of(to)->drops;
    spin_unlock(&inet_of(to)->lock);
    EXPECT(charged <= LIMIT);
    while (take(to, room, sizeof(room), &got) == OK) {
        count++;
    }
    EXPECT(count > 0);
    EXPECT_EQ(count + drops, SENT);
    EXPECT_EQ(datagram_of(to)->charged, 0);
    socket_unref(to);
    socket_unref(by);
}

TEST(what_is_under_way_is_counted_until_it_has_left)
{
    struct socket *by = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    EXPECT(by != NULL);
    EXPECT_OK(bind_to(by, LOCALHOST, 0));
    for (unsigned i = 0; i < 50; i++) {
        EXPECT_OK(send_to(by, port_of(by), big, 1000));
    }
    worker_flush();
    EXPECT_EQ(atomic_load(&datagram_of(by)->sent), 0);
    socket_unref(by);
}

// To a neighbour whose link address is not known yet.
static status_t send_to_neighbour(struct socket *s)
{
    struct uio u;
    const struct socket_address to = name4(0xc000024d, 9); // 192.0.2.77
    struct socket_message m = {.to = &to};
    uio_init_kernel(&u, big, 1400);
    return socket_send(s, &u, &m);
}

TEST(who_sends_more_than_goes_out_waits_until_it_went)
{
    int32_t limit = SOCKET_BUFFER_MIN;
    status_t status = OK;
    struct socket *by = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    EXPECT(by != NULL);
    EXPECT_OK(socket_set_option(by, ABI_SOL_SOCKET, ABI_SO_SNDBUF, &limit, sizeof(limit)));
    (void)link_begin();
    for (unsigned i = 0; i < 100 && status == OK; i++) {
        status = send_to_neighbour(by);
    }
    uint32_t events = by->ops->poll(by, NULL);
    uint32_t sent = atomic_load(&datagram_of(by)->sent);
    link_say_arp("192.0.2.77");
    worker_flush();
    static struct link_frame frame;
    do {
        link_take(ETHER_IP4, 0, &frame); // the link is rid of it
    } while (frame.size != 0);
    uint32_t events_then = by->ops->poll(by, NULL);
    status_t status_then = send_to_neighbour(by);
    link_end();
    worker_flush();
    EXPECT_STATUS(status, ERR_AGAIN);
    EXPECT((events & EVENT_OUT) == 0);
    EXPECT(sent >= SOCKET_BUFFER_MIN && sent < 2 * SOCKET_BUFFER_MIN);
    EXPECT((events_then & EVENT_OUT) != 0);
    EXPECT_OK(status_then);
    EXPECT_EQ(atomic_load(&datagram_of(by)->sent), 0);
    socket_unref(by);
}

TEST(many_ports_can_be_bound_until_none_is_left)
{
    enum { EPHEMERAL = 60999 - 32768 + 1, HELD = 2000 };
    static struct socket *held[HELD];
    for (unsigned i = 0; i < HELD; i++) {
        held[i] = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
        EXPECT(held[i] != NULL);
        EXPECT_OK(bind_to(held[i], 0, 0));
    }
    for (unsigned i = 0; i < HELD; i++) {
        struct socket *other = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
        EXPECT(other != NULL);
        if (i % 100 == 0) {
            EXPECT_STATUS(bind_to(other, LOCALHOST, port_of(held[i])), ERR_ADDRINUSE);
        }
        socket_unref(other);
    }
    for (unsigned i = 0; i < HELD; i++) {
        socket_unref(held[i]);
    }
    static_assert(HELD < EPHEMERAL);
}

TEST(a_pair_of_names_comes_before_a_port)
{
    size_t got;
    struct socket *all = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    struct socket *one = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    struct socket *peer = make(ABI_AF_INET, ABI_SOCK_DGRAM, 0);
    int32_t on = 1;
    EXPECT(all != NULL && one != NULL && peer != NULL);
    EXPECT_OK(socket_set_option(all, ABI_SOL_SOCKET, ABI_SO_REUSEADDR, &on, sizeof(on)));
    EXPECT_OK(socket_set_option(one, ABI_SOL_SOCKET, ABI_SO_REUSEADDR, &on, sizeof(on)));
    EXPECT_OK(bind_to(all, 0, 0));
    EXPECT_OK(bind_to(one, 0, port_of(all)));
    EXPECT_OK(bind_to(peer, LOCALHOST, 0));
    EXPECT_OK(connect_to(one, LOCALHOST, port_of(peer)));
    EXPECT_OK(send_to(peer, port_of(all), "x", 1));
    EXPECT_OK(await(one, room, sizeof(room), &got));
    EXPECT_STATUS(take(all, room, sizeof(room), &got), ERR_AGAIN);
    const struct socket_address none = {.size = sizeof(none.family), .family = ABI_AF_UNSPEC};
    const struct socket_wait w = {.may_wait = false};
    EXPECT_OK(one->ops->connect(one, &none, &w));
    socket_unref(one);
    EXPECT_OK(send_to(peer, port_of(all), "x", 1));
    EXPECT_OK(await(all, room, sizeof(room), &got));
    socket_unref(all);
    socket_unref(peer);
}
