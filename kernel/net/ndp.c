// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour discovery between hosts (RFC 4861, 7): questions for our addresses are answered, what
 * neighbours say is noted.  What changes the configuration, routers and duplicate addresses, goes on
 * to ndp_control.c, since receiving does not sleep.
 */
#include "lib/net/ndp.h"

#include "kernel/net/ndp_priv.h"
#include "lib/net/ethernet.h"
#include "lib/net/neighbour.h"

static constexpr struct ip_addr ALL_NODES = {.bytes = {0xff, 0x02, [15] = 1}};

void ndp_send(struct netif *n, const struct ip_addr *source, const struct ip_addr *destination,
              const struct ndp_message *message, const struct mac_addr *mac)
{
    struct packet *p;
    if (packet_alloc(NDP_SIZE_MAX, &p) != OK) {
        ip_count(out_discards);
        return;
    }
    size_t size = ndp_emit(message, packet_put(p, NDP_SIZE_MAX));
    packet_trim(p, size);
    icmp_finish(p, ip_pseudo_sum(source, destination, IP_PROTOCOL_ICMP6, (uint32_t)size));
    struct ip6_header h = {
        .source = *source,
        .destination = *destination,
        .payload_size = (uint16_t)size,
        .next = IP_PROTOCOL_ICMP6,
        .hop_limit = NDP_HOP_LIMIT,
    };
    ip6_emit(&h, packet_push(p, IP6_HEADER_SIZE));
    if (mac != NULL) {
        ip_link_frame(n, mac, ETHER_IP6, p);
    } else {
        ip_link_send(n, destination, p);
    }
}

void ndp_solicit(struct netif *n, const struct ip_addr *target, const struct mac_addr *mac)
{
    struct ip_addr source;
    struct ndp_message m = {
        .type = ICMP6_NEIGHBOUR_SOLICITATION, .has_mac = true, .mac = n->mac, .target = *target};
    struct ip_addr to = mac != NULL ? *target : ip6_solicited_node(target);
    spin_lock(&ip_tables.lock);
    bool has_source = ip_source_find(target, n, &source);
    spin_unlock(&ip_tables.lock);
    if (has_source) {
        ndp_send(n, &source, &to, &m, mac);
    }
}

void ndp_announce(struct netif *n, const struct ip_addr *own)
{
    struct ndp_message m = {.type = ICMP6_NEIGHBOUR_ADVERTISEMENT,
                            .has_mac = true,
                            .mac = n->mac,
                            .is_override = true,
                            .target = *own};
    ndp_send(n, own, &ALL_NODES, &m, NULL);
}

/* ---- Heard ---- */

// What our address is on that interface; false: it is not ours.
static bool find_own(const struct netif *n, const struct ip_addr *a, struct ip_address *out)
{
    spin_lock(&ip_tables.lock);
    const struct ip_address *own = ip_address_find(a, n);
    if (own != NULL) {
        *out = *own;
    }
    spin_unlock(&ip_tables.lock);
    return own != NULL;
}

static void answer(struct netif *n, const struct ndp_message *question, const struct ip_meta *m)
{
    bool is_anonymous = ip_is_unspecified(&m->source); // it looks for duplicates
    struct ndp_message said = {
        .type = ICMP6_NEIGHBOUR_ADVERTISEMENT,
        .has_mac = true,
        .mac = n->mac,
        .is_solicited = !is_anonymous,
        .is_override = true,
        .target = question->target,
    };
    ndp_send(n, &question->target, is_anonymous ? &ALL_NODES : &m->source, &said,
             !is_anonymous && question->has_mac ? &question->mac : NULL);
}

static void hear_question(const struct ndp_message *said, const struct ip_meta *m)
{
    struct ip_address own;
    bool is_anonymous = ip_is_unspecified(&m->source);
    if (!find_own(m->netif, &said->target, &own)) {
        return;
    }
    if (!ip_address_is_usable(&own)) {
        // Ours may come back to us from the link (RFC 7527).
        bool is_own_echo =
            said->has_nonce && __builtin_memcmp(said->nonce, own.nonce, NDP_NONCE_SIZE) == 0;
        if (is_anonymous && own.info.state == IP_TENTATIVE && !is_own_echo) {
            ndp_note_duplicate(m->netif, &said->target);
        }
        return;
    }
    if (!is_anonymous && said->has_mac) {
        ip_neighbour_heard(m->netif, &m->source, &said->mac, true);
    }
    answer(m->netif, said, m);
}

static void hear_answer(const struct ndp_message *said, const struct ip_meta *m)
{
    struct ip_address own;
    if (find_own(m->netif, &said->target, &own)) {
        if (own.info.state == IP_TENTATIVE) {
            ndp_note_duplicate(m->netif, &said->target);
        } else if (!said->has_mac || !mac_is_equal(&said->mac, &m->netif->mac)) {
            ip_count(duplicates);
        }
        return;
    }
    struct neighbour_answer a = {
        .mac = said->has_mac ? &said->mac : NULL,
        .is_solicited = said->is_solicited,
        .is_override = said->is_override,
        .is_router = said->is_router,
    };
    ip_neighbour_answered(m->netif, &said->target, &a);
}

bool ndp_receive(struct packet *p, const struct ip_meta *m)
{
    struct ndp_message said;
    ip_count(neighbour_in);
    if (m->netif->header_size == 0 || ndp_parse(span_of(p->data, p->size), &m->source,
                                                &m->destination, m->hop_limit, &said) != OK) {
        ip_count(neighbour_in_errors);
        return false;
    }
    switch (said.type) {
    case ICMP6_NEIGHBOUR_SOLICITATION: hear_question(&said, m); return false;
    case ICMP6_NEIGHBOUR_ADVERTISEMENT: hear_answer(&said, m); return false;
    case ICMP6_ROUTER_ADVERTISEMENT: ndp_note_router(p, m); return true;
    default: return false; // hosts do not answer solicitations for routers, nor follow redirects
    }
}
