// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/swos-netd/setup.h"
enum { ETHERNET = 1 };

static const nsec_t fallback_after = 12000000000; // three questions unanswered

static void take_fallback(struct netd *n, struct interface *i)
{
    setup_fallback(n, i, RTNL_ADD);
    i->fallback_at = NSEC_NEVER;
    netd_say(n,
             "net-dhcp: no server answers on %s: fallback 10.0.2.15 gateway 10.0.2.2 dns 10.0.2.3",
             i->state.name);
    resolver_update(n);
}

// ---- Leases ----

static void tell_lease(const struct netd *n, struct interface *i)
{
    char address[IP_TEXT_SIZE];
    char gateway[IP_TEXT_SIZE] = "none";
    char resolver[IP_TEXT_SIZE] = "none";
    struct dhcp_route routes[DHCP_LEASE_ROUTES_MAX];
    size_t count = dhcp_lease_routes(&i->lease, routes);
    ip_print(&i->lease.said.yours, address);
    for (size_t at = 0; at < count; at++) {
        if (routes[at].prefix == 0) {
            ip_print(&routes[at].gateway, gateway);
        }
    }
    if (i->lease.said.resolvers.count > 0) {
        ip_print(&i->lease.said.resolvers.list[0], resolver);
    }
    netd_say(n, "net-dhcp OK: lease %s gateway %s dns %s", address, gateway, resolver);
    i->is_told = true;
}

static void take_lease(struct netd *n, struct interface *i)
{
    bool is_other = i->has_lease && !ip_is_equal(&i->lease.said.yours, &i->client.lease.said.yours);
    if (i->is_fallback) {
        setup_fallback(n, i, RTNL_REMOVE);
    }
    if (is_other) {
        setup_lease(n, i, RTNL_REMOVE);
    }
    i->lease = i->client.lease;
    i->has_lease = true;
    i->fallback_at = NSEC_NEVER;
    setup_lease(n, i, RTNL_ADD);
    if (!i->is_told || is_other) {
        tell_lease(n, i);
    }
    resolver_update(n);
}

static void lose_lease(struct netd *n, struct interface *i)
{
    char address[IP_TEXT_SIZE];
    if (!i->has_lease) {
        return;
    }
    ip_print(&i->lease.said.yours, address);
    netd_say(n, "net-dhcp: %s: the lease of %s has ended", i->state.name, address);
    setup_lease(n, i, RTNL_REMOVE);
    i->has_lease = false;
    i->is_told = false;
    resolver_update(n);
}

// ---- The client ----

static int open_socket(const struct interface *i)
{
    const int on = 1;
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s >= 0 && setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(s, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) == 0 &&
        setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, i->state.name,
                   (socklen_t)strlen(i->state.name) + 1) == 0 &&
        bind(s, (const struct sockaddr *)&any, sizeof(any)) == 0) {
        return s;
    }
    int why = errno;
    if (s >= 0) {
        close(s);
    }
    errno = why;
    return -1;
}

static void send_messages(struct interface *i)
{
    uint8_t message[DHCP_SIZE_MAX];
    struct dhcp_send send;
    while (dhcp_client_output(&i->client, netd_now(), message, &send)) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};
        memcpy(&to.sin_addr, send.destination.bytes + IP6_SIZE - IP4_SIZE, IP4_SIZE);
        // What cannot be sent is asked again, as what was lost on the way.
        (void)sendto(i->socket, message, send.size, 0, (const struct sockaddr *)&to, sizeof(to));
    }
}

static void take_events(struct netd *n, struct interface *i)
{
    for (enum dhcp_event e; (e = dhcp_client_event(&i->client)) != DHCP_EVENT_NONE;) {
        if (e == DHCP_EVENT_LEASE) {
            take_lease(n, i);
        } else {
            lose_lease(n, i);
        }
    }
}

// What the client wants to tell and to say, after each thing that it learned.
static void run_client(struct netd *n, struct interface *i)
{
    take_events(n, i);
    send_messages(i);
}

static void start_client(struct netd *n, struct interface *i)
{
    uint64_t seed;
    char host[DHCP_HOST_MAX + 1] = "";
    struct dhcp_config config = {.mac = i->state.mac, .wants_broadcast = true};
    i->socket = open_socket(i);
    if (i->socket < 0 || getentropy(&seed, sizeof(seed)) != 0) {
        netd_say(n, "net-dhcp: %s: %s", i->state.name, strerror(errno));
        return;
    }
    if (gethostname(host, sizeof(host) - 1) == 0) {
        memcpy(config.host, host, sizeof(host));
    }
    dhcp_client_init(&i->client, &config, seed);
    dhcp_client_start(&i->client, &IP_ANY, netd_now());
    i->has_client = true;
    i->fallback_at =
        policy_wants_fallback(&n->policy, i->state.name) ? netd_now() + fallback_after : NSEC_NEVER;
    run_client(n, i);
}

static void stop_client(struct netd *n, struct interface *i)
{
    if (i->is_fallback) {
        setup_fallback(n, i, RTNL_REMOVE);
    }
    if (i->has_lease) {
        lose_lease(n, i);
    }
    if (i->socket >= 0) {
        close(i->socket);
    }
    i->socket = -1;
    i->has_client = false;
    i->fallback_at = NSEC_NEVER;
}

