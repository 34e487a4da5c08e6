// SPDX-License-Identifier: Apache-2.0
/* Which address packets come from: the candidates for lib/net/source.h. */
#include "lib/net/source.h"

#include "kernel/net/ip_priv.h"

struct choice {
    const struct ip_addr *destination;
    struct source_candidate best;
    bool has_best;
};

static void look_at(struct choice *c, const struct ip_address *a, bool is_outgoing)
{
    bool is_v4 = ip_is_v4(&a->info.address);
    if (!ip_address_is_usable(a) || is_v4 != ip_is_v4(c->destination)) {
        return;
    }
    struct source_candidate own = {
        .address = a->info.address,
        .prefix = a->info.prefix,
        .is_deprecated = a->info.state == IP_DEPRECATED,
        .is_outgoing = is_outgoing,
    };
    if (!c->has_best || source_is_better(&own, &c->best, c->destination)) {
        c->best = own;
        c->has_best = true;
    }
}

bool ip_source_find(const struct ip_addr *destination, const struct netif *n, struct ip_addr *out)
{
    struct choice c = {.destination = destination};
    const struct netif *loopback = ip_loopback();
    list_for_each (at, &n->ip.addresses) {
        look_at(&c, container_of(at, struct ip_address, link), true);
    }
    if (n != loopback && loopback != NULL) { // addresses of the machine that are of no link
        list_for_each (at, &loopback->ip.addresses) {
            const struct ip_address *a = container_of(at, struct ip_address, link);
            if (!ip_is_loopback(&a->info.address)) {
                look_at(&c, a, false);
            }
        }
    }
    if (c.has_best) {
        *out = c.best.address;
    }
    return c.has_best;
}
