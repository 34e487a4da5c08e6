// SPDX-License-Identifier: Apache-2.0
/* Packets out: their headers, what is too big, and the copy for members on this machine. */
#include "kernel/net/ip_output_priv.h"
#include "kernel/net/loopback.h"
#include "lib/net/ip4_plain.h"
#include "lib/net/ip6.h"

enum { FULL_SIZE_MAX = 65535 };

// To a group only the link is meant, unless somebody says otherwise.
static inline uint8_t hop_limit4(const struct ip_path *path, const struct ip_meta *m)
{
    enum { GROUPS = 0xe };
    bool is_group = path->destination.bytes[IP6_SIZE - IP4_SIZE] >> 4 == GROUPS;
    return m->hop_limit != 0 ? m->hop_limit : (is_group ? 1 : IP_HOP_LIMIT);
}

static uint8_t hop_limit6(const struct ip_path *path, const struct ip_meta *m)
{
    if (m->hop_limit != 0) {
        return m->hop_limit;
    }
    if (ip_is_multicast(&path->destination)) {
        return 1;
    }
    uint8_t of_link = atomic_load_explicit(&path->netif->ip.hop_limit6, memory_order_relaxed);
    return of_link != 0 ? of_link : IP_HOP_LIMIT;
}

uint8_t ip_hop_limit(const struct ip_path *path, const struct ip_meta *m)
{
    return ip_is_v4(&path->destination) ? hop_limit4(path, m) : hop_limit6(path, m);
}

static inline void put_header4(struct packet *p, const struct ip_path *path,
                               const struct ip_meta *m)
{
    // What is never cut needs no identification (RFC 6864, 4.1).
    struct ip4_header h = {
        .source = path->source,
        .destination = path->destination,
        .total_size = (uint16_t)(p->total + IP4_HEADER_MIN),
        .id = m->dont_fragment ? 0 : ip_random_id(),
        .traffic_class = m->traffic_class,
        .hop_limit = hop_limit4(path, m),
        .protocol = m->protocol,
        .dont_fragment = m->dont_fragment,
    };
    ip4_emit_plain(&h, ip_push(p, IP4_HEADER_MIN));
    p->sum_start = (uint16_t)(p->sum_start + IP4_HEADER_MIN);
}

// By itself, so that what it needs of registers and stack does not cost IPv4.
static NOINLINE void put_header6(struct packet *p, const struct ip_path *path,
                                 const struct ip_meta *m)
{
    struct ip6_header h = {
        .source = path->source,
        .destination = path->destination,
        .payload_size = (uint16_t)p->total,
        .next = m->protocol,
        .hop_limit = hop_limit6(path, m),
        .traffic_class = m->traffic_class,
    };
    ip6_emit(&h, ip_push(p, IP6_HEADER_SIZE));
    p->sum_start = (uint16_t)(p->sum_start + IP6_HEADER_SIZE);
}

void ip_put_header(struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    if (ip_is_v4(&path->destination)) {
        put_header4(p, path, m);
    } else {
        put_header6(p, path, m);
    }
    p->netif = path->netif;
}

void ip_loop_back_to_members(const struct packet *p, const struct ip_path *path)
{
    enum ip_kind kind = ip_classify(path->netif, &path->destination);
    if (kind == IP_KIND_GROUP || kind == IP_KIND_BROADCAST) {
        ip_loop_back(path->netif, p);
    }
}

void ip_send_whole(struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    ip_put_header(p, path, m);
    if (UNLIKELY(m->is_looped) && !path->is_local) {
        ip_loop_back_to_members(p, path);
    }
    ip_link_send(path->netif, &path->next_hop, p);
}

static status_t send_one(struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    bool is_v4 = ip_is_v4(&path->destination);
    uint32_t size = p->total + (is_v4 ? IP4_HEADER_MIN : IP6_HEADER_SIZE);
    ip_count(out_requests);
    if (p->total > FULL_SIZE_MAX - (is_v4 ? IP4_HEADER_MIN : 0)) {
        packet_free(p);
        return ERR_MSGSIZE;
    }
    if (LIKELY(size <= path->mtu || p->segment_size != 0)) {
        ip_send_whole(p, path, m);
        return OK;
    }
    if (m->dont_fragment) {
        packet_free(p);
        return ERR_MSGSIZE;
    }
    return ip_send_cut(p, path, m);
}

// The same destination by what is the way now.
static status_t renew(const struct ip_path *path, struct ip_path *out)
{
    const struct ip_addr *to = &path->destination;
    bool needs_link = ip_is_multicast(to) || ip_is_link_local(to) || ip4_is_broadcast(to);
    struct netif *n = needs_link && !path->is_local ? path->netif : NULL;
    status_t status = ip_path_find(to, &path->source, n, true, out);
    if (status != OK) {
        ip_count(out_no_routes);
    }
    return status == OK ? OK : ERR_NETUNREACH;
}

static status_t send_one_locally(struct packet *p, const struct ip_path *path,
                                 const struct ip_meta *m)
{
    loopback_begin();
    status_t status = send_one(p, path, m);
    loopback_end();
    return status;
}

status_t ip_send(struct packet *p, const struct ip_path *path, const struct ip_meta *m)
{
    struct ip_path now;
    if (UNLIKELY(!ip_path_is_current(path))) {
        status_t status = renew(path, &now);
        if (status != OK) {
            packet_free(p);
            return status;
        }
        path = &now;
    }
    return path->is_local ? send_one_locally(p, path, m) : send_one(p, path, m);
}

status_t ip_send_all(struct list *packets, const struct ip_path *path, const struct ip_meta *m)
{
    struct ip_path now;
    struct list *at;
    status_t status = OK;
    if (UNLIKELY(!ip_path_is_current(path))) {
        status = renew(path, &now);
        if (status != OK) {
            packet_free_all(packets);
            return status;
        }
        path = &now;
    }
    bool is_local = path->is_local;
    if (is_local) {
        loopback_begin();
    }
    while ((at = list_pop(packets)) != NULL) {
        status_t of_one = send_one(container_of(at, struct packet, link), path, m);
        status = status == OK ? of_one : status;
    }
    if (is_local) {
        loopback_end();
    }
    return status;
}
