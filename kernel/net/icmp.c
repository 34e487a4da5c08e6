// SPDX-License-Identifier: Apache-2.0
/* What ICMP of both versions has in common: when to answer, quoting, and errors that came in. */
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/net/ip_priv.h"
#include "lib/base/bits.h"
#include "lib/net/checksum.h"
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"
#include "lib/net/quote.h"

enum {
    BURST = 100, // errors at once
    RATE = 250,  // errors a second
    MTU4_FLOOR = 552,
    ROOM_OF_HEADERS = 40 + 14, // of IPv6 and Ethernet
};

/*
 * A bucket of tokens.  Each error takes one to three, by chance: so nobody can count how many were sent
 * to others, and learn that way which ports are open to whom.
 */
static struct {
    struct spinlock lock; // RANK_NET_QUEUE
    nsec_t filled;        // [l] when it was last filled
    uint32_t tokens;      // [l]
} bucket = {.lock = SPINLOCK_INIT("errors of ICMP", RANK_NET_QUEUE), .tokens = BURST};

static void fill(void) REQUIRES(bucket.lock)
{
    constexpr nsec_t STEP = NSEC_PER_SEC / RATE;
    nsec_t now = time_now();
    uint64_t more = (now - bucket.filled) / STEP;
    if (more != 0) {
        bucket.tokens = (uint32_t)u64_min(bucket.tokens + more, BURST);
        bucket.filled = now;
    }
}

bool icmp_may_send(const struct ip_addr *to)
{
    uint8_t chance = 0;
    if (ip_is_local(to)) {
        return true;
    }
    if (random_try_bytes(&chance, sizeof(chance)) != OK) {
        chance = 0;
    }
    uint32_t price = 1 + chance % 3;
    spin_lock(&bucket.lock);
    fill();
    bool may_send = bucket.tokens >= price;
    bucket.tokens -= may_send ? price : 0;
    spin_unlock(&bucket.lock);
    if (!may_send) {
        ip_count(icmp_limited);
    }
    return may_send;
}

bool icmp_may_answer(const struct ip_meta *m)
{
    return !m->is_multicast && !m->is_broadcast && !ip_is_unspecified(&m->source) &&
           !ip_is_multicast(&m->source) && !ip4_is_broadcast(&m->source);
}

bool icmp_has_headroom(const struct packet *p)
{
    return (size_t)(p->data - p->area) >= ROOM_OF_HEADERS;
}

struct span icmp_original(const struct packet *p)
{
    const uint8_t *begin = p->area + p->network;
    return span_of(begin, (size_t)(p->data + p->size - begin));
}

status_t icmp_quote(const struct packet *p, size_t header_size, size_t max, struct packet **out)
{
    struct span original = icmp_original(p);
    size_t size = u64_min(original.size, max);
    struct packet *q;
    status_t status = packet_alloc(header_size + size, &q);
    if (status != OK) {
        return status;
    }
    (void)packet_put(q, header_size);
    __builtin_memcpy(packet_put(q, size), original.data, size);
    *out = q;
    return OK;
}

void icmp_finish(struct packet *p, uint32_t sum)
{
    write_be16(p->data + ICMP4_CHECKSUM_OFFSET, 0);
    uint16_t field = checksum_finish(packet_sum(p, 0, p->total, sum));
    write_be16(p->data + ICMP4_CHECKSUM_OFFSET, field);
    p->checksum = PACKET_SUM_NONE;
}

void icmp_reply(struct packet *p, const struct ip_meta *m)
{
    struct ip_path path;
    bool is_to_us = !m->is_multicast && !m->is_broadcast;
    bool needs_link = ip_is_link_local(&m->source);
    struct ip_addr from = is_to_us ? m->destination : IP_ANY;
    struct ip_meta out = {.protocol = m->protocol, .traffic_class = m->traffic_class};
    status_t status = ip_path_find(&m->source, &from, needs_link ? m->netif : NULL, false, &path);
    if (status != OK) {
        packet_free(p);
        return;
    }
    if (m->protocol == IP_PROTOCOL_ICMP6) {
        uint32_t sum = ip_pseudo_sum(&path.source, &path.destination, m->protocol, p->total);
        icmp_finish(p, sum);
    }
    if (ip_send(p, &path, &out) == OK) {
        ip_count(icmp_out);
    }
}

// A router may only make the path narrower, and not absurdly so.
static void learn_mtu(const struct ip_error *e)
{
    struct ip_path path;
    if (ip_path_find(&e->destination, &e->source, NULL, true, &path) == OK && !path.is_local &&
        e->mtu < path.mtu) {
        ip_pmtu_learn(&e->destination, e->mtu);
    }
}

void icmp_report(const struct icmp_report *r, const struct ip_meta *m)
{
    bool is_v4 = ip_is_v4(&r->quote->source);
    uint32_t floor = is_v4 ? MTU4_FLOOR : IP6_MTU_MIN;
    struct ip_error e = {
        .source = r->quote->source,
        .destination = r->quote->destination,
        .reporter = m->source,
        .error = r->error->error,
        .is_hard = r->error->is_hard,
        .type = r->type,
        .code = r->code,
        .protocol = r->quote->protocol,
        .transport = r->quote->transport,
    };
    if (!ip_is_local(&e.source) || ip_is_multicast(&e.destination)) {
        ip_count(errors_ignored);
        return;
    }
    if (e.error == ERR_MSGSIZE) {
        e.mtu = (uint32_t)u64_max(r->error->mtu, floor);
    }
    if (ip_tell_error(&e) && e.error == ERR_MSGSIZE) {
        learn_mtu(&e);
    }
}

// From the IPv6 header to the field that names the transport.
static uint32_t next_field_of(const struct packet *p)
{
    struct ip6_walk w;
    const uint8_t *begin = p->area + p->network;
    (void)ip6_walk(span_of(begin, (size_t)(p->data + p->size - begin)), &w);
    return w.next_field;
}

void ip_send_unreachable(const struct packet *p, const struct ip_meta *m, enum ip_unreachable why)
{
    if (ip_is_v4(&m->source)) {
        icmp4_send_error(p, m, ICMP4_UNREACHABLE,
                         why == IP_PORT_UNREACHABLE ? ICMP4_PORT : ICMP4_PROTOCOL);
        return;
    }
    if (why == IP_PORT_UNREACHABLE) {
        icmp6_send_error(p, m, ICMP6_UNREACHABLE, ICMP6_PORT, 0);
    } else {
        icmp6_send_error(p, m, ICMP6_PARAMETER_PROBLEM, IP6_PROBLEM_NEXT, next_field_of(p));
    }
}
