// SPDX-License-Identifier: Apache-2.0
/* Neighbours in use: packets to them, what is heard of them, and time that passes. */
#include "kernel/core/random.h"
#include "kernel/net/ip_neighbour_priv.h"

enum {
    CACHED = 64,      // neighbours that a CPU remembers; a power of two
    WAITING_MAX = 32, // packets of one neighbour
    WAITING_ALL_MAX = 1024,
};

struct known {
    struct netif *netif; // NULL: nothing
    struct ip_addr address;
    uint32_t generation;
    struct mac_addr mac;
};
static PERCPU(struct known, known_neighbours[CACHED]);

/* ---- What this CPU remembers ---- */

static bool remembers(const struct netif *n, const struct ip_addr *a, struct mac_addr *out)
{
    const struct known *k = &(*this_cpu(known_neighbours))[ip_hash(a) % CACHED];
    if (k->netif != n || !ip_is_equal(&k->address, a) ||
        k->generation != atomic_load_explicit(ip_neighbour_generation(a), memory_order_acquire)) {
        return false;
    }
    *out = k->mac;
    return true;
}

static void remember(const struct neighbour *e) REQUIRES(ip_neighbours.lock)
{
    struct known *k = &(*this_cpu(known_neighbours))[ip_hash(&e->address) % CACHED];
    k->netif = e->netif;
    k->address = e->address;
    k->mac = e->machine.mac;
    k->generation =
        atomic_load_explicit(ip_neighbour_generation(&e->address), memory_order_relaxed);
}

/* ---- Sending ---- */

struct neighbour_times ip_neighbour_times(const struct netif *n, const struct ip_addr *a)
{
    uint32_t random;
    struct neighbour_times t = {NEIGHBOUR_REACHABLE_TIME, NEIGHBOUR_RETRANS_TIME};
    if (!ip_is_v4(a)) {
        t.reachable = atomic_load_explicit(&n->ip.reachable, memory_order_relaxed);
        t.retrans = atomic_load_explicit(&n->ip.retrans, memory_order_relaxed);
    }
    if (random_try_bytes(&random, sizeof(random)) == OK) {
        t.reachable = t.reachable / 2 + (t.reachable >> 10) * (random % 1024);
    }
    return t;
}

bool ip_neighbour_resolve(struct netif *n, const struct ip_addr *a, struct mac_addr *out)
{
    if (remembers(n, a, out)) {
        return true;
    }
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(n, a);
    bool is_known = e != NULL && neighbour_has_mac(&e->machine);
    if (is_known) {
        ip_neighbour_touch(e);
        if (e->machine.state == NEIGHBOUR_STALE) {
            struct neighbour_times t = ip_neighbour_times(n, a);
            ip_neighbour_unplan(e);
            (void)neighbour_use(&e->machine, &t, time_now());
            ip_neighbour_plan(e);
        }
        if (neighbour_is_sure(&e->machine)) {
            remember(e);
        }
        *out = e->machine.mac;
    }
    spin_unlock(&ip_neighbours.lock);
    return is_known;
}

static void keep(struct neighbour *e, struct packet *p, struct neighbour_outcome *o)
    REQUIRES(ip_neighbours.lock)
{
    if (e->waiting_count == WAITING_MAX || ip_neighbours.waiting_count == WAITING_ALL_MAX) {
        struct list *oldest = list_pop(&e->waiting); // newer ones are of more use
        if (oldest == NULL) {
            list_add_tail(&o->lost, &p->link);
            return;
        }
        list_add_tail(&o->lost, oldest);
        e->waiting_count--;
        ip_neighbours.waiting_count--;
    }
    list_add_tail(&e->waiting, &p->link);
    e->waiting_count++;
    ip_neighbours.waiting_count++;
}

