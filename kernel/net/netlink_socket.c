// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/mutex.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/net/netlink_priv.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    REQUEST_MAX = 65536, // bytes of one send
    GROUPS = ABI_RTNLGRP_MAX + 1,
};

struct sockets {
    struct mutex lock;                // RANK_MODULE
    struct list all;                  // [lock]
    uint32_t next_port;               // [lock]
    _Atomic uint32_t members[GROUPS]; // [a] sockets that joined, written with the lock held
};
static struct sockets sockets = {
    .lock = MUTEX_INIT(sockets.lock, "netlink sockets", RANK_MODULE),
    .all = LIST_INIT(sockets.all),
    .next_port = 1u << 31,
};

/* ---- Groups ---- */

bool netlink_has_members(uint32_t group)
{
    return atomic_load_explicit(&sockets.members[group], memory_order_relaxed) != 0;
}

void netlink_multicast(uint32_t group, const void *bytes, size_t size)
{
    mutex_lock(&sockets.lock);
    list_for_each (node, &sockets.all) {
        struct netlink_socket *s = container_of(node, struct netlink_socket, link);
        spin_lock(&s->lock);
        bool is_member = (s->groups >> group & 1) != 0;
        spin_unlock(&s->lock);
        if (is_member && s->socket.protocol == ABI_NETLINK_ROUTE) {
            netlink_queue_copy(s, group, bytes, size);
        }
    }
    mutex_unlock(&sockets.lock);
}

/* ---- Names ---- */

static bool is_used(uint32_t protocol, uint32_t port) REQUIRES(sockets.lock)
{
    list_for_each (node, &sockets.all) {
        const struct netlink_socket *s = container_of(node, struct netlink_socket, link);
        if (s->port == port && s->socket.protocol == protocol) {
            return true;
        }
    }
    return false;
}

// The process's identifier, as most programs expect, else any.
static uint32_t free_port(uint32_t protocol) REQUIRES(sockets.lock)
{
    struct caller_identity who;
    caller_identity(&who);
    uint32_t port = (uint32_t)who.pid;
    while (port == 0 || is_used(protocol, port)) {
        port = sockets.next_port++;
    }
    return port;
}

static status_t set_port(struct netlink_socket *s, uint32_t port)
{
    status_t status = OK;
    mutex_lock(&sockets.lock);
    if (s->port != 0) {
        status = port == 0 || port == s->port ? OK : ERR_INVAL;
    } else if (port == 0) {
        s->port = free_port(s->socket.protocol);
    } else if (is_used(s->socket.protocol, port)) {
        status = ERR_ADDRINUSE;
    } else {
        s->port = port;
    }
    mutex_unlock(&sockets.lock);
    return status;
}

static void set_groups(struct netlink_socket *s, uint32_t groups)
{
    mutex_lock(&sockets.lock);
    spin_lock(&s->lock);
    uint32_t old = s->groups;
    s->groups = s->is_closed ? 0 : groups;
    groups = s->groups;
    spin_unlock(&s->lock);
    for (unsigned i = 0; i < GROUPS; i++) {
        uint32_t more = (groups >> i & 1) - (old >> i & 1); // 1, 0 or -1
        atomic_fetch_add_explicit(&sockets.members[i], more, memory_order_relaxed);
    }
    mutex_unlock(&sockets.lock);
}

static status_t read_name(const struct socket_address *a, struct abi_sockaddr_nl *out)
{
    if (a->size < sizeof(*out)) {
        return ERR_INVAL;
    }
    memcpy(out, a->bytes, sizeof(*out));
    return out->family == ABI_AF_NETLINK ? OK : ERR_INVAL;
}

static status_t bind(struct socket *socket, const struct socket_address *a)
{
    struct netlink_socket *s = netlink_of(socket);
    struct abi_sockaddr_nl name;
    status_t status = read_name(a, &name);
    if (status == OK) {
        status = set_port(s, name.port);
    }
    if (status == OK && (name.groups != 0 || s->groups != 0)) {
        set_groups(s, name.groups << 1); // names have group 1 in bit 0
    }
    return status;
}

// Only the kernel answers.
static status_t connect(struct socket *socket, const struct socket_address *a,
                        const struct socket_wait *w)
{
    struct abi_sockaddr_nl name;
    (void)w;
    if (a->family == ABI_AF_UNSPEC) {
        return OK;
    }
    status_t status = read_name(a, &name);
    if (status == OK && (name.port != 0 || name.groups != 0)) {
        status = ERR_PERM;
    }
    return status == OK ? set_port(netlink_of(socket), 0) : status;
}

