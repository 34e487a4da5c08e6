// SPDX-License-Identifier: Apache-2.0
/*
 * When routers are told of groups: unasked, twice, when somebody joins or the last leaves, and after
 * a question, at a random time before its limit (RFC 3376, 5; RFC 3810, 6).
 */
#include "kernel/core/random.h"
#include "kernel/net/ip_group_priv.h"

enum { ROBUSTNESS = 2 }; // reports of a change
constexpr nsec_t UNASKED_INTERVAL = NSEC_PER_SEC;
// As long as a router that speaks the old version only may be there: RFC 3376, 8.12.
constexpr nsec_t OLD_TIME = 260 * NSEC_PER_SEC;

static struct ip_alarm alarm; // [route lock]

static nsec_t random_delay(nsec_t limit)
{
    uint32_t random;
    if (random_try_bytes(&random, sizeof(random)) != OK) {
        return 0;
    }
    return (nsec_t)((unsigned __int128)limit * random >> 32);
}

static bool is_reported(const struct netif *n, const struct ip_group *g)
{
    bool is_interface_local = !ip_is_v4(&g->address) && (g->address.bytes[1] & 15) <= 1;
    return n->header_size != 0 && netif_is_up(n) && !is_interface_local &&
           !ip_group_is_everybody(&g->address);
}

static void plan(struct ip_group *g, nsec_t due) REQUIRES(ip_tables.lock)
{
    g->due = due;
    ip_alarm_set(&alarm, due);
}

void ip_group_changed(struct ip_group *g)
{
    g->reports = ROBUSTNESS;
    plan(g, time_now());
}

void ip_group_announce(struct netif *n)
{
    spin_lock(&ip_tables.lock);
    list_for_each (at, &n->ip.groups) {
        struct ip_group *g = container_of(at, struct ip_group, link);
        g->reports = ROBUSTNESS;
        plan(g, time_now() + random_delay(UNASKED_INTERVAL));
    }
    spin_unlock(&ip_tables.lock);
}

void ip_group_asked(struct netif *n, const struct group_query *q)
{
    bool is_v4 = ip_is_v4(&q->group);
    bool is_old = q->version < (is_v4 ? 3 : 2);
    spin_lock(&ip_tables.lock);
    if (is_old) {
        *(is_v4 ? &n->ip.old_groups4 : &n->ip.old_groups6) = time_now() + OLD_TIME;
    }
    list_for_each (at, &n->ip.groups) {
        struct ip_group *g = container_of(at, struct ip_group, link);
        bool is_meant = ip_is_v4(&g->address) == is_v4 &&
                        (ip_is_unspecified(&q->group) || ip_is_equal(&q->group, &g->address));
        nsec_t due = time_now() + random_delay(q->response_max);
        if (is_meant && due < g->due) {
            plan(g, due);
        }
    }
    spin_unlock(&ip_tables.lock);
}

struct job {
    struct netif *netif;
    struct ip_addr address;
    enum group_record_type type;
    bool is_old;
    bool is_reported;
    struct ip_group *gone; // NULL: it stays
};

static void begin(struct ip_group *g, struct netif *n, struct job *out) REQUIRES(ip_tables.lock)
{
    bool is_v4 = ip_is_v4(&g->address);
    nsec_t old_until = is_v4 ? n->ip.old_groups4 : n->ip.old_groups6;
    *out = (struct job){
        .netif = n,
        .address = g->address,
        .type = g->users == 0     ? GROUP_TO_INCLUDE
                : g->reports != 0 ? GROUP_TO_EXCLUDE
                                  : GROUP_IS_EXCLUDE,
        .is_old = time_now() < old_until,
        .is_reported = is_reported(n, g),
    };
    g->reports -= g->reports != 0 ? 1 : 0;
    g->due = g->reports == 0 ? NSEC_NEVER : time_now() + random_delay(UNASKED_INTERVAL);
    if (g->users == 0 && (g->reports == 0 || !out->is_reported)) {
        list_del(&g->link);
        out->gone = g;
    }
}

static bool find_due(struct netif *n, struct job *out) REQUIRES(ip_tables.lock)
{
    list_for_each (at, &n->ip.groups) {
        struct ip_group *g = container_of(at, struct ip_group, link);
        if (g->due <= time_now()) {
            begin(g, n, out);
            return true;
        }
        if (g->due != NSEC_NEVER) {
            ip_alarm_set(&alarm, g->due);
        }
    }
    return false;
}

static bool take_job(struct job *out)
{
    bool has_job = false;
    spin_lock(&ip_tables.lock);
    ip_alarm_begin(&alarm);
    for (struct netif *n = netif_next(NULL); n != NULL && !has_job; n = netif_next(n)) {
        has_job = find_due(n, out);
    }
    spin_unlock(&ip_tables.lock);
    return has_job;
}

static void report(const struct job *j)
{
    struct group_record r = {.type = j->type, .group = j->address};
    if (!j->is_reported) {
        return;
    }
    if (ip_is_v4(&j->address)) {
        igmp_report(j->netif, &r, j->is_old);
    } else {
        mld_report(j->netif, &r, j->is_old);
    }
}

static void ring(void)
{
    struct job j;
    while (take_job(&j)) {
        report(&j);
        if (j.gone != NULL) {
            ip_group_destroy(j.netif, j.gone);
        }
    }
}

void ip_group_init(void)
{
    ip_alarm_init(&alarm, ring);
}
