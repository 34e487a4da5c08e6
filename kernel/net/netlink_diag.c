// SPDX-License-Identifier: Apache-2.0
/* Lists of sockets, for programs as `ss`.  A source for each protocol gives them one by one. */
#include "kernel/core/panic.h"
#include "kernel/net/netlink_priv.h"
#include "lib/base/string.h"

enum { SOURCES_MAX = 8 };

static const struct inet_diag_source *sources[SOURCES_MAX]; // [I] after boot
static size_t source_count;

void netlink_register_diag(const struct inet_diag_source *s)
{
    if (source_count == SOURCES_MAX) {
        panic("too many kinds of sockets");
    }
    sources[source_count++] = s;
}

static const struct inet_diag_source *find(uint8_t protocol)
{
    for (size_t i = 0; i < source_count; i++) {
        if (sources[i]->protocol == protocol) {
            return sources[i];
        }
    }
    return NULL;
}

// An IPv4 address lies in the first four bytes, for sockets of AF_INET.
static void put_address(const struct ip_addr *a, uint16_t family, uint8_t out[static IP6_SIZE])
{
    if (family == ABI_AF_INET) {
        memcpy(out, a->bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
    } else {
        memcpy(out, a->bytes, IP6_SIZE);
    }
}

static void describe(const struct inet_diag_info *i, struct abi_inet_diag_message *out)
{
    *out = (struct abi_inet_diag_message){
        .family = (uint8_t)i->family,
        .state = i->state,
        .name = {.netif = i->netif, .cookie = {(uint32_t)i->id, (uint32_t)(i->id >> 32)}},
        .receive_queue = i->receive_queue,
        .send_queue = i->send_queue,
        .principal = i->principal,
        .inode = (uint32_t)i->id,
    };
    write_be16((uint8_t *)&out->name.local_port, i->local.port);
    write_be16((uint8_t *)&out->name.peer_port, i->peer.port);
    put_address(&i->local.address, i->family, out->name.local);
    put_address(&i->peer.address, i->family, out->name.peer);
}

static bool emit(const struct netlink_dump *d, const struct inet_diag_info *i,
                 struct netlink_writer *w)
{
    struct abi_inet_diag_message m;
    describe(i, &m);
    netlink_begin(w, &d->header);
    netlink_put(w, &m, sizeof(m));
    bool wants = (d->diag.extensions & 1u << (ABI_INET_DIAG_INFO - 1)) != 0;
    if (wants && i->detail_size != 0) {
        netlink_add(w, ABI_INET_DIAG_INFO, i->detail, i->detail_size);
    }
    return netlink_end(w);
}

static bool is_wanted(const struct netlink_dump *d, const struct inet_diag_info *i)
{
    return (d->diag.family == 0 || d->diag.family == i->family) &&
           (d->diag.states >> i->state & 1) != 0;
}

static status_t next_socket(struct netlink_dump *d, struct netlink_writer *w)
{
    struct inet_diag_info info;
    const struct inet_diag_source *s = find(d->diag.protocol);
    uint64_t cursor = d->cursor;
    status_t status;
    if (s == NULL) {
        return ERR_NOENT;
    }
    do {
        d->cursor = cursor;
        status = s->next(&cursor, &info);
    } while (status == OK && !is_wanted(d, &info));
    if (status != OK) {
        return status;
    }
    if (!emit(d, &info, w)) {
        return ERR_NOSPC;
    }
    d->cursor = cursor;
    return OK;
}

static const struct netlink_list list = {.next = next_socket};

const struct netlink_handler netlink_diag_handlers[] = {
    {.type = ABI_SOCK_DIAG_BY_FAMILY, .answer = ABI_SOCK_DIAG_BY_FAMILY, .list = &list},
    {.type = 0},
};
