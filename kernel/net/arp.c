// SPDX-License-Identifier: Apache-2.0
/* ARP: answers for our addresses, and what neighbours say of theirs. */
#include "lib/net/arp.h"

#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/net/ip_priv.h"
#include "lib/net/ethernet.h"
#include "lib/net/neighbour.h"

static void send(struct netif *n, const struct arp_packet *a, const struct mac_addr *to)
{
    struct packet *p;
    if (packet_alloc(ARP_SIZE, &p) != OK) {
        ip_count(out_discards);
        return;
    }
    arp_emit(a, packet_put(p, ARP_SIZE));
    ip_link_frame(n, to, ETHER_ARP, p);
}

void arp_solicit(struct netif *n, const struct ip_addr *target, const struct mac_addr *mac)
{
    struct arp_packet a = {.operation = ARP_REQUEST, .sender_mac = n->mac, .target = *target};
    spin_lock(&ip_tables.lock);
    bool has_source = ip_source_find(target, n, &a.sender);
    spin_unlock(&ip_tables.lock);
    if (has_source) {
        send(n, &a, mac != NULL ? mac : &MAC_BROADCAST);
    }
}

void arp_announce(struct netif *n, const struct ip_addr *own)
{
    struct arp_packet a = {
        .operation = ARP_REQUEST, .sender_mac = n->mac, .sender = *own, .target = *own};
    if (n->header_size != 0 && netif_is_up(n)) {
        send(n, &a, &MAC_BROADCAST);
    }
}

static void answer(struct netif *n, const struct arp_packet *request)
{
    struct arp_packet a = {
        .operation = ARP_REPLY,
        .sender_mac = n->mac,
        .sender = request->target,
        .target_mac = request->sender_mac,
        .target = request->sender,
    };
    send(n, &a, &request->sender_mac);
}

/*
 * Somebody else says that it has our address.  That is denied once in ten seconds (RFC 5227, 2.4 b), so
 * that two who both insist do not fill the link.
 */
static void defend(struct netif *n, const struct arp_packet *a)
{
    constexpr nsec_t INTERVAL = 10 * NSEC_PER_SEC;
    static _Atomic uint64_t last;
    char ip[IP_TEXT_SIZE];
    char mac[MAC_TEXT_SIZE];
    uint64_t before = atomic_load_explicit(&last, memory_order_relaxed);
    nsec_t now = time_now();
    if (now - before < INTERVAL || !atomic_compare_exchange_strong(&last, &before, now)) {
        return;
    }
    ip_print(&a->sender, ip);
    mac_print(&a->sender_mac, mac);
    log_warn("net", "%s: %s says that it has our address %s", n->name, mac, ip);
    arp_announce(n, &a->sender);
}

static bool is_ours(const struct netif *n, const struct ip_addr *a)
{
    return ip_classify(n, a) == IP_KIND_LOCAL;
}

/*
 * Only who asks for us becomes known by that, since we are about to answer; all others are heard of if
 * they are known already.  So nobody fills the table by telling of itself.
 */
static void hear(struct netif *n, const struct arp_packet *a)
{
    bool is_for_us = is_ours(n, &a->target);
    if (is_ours(n, &a->sender)) {
        if (!mac_is_equal(&a->sender_mac, &n->mac)) {
            ip_count(duplicates);
            defend(n, a);
        }
        return;
    }
    if (a->operation == ARP_REPLY) {
        struct neighbour_answer said = {
            .mac = &a->sender_mac,
            .is_solicited = is_for_us && mac_is_equal(&a->target_mac, &n->mac),
            .is_override = true,
        };
        ip_neighbour_answered(n, &a->sender, &said);
        return;
    }
    if (is_for_us) {
        answer(n, a);
    }
    if (!ip_is_unspecified(&a->sender)) {
        ip_neighbour_heard(n, &a->sender, &a->sender_mac, is_for_us);
    }
}

void arp_receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    (void)from;
    struct arp_packet a;
    ip_count(neighbour_in);
    if (n->header_size != 0 && packet_need(p, ARP_SIZE) == OK &&
        arp_parse(span_of(p->data, p->size), &a) == OK) {
        hear(n, &a);
    } else {
        ip_count(neighbour_in_errors);
    }
    packet_free(p);
}
