// SPDX-License-Identifier: Apache-2.0
#include "user/lib/rtnl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536, REQUEST_SIZE = 1024 };

bool rtnl_open(struct rtnl *r, int protocol, uint32_t groups)
{
    const struct abi_sockaddr_nl name = {.family = ABI_AF_NETLINK, .groups = groups};
    *r = (struct rtnl){.socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol),
                       .buffer = malloc(BUFFER_SIZE)};
    if (r->socket >= 0 && r->buffer != NULL &&
        bind(r->socket, (const struct sockaddr *)&name, sizeof(name)) == 0) {
        return true;
    }
    int why = errno;
    rtnl_close(r);
    errno = why;
    return false;
}

void rtnl_close(struct rtnl *r)
{
    if (r->socket >= 0) {
        close(r->socket);
    }
    free(r->buffer);
    *r = (struct rtnl){.socket = -1};
}

static bool send_request(struct rtnl *r, const void *request, size_t size)
{
    const struct abi_sockaddr_nl kernel = {.family = ABI_AF_NETLINK};
    ssize_t n;
    do {
        n = sendto(r->socket, request, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

// The messages of one datagram.
static bool receive(struct rtnl *r, int flags, struct span *out)
{
    ssize_t n;
    do {
        n = recv(r->socket, r->buffer, BUFFER_SIZE, flags);
    } while (n < 0 && errno == EINTR);
    *out = span_of(r->buffer, n < 0 ? 0 : (size_t)n);
    return n >= 0;
}

// The error of an acknowledgement; 0: none.
static int error_of(const struct netlink_message *m)
{
    struct abi_nlmsgerr e;
    if (netlink_get(m->payload, sizeof(e.error), &e, sizeof(e)) != OK) {
        return EBADMSG;
    }
    return -e.error;
}

enum progress { GOES_ON, IS_DONE, HAS_FAILED };

static enum progress take(struct rtnl *r, struct span rest, rtnl_each_t *each, void *context)
{
    struct netlink_message m;
    while (netlink_next(&rest, &m) == OK) {
        if (m.header.sequence != r->sequence) {
            continue; // of an earlier question
        }
        if (m.header.type == ABI_NLMSG_ERROR) {
            errno = error_of(&m);
            return errno == 0 ? IS_DONE : HAS_FAILED;
        }
        if (m.header.type == ABI_NLMSG_DONE) {
            return IS_DONE;
        }
        if (each != NULL && !each(context, &m)) {
            each = NULL; // the rest is read and dropped
        }
    }
    return GOES_ON;
}

static bool read_answer(struct rtnl *r, rtnl_each_t *each, void *context)
{
    enum progress progress = GOES_ON;
    while (progress == GOES_ON) {
        struct span rest;
        if (!receive(r, 0, &rest)) {
            return false;
        }
        progress = take(r, rest, each, context);
    }
    return progress == IS_DONE;
}

bool rtnl_dump_request(struct rtnl *r, uint16_t type, struct span request, rtnl_each_t *each,
                       void *context)
{
    uint8_t room[REQUEST_SIZE];
    struct netlink_writer w;
    const struct abi_nlmsghdr h = {
        .type = type, .flags = ABI_NLM_F_REQUEST | ABI_NLM_F_DUMP, .sequence = ++r->sequence};
    netlink_writer_init(&w, room, sizeof(room));
    netlink_begin(&w, &h);
    netlink_put(&w, request.data, request.size);
    if (!netlink_end(&w)) {
        errno = EMSGSIZE;
        return false;
    }
    return send_request(r, room, w.used) && read_answer(r, each, context);
}

bool rtnl_dump(struct rtnl *r, uint16_t type, rtnl_each_t *each, void *context)
{
    static const uint8_t none[sizeof(struct abi_ifinfomsg)]; // the largest of them
    size_t size = type == ABI_RTM_GETLINK    ? sizeof(struct abi_ifinfomsg)
                  : type == ABI_RTM_GETADDR  ? sizeof(struct abi_ifaddrmsg)
                  : type == ABI_RTM_GETROUTE ? sizeof(struct abi_rtmsg)
                                             : sizeof(struct abi_ndmsg);
    return rtnl_dump_request(r, type, span_of(none, size), each, context);
}

bool rtnl_receive(struct rtnl *r, rtnl_each_t *each, void *context)
{
    struct span rest;
    struct netlink_message m;
    while (receive(r, MSG_DONTWAIT, &rest)) {
        while (netlink_next(&rest, &m) == OK) {
            (void)each(context, &m);
        }
    }
    return errno == EAGAIN;
}

// ---- Changes ----

struct request {
    struct netlink_writer writer;
    struct abi_nlmsghdr header;
    uint8_t room[REQUEST_SIZE];
};

static void request_begin(struct rtnl *r, struct request *q, uint16_t type, uint16_t flags)
{
    q->header = (struct abi_nlmsghdr){.type = type,
                                      .flags = ABI_NLM_F_REQUEST | ABI_NLM_F_ACK | flags,
                                      .sequence = ++r->sequence};
    netlink_writer_init(&q->writer, q->room, sizeof(q->room));
}

static bool request_send(struct rtnl *r, const struct request *q, bool is_whole)
{
    if (!is_whole) {
        errno = EMSGSIZE;
        return false;
    }
    return send_request(r, q->room, q->writer.used) && read_answer(r, NULL, NULL);
}

// Whether a change that failed has found things as it wanted them.
static bool is_so_already(enum rtnl_change what)
{
    return what == RTNL_ADD ? errno == EEXIST
                            : errno == EADDRNOTAVAIL || errno == ESRCH || errno == ENOENT;
}

static uint16_t flags_of(enum rtnl_change what)
{
    return what == RTNL_ADD ? ABI_NLM_F_CREATE | ABI_NLM_F_REPLACE : 0;
}

bool rtnl_address(struct rtnl *r, enum rtnl_change what, const struct netlink_address *a)
{
    struct request q;
    request_begin(r, &q, what == RTNL_ADD ? ABI_RTM_NEWADDR : ABI_RTM_DELADDR, flags_of(what));
    return request_send(r, &q, netlink_address_emit(&q.writer, &q.header, a)) ||
           is_so_already(what);
}

bool rtnl_route(struct rtnl *r, enum rtnl_change what, const struct netlink_route *route)
{
    struct request q;
    request_begin(r, &q, what == RTNL_ADD ? ABI_RTM_NEWROUTE : ABI_RTM_DELROUTE, flags_of(what));
    return request_send(r, &q, netlink_route_emit(&q.writer, &q.header, route)) ||
           is_so_already(what);
}

bool rtnl_neighbour(struct rtnl *r, enum rtnl_change what, const struct netlink_neighbour *n)
{
    struct request q;
    request_begin(r, &q, what == RTNL_ADD ? ABI_RTM_NEWNEIGH : ABI_RTM_DELNEIGH, flags_of(what));
    return request_send(r, &q, netlink_neighbour_emit(&q.writer, &q.header, n)) ||
           is_so_already(what);
}

bool rtnl_link(struct rtnl *r, const struct netlink_link *link)
{
    struct request q;
    const struct abi_ifinfomsg m = {
        .index = (int32_t)link->index, .flags = link->flags, .change = link->change};
    request_begin(r, &q, ABI_RTM_SETLINK, 0);
    netlink_begin(&q.writer, &q.header);
    netlink_put(&q.writer, &m, sizeof(m));
    if (link->mtu != 0) {
        netlink_add_u32(&q.writer, ABI_IFLA_MTU, link->mtu);
    }
    return request_send(r, &q, netlink_end(&q.writer));
}

// ---- Finding ----

struct search {
    const char *name; // or NULL, for an index
    uint32_t index;
    bool is_found;
    struct netlink_link *out;
};

static bool compare(void *context, const struct netlink_message *m)
{
    struct search *s = context;
    struct netlink_link link;
    if (m->header.type == ABI_RTM_NEWLINK && netlink_link_parse(m->payload, &link) == OK &&
        (s->name != NULL ? strcmp(link.name, s->name) == 0 : link.index == s->index)) {
        *s->out = link;
        s->is_found = true;
    }
    return !s->is_found;
}

static bool find(struct rtnl *r, struct search *s)
{
    if (!rtnl_dump(r, ABI_RTM_GETLINK, compare, s)) {
        return false;
    }
    errno = s->is_found ? 0 : ENODEV;
    return s->is_found;
}

bool rtnl_find_link(struct rtnl *r, const char *name, struct netlink_link *out)
{
    return find(r, &(struct search){.name = name, .out = out});
}

bool rtnl_find_index(struct rtnl *r, uint32_t index, struct netlink_link *out)
{
    return find(r, &(struct search){.index = index, .out = out});
}
