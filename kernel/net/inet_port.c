// SPDX-License-Identifier: Apache-2.0
/*
 * Port tables: two hash tables of sockets, by local port and, for those that are connected, by their
 * pair of names.  Buckets share locks, so that a table without sockets is small.
 *
 * A socket that becomes connected enters its pair's bucket before it leaves the ones that anybody may
 * send to, so that no packet finds it in neither.
 */
#include "kernel/core/random.h"
#include "kernel/mm/heap.h"
#include "kernel/net/inet_port_priv.h"

enum { EPHEMERAL_FIRST = 32768, EPHEMERAL_COUNT = 60999 - EPHEMERAL_FIRST + 1 };

static void init_side(struct inet_port_side *side, const char *name)
{
    for (size_t i = 0; i < INET_PORT_LOCKS; i++) {
        spin_init(&side->locks[i], name, RANK_NET_PORTS);
    }
    for (size_t i = 0; i < INET_PORT_BUCKETS; i++) {
        list_init(&side->buckets[i]);
    }
}

status_t inet_port_table_create(const char *name, enum inet_port_rule rule,
                                struct inet_port_table **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct inet_port_table), &memory);
    if (status != OK) {
        return status;
    }
    struct inet_port_table *t = memory;
    t->rule = rule;
    atomic_init(&t->secret, 0);
    init_side(&t->ports, name);
    init_side(&t->pairs, name);
    *out = t;
    return OK;
}

/* ---- Buckets ---- */

// Before anybody is bound; may sleep until there are random numbers.
static void make_secret(struct inet_port_table *t)
{
    uint64_t fresh = 0;
    uint64_t none = 0;
    while (atomic_load_explicit(&t->secret, memory_order_relaxed) == 0) {
        random_bytes(&fresh, sizeof(fresh));
        (void)atomic_compare_exchange_strong(&t->secret, &none, fresh);
        none = 0;
    }
}

/* ---- Who may share ---- */

static bool shares_netif(const struct inet_port *a, const struct inet_port *b)
{
    return a->netif == 0 || b->netif == 0 || a->netif == b->netif;
}

// Whether `p` keeps `new` from having the same port.
static bool keeps_out(const struct inet_port_table *t, const struct inet_port *p,
                      const struct inet_port *new)
{
    bool is_same_place =
        p->local.port == new->local.port &&shares_netif(p, new) &&
        (inet_port_covers(p, &new->local.address) || inet_port_covers(new, &p->local.address));
    if (!is_same_place || p == new) {
        return false;
    }
    bool is_served = t->rule == INET_PORT_CONNECTIONS && (p->is_listening || new->is_listening);
    if (p->shares_address && new->shares_address && !is_served) {
        return false;
    }
    bool is_one_principal = inet_port_socket((struct inet_port *)(uintptr_t)p)->principal ==
                            inet_port_socket((struct inet_port *)(uintptr_t)new)->principal;
    return !(p->shares_port && new->shares_port &&is_one_principal);
}

static bool is_free(const struct inet_port_table *t, const struct inet_port_place *place,
                    const struct inet_port *new) REQUIRES(*place -> lock)
{
    list_for_each (node, place->bucket) {
        if (keeps_out(t, inet_port_in_ports(node), new)) {
            return false;
        }
    }
    return true;
}

/* ---- Binding ---- */

// Takes the port that p->local names.
static bool try_enter(struct inet_port_table *t, struct inet_port *p)
{
    struct inet_port_place place = inet_port_place_of(t, p->local.port);
    spin_lock(place.lock);
    bool is_ours = is_free(t, &place, p);
    if (is_ours) {
        list_add_head(place.bucket, &p->link);
    }
    spin_unlock(place.lock);
    return is_ours;
}

// Any port: nobody shares one that was not asked for.
static status_t enter_any(struct inet_port_table *t, struct inet_port *p, uint32_t start)
{
    bool shares_address = p->shares_address;
    bool shares_port = p->shares_port;
    bool is_ours = false;
    p->shares_address = false;
    p->shares_port = false;
    for (uint32_t i = 0; i < EPHEMERAL_COUNT && !is_ours; i++) {
        p->local.port = (uint16_t)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);
        is_ours = try_enter(t, p);
    }
    if (is_ours) {
        struct inet_port_place place = inet_port_place_of(t, p->local.port);
        spin_lock(place.lock);
        p->shares_address = shares_address;
        p->shares_port = shares_port;
        spin_unlock(place.lock);
    } else {
        p->local.port = 0;
    }
    return is_ours ? OK : ERR_ADDRINUSE;
}

static status_t check_address(const struct inet_socket *s, const struct inet_name *want)
{
    const struct ip_addr *a = &want->address;
    bool is_group = ip_is_multicast(a) || ip4_is_broadcast(a);
    if (ip_is_unspecified(a) || (is_group && s->socket.type != ABI_SOCK_STREAM)) {
        return OK;
    }
    return is_group || !ip_is_local(a) ? ERR_ADDRNOTAVAIL : OK;
}