static void wait_at(struct neighbour *e, struct packet *p, bool is_new, struct neighbour_outcome *o)
    REQUIRES(ip_neighbours.lock)
{
    struct neighbour_times t = ip_neighbour_times(e->netif, &e->address);
    enum neighbour_step step = NEIGHBOUR_NOTHING;
    ip_neighbour_unplan(e);
    ip_neighbour_touch(e);
    if (is_new) {
        step = neighbour_start(&e->machine, &t, time_now());
    } else {
        step = neighbour_use(&e->machine, &t, time_now());
    }
    keep(e, p, o);
    ip_neighbour_note(e, step, o);
}

void ip_neighbour_wait(struct netif *n, const struct ip_addr *a, struct packet *p)
{
    struct neighbour_outcome o;
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(n, a);
    bool is_new = e == NULL;
    if (!is_new || ip_neighbour_create(n, a, IP_NEIGHBOUR_USED, &o, &e) == OK) {
        wait_at(e, p, is_new, &o);
        p = NULL;
    }
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
    if (p != NULL) {
        ip_count(out_discards);
        packet_free(p);
    }
}

/* ---- Hearing ---- */

static bool may_make(const struct ip_addr *a)
{
    return !ip_is_unspecified(a) && !ip_is_multicast(a) && !ip_is_loopback(a);
}

void ip_neighbour_heard(struct netif *n, const struct ip_addr *a, const struct mac_addr *mac,
                        bool may_add)
{
    struct neighbour_outcome o;
    if (!neighbour_is_mac_valid(mac) || !may_make(a)) {
        return;
    }
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(n, a);
    if (e == NULL && may_add && ip_neighbour_create(n, a, IP_NEIGHBOUR_HEARD, &o, &e) == OK) {
        neighbour_set(&e->machine, mac, NEIGHBOUR_STALE);
        ip_neighbour_note(e, NEIGHBOUR_KNOWN, &o);
    } else if (e != NULL) {
        ip_neighbour_unplan(e);
        ip_neighbour_note(e, neighbour_hear(&e->machine, mac, time_now()), &o);
    }
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
}

void ip_neighbour_answered(struct netif *n, const struct ip_addr *a,
                           const struct neighbour_answer *answer)
{
    struct neighbour_outcome o;
    if (answer->mac != NULL && !neighbour_is_mac_valid(answer->mac)) {
        return;
    }
    struct neighbour_times t = ip_neighbour_times(n, a);
    ip_neighbour_outcome_init(&o);
    spin_lock(&ip_neighbours.lock);
    struct neighbour *e = ip_neighbour_find(n, a);
    if (e != NULL) {
        ip_neighbour_unplan(e);
        ip_neighbour_note(e, neighbour_answer(&e->machine, answer, &t, time_now()), &o);
    }
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_finish(&o);
}

/* ---- Time passes ---- */

// Makes one step that is due.  False: nothing is.
static bool step_one(struct neighbour_outcome *o)
{
    spin_lock(&ip_neighbours.lock);
    struct rb_node *first = rb_first(&ip_neighbours.deadlines);
    struct neighbour *e = first == NULL ? NULL : container_of(first, struct neighbour, planned);
    bool is_due = e != NULL && e->machine.deadline <= time_now();
    if (is_due) {
        struct neighbour_times t = ip_neighbour_times(e->netif, &e->address);
        ip_neighbour_unplan(e);
        enum neighbour_step step = neighbour_expire(&e->machine, &t, time_now());
        ip_neighbour_note(e, step, o);
        if (step == NEIGHBOUR_FORGET) {
            ip_neighbour_take_out(e, o);
        }
    } else if (e != NULL) {
        ip_alarm_set(&ip_neighbours.alarm, e->machine.deadline);
    }
    spin_unlock(&ip_neighbours.lock);
    return is_due;
}

void ip_neighbour_ring(void)
{
    struct neighbour_outcome o;
    spin_lock(&ip_neighbours.lock);
    ip_alarm_begin(&ip_neighbours.alarm);
    spin_unlock(&ip_neighbours.lock);
    ip_neighbour_outcome_init(&o);
    while (step_one(&o)) {
        ip_neighbour_finish(&o);
        ip_neighbour_outcome_init(&o);
    }
}