static void write_name(uint32_t port, uint32_t groups, struct socket_address *out)
{
    struct abi_sockaddr_nl name = {.family = ABI_AF_NETLINK, .port = port, .groups = groups};
    out->size = sizeof(name);
    memcpy(out->bytes, &name, sizeof(name));
}

static status_t local_name(struct socket *socket, struct socket_address *out)
{
    struct netlink_socket *s = netlink_of(socket);
    mutex_lock(&sockets.lock);
    uint32_t port = s->port;
    mutex_unlock(&sockets.lock);
    write_name(port, s->groups >> 1, out);
    return OK;
}

static status_t peer_name(struct socket *socket, struct socket_address *out)
{
    (void)socket;
    write_name(0, 0, out);
    return OK;
}

/* ---- Sending ---- */

static status_t check_name(const struct socket_message *m)
{
    struct abi_sockaddr_nl to;
    if (m->to == NULL || m->to->size == 0) {
        return OK;
    }
    status_t status = read_name(m->to, &to);
    if (status != OK) {
        return status;
    }
    return to.port == 0 && to.groups == 0 ? OK : ERR_CONNREFUSED;
}

static status_t handle_all(struct netlink_socket *s, struct span rest)
{
    struct netlink_message m;
    status_t status;
    while ((status = netlink_next(&rest, &m)) == OK) {
        netlink_handle(s, s->socket.protocol, &m);
        thread_preempt_point();
    }
    return status == ERR_NODATA ? OK : status;
}

static status_t send(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct netlink_socket *s = netlink_of(socket);
    void *bytes;
    size_t size = from->left;
    if (size > REQUEST_MAX) {
        return ERR_MSGSIZE;
    }
    status_t status = grant_is_valid(s->grant) ? check_name(m) : ERR_PERM;
    if (status == OK) {
        status = set_port(s, 0);
    }
    if (status == OK) {
        status = heap_alloc(size, &bytes) == OK ? OK : ERR_NOBUFS;
    }
    if (status != OK) {
        return status;
    }
    const struct uio before = *from;
    status = uio_get(from, bytes, size);
    if (status != OK) {
        *from = before;
    } else {
        // What is no message ends the walk; what was sent is sent all the same.
        (void)(handle_all(s, span_of(bytes, size)) == OK);
    }
    heap_free(bytes);
    return status;
}

status_t netlink_may_change(const struct netlink_socket *s)
{
    return net_authority_check(s->grant, NET_CONFIGURE, 0, NULL, 0) == OK ? OK : ERR_PERM;
}

/* ---- Questions ---- */

static uint32_t poll(struct socket *socket, struct event_watch *w)
{
    struct netlink_socket *s = netlink_of(socket);
    if (w != NULL) {
        event_watch(&s->events, w);
    }
    uint32_t events = EVENT_OUT;
    spin_lock(&s->lock);
    bool has_some = !list_is_empty(&s->queue) || s->is_closed ||
                    atomic_load_explicit(&s->is_dumping, memory_order_acquire);
    events |= has_some || s->has_lost ? EVENT_IN : 0;
    events |= s->has_lost ? EVENT_ERR : 0;
    spin_unlock(&s->lock);
    return events;
}

static size_t readable(struct socket *socket)
{
    struct netlink_socket *s = netlink_of(socket);
    spin_lock(&s->lock);
    struct list *node = list_first(&s->queue);
    size_t size = node == NULL ? 0 : container_of(node, struct netlink_buffer, link)->size;
    spin_unlock(&s->lock);
    return size;
}

static status_t take_error(struct socket *socket)
{
    struct netlink_socket *s = netlink_of(socket);
    spin_lock(&s->lock);
    bool has_lost = s->has_lost;
    s->has_lost = false;
    spin_unlock(&s->lock);
    return has_lost ? ERR_NOBUFS : OK;
}

static bool is_listening(struct socket *socket)
{
    (void)socket;
    return false;
}

static status_t change_group(struct netlink_socket *s, int32_t group, bool is_join)
{
    if (group <= 0 || group >= GROUPS) {
        return ERR_INVAL;
    }
    uint32_t bit = 1u << group;
    set_groups(s, is_join ? s->groups | bit : s->groups & ~bit);
    return OK;
}

