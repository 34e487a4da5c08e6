// SPDX-License-Identifier: Apache-2.0
/* Port tables: whose a packet is, and lists of all sockets. */
#include "kernel/core/thread.h"
#include "kernel/net/inet_port_priv.h"

// Whether somebody who is bound is given packets of the table's protocol to that name; the more, the
// closer it fits.
static unsigned fit(const struct inet_port_table *t, const struct inet_port *p,
                    const struct inet_name *local)
{
    enum { COVERED = 1, OF_VERSION = 2, EXACT = 4, ON_NETIF = 8 };
    bool is_open = t->rule == INET_PORT_DATAGRAMS ? !p->is_connected : p->is_listening;
    if (!is_open || p->local.port != local->port || !inet_port_covers(p, &local->address) ||
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
    struct inet_port_place place = inet_port_pair_place(t, local, peer);
    spin_lock(place.lock);
    list_for_each (node, place.bucket) {
        struct inet_port *p = inet_port_in_pairs(node);
        if (inet_port_is_pair(p, local, peer) && inet_port_try_ref(p)) {
            found = inet_port_socket(p);
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

static struct best find_best(const struct inet_port_table *t, const struct inet_port_place *place,
                             const struct inet_name *local) REQUIRES(*place -> lock)
{
    struct best best = {.fit = 0};
    list_for_each (node, place->bucket) {
        struct inet_port *p = inet_port_in_ports(node);
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
static struct inet_port *choose(const struct inet_port_table *t,
                                const struct inet_port_place *place, const struct inet_name *local,
                                const struct best *best, uint64_t hash) REQUIRES(*place -> lock)
{
    uint64_t turn = hash % best->sharing;
    struct inet_port *chosen = best->first;
    list_for_each (node, place->bucket) {
        struct inet_port *p = inet_port_in_ports(node);
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
    struct inet_port_place place = inet_port_place_of(t, local->port);
    spin_lock(place.lock);
    struct best best = find_best(t, &place, local);
    struct inet_port *p = best.first;
    if (best.sharing > 1) {
        p = choose(t, &place, local, &best, inet_port_hash(t, local, peer));
    }
    bool is_found = p != NULL && inet_port_try_ref(p);
    spin_unlock(place.lock);
    return is_found ? inet_port_socket(p) : NULL;
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
    struct inet_port_place place = inet_port_place_of(t, local->port);
    spin_lock(place.lock);
    list_for_each (node, place.bucket) {
        struct inet_port *p = inet_port_in_ports(node);
        bool fits = p->local.port == local->port && inet_port_covers(p, &local->address) &&
                    (p->netif == 0 || p->netif == local->netif);
        if (fits && found < max && inet_port_try_ref(p)) {
            out[found++] = inet_port_socket(p);
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
static struct inet_socket *get_at(const struct inet_port_place *place, bool is_pairs, size_t index)
{
    struct inet_socket *s = NULL;
    spin_lock(place->lock);
    list_for_each (node, place->bucket) {
        struct inet_port *p = is_pairs ? inet_port_in_pairs(node) : inet_port_in_ports(node);
        if (is_pairs && p->local.port != 0) {
            continue;
        }
        if (index-- == 0) {
            s = inet_port_try_ref(p) ? inet_port_socket(p) : NULL;
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
    for (; i < 2 * (uint64_t)INET_PORT_BUCKETS; i++, index = 0) {
        bool is_pairs = i >= INET_PORT_BUCKETS;
        struct inet_port_place place = inet_port_place_at(is_pairs ? &t->pairs : &t->ports, i);
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
