// SPDX-License-Identifier: Apache-2.0
/* Lists of TCP sockets for who asks by netlink: who listens, then all that is in the table. */
#include "abi/netlink.h"
#include "kernel/net/netlink.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/string.h"

// A cursor of the table has this bit, its shard, bucket, and number in that.
enum { SHARD_BITS = 8, BUCKET_BITS = 28, NUMBER_BITS = 24 };
constexpr uint64_t IN_TABLE = 1ull << 63;

static uint32_t principal_of(const struct tcp_socket *s)
{
    return s->inet.principal;
}

static void describe_socket(struct tcp_socket *s, struct inet_diag_info *out)
{
    struct abi_tcp_info info;
    spin_lock(&s->inet.lock);
    tcp_describe(s, &info);
    *out = (struct inet_diag_info){
        .local = s->inet.local,
        .peer = s->inet.peer,
        .netif = s->inet.options.bound_netif,
        .receive_queue = s->is_listening ? s->backlog.count : s->receive.bytes,
        .send_queue = s->is_listening ? s->backlog.max : tcp_send_queue_bytes(&s->send),
        .principal = principal_of(s),
        .id = s->inet.socket.file.object.id.raw,
        .family = s->inet.socket.family,
        .state = info.state,
        .detail_size = sizeof(info),
    };
    spin_unlock(&s->inet.lock);
    static_assert(sizeof(info) <= sizeof(out->detail));
    memcpy(out->detail, &info, sizeof(info));
}

static void describe_record(const struct tcp_entry *e, uint32_t principal,
                            struct inet_diag_info *out)
{
    const struct tcp_names *n = &e->names;
    *out = (struct inet_diag_info){
        .local = {n->local, e->netif, n->local_port},
        .peer = {n->peer, e->netif, n->peer_port},
        .principal = principal,
        .family = ip_is_v4(&n->local) ? ABI_AF_INET : ABI_AF_INET6,
        .state = e->kind == TCP_ENTRY_WAIT ? ABI_TCP_TIME_WAIT : ABI_TCP_SYN_RECV,
    };
}

// One entry: a socket with a reference, or what is said of a record.
static struct tcp_socket *look(struct tcp_entry *e, struct inet_diag_info *out)
{
    if (e->kind == TCP_ENTRY_CONNECTION) {
        struct tcp_socket *s = container_of(e, struct tcp_socket, entry);
        object_ref(&s->inet.socket.file.object);
        return s;
    }
    uint32_t principal = 0;
    if (e->kind == TCP_ENTRY_REQUEST) {
        principal = principal_of(container_of(e, struct tcp_half, record.entry)->listener);
    }
    describe_record(e, principal, out);
    return NULL;
}

struct place {
    uint32_t shard;
    uint32_t bucket;
    uint32_t number;
};

static struct place place_of(uint64_t cursor)
{
    return (struct place){
        .shard = (uint32_t)(cursor >> (BUCKET_BITS + NUMBER_BITS)) & ((1u << SHARD_BITS) - 1),
        .bucket = (uint32_t)(cursor >> NUMBER_BITS) & ((1u << BUCKET_BITS) - 1),
        .number = (uint32_t)cursor & ((1u << NUMBER_BITS) - 1),
    };
}

static uint64_t cursor_of(const struct place *p)
{
    return IN_TABLE | (uint64_t)p->shard << (BUCKET_BITS + NUMBER_BITS) |
           (uint64_t)p->bucket << NUMBER_BITS | p->number;
}

// The entry at the place, or behind it in the shard; the place moves there.  NULL: no more in it.
static struct tcp_entry *find_from(const struct tcp_shard *shard, struct place *p)
    REQUIRES(shard -> lock)
{
    for (; p->bucket <= shard->mask; p->bucket++, p->number = 0) {
        uint32_t i = 0;
        list_for_each (node, &shard->buckets[p->bucket]) {
            if (i++ == p->number) {
                return container_of(node, struct tcp_entry, link);
            }
        }
    }
    return NULL;
}

static status_t next_in_table(uint64_t *cursor, struct inet_diag_info *out)
{
    struct place p = place_of(*cursor);
    for (; p.shard < TCP_SHARDS; p = (struct place){.shard = p.shard + 1}) {
        struct tcp_shard *shard = tcp_table_at(p.shard);
        struct tcp_socket *s = NULL;
        spin_lock(&shard->lock);
        struct tcp_entry *e = find_from(shard, &p);
        if (e != NULL) {
            s = look(e, out);
        }
        spin_unlock(&shard->lock);
        if (e == NULL) {
            continue;
        }
        if (s != NULL) {
            describe_socket(s, out);
            socket_unref(&s->inet.socket);
        }
        p.number++;
        *cursor = cursor_of(&p);
        return OK;
    }
    *cursor = cursor_of(&p);
    return ERR_NOENT;
}

// Sockets that are bound: of them those that listen, the others are in the table or nowhere.
static status_t next(uint64_t *cursor, struct inet_diag_info *out)
{
    while ((*cursor & IN_TABLE) == 0) {
        struct inet_socket *i = inet_port_next(tcp_ports, cursor);
        if (i == NULL) {
            *cursor = IN_TABLE;
            break;
        }
        struct tcp_socket *s = tcp_of(&i->socket);
        describe_socket(s, out);
        socket_unref(&i->socket);
        if (out->state == ABI_TCP_LISTEN) {
            return OK;
        }
    }
    return next_in_table(cursor, out);
}

static const struct inet_diag_source tcp_diag = {.protocol = IP_PROTOCOL_TCP, .next = next};

void tcp_diag_init(void)
{
    netlink_register_diag(&tcp_diag);
}
