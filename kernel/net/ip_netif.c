// SPDX-License-Identifier: Apache-2.0
/* What IP does with interfaces: when they come, go up and down. */
#include "kernel/core/log.h"
#include "kernel/net/ip_group_priv.h"
#include "kernel/net/ip_output_priv.h"
#include "kernel/net/ip_reassembly_priv.h"
#include "kernel/net/ndp_priv.h"
#include "lib/net/ip6.h"
#include "lib/net/neighbour.h"

void ip_netif_init(struct netif *n)
{
    struct ip_netif *i = &n->ip;
    list_init(&i->addresses);
    list_init(&i->groups);
    list_init(&i->resolvers);
    i->solicit_due = NSEC_NEVER;
    atomic_init(&i->reachable, NEIGHBOUR_REACHABLE_TIME);
    atomic_init(&i->retrans, NEIGHBOUR_RETRANS_TIME);
}

static bool configures_itself(const struct netif *n)
{
    return n->header_size != 0 && (n->features & NETIF_NO_AUTOCONF) == 0;
}

/*
 * Everybody is a member of these without joining, but the link lets in only what somebody joined.  So
 * the machine does, while the interface is up.
 */
static constexpr struct ip_addr EVERYBODY[] = {
    {.bytes = {[10] = 0xff, 0xff, 224, 0, 0, 1}},
    {.bytes = {0xff, 0x02, [15] = 1}},
};

static void join_everybody(struct netif *n)
{
    for (size_t i = 0; i < ARRAY_SIZE(EVERYBODY) && configures_itself(n); i++) {
        if (ip_group_join(n, &EVERYBODY[i]) != OK) {
            log_error("net", "%s: no memory for the group of all", n->name);
        }
    }
}

static void leave_everybody(struct netif *n)
{
    for (size_t i = 0; i < ARRAY_SIZE(EVERYBODY) && configures_itself(n); i++) {
        ip_group_leave(n, &EVERYBODY[i]);
    }
}

// An interface that comes up has its link-local address, and looks for duplicates of all it has.
static void bring_up(struct netif *n, struct ip_changes *c) REQUIRES(ip_tables.config)
{
    join_everybody(n);
    struct ip_address_info own = {
        .address = ip6_link_local(&n->mac),
        .netif = n->index,
        .prefix = 64,
        .origin = IP_LINK_LOCAL,
        .preferred_until = NSEC_NEVER,
        .valid_until = NSEC_NEVER,
    };
    list_for_each (at, &n->ip.addresses) {
        struct ip_address *a = container_of(at, struct ip_address, link);
        if (!ip_is_v4(&a->info.address) && n->header_size != 0) {
            ip_address_set_state(a, IP_TENTATIVE);
        }
        ip_address_begin(a);
    }
    if (configures_itself(n) && ip_netif_mtu(n, true) >= IP6_MTU_MIN) {
        status_t status = ip_address_put(&own, c);
        if (status != OK && status != ERR_EXIST) {
            log_error("net", "%s: no memory for its link-local address", n->name);
        }
    }
    ip_group_announce(n);
}

// What every machine has: 127.0.0.1/8 and ::1.
static void add_loopback(const struct netif *n)
{
    const struct ip_address_info own[] = {
        {.address = ip4(0x7f000001), .netif = n->index, .prefix = 8, .state = IP_PREFERRED},
        {.address = {.bytes = {[15] = 1}}, .netif = n->index, .prefix = 128, .state = IP_PREFERRED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        struct ip_address_info a = own[i];
        a.preferred_until = NSEC_NEVER;
        a.valid_until = NSEC_NEVER;
        if (ip_address_add(&a) != OK) {
            log_error("net", "no memory for the addresses of loopback");
        }
    }
}

static void changed(struct netif_listener *l, struct netif *n, enum netif_change what)
{
    (void)l;
    struct ip_changes c;
    bool is_up = netif_is_up(n);
    ip_changes_init(&c);
    mutex_lock(&ip_tables.config);
    bool comes = is_up && !n->ip.was_up;
    bool goes = !is_up && n->ip.was_up;
    n->ip.was_up = is_up;
    if (comes) {
        bring_up(n, &c);
    }
    ip_changed();
    mutex_unlock(&ip_tables.config);
    ip_changes_tell(&c);
    if (goes) {
        leave_everybody(n);
        ip_neighbour_flush(n);
        ip_reassembly_flush(n);
        ip_pmtu_flush();
        ndp_link_gone(n);
    }
    if (what == NETIF_ADDED && n == netif_loopback()) {
        add_loopback(n);
    }
}

static struct netif_listener listener = {.changed = changed};
static const struct netif_protocol protocols[] = {
    {.type = ETHER_IP4, .receive = ip4_receive},
    {.type = ETHER_IP6, .receive = ip6_receive},
    {.type = ETHER_ARP, .receive = arp_receive},
};

void ip_init(void)
{
    ip_pmtu_init();
    ip_neighbour_init();
    ip_reassembly_init();
    ip_group_init();
    ip_link_init();
    ip_lifetimes_init();
    ndp_control_init();
    icmp4_init();
    icmp6_init();
    ip_register_own(IP_PROTOCOL_IGMP, igmp_receive);
    for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
        netif_register_protocol(&protocols[i]);
    }
    netif_add_listener(&listener);
}