static status_t bind_locked(struct inet_port_table *t, struct inet_socket *s,
                            const struct inet_name *want, uint32_t start) REQUIRES(s -> lock)
{
    struct inet_port *p = &s->port;
    uint32_t netif = s->options.bound_netif != 0 ? s->options.bound_netif : want->netif;
    if (p->local.port != 0 || s->local.port != 0) {
        return ERR_INVAL;
    }
    *p = (struct inet_port){.local = *want,
                            .netif = netif,
                            .is_v6_only = s->options.is_v6_only,
                            .shares_address = socket_has_option(&s->socket, ABI_SO_REUSEADDR),
                            .shares_port = socket_has_option(&s->socket, ABI_SO_REUSEPORT)};
    list_init(&p->link);
    list_init(&p->pair_link);
    status_t status = OK;
    if (want->port == 0) {
        status = enter_any(t, p, start);
    } else if (!try_enter(t, p)) {
        status = ERR_ADDRINUSE;
    }
    if (status == OK) {
        s->local = p->local;
        s->local.netif = netif;
    } else {
        p->local.port = 0;
    }
    return status;
}

status_t inet_port_bind(struct inet_port_table *t, struct inet_socket *s,
                        const struct inet_name *want)
{
    make_secret(t);
    uint32_t start = want->port == 0 ? (uint32_t)random_below(EPHEMERAL_COUNT) : 0;
    status_t status = want->port == 0 ? OK : inet_may(s, NET_LISTEN, want);
    if (status == OK) {
        status = check_address(s, want);
    }
    if (status != OK) {
        return status;
    }
    spin_lock(&s->lock);
    status = bind_locked(t, s, want, start);
    spin_unlock(&s->lock);
    return status;
}

/* ---- Connecting ---- */

static void leave_pair(struct inet_port_table *t, struct inet_port *p)
{
    if (p->pair[1].port == 0) {
        return; // only its socket's lock is needed to know
    }
    struct inet_port_place place = inet_port_pair_place(t, &p->pair[0], &p->pair[1]);
    spin_lock(place.lock);
    list_del_init(&p->pair_link);
    p->pair[1].port = 0;
    spin_unlock(place.lock);
}

static bool pair_is_free(const struct inet_port_table *t, const struct inet_port_place *place,
                         const struct inet_port *new) REQUIRES(*place -> lock)
{
    list_for_each (node, place->bucket) {
        const struct inet_port *p = inet_port_in_pairs(node);
        bool is_shared =
            t->rule == INET_PORT_DATAGRAMS &&
            ((p->shares_address && new->shares_address) || (p->shares_port && new->shares_port));
        if (inet_port_is_pair(p, &new->pair[0], &new->pair[1]) && !is_shared) {
            return false;
        }
    }
    return true;
}

static status_t enter_pair(struct inet_port_table *t, struct inet_port *p,
                           const struct inet_name *local, const struct inet_name *peer)
{
    struct inet_port_place place = inet_port_pair_place(t, local, peer);
    spin_lock(place.lock);
    p->pair[0] = *local;
    p->pair[1] = *peer;
    bool is_ours = pair_is_free(t, &place, p);
    if (is_ours) {
        list_add_head(place.bucket, &p->pair_link);
    } else {
        p->pair[1].port = 0;
    }
    spin_unlock(place.lock);
    return is_ours ? OK : ERR_ADDRINUSE;
}

static void set_connected(struct inet_port_table *t, struct inet_port *p, bool is_connected)
{
    struct inet_port_place place = inet_port_place_of(t, p->local.port);
    spin_lock(place.lock);
    p->is_connected = is_connected;
    spin_unlock(place.lock);
}

static void disconnect_locked(struct inet_port_table *t, struct inet_socket *s) REQUIRES(s -> lock)
{
    if (s->port.local.port != 0) {
        set_connected(t, &s->port, false);
    }
    leave_pair(t, &s->port);
    s->peer = (struct inet_name){.address = s->socket.family == ABI_AF_INET ? ip4(0) : IP_ANY};
}

status_t inet_port_connect(struct inet_port_table *t, struct inet_socket *s,
                           const struct inet_name *local, const struct inet_name *peer)
{
    spin_lock(&s->lock);
    leave_pair(t, &s->port);
    status_t status = s->port.local.port == 0 ? ERR_INVAL : enter_pair(t, &s->port, local, peer);
    if (status == OK) {
        set_connected(t, &s->port, true);
        s->local = *local;
        s->peer = *peer;
    } else {
        disconnect_locked(t, s);
    }
    spin_unlock(&s->lock);
    return status;
}

void inet_port_disconnect(struct inet_port_table *t, struct inet_socket *s)
{
    spin_lock(&s->lock);
    disconnect_locked(t, s);
    uint32_t netif = s->local.netif;
    s->local = s->port.local;
    s->local.netif = netif;
    spin_unlock(&s->lock);
}

status_t inet_port_listen(struct inet_port_table *t, struct inet_socket *s)
{
    status_t status = ERR_INVAL;
    spin_lock(&s->lock);
    if (s->port.local.port != 0) {
        struct inet_port_place place = inet_port_place_of(t, s->port.local.port);
        spin_lock(place.lock);
        s->port.is_listening = true;
        status = is_free(t, &place, &s->port) ? OK : ERR_ADDRINUSE;
        s->port.is_listening = status == OK;
        spin_unlock(place.lock);
    }
    spin_unlock(&s->lock);
    return status;
}

void inet_port_unbind(struct inet_port_table *t, struct inet_socket *s)
{
    spin_lock(&s->lock);
    disconnect_locked(t, s);
    if (s->port.local.port != 0) {
        struct inet_port_place place = inet_port_place_of(t, s->port.local.port);
        spin_lock(place.lock);
        list_del_init(&s->port.link);
        s->port.local.port = 0;
        s->port.is_listening = false;
        spin_unlock(place.lock);
    }
    s->local.port = 0;
    spin_unlock(&s->lock);
}