static status_t set_option(struct socket *socket, int32_t level, int32_t option, const void *value,
                           uint32_t size)
{
    struct netlink_socket *s = netlink_of(socket);
    int32_t number;
    if (level == ABI_SOL_SOCKET) {
        return option == ABI_SO_RCVBUFFORCE
                   ? socket_set_option(socket, level, ABI_SO_RCVBUF, value, size)
                   : ERR_NOPROTOOPT;
    }
    if (level != ABI_SOL_NETLINK) {
        return ERR_NOPROTOOPT;
    }
    status_t status = size < sizeof(number) ? ERR_INVAL : inet_option_number(value, size, &number);
    if (status != OK) {
        return status;
    }
    switch (option) {
    case ABI_NETLINK_ADD_MEMBERSHIP: return change_group(s, number, true);
    case ABI_NETLINK_DROP_MEMBERSHIP: return change_group(s, number, false);
    case ABI_NETLINK_PKTINFO: s->wants_group = number != 0; return OK;
    case ABI_NETLINK_NO_ENOBUFS: s->tells_no_loss = number != 0; return OK;
    case ABI_NETLINK_EXT_ACK:
    case ABI_NETLINK_GET_STRICT_CHK:
        return OK; // answers are as short and lists as exact as they get
    default: return ERR_NOPROTOOPT;
    }
}

/* ---- The beginning and the end ---- */

static void close(struct socket *socket)
{
    struct netlink_socket *s = netlink_of(socket);
    struct list all = LIST_INIT(all);
    spin_lock(&s->lock);
    s->is_closed = true;
    for (struct list *node; (node = list_pop(&s->queue)) != NULL;) {
        list_add_tail(&all, node);
    }
    s->charged = 0;
    spin_unlock(&s->lock);
    for (struct list *node; (node = list_pop(&all)) != NULL;) {
        heap_free(container_of(node, struct netlink_buffer, link));
    }
    set_groups(s, 0);
    mutex_lock(&sockets.lock);
    list_del_init(&s->link);
    s->port = 0;
    mutex_unlock(&sockets.lock);
    wait_wake_all(&s->readers);
    event_notify(&s->events, EVENT_IN | EVENT_HUP);
}

static void release(struct socket *socket)
{
    struct netlink_socket *s = netlink_of(socket);
    if (s->grant != NULL) {
        grant_unref(s->grant);
    }
    heap_free(s);
}

static const struct socket_ops netlink_ops = {
    .bind = bind,
    .connect = connect,
    .send = send,
    .receive = netlink_receive,
    .local_name = local_name,
    .peer_name = peer_name,
    .poll = poll,
    .readable = readable,
    .take_error = take_error,
    .is_listening = is_listening,
    .set_option = set_option,
    .close = close,
    .release = release,
};

static void init(struct netlink_socket *s, uint32_t type, uint32_t protocol, uint32_t flags)
{
    socket_init(&s->socket, &netlink_ops, ABI_AF_NETLINK, type, flags);
    s->socket.protocol = protocol;
    spin_init(&s->lock, "netlink socket", RANK_NET_SOCKET);
    mutex_init(&s->dump_lock, "list of a netlink socket", RANK_STREAM);
    list_init(&s->queue);
    wait_init(&s->readers, "socket readers");
    event_source_init(&s->events);
    mutex_lock(&sockets.lock);
    list_add_tail(&sockets.all, &s->link);
    mutex_unlock(&sockets.lock);
}

static status_t create(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out)
{
    void *memory;
    if (type != ABI_SOCK_RAW && type != ABI_SOCK_DGRAM) {
        return ERR_SOCKTNOSUPPORT;
    }
    if (protocol != ABI_NETLINK_ROUTE && protocol != ABI_NETLINK_SOCK_DIAG) {
        return ERR_PROTONOSUPPORT;
    }
    status_t status = heap_zalloc(sizeof(struct netlink_socket), &memory);
    if (status != OK) {
        return status;
    }
    struct netlink_socket *s = memory;
    status = caller_grant(SWOS_GRANT_NETWORK, &s->grant);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    init(s, type, protocol, flags);
    *out = &s->socket;
    return OK;
}

static const struct socket_family netlink_family = {.family = ABI_AF_NETLINK, .create = create};

void netlink_init(void)
{
    socket_register_family(&netlink_family);
    netlink_notify_init();
}
