// SPDX-License-Identifier: Apache-2.0
/* Requests: which handler, with what authority, and what goes back. */
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/net/netlink_priv.h"

enum {
    ANSWER_MAX = 1024,   // bytes of all answers to one request that is no list
    FLAG_CAPPED = 0x100, // an error has only the header of what it is about
};

static const struct netlink_handler *const route_handlers[] = {
    netlink_link_handlers, netlink_address_handlers, netlink_route_handlers,
    netlink_neighbour_handlers};
static const struct netlink_handler *const diag_handlers[] = {netlink_diag_handlers};

static const struct netlink_handler *find_in(const struct netlink_handler *h, uint16_t type)
{
    while (h->type != 0 && h->type != type) {
        h++;
    }
    return h->type != 0 ? h : NULL;
}

static const struct netlink_handler *find(uint32_t protocol, uint16_t type)
{
    bool is_route = protocol == ABI_NETLINK_ROUTE;
    const struct netlink_handler *const *tables = is_route ? route_handlers : diag_handlers;
    size_t count = is_route ? ARRAY_SIZE(route_handlers) : ARRAY_SIZE(diag_handlers);
    const struct netlink_handler *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++) {
        found = find_in(tables[i], type);
    }
    return found;
}

struct abi_nlmsghdr netlink_answer_header(const struct netlink_request *r, uint16_t type)
{
    return (struct abi_nlmsghdr){
        .type = type, .sequence = r->m->header.sequence, .port = r->m->header.port};
}

status_t netlink_added(const struct netlink_request *r, status_t status)
{
    bool is_exclusive = (r->m->header.flags & ABI_NLM_F_EXCL) != 0;
    return status == ERR_EXIST && !is_exclusive ? OK : status;
}

static void put_result(struct netlink_request *r, status_t status)
{
    struct abi_nlmsghdr h = netlink_answer_header(r, ABI_NLMSG_ERROR);
    const struct abi_nlmsgerr e = {.error = status, .message = r->m->header};
    h.flags = FLAG_CAPPED;
    netlink_begin(&r->answer, &h);
    netlink_put(&r->answer, &e, sizeof(e));
    (void)netlink_end(&r->answer);
}

// A list of a family, as the first byte of all requests for one says.
static status_t start_list(struct netlink_request *r, const struct netlink_handler *h,
                           uint32_t protocol)
{
    struct netlink_dump d = {.list = h->list, .header = netlink_answer_header(r, h->answer)};
    d.header.flags = ABI_NLM_F_MULTI;
    if (r->m->payload.size == 0) {
        return ERR_INVAL;
    }
    d.family = r->m->payload.data[0];
    if (protocol == ABI_NETLINK_SOCK_DIAG) { // its types have the same numbers as those of routes
        status_t status = netlink_get(r->m->payload, sizeof(d.diag), &d.diag, sizeof(d.diag));
        if (status != OK) {
            return status;
        }
    }
    return netlink_start_dump(r->s, &d);
}

static status_t handle(struct netlink_request *r, uint32_t protocol, bool *is_list)
{
    const struct abi_nlmsghdr *m = &r->m->header;
    const struct netlink_handler *h = find(protocol, m->type);
    if (h == NULL) {
        return ERR_NOTSUP;
    }
    if (h->is_change) {
        status_t status = netlink_may_change(r->s);
        if (status != OK) {
            return status;
        }
    }
    *is_list = h->list != NULL && (m->flags & ABI_NLM_F_DUMP) != 0;
    if (*is_list) {
        return start_list(r, h, protocol);
    }
    return h->handle == NULL ? ERR_NOTSUP : h->handle(r);
}

void netlink_handle(struct netlink_socket *s, uint32_t protocol, const struct netlink_message *m)
{
    alignas(8) uint8_t bytes[ANSWER_MAX];
    struct netlink_request r = {.s = s, .m = m};
    bool is_list = false;
    bool is_request = (m->header.flags & ABI_NLM_F_REQUEST) != 0;
    if (!is_request || m->header.type < ABI_RTM_NEWLINK) {
        return; // nothing is asked
    }
    netlink_writer_init(&r.answer, bytes, sizeof(bytes));
    status_t status = handle(&r, protocol, &is_list);
    bool wants_result = (m->header.flags & ABI_NLM_F_ACK) != 0 && !is_list;
    if (status != OK || wants_result) {
        put_result(&r, status);
    }
    if (r.answer.used != 0) {
        netlink_queue(s, bytes, r.answer.used);
    }
}

/* ---- Times ---- */

uint32_t netlink_seconds_left(nsec_t until)
{
    nsec_t now = time_now();
    if (until == NSEC_NEVER) {
        return ABI_LIFETIME_FOREVER;
    }
    nsec_t left = until > now ? (until - now + NSEC_PER_SEC - 1) / NSEC_PER_SEC : 0;
    return left < ABI_LIFETIME_FOREVER ? (uint32_t)left : ABI_LIFETIME_FOREVER - 1;
}

nsec_t netlink_until(uint32_t seconds)
{
    return seconds == ABI_LIFETIME_FOREVER ? NSEC_NEVER : time_now() + seconds * NSEC_PER_SEC;
}
