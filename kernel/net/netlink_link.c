// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/netlink_priv.h"
#include "lib/base/string.h"

static uint64_t count(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void describe_counters(const struct netif_counters *c, struct abi_link_stats64 *out)
{
    *out = (struct abi_link_stats64){
        .packets_in = count(&c->packets_in),
        .packets_out = count(&c->packets_out),
        .bytes_in = count(&c->bytes_in),
        .bytes_out = count(&c->bytes_out),
        .errors_in = count(&c->errors_in),
        .errors_out = count(&c->errors_out),
        .dropped_in = count(&c->dropped_in),
        .dropped_out = count(&c->dropped_out),
    };
}

void netlink_describe_link(const struct netif *n, struct netlink_link *out)
{
    uint32_t flags = atomic_load_explicit(&n->flags, memory_order_relaxed);
    bool is_running = (flags & NETIF_RUNNING) != 0;
    if ((flags & NETIF_UP) == 0) {
        flags &= ~(uint32_t)NETIF_RUNNING; // as Linux has it: it runs while it is up
    }
    *out = (struct netlink_link){
        .index = n->index,
        .flags = flags | (is_running ? ABI_IFF_LOWER_UP : 0),
        .mtu = atomic_load_explicit(&n->mtu, memory_order_relaxed),
        .mtu_max = n->mtu_max,
        .queue = NETIF_QUEUE_MAX,
        .type = (flags & NETIF_LOOPBACK) != 0 ? ABI_ARPHRD_LOOPBACK : ABI_ARPHRD_ETHER,
        .state = is_running && (flags & NETIF_UP) != 0 ? ABI_OPERSTATE_UP : ABI_OPERSTATE_DOWN,
        .has_mac = true,
        .mac = n->mac,
    };
    memcpy(out->name, n->name, sizeof(out->name));
    describe_counters(&n->counters, &out->stats);
}

static status_t next_link(struct netlink_dump *d, struct netlink_writer *w)
{
    struct netlink_link l;
    const struct netif *n = d->cursor == 0 ? NULL : netif_find((uint32_t)d->cursor);
    n = netif_next(n);
    if (n == NULL) {
        return ERR_NOENT;
    }
    netlink_describe_link(n, &l);
    if (!netlink_link_emit(w, &d->header, &l)) {
        return ERR_NOSPC;
    }
    d->cursor = n->index;
    return OK;
}

static status_t find(const struct netlink_link *l, struct netif **out)
{
    if (l->index != 0) {
        *out = netif_find(l->index);
    } else if (l->name[0] != '\0') {
        *out = netif_find_name(l->name);
    } else {
        return ERR_INVAL;
    }
    return *out != NULL ? OK : ERR_NODEV;
}

static status_t get(struct netlink_request *r)
{
    struct netlink_link l;
    struct netif *n;
    const struct abi_nlmsghdr h = netlink_answer_header(r, ABI_RTM_NEWLINK);
    status_t status = netlink_link_parse(r->m->payload, &l);
    if (status == OK) {
        status = find(&l, &n);
    }
    if (status == OK) {
        netlink_describe_link(n, &l);
        status = netlink_link_emit(&r->answer, &h, &l) ? OK : ERR_NOBUFS;
    }
    return status;
}

// Up or down, and the MTU: more of a link cannot be changed.
static status_t set(struct netlink_request *r)
{
    struct netlink_link l;
    struct netif *n;
    status_t status = netlink_link_parse(r->m->payload, &l);
    if (status == OK) {
        status = find(&l, &n);
    }
    if (status == ERR_NODEV && (r->m->header.flags & ABI_NLM_F_CREATE) != 0) {
        return ERR_NOTSUP; // links are what drivers found
    }
    if (status == OK && l.mtu != 0) {
        status = netif_set_mtu(n, l.mtu);
    }
    uint32_t change = l.change != 0 || l.flags == 0 ? l.change : UINT32_MAX;
    if (status == OK && (change & NETIF_UP) != 0) {
        status = netif_set_up(n, (l.flags & NETIF_UP) != 0);
    }
    return status;
}

static const struct netlink_list links = {.next = next_link};

const struct netlink_handler netlink_link_handlers[] = {
    {.type = ABI_RTM_GETLINK, .answer = ABI_RTM_NEWLINK, .list = &links, .handle = get},
    {.type = ABI_RTM_NEWLINK, .is_change = true, .handle = set},
    {.type = ABI_RTM_SETLINK, .is_change = true, .handle = set},
    {.type = 0},
};
