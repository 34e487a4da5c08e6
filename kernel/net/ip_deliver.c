// SPDX-License-Identifier: Apache-2.0
/* Packets in, of both versions: whose they are, and to which transport they go. */
#include "kernel/core/panic.h"
#include "kernel/net/ip_priv.h"
#include "lib/net/checksum.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "lib/net/quote.h"

enum { CACHED = 16 }; // destinations that a CPU remembers; a power of two

static struct {
    void (*receive[256])(struct packet *p, const struct ip_meta *m); // [I] by protocol
    const struct ip_transport *of[256];                              // [I] the same
    void (*raw)(const struct packet *p, const struct ip_meta *m);    // [a]
} transports;

void ip_register_own(uint8_t protocol, void (*receive)(struct packet *p, const struct ip_meta *m))
{
    transports.receive[protocol] = receive;
}

void ip_register_transport(const struct ip_transport *t)
{
    assert(transports.of[t->protocol] == NULL);
    transports.of[t->protocol] = t;
    if (transports.receive[t->protocol] == NULL) {
        transports.receive[t->protocol] = t->receive;
    }
}

void ip_hand_on(struct packet *p, const struct ip_meta *m)
{
    const struct ip_transport *t = transports.of[m->protocol];
    if (t == NULL || t->receive == NULL) {
        packet_free(p);
        return;
    }
    t->receive(p, m);
}

void ip_set_raw_hook(void (*receive)(const struct packet *p, const struct ip_meta *m))
{
    __atomic_store_n(&transports.raw, receive, __ATOMIC_RELEASE);
}

/* ---- Whose it is ---- */

struct classified {
    const struct netif *netif; // NULL: nothing
    struct ip_addr destination;
    uint32_t generation;
    enum ip_kind kind;
};
static PERCPU(struct classified, classified[CACHED]);

static enum ip_kind look_up(const struct netif *n, const struct ip_addr *a) REQUIRES(ip_tables.lock)
{
    if (ip_is_multicast(a)) {
        return ip_group_is_joined(n, a) ? IP_KIND_GROUP : IP_KIND_NONE;
    }
    if (ip_is_local_on(n, a)) {
        return IP_KIND_LOCAL;
    }
    bool is_broadcast = ip4_is_broadcast(a) || ip_is_broadcast_of(n, a);
    return is_broadcast ? IP_KIND_BROADCAST : IP_KIND_NONE;
}

enum ip_kind ip_classify(const struct netif *n, const struct ip_addr *destination)
{
    struct classified *c = &(*this_cpu(classified))[ip_hash(destination) % CACHED];
    uint32_t generation = ip_generation(destination);
    if (LIKELY(c->netif == n && c->generation == generation &&
               ip_is_equal(&c->destination, destination))) {
        return c->kind;
    }
    spin_lock(&ip_tables.lock);
    enum ip_kind kind = look_up(n, destination);
    spin_unlock(&ip_tables.lock);
    *c = (struct classified){n, *destination, generation, kind};
    return kind;
}

/* ---- To whom it goes ---- */

void ip_deliver(struct packet *p, const struct ip_meta *m)
{
    void (*raw)(const struct packet *, const struct ip_meta *) =
        __atomic_load_n(&transports.raw, __ATOMIC_ACQUIRE);
    if (UNLIKELY(raw != NULL)) {
        raw(p, m);
    }
    void (*receive)(struct packet *, const struct ip_meta *) = transports.receive[m->protocol];
    if (UNLIKELY(receive == NULL)) {
        ip_count(in_unknown_protocols);
        if (raw == NULL) {
            ip_send_unreachable(p, m, IP_PROTOCOL_UNREACHABLE);
        }
        packet_free(p);
        return;
    }
    ip_count(in_delivers);
    receive(p, m);
}

status_t ip_make_linear(struct packet **p)
{
    struct packet *whole;
    struct packet *old = *p;
    if (old->size == old->total) {
        return OK;
    }
    if (old->total > PACKET_LINEAR_MAX) {
        return ERR_MSGSIZE;
    }
    status_t status = packet_alloc(old->total, &whole);
    if (status != OK) {
        return status;
    }
    packet_copy_out(old, 0, packet_put(whole, old->total), old->total);
    whole->netif = old->netif;
    whole->checksum = old->checksum;
    whole->network = (uint16_t)(whole->data - whole->area);
    packet_free(old);
    *p = whole;
    return OK;
}

uint32_t ip_pseudo_sum(const struct ip_addr *source, const struct ip_addr *destination,
                       uint8_t protocol, uint32_t size)
{
    return checksum_pseudo(source, destination, protocol, size);
}

bool ip_checksum_is_right(const struct packet *p, const struct ip_meta *m)
{
    if (p->checksum != PACKET_SUM_NONE) {
        return true;
    }
    uint32_t sum = ip_pseudo_sum(&m->source, &m->destination, m->protocol, p->total);
    return checksum_is_right(packet_sum(p, 0, p->total, sum));
}

/* ---- Errors ---- */

bool ip_tell_error(const struct ip_error *e)
{
    const struct ip_transport *t = transports.of[e->protocol];
    bool is_believed = t != NULL && t->error != NULL && t->error(e);
    if (is_believed) {
        ip_count(errors_believed);
    } else {
        ip_count(errors_ignored);
    }
    return is_believed;
}

void ip_report_failure(const struct packet *p, status_t error)
{
    struct quote q;
    struct span bytes = span_of(p->data, p->size);
    bool is_v4 = p->size > 0 && p->data[0] >> 4 == 4;
    if ((is_v4 ? quote_parse4(bytes, &q) : quote_parse6(bytes, &q)) != OK) {
        return;
    }
    struct ip_error e = {
        .source = q.source,
        .destination = q.destination,
        .reporter = q.source,
        .error = error,
        .protocol = q.protocol,
        .transport = q.transport,
    };
    (void)ip_tell_error(&e);
}