void interface_receive(struct netd *n, struct interface *i)
{
    uint8_t message[2048];
    ssize_t size = recv(i->socket, message, sizeof(message), 0);
    if (size > 0) {
        dhcp_client_input(&i->client, span_of(message, (size_t)size), netd_now());
        run_client(n, i);
    }
}

nsec_t interface_deadline(const struct interface *i)
{
    nsec_t client = i->has_client ? dhcp_client_deadline(&i->client) : NSEC_NEVER;
    nsec_t next = i->fallback_at < client ? i->fallback_at : client;
    for (size_t at = 0; at < ADVERTISED_MAX; at++) {
        next = !ip_is_unspecified(&i->advertised[at].address) && i->advertised[at].until < next
                   ? i->advertised[at].until
                   : next;
    }
    return next;
}

static void forget_advertised(const struct netd *n, struct interface *i, nsec_t now)
{
    bool is_changed = false;
    for (size_t at = 0; at < ADVERTISED_MAX; at++) {
        struct advertised *a = &i->advertised[at];
        if (!ip_is_unspecified(&a->address) && a->until <= now) {
            a->address = IP_ANY;
            is_changed = true;
        }
    }
    if (is_changed) {
        resolver_update(n);
    }
}

void interface_timeout(struct netd *n, struct interface *i)
{
    nsec_t now = netd_now();
    forget_advertised(n, i, now);
    if (i->fallback_at <= now) {
        take_fallback(n, i);
    }
    if (i->has_client && dhcp_client_deadline(&i->client) <= now) {
        dhcp_client_timeout(&i->client, now);
        run_client(n, i);
    }
}

void interface_release(struct netd *n, struct interface *i)
{
    if (i->has_client) {
        dhcp_client_release(&i->client, netd_now());
        send_messages(i); // from the address, while it is there
        take_events(n, i);
    }
}

// ---- Links ----

struct interface *interface_find(struct netd *n, uint32_t index)
{
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        struct interface *i = container_of(node, struct interface, link);
        if (i->state.index == index) {
            return i;
        }
    }
    return NULL;
}

static bool has_link(const struct netlink_link *l)
{
    return (l->flags & ABI_IFF_UP) != 0 && (l->flags & ABI_IFF_RUNNING) != 0;
}

static void bring_up(struct netd *n, const struct interface *i)
{
    const struct netlink_link up = {
        .index = i->state.index, .flags = ABI_IFF_UP, .change = ABI_IFF_UP};
    if ((i->state.flags & ABI_IFF_UP) == 0 && !rtnl_link(&n->rtnl, &up)) {
        netd_say(n, "net: %s: %s", i->state.name, strerror(errno));
    }
}

void interface_reconsider(struct netd *n, struct interface *i)
{
    bool wants = policy_wants_dhcp(&n->policy, i->state.name);
    setup_static(n, i);
    if (n->policy6.is_there && !n->is_policy6_used) {
        n->is_policy6_used = true;
        i->has_policy6 = true;
        setup_policy6(n, i, RTNL_ADD);
    }
    i->is_set_up = true;
    resolver_update(n);
    if (wants && !i->has_client && has_link(&i->state)) {
        start_client(n, i);
    } else if (!wants && i->has_client) {
        stop_client(n, i);
    }
}

static struct interface *create(struct netd *n, const struct netlink_link *link)
{
    struct interface *i = malloc(sizeof(*i));
    if (i != NULL) {
        *i = (struct interface){.state = *link, .socket = -1, .fallback_at = NSEC_NEVER};
        list_add_tail(&n->interfaces, &i->link);
    }
    return i;
}

void interface_update(struct netd *n, const struct netlink_link *link)
{
    struct interface *i = interface_find(n, link->index);
    bool is_new = i == NULL;
    if (link->type != ETHERNET || !link->has_mac || (link->flags & ABI_IFF_LOOPBACK) != 0) {
        return;
    }
    if (is_new) {
        i = create(n, link);
        if (i == NULL) {
            netd_say(n, "net: %s: out of memory", link->name);
            return;
        }
        bring_up(n, i);
    }
    bool had_link = !is_new && has_link(&i->state);
    i->state = *link;
    i->is_seen = true;
    if (!has_link(link)) {
        return;
    }
    if (!i->is_set_up || !i->has_client) {
        interface_reconsider(n, i);
    } else if (!had_link) {
        dhcp_client_link_up(&i->client, netd_now());
        run_client(n, i);
    }
}

void interface_remove(struct netd *n, struct interface *i)
{
    if (i->socket >= 0) {
        close(i->socket);
    }
    list_del(&i->link);
    free(i);
    resolver_update(n);
}

void interface_advertise(struct netd *n, const struct netlink_resolver *r)
{
    struct interface *i = interface_find(n, r->netif);
    struct advertised *place = NULL;
    if (i == NULL || ip_is_unspecified(&r->address)) {
        return;
    }
    for (size_t at = 0; at < ADVERTISED_MAX; at++) {
        struct advertised *a = &i->advertised[at];
        if (ip_is_equal(&a->address, &r->address)) {
            place = a;
            break;
        }
        if (place == NULL && ip_is_unspecified(&a->address)) {
            place = a;
        }
    }
    if (place == NULL) {
        return; // as many as anybody asks
    }
    place->address = r->lifetime > 0 ? r->address : IP_ANY;
    place->until = r->lifetime == ABI_LIFETIME_FOREVER
                       ? NSEC_NEVER
                       : netd_now() + (nsec_t)r->lifetime * 1000000000;
    resolver_update(n);
}
