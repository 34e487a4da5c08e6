// SPDX-License-Identifier: Apache-2.0
#include "lib/net/neighbour.h"

#include "lib/base/string.h"

static void enter(struct neighbour_machine *m, enum neighbour_state state, nsec_t deadline)
{
    m->state = state;
    m->probes = 0;
    m->deadline = deadline;
}

static enum neighbour_step ask(struct neighbour_machine *m, const struct neighbour_times *t,
                               nsec_t now)
{
    m->probes++;
    m->deadline = now + t->retrans;
    return m->state == NEIGHBOUR_INCOMPLETE ? NEIGHBOUR_ASK_ALL : NEIGHBOUR_ASK_IT;
}

enum neighbour_step neighbour_start(struct neighbour_machine *m, const struct neighbour_times *t,
                                    nsec_t now)
{
    enter(m, NEIGHBOUR_INCOMPLETE, now);
    m->mac = (struct mac_addr){};
    m->is_router = false;
    return ask(m, t, now);
}

void neighbour_set(struct neighbour_machine *m, const struct mac_addr *mac,
                   enum neighbour_state state)
{
    enter(m, state, NSEC_NEVER);
    m->mac = *mac;
}

enum neighbour_step neighbour_use(struct neighbour_machine *m, const struct neighbour_times *t,
                                  nsec_t now)
{
    if (m->state == NEIGHBOUR_STALE) {
        enter(m, NEIGHBOUR_DELAY, now + NEIGHBOUR_DELAY_TIME);
    }
    return m->state == NEIGHBOUR_FAILED ? neighbour_start(m, t, now) : NEIGHBOUR_NOTHING;
}

enum neighbour_step neighbour_expire(struct neighbour_machine *m, const struct neighbour_times *t,
                                     nsec_t now)
{
    switch (m->state) {
    case NEIGHBOUR_INCOMPLETE:
    case NEIGHBOUR_PROBE:
        if (m->probes < NEIGHBOUR_PROBES_MAX) {
            return ask(m, t, now);
        }
        enter(m, NEIGHBOUR_FAILED, now + NEIGHBOUR_FAILED_TIME);
        return NEIGHBOUR_GIVE_UP;
    case NEIGHBOUR_DELAY: enter(m, NEIGHBOUR_PROBE, now); return ask(m, t, now);
    case NEIGHBOUR_REACHABLE: enter(m, NEIGHBOUR_STALE, NSEC_NEVER); return NEIGHBOUR_NOTHING;
    case NEIGHBOUR_FAILED: m->deadline = NSEC_NEVER; return NEIGHBOUR_FORGET;
    case NEIGHBOUR_STALE:
    case NEIGHBOUR_PERMANENT: break;
    }
    m->deadline = NSEC_NEVER;
    return NEIGHBOUR_NOTHING;
}

static bool is_same(const struct mac_addr *a, const struct mac_addr *b)
{
    return memcmp(a->bytes, b->bytes, MAC_SIZE) == 0;
}

enum neighbour_step neighbour_hear(struct neighbour_machine *m, const struct mac_addr *mac,
                                   nsec_t now)
{
    (void)now;
    if (m->state == NEIGHBOUR_PERMANENT || (neighbour_has_mac(m) && is_same(&m->mac, mac))) {
        return NEIGHBOUR_NOTHING;
    }
    m->mac = *mac;
    enter(m, NEIGHBOUR_STALE, NSEC_NEVER);
    return NEIGHBOUR_KNOWN;
}

// An answer to one whose link address nobody knew.
static enum neighbour_step first_answer(struct neighbour_machine *m,
                                        const struct neighbour_answer *a,
                                        const struct neighbour_times *t, nsec_t now)
{
    if (a->mac == NULL || m->state == NEIGHBOUR_FAILED) {
        return NEIGHBOUR_NOTHING;
    }
    m->mac = *a->mac;
    m->is_router = a->is_router;
    if (a->is_solicited) {
        enter(m, NEIGHBOUR_REACHABLE, now + t->reachable);
    } else {
        enter(m, NEIGHBOUR_STALE, NSEC_NEVER);
    }
    return NEIGHBOUR_KNOWN;
}

enum neighbour_step neighbour_answer(struct neighbour_machine *m, const struct neighbour_answer *a,
                                     const struct neighbour_times *t, nsec_t now)
{
    if (m->state == NEIGHBOUR_PERMANENT) {
        return NEIGHBOUR_NOTHING;
    }
    if (!neighbour_has_mac(m)) {
        return first_answer(m, a, t, now);
    }
    bool is_other = a->mac != NULL && !is_same(a->mac, &m->mac);
    if (is_other && !a->is_override) {
        if (m->state == NEIGHBOUR_REACHABLE) {
            enter(m, NEIGHBOUR_STALE, NSEC_NEVER);
        }
        return NEIGHBOUR_NOTHING;
    }
    if (is_other) {
        m->mac = *a->mac;
    }
    if (a->is_solicited) {
        enter(m, NEIGHBOUR_REACHABLE, now + t->reachable);
    } else if (is_other) {
        enter(m, NEIGHBOUR_STALE, NSEC_NEVER);
    }
    bool was_router = m->is_router;
    m->is_router = a->is_router;
    return was_router && !a->is_router ? NEIGHBOUR_NO_ROUTER
                                       : (is_other ? NEIGHBOUR_KNOWN : NEIGHBOUR_NOTHING);
}

void neighbour_confirm(struct neighbour_machine *m, const struct neighbour_times *t, nsec_t now)
{
    if (neighbour_has_mac(m) && m->state != NEIGHBOUR_PERMANENT) {
        enter(m, NEIGHBOUR_REACHABLE, now + t->reachable);
    }
}

bool neighbour_is_mac_valid(const struct mac_addr *mac)
{
    static const struct mac_addr none = {};
    return (mac->bytes[0] & 1) == 0 && !is_same(mac, &none);
}
