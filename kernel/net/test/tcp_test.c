// SPDX-License-Identifier: Apache-2.0
/* Connections over loopback, from within the kernel; and every allocation failing. */
#include "kernel/core/thread.h"
#include "kernel/core/worker.h"
#include "kernel/mm/inject.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { LOCALHOST = 0x7f000001, BACKLOG = 4, PATIENCE = 10 };

static struct socket_wait patiently(void)
{
    return (struct socket_wait){.may_wait = true, .deadline = time_now() + PATIENCE * NSEC_PER_SEC};
}

static struct socket_address name(uint16_t port)
{
    struct socket_address a = {.size = sizeof(struct abi_sockaddr_in)};
    struct abi_sockaddr_in in = {.family = ABI_AF_INET};
    struct ip_addr loopback = ip4(LOCALHOST);
    write_be16((uint8_t *)&in.port, port);
    memcpy(in.address, loopback.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
    memcpy(a.bytes, &in, sizeof(in));
    return a;
}

static uint16_t port_of(struct socket *s)
{
    struct socket_address a;
    struct abi_sockaddr_in in;
    (void)s->ops->local_name(s, &a);
    memcpy(&in, a.bytes, sizeof(in));
    return read_be16((const uint8_t *)&in.port);
}

static status_t make(struct socket **out)
{
    status_t status = socket_create(ABI_AF_INET, ABI_SOCK_STREAM, 0, 0, out);
    if (status == OK) {
        // No TIME-WAIT is left behind, which lasts longer than a test; and nothing is held back.
        const int32_t is_on = 1;
        atomic_store(&(*out)->linger, 0);
        status = tcp_set_option(inet_of(*out), ABI_TCP_NODELAY, &is_on, sizeof(is_on));
    }
    return status;
}

static void drop(struct socket *s)
{
    if (s != NULL) {
        s->ops->close(s);
        socket_unref(s);
    }
}

static status_t listener_make(struct socket **out)
{
    status_t status = make(out);
    if (status == OK) {
        status = (*out)->ops->listen(*out, BACKLOG);
    }
    return status;
}

// Two ends and who listened.
struct ends {
    struct socket *listener;
    struct socket *client;
    struct socket *server;
};

static status_t connect_ends(struct ends *e)
{
    struct socket_wait w = patiently();
    *e = (struct ends){.listener = NULL};
    status_t status = listener_make(&e->listener);
    if (status == OK) {
        status = make(&e->client);
    }
    if (status == OK) {
        struct socket_address a = name(port_of(e->listener));
        status = e->client->ops->connect(e->client, &a, &w);
    }
    return status == OK ? e->listener->ops->accept(e->listener, &w, &e->server) : status;
}

static void end(struct ends *e)
{
    drop(e->client);
    drop(e->server);
    drop(e->listener);
    worker_flush();
}

static status_t send(struct socket *s, const void *bytes, size_t size)
{
    struct uio u;
    struct socket_message m = {.wait = patiently()};
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    status_t status = s->ops->send(s, &u, &m);
    return status == OK && u.left != 0 ? ERR_IO : status;
}

static status_t receive(struct socket *s, void *bytes, size_t size)
{
    struct uio u;
    struct socket_message m = {.flags = ABI_MSG_WAITALL, .wait = patiently()};
    uio_init_kernel(&u, bytes, size);
    status_t status = s->ops->receive(s, &u, &m);
    return status == OK && u.left != 0 ? ERR_IO : status;
}

TEST(tcp_ends_that_are_connected_exchange_bytes)
{
    struct ends e;
    char got[5];
    EXPECT_OK(connect_ends(&e));
    EXPECT_OK(send(e.client, "hello", 5));
    EXPECT_OK(receive(e.server, got, 5));
    EXPECT(memcmp(got, "hello", 5) == 0);
    EXPECT_OK(send(e.server, "world", 5));
    EXPECT_OK(receive(e.client, got, 5));
    EXPECT(memcmp(got, "world", 5) == 0);
    end(&e);
}

TEST(tcp_nobody_listens_means_refused)
{
    struct socket *listener;
    struct socket *s;
    struct socket_wait w = patiently();
    EXPECT_OK(listener_make(&listener));
    EXPECT_OK(make(&s));
    struct socket_address a = name(port_of(listener));
    drop(listener);
    EXPECT_EQ(s->ops->connect(s, &a, &w), ERR_CONNREFUSED);
    drop(s);
    worker_flush();
}

// What happens to a connection, as far as it comes.  Without memory segments are lost, which time
// repairs: waiting for that is no part of the test, so nothing is waited for that needs a time-out.
static status_t try_all(void)
{
    struct ends e = {.listener = NULL};
    struct socket_wait w = {.may_wait = false, .deadline = NSEC_NEVER};
    struct uio u;
    struct socket_message m = {.wait = w};
    static char bytes[8192];
    status_t status = listener_make(&e.listener);
    if (status == OK) {
        status = make(&e.client);
    }
    if (status == OK) {
        struct socket_address a = name(port_of(e.listener));
        status = e.client->ops->connect(e.client, &a, &w);
        status = status == ERR_INPROGRESS ? OK : status;
    }
    if (status == OK) {
        status = e.listener->ops->accept(e.listener, &w, &e.server);
    }
    for (size_t size = 16; status == OK && size <= sizeof(bytes); size *= 8) {
        uio_init_kernel(&u, bytes, size);
        status = e.client->ops->send(e.client, &u, &m);
        if (status == OK) {
            uio_init_kernel(&u, bytes, size);
            status = e.server->ops->receive(e.server, &u, &m);
        }
    }
    end(&e);
    return status;
}

TEST(tcp_every_allocation_may_fail)
{
    size_t failed = 0;
    for (size_t n = 0; n < 1000; n++) {
        inject_arm(n);
        status_t status = try_all();
        bool has_failed = inject_disarm();
        failed += has_failed;
        if (!has_failed) {
            EXPECT_OK(status);
            break;
        }
        EXPECT(status == OK || status == ERR_NOMEM || status == ERR_AGAIN);
    }
    EXPECT(failed > 5 || !inject_is_available());
}

TEST(tcp_socket_fits_in_its_budget)
{
    // With file, handle and the machine: what a connection costs that says nothing.
    EXPECT(sizeof(struct tcp_socket) <= 3800);
    EXPECT(sizeof(struct tcp_half) <= 256);
    EXPECT(sizeof(struct tcp_rest) <= 192);
}
