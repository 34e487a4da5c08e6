// SPDX-License-Identifier: Apache-2.0
/*
 * What happens to addresses and routes as time passes: IPv6's are looked for on the link before they
 * are used (RFC 4862, 5.4), become deprecated, and end.
 *
 *   TENTATIVE --nobody answered--> PREFERRED --preferred_until--> DEPRECATED --valid_until--> gone
 *       \--somebody has it--> DUPLICATE
 *
 * The first question is not delayed by chance, as 5.4.2 would have it for many hosts that start in one
 * moment: an address would come up to a second later.
 */
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/net/ndp_priv.h"

enum { PROBES = 1 }; // DupAddrDetectTransmits

static struct ip_alarm alarm; // [config]

void ip_lifetimes_changed(void)
{
    ip_alarm_set(&alarm, time_now());
}

void ip_lifetimes_look(void)
{
    mutex_lock(&ip_tables.config);
    ip_lifetimes_changed();
    mutex_unlock(&ip_tables.config);
}

static void ask(struct ip_address *a) REQUIRES(ip_tables.config)
{
    static const struct ip_addr nobody = IP_ANY;
    struct ip_addr group = ip6_solicited_node(&a->info.address);
    struct ndp_message m = {.type = ICMP6_NEIGHBOUR_SOLICITATION, .target = a->info.address};
    m.has_nonce = random_try_bytes(m.nonce, sizeof(m.nonce)) == OK;
    spin_lock(&ip_tables.lock);
    __builtin_memcpy(a->nonce, m.nonce, sizeof(a->nonce));
    spin_unlock(&ip_tables.lock);
    ndp_send(a->netif, &nobody, &group, &m, NULL);
    a->probes++;
    a->due = time_now() + atomic_load_explicit(&a->netif->ip.retrans, memory_order_relaxed);
}

static void announce(const struct ip_address *a)
{
    if (!netif_is_up(a->netif) || a->netif->header_size == 0) {
        return;
    }
    if (ip_is_v4(&a->info.address)) {
        arp_announce(a->netif, &a->info.address);
    } else {
        ndp_announce(a->netif, &a->info.address);
    }
}

void ip_address_begin(struct ip_address *a)
{
    if (a->info.state == IP_TENTATIVE) {
        a->probes = 0;
        a->due = netif_is_up(a->netif) ? time_now() : NSEC_NEVER;
    } else {
        a->due = NSEC_NEVER;
        announce(a);
    }
    ip_lifetimes_changed();
}

// Makes the one thing that is due.  True: something others are told of.
static bool step_address(struct ip_address *a, struct ip_changes *c) REQUIRES(ip_tables.config)
{
    nsec_t now = time_now();
    enum ip_address_state state = a->info.state;
    if (a->info.valid_until <= now) {
        ip_address_take_out(a, c);
        return true;
    }
    if (state == IP_TENTATIVE && a->due <= now && a->probes < PROBES) {
        ask(a);
        return false;
    }
    if (state == IP_TENTATIVE && a->due <= now) {
        a->due = NSEC_NEVER;
        state = IP_PREFERRED;
        announce(a);
        ndp_address_ready(a);
    }
    if (state == IP_PREFERRED && a->info.preferred_until <= now) {
        state = IP_DEPRECATED;
    }
    if (state == a->info.state) {
        return false;
    }
    ip_address_set_state(a, state);
    c->has_address = true;
    c->address = a->info;
    return true;
}

static void plan_address(const struct ip_address *a) REQUIRES(ip_tables.config)
{
    ip_alarm_set(&alarm, a->info.valid_until);
    if (a->info.state == IP_TENTATIVE) {
        ip_alarm_set(&alarm, a->due);
    }
    if (a->info.state == IP_PREFERRED) {
        ip_alarm_set(&alarm, a->info.preferred_until);
    }
}

static bool step_netif(struct netif *n, struct ip_changes *c) REQUIRES(ip_tables.config)
{
    list_for_each_safe (at, &n->ip.addresses) {
        struct ip_address *a = container_of(at, struct ip_address, link);
        if (step_address(a, c)) {
            return true;
        }
        plan_address(a);
    }
    ip_alarm_set(&alarm, ndp_step(n));
    return false;
}

static bool step_routes(struct ip_changes *c) REQUIRES(ip_tables.config)
{
    list_for_each_safe (at, &ip_tables.timed) {
        struct ip_route *r = container_of(at, struct ip_route, timed);
        if (r->info.valid_until <= time_now()) {
            ip_route_take_out(r, c);
            return true;
        }
        ip_alarm_set(&alarm, r->info.valid_until);
    }
    return false;
}

static bool step_all(struct ip_changes *c) REQUIRES(ip_tables.config)
{
    for (struct netif *n = netif_next(NULL); n != NULL; n = netif_next(n)) {
        if (step_netif(n, c)) {
            return true;
        }
    }
    return step_routes(c);
}

static void ring(void)
{
    bool is_told;
    do {
        struct ip_changes c;
        ip_changes_init(&c);
        mutex_lock(&ip_tables.config);
        ip_alarm_begin(&alarm);
        is_told = step_all(&c);
        mutex_unlock(&ip_tables.config);
        ip_changes_tell(&c);
    } while (is_told);
}

void ip_duplicate_found(struct netif *n, const struct ip_addr *address)
{
    struct ip_changes c;
    char text[IP_TEXT_SIZE];
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    spin_lock(&ip_tables.lock);
    struct ip_address *a = ip_address_find(address, n);
    spin_unlock(&ip_tables.lock);
    bool is_it = a != NULL && a->info.state == IP_TENTATIVE;
    if (is_it) {
        a->due = NSEC_NEVER;
        ip_address_set_state(a, IP_DUPLICATE);
        c.has_address = true;
        c.address = a->info;
    }
    mutex_unlock(&ip_tables.config);
    if (is_it) {
        ip_count(duplicates);
        ip_print(address, text);
        log_warn("net", "%s: another host has %s", n->name, text);
    }
    ip_changes_tell(&c);
}

void ip_lifetimes_init(void)
{
    ip_alarm_init(&alarm, ring);
}
