// SPDX-License-Identifier: Apache-2.0
/*
 * Port tables: two hash tables of sockets, by local port and, for those that are connected, by their
 * pair of names.  Buckets share locks, so that a table without sockets is small.
 *
 * A socket that becomes connected enters its pair's bucket before it leaves the ones that anybody may
 * send to, so that no packet finds it in neither.
 */
#include "kernel/core/random.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/net/inet.h"

enum {
    BUCKETS = 1024,
    LOCKS = 64, // bucket i has lock i % LOCKS
    EPHEMERAL_FIRST = 32768,
    EPHEMERAL_COUNT = 60999 - EPHEMERAL_FIRST + 1,
};

struct side {
    struct spinlock locks[LOCKS]; // RANK_NET_PORTS
    struct list buckets[BUCKETS]; // [its lock]
};

struct inet_port_table {
    enum inet_port_rule rule; // [I]
    _Atomic uint64_t secret;  // [a] so that nobody can fill one bucket; 0: nobody was ever bound
    struct side ports;        // struct inet_port, by its port
    struct side pairs;        // struct inet_port, by the pair of names
};

static void init_side(struct side *side, const char *name)
{
    for (size_t i = 0; i < LOCKS; i++) {
        spin_init(&side->locks[i], name, RANK_NET_PORTS);
    }
    for (size_t i = 0; i < BUCKETS; i++) {
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

static uint64_t mix(uint64_t h, uint64_t value)
{
    constexpr uint64_t MULTIPLIER = 0x9e3779b97f4a7c15; // 2^64 / golden ratio
    h = (h ^ value) * MULTIPLIER;
    return h ^ h >> 32;
}

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

static uint64_t hash_of(struct inet_port_table *t, const struct inet_name *local,
                        const struct inet_name *peer)
{
    uint64_t h = atomic_load_explicit(&t->secret, memory_order_relaxed);
    h = mix(h, local->address.halves[1] ^ local->port);
    h = mix(h, local->address.halves[0]);
    h = mix(h, peer->address.halves[1]);
    h = mix(h, peer->address.halves[0]);
    return mix(h, peer->port);
}

// A bucket and its lock.
struct place {
    struct list *bucket;
    struct spinlock *lock;
};

static struct place place_at(struct side *side, uint64_t hash)
{
    size_t i = hash % BUCKETS;
    return (struct place){.bucket = &side->buckets[i], .lock = &side->locks[i % LOCKS]};
}

static struct place place_of_port(struct inet_port_table *t, uint16_t port)
{
    return place_at(&t->ports, port);
}

static struct place place_of_pair(struct inet_port_table *t, const struct inet_name *local,
                                  const struct inet_name *peer)
{
    return place_at(&t->pairs, hash_of(t, local, peer));
}

static struct inet_socket *socket_of_port(struct inet_port *p)
{
    return container_of(p, struct inet_socket, port);
}

static struct inet_port *in_ports(struct list *node)
{
    return container_of(node, struct inet_port, link);
}

static struct inet_port *in_pairs(struct list *node)
{
    return container_of(node, struct inet_port, pair_link);
}

// With a reference, unless it is about to go.
static bool try_ref(struct inet_port *p)
{
    return refcount_inc_unless_zero(&socket_of_port(p)->socket.file.object.refs);
}

/* ---- Who may share ---- */

static bool is_any6(const struct ip_addr *a)
{
    return (a->halves[0] | a->halves[1]) == 0;
}

// Whether packets to `a` are for who is bound as `p` is.
static bool covers(const struct inet_port *p, const struct ip_addr *a)
{
    const struct ip_addr *own = &p->local.address;
    if (is_any6(own)) {
        return !(p->is_v6_only && ip_is_v4(a));
    }
    return ip_is_equal(own, a) || (ip_is_unspecified(own) && ip_is_v4(a));
}

static bool shares_netif(const struct inet_port *a, const struct inet_port *b)
{
    return a->netif == 0 || b->netif == 0 || a->netif == b->netif;
}

// Whether `p` keeps `new` from having the same port.
static bool keeps_out(const struct inet_port_table *t, const struct inet_port *p,
                      const struct inet_port *new)
{
    bool is_same_place = p->local.port == new->local.port &&shares_netif(p, new) &&
                         (covers(p, &new->local.address) || covers(new, &p->local.address));
    if (!is_same_place || p == new) {
        return false;
    }
    bool is_served = t->rule == INET_PORT_CONNECTIONS && (p->is_listening || new->is_listening);
    if (p->shares_address && new->shares_address && !is_served) {
        return false;
    }
    bool is_one_principal = socket_of_port((struct inet_port *)(uintptr_t)p)->principal ==
                            socket_of_port((struct inet_port *)(uintptr_t)new)->principal;
    return !(p->shares_port && new->shares_port &&is_one_principal);
}

static bool is_free(const struct inet_port_table *t, const struct place *place,
                    const struct inet_port *new) REQUIRES(*place -> lock)
{
    list_for_each (node, place->bucket) {
        if (keeps_out(t, in_ports(node), new)) {
            return false;
        }
    }
    return true;
}

/* ---- Binding ---- */

// Takes the port that p->local names.
static bool try_enter(struct inet_port_table *t, struct inet_port *p)
{
    struct place place = place_of_port(t, p->local.port);
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
        struct place place = place_of_port(t, p->local.port);
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
    struct place place = place_of_pair(t, &p->pair[0], &p->pair[1]);
    spin_lock(place.lock);
    list_del_init(&p->pair_link);
    p->pair[1].port = 0;
    spin_unlock(place.lock);
}

static bool is_pair(const struct inet_port *p, const struct inet_name *local,
                    const struct inet_name *peer)
{
    return p->pair[0].port == local->port && p->pair[1].port == peer->port &&
           ip_is_equal(&p->pair[0].address, &local->address) &&
           ip_is_equal(&p->pair[1].address, &peer->address) &&
           (p->netif == 0 || local->netif == 0 || p->netif == local->netif);
}

static bool pair_is_free(const struct inet_port_table *t, const struct place *place,
                         const struct inet_port *new) REQUIRES(*place -> lock)
{
    list_for_each (node, place->bucket) {
        const struct inet_port *p = in_pairs(node);
        bool is_shared =
            t->rule == INET_PORT_DATAGRAMS &&
            ((p->shares_address && new->shares_address) || (p->shares_port && new->shares_port));
        if (is_pair(p, &new->pair[0], &new->pair[1]) && !is_shared) {
            return false;
        }
    }
    return true;
}

static status_t enter_pair(struct inet_port_table *t, struct inet_port *p,
                           const struct inet_name *local, const struct inet_name *peer)
{
    struct place place = place_of_pair(t, local, peer);
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
    struct place place = place_of_port(t, p->local.port);
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

status_t inet_port_accept(struct inet_port_table *t, struct inet_socket *s,
                          const struct inet_name *local, const struct inet_name *peer)
{
    spin_lock(&s->lock);
    status_t status = enter_pair(t, &s->port, local, peer);
    if (status == OK) {
        s->local = *local;
        s->peer = *peer;
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
        struct place place = place_of_port(t, s->port.local.port);
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
        struct place place = place_of_port(t, s->port.local.port);
        spin_lock(place.lock);
        list_del_init(&s->port.link);
        s->port.local.port = 0;
        s->port.is_listening = false;
        spin_unlock(place.lock);
    }
    s->local.port = 0;
    spin_unlock(&s->lock);
}

/* ---- Finding ---- */

// Whether somebody who is bound is given packets of the table's protocol to that name; the more, the
// closer it fits.
static unsigned fit(const struct inet_port_table *t, const struct inet_port *p,
                    const struct inet_name *local)
{
    enum { COVERED = 1, OF_VERSION = 2, EXACT = 4, ON_NETIF = 8 };
    bool is_open = t->rule == INET_PORT_DATAGRAMS ? !p->is_connected : p->is_listening;
    if (!is_open || p->local.port != local->port || !covers(p, &local->address) ||
        (p->netif != 0 && p->netif != local->netif)) {
        return 0;
    }
    unsigned place =
        ip_is_v4(&p->local.address) == ip_is_v4(&local->address) ? OF_VERSION : COVERED;
    place = ip_is_equal(&p->local.address, &local->address) ? EXACT : place;
    return place + (p->netif != 0 ? ON_NETIF : 0);
}

static struct inet_socket *find_connected(struct inet_port_table *t, const struct inet_name *local,
                                          const struct inet_name *peer)
{
    struct inet_socket *found = NULL;
    struct place place = place_of_pair(t, local, peer);
    spin_lock(place.lock);
    list_for_each (node, place.bucket) {
        struct inet_port *p = in_pairs(node);
        if (is_pair(p, local, peer) && try_ref(p)) {
            found = socket_of_port(p);
            break;
        }
    }
    spin_unlock(place.lock);
    return found;
}

// Those that fit best, and how many share the port so.
struct best {
    struct inet_port *first;
    unsigned fit;
    unsigned sharing;
};

static struct best find_best(const struct inet_port_table *t, const struct place *place,
                             const struct inet_name *local) REQUIRES(*place -> lock)
{
    struct best best = {.fit = 0};
    list_for_each (node, place->bucket) {
        struct inet_port *p = in_ports(node);
        unsigned how = fit(t, p, local);
        if (how > best.fit) {
            best = (struct best){.first = p, .fit = how, .sharing = 1};
        } else if (how != 0 && how == best.fit && p->shares_port && best.first->shares_port) {
            best.sharing++;
        }
    }
    return best;
}

// Of those that share a port, the one whose turn the names are.
static struct inet_port *choose(const struct inet_port_table *t, const struct place *place,
                                const struct inet_name *local, const struct best *best,
                                uint64_t hash) REQUIRES(*place -> lock)
{
    uint64_t turn = hash % best->sharing;
    struct inet_port *chosen = best->first;
    list_for_each (node, place->bucket) {
        struct inet_port *p = in_ports(node);
        if (fit(t, p, local) == best->fit && p->shares_port) {
            chosen = p;
            if (turn-- == 0) {
                break;
            }
        }
    }
    return chosen;
}

static struct inet_socket *find_bound(struct inet_port_table *t, const struct inet_name *local,
                                      const struct inet_name *peer)
{
    struct place place = place_of_port(t, local->port);
    spin_lock(place.lock);
    struct best best = find_best(t, &place, local);
    struct inet_port *p = best.first;
    if (best.sharing > 1) {
        p = choose(t, &place, local, &best, hash_of(t, local, peer));
    }
    bool is_found = p != NULL && try_ref(p);
    spin_unlock(place.lock);
    return is_found ? socket_of_port(p) : NULL;
}

struct inet_socket *inet_port_find(struct inet_port_table *t, const struct inet_name *local,
                                   const struct inet_name *peer)
{
    struct inet_socket *s = find_connected(t, local, peer);
    return s != NULL ? s : find_bound(t, local, peer);
}

// Connected sockets are of their peer alone.
static bool is_for(struct inet_socket *s, const struct inet_name *peer)
{
    spin_lock(&s->lock);
    bool is_from_anybody = s->peer.port == 0;
    bool is_from_peer = s->peer.port == peer->port && ip_is_equal(&s->peer.address, &peer->address);
    spin_unlock(&s->lock);
    return is_from_anybody || is_from_peer;
}

size_t inet_port_find_all(struct inet_port_table *t, const struct inet_name *local,
                          const struct inet_name *peer, struct inet_socket **out, size_t max)
{
    size_t found = 0;
    size_t count = 0;
    struct place place = place_of_port(t, local->port);
    spin_lock(place.lock);
    list_for_each (node, place.bucket) {
        struct inet_port *p = in_ports(node);
        bool fits = p->local.port == local->port && covers(p, &local->address) &&
                    (p->netif == 0 || p->netif == local->netif);
        if (fits && found < max && try_ref(p)) {
            out[found++] = socket_of_port(p);
        }
        count += fits;
    }
    spin_unlock(place.lock);
    size_t kept = 0;
    for (size_t i = 0; i < found; i++) {
        if (count <= max && is_for(out[i], peer)) {
            out[kept++] = out[i];
        } else {
            socket_unref(&out[i]->socket);
        }
    }
    return count > max ? count : kept;
}

/* ---- All of them ---- */

// Number `index` of a bucket, with a reference; NULL: there are not so many.  Of pairs those only that
// are not found by their port.
static struct inet_socket *get_at(const struct place *place, bool is_pairs, size_t index)
{
    struct inet_socket *s = NULL;
    spin_lock(place->lock);
    list_for_each (node, place->bucket) {
        struct inet_port *p = is_pairs ? in_pairs(node) : in_ports(node);
        if (is_pairs && p->local.port != 0) {
            continue;
        }
        if (index-- == 0) {
            s = try_ref(p) ? socket_of_port(p) : NULL;
            break;
        }
    }
    spin_unlock(place->lock);
    return s;
}

struct inet_socket *inet_port_next(struct inet_port_table *t, uint64_t *cursor)
{
    enum { INDEX_BITS = 32 };
    uint64_t i = *cursor >> INDEX_BITS;
    size_t index = *cursor & UINT32_MAX;
    for (; i < 2 * (uint64_t)BUCKETS; i++, index = 0) {
        bool is_pairs = i >= BUCKETS;
        struct place place = place_at(is_pairs ? &t->pairs : &t->ports, i);
        struct inet_socket *s = get_at(&place, is_pairs, index);
        if (s != NULL) {
            *cursor = i << INDEX_BITS | (index + 1);
            return s;
        }
        thread_preempt_point();
    }
    *cursor = i << INDEX_BITS;
    return NULL;
}
