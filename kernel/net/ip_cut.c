// SPDX-License-Identifier: Apache-2.0
/* Packets that are larger than their path's MTU, and may be cut, go in fragments: all or none. */
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/net/ip_output_priv.h"
#include "lib/base/bits.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"

struct cut {
    const struct packet *whole; // the transport's header and what follows
    const struct ip_path *path;
    const struct ip_meta *meta;
    uint32_t id;
};

static uint32_t choose_id(void)
{
    uint32_t id;
    if (random_try_bytes(&id, sizeof(id)) != OK) {
        id = (uint32_t)time_now();
    }
    return id;
}

static void put_header4(struct packet *p, const struct cut *c, uint32_t offset, bool has_more)
{
    struct ip4_header h = {
        .source = c->path->source,
        .destination = c->path->destination,
        .total_size = (uint16_t)(p->total + IP4_HEADER_MIN),
        .id = (uint16_t)c->id,
        .fragment_offset = (uint16_t)offset,
        .traffic_class = c->meta->traffic_class,
        .hop_limit = ip_hop_limit(c->path, c->meta),
        .protocol = c->meta->protocol,
        .has_more = has_more,
    };
    (void)ip4_emit(&h, packet_push(p, IP4_HEADER_MIN));
}

static void put_header6(struct packet *p, const struct cut *c, uint32_t offset, bool has_more)
{
    struct ip6_fragment f = {
        .id = c->id, .offset = (uint16_t)offset, .next = c->meta->protocol, .has_more = has_more};
    struct ip_meta m = *c->meta;
    m.protocol = IP6_FRAGMENT;
    ip6_fragment_emit(&f, packet_push(p, IP6_FRAGMENT_SIZE));
    ip_put_header(p, c->path, &m);
}

static status_t make_one(const struct cut *c, uint32_t offset, uint32_t size, struct list *to)
{
    struct packet *p;
    status_t status = packet_alloc(size, &p);
    if (status != OK) {
        return status;
    }
    packet_copy_out(c->whole, offset, packet_put(p, size), size);
    bool has_more = offset + size < c->whole->total;
    if (ip_is_v4(&c->path->destination)) {
        put_header4(p, c, offset, has_more);
    } else {
        put_header6(p, c, offset, has_more);
    }
    p->netif = c->path->netif;
    list_add_tail(to, &p->link);
    return OK;
}

static status_t make_all(const struct cut *c, struct list *to)
{
    bool is_v4 = ip_is_v4(&c->path->destination);
    uint32_t headers = is_v4 ? IP4_HEADER_MIN : IP6_HEADER_SIZE + IP6_FRAGMENT_SIZE;
    uint32_t room = (uint32_t)u64_min(c->path->mtu - headers, PACKET_LINEAR_MAX) & ~7u;
    status_t status = OK;
    for (uint32_t at = 0; at < c->whole->total && status == OK; at += room) {
        status = make_one(c, at, (uint32_t)u64_min(room, c->whole->total - at), to);
    }
    return status;
}

// The copy for members on this machine stays whole.
static void loop_back(const struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    struct packet *copy;
    if (packet_clone(p, &copy) == OK) {
        ip_put_header(copy, path, m);
        ip_loop_back_to_members(copy, path);
        packet_free(copy);
    }
}

status_t ip_send_cut(struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    struct list fragments = LIST_INIT(fragments);
    struct cut c = {.whole = p, .path = path, .meta = m, .id = choose_id()};
    if (p->checksum == PACKET_SUM_PARTIAL) {
        packet_finish_checksum(p);
    }
    status_t status = make_all(&c, &fragments);
    if (status != OK) {
        ip_count(out_discards);
        packet_free_all(&fragments);
        packet_free(p);
        return ERR_NOBUFS;
    }
    if (m->is_looped && !path->is_local) {
        loop_back(p, path, m);
    }
    packet_free(p);
    ip_count(out_fragmented);
    struct list *at;
    while ((at = list_pop(&fragments)) != NULL) {
        ip_count(out_fragments);
        ip_link_send(path->netif, &path->next_hop, container_of(at, struct packet, link));
    }
    return OK;
}
