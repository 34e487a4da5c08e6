// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/client.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/net/ethernet.h"

enum {
    TRIES_REQUESTING = 4, // of a REQUEST, before looking for another server
    TRIES_REBOOTING = 2,
    DOUBLINGS_MAX = 5,
    HARDWARE_ETHERNET = 1,
};

constexpr nsec_t RESEND_FIRST = 2 * NSEC_PER_SEC;  // doubled up to 64 s (RFC 2131, 4.1)
constexpr nsec_t RESEND_LEASE = 60 * NSEC_PER_SEC; // the least while a lease is extended (4.4.5)
constexpr nsec_t DECLINE_WAIT = 10 * NSEC_PER_SEC; // 3.1, 5

// A number below `limit`, which is not 0: xorshift64*.
static uint64_t random_below(struct dhcp_client *c, uint64_t limit)
{
    c->random ^= c->random >> 12;
    c->random ^= c->random << 25;
    c->random ^= c->random >> 27;
    return (c->random * 0x2545f4914f6cdd1dull >> 16) % limit;
}

// The wait, a quarter more or less: clients that began together do not stay together.
static nsec_t jitter(struct dhcp_client *c, nsec_t wait)
{
    return wait - wait / 4 + random_below(c, wait / 2 + 1);
}

static nsec_t backoff(struct dhcp_client *c, unsigned doublings)
{
    return jitter(c, RESEND_FIRST << u64_min(doublings, DOUBLINGS_MAX));
}

static void lose(struct dhcp_client *c)
{
    c->is_lost |= c->is_told;
    c->is_new = false;
    c->has_lease = false;
}

// ---- Questions ----

static void send(struct dhcp_client *c, enum dhcp_type type, nsec_t wait, nsec_t now)
{
    c->to_send = type;
    c->tries += c->tries < UINT8_MAX;
    c->asked_at = now;
    c->resend_at = now + wait;
}

// Begins an exchange: DISCOVER or REQUEST, as the state says.
static void begin(struct dhcp_client *c, enum dhcp_state state, nsec_t now)
{
    c->state = state;
    c->tries = 0;
    c->began = now;
    c->xid = (uint32_t)random_below(c, 1ull << 32);
    send(c, state == DHCP_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST, backoff(c, 0), now);
}

static void wait_for(struct dhcp_client *c, nsec_t wait, nsec_t now)
{
    c->state = DHCP_WAITING;
    c->resend_at = now + jitter(c, wait);
}

// Half of what is left of the state, but no less than a minute (RFC 2131, 4.4.5).
static void ask_to_extend(struct dhcp_client *c, nsec_t now)
{
    nsec_t end = c->state == DHCP_RENEWING ? c->lease.rebind_at : c->lease.expires_at;
    nsec_t left = end > now ? end - now : 0;
    send(c, DHCP_REQUEST, u64_max(left / 2, RESEND_LEASE), now);
}

static void begin_extending(struct dhcp_client *c, enum dhcp_state state, nsec_t now)
{
    begin(c, state, now);
    ask_to_extend(c, now);
}

// ---- The caller's wishes ----

void dhcp_client_init(struct dhcp_client *c, const struct dhcp_config *config, uint64_t seed)
{
    *c = (struct dhcp_client){.config = *config, .random = seed | 1};
    if (c->config.client_id_size == 0) {
        c->config.client_id[0] = HARDWARE_ETHERNET;
        mac_write(c->config.client_id + 1, &config->mac);
        c->config.client_id_size = MAC_SIZE + 1;
    }
}

void dhcp_client_start(struct dhcp_client *c, const struct ip_addr *remembered, nsec_t now)
{
    c->wanted = *remembered;
    begin(c, ip_is_unspecified(remembered) ? DHCP_SELECTING : DHCP_REBOOTING, now);
}

void dhcp_client_link_up(struct dhcp_client *c, nsec_t now)
{
    if (c->state != DHCP_STOPPED) {
        c->refusals = 0;
        struct ip_addr remembered = c->has_lease ? c->lease.said.yours : c->wanted;
        dhcp_client_start(c, &remembered, now);
    }
}

// Gives the lease up; its server hears of it.
static void give_up(struct dhcp_client *c, enum dhcp_type type, nsec_t now)
{
    c->given_up = c->lease.said.yours;
    c->server = c->lease.said.server;
    c->wanted = IP_ANY;
    c->xid = (uint32_t)random_below(c, 1ull << 32);
    c->began = now;
    c->to_send = type;
    lose(c);
}

void dhcp_client_conflict(struct dhcp_client *c, nsec_t now)
{
    if (c->has_lease) {
        give_up(c, DHCP_DECLINE, now);
        c->refusals += c->refusals < UINT8_MAX;
        wait_for(c, u64_max(DECLINE_WAIT * 4 / 3, backoff(c, c->refusals)), now);
    }
}

void dhcp_client_release(struct dhcp_client *c, nsec_t now)
{
    c->to_send = DHCP_NOTHING;
    if (c->has_lease) {
        give_up(c, DHCP_RELEASE, now);
    }
    c->state = DHCP_STOPPED;
}

enum dhcp_event dhcp_client_event(struct dhcp_client *c)
{
    if (c->is_lost) {
        c->is_lost = false;
        c->is_told = false;
        return DHCP_EVENT_LOST;
    }
    if (c->is_new) {
        c->is_new = false;
        c->is_told = true;
        return DHCP_EVENT_LEASE;
    }
    return DHCP_EVENT_NONE;
}

// ---- Time ----

nsec_t dhcp_client_deadline(const struct dhcp_client *c)
{
    nsec_t at = c->has_lease ? c->lease.expires_at : NSEC_NEVER;
    switch (c->state) {
    case DHCP_STOPPED: return NSEC_NEVER;
    case DHCP_BOUND: return u64_min(at, c->lease.renew_at);
    case DHCP_RENEWING: return u64_min(c->resend_at, c->lease.rebind_at);
    default: return u64_min(at, c->resend_at);
    }
}

// The state's own time is over.
static void resend(struct dhcp_client *c, nsec_t now)
{
    switch (c->state) {
    case DHCP_WAITING: begin(c, DHCP_SELECTING, now); break;
    case DHCP_SELECTING: send(c, DHCP_DISCOVER, backoff(c, c->tries), now); break;
    case DHCP_REQUESTING:
    case DHCP_REBOOTING:
        if (c->tries == (c->state == DHCP_REBOOTING ? TRIES_REBOOTING : TRIES_REQUESTING)) {
            begin(c, DHCP_SELECTING, now);
        } else {
            send(c, DHCP_REQUEST, backoff(c, c->tries), now);
        }
        break;
    case DHCP_BOUND: begin_extending(c, DHCP_RENEWING, now); break;
    case DHCP_RENEWING:
    case DHCP_REBINDING: ask_to_extend(c, now); break;
    default: break;
    }
}

void dhcp_client_timeout(struct dhcp_client *c, nsec_t now)
{
    if (now < dhcp_client_deadline(c)) {
        return;
    }
    if (c->has_lease && now >= c->lease.expires_at) {
        lose(c);
        bool is_its_state = c->state >= DHCP_BOUND;
        if (is_its_state || now >= c->resend_at) {
            begin(c, DHCP_SELECTING, now);
        }
        return;
    }
    if ((c->state == DHCP_BOUND || c->state == DHCP_RENEWING) && now >= c->lease.rebind_at) {
        begin_extending(c, DHCP_REBINDING, now);
        return;
    }
    resend(c, now);
}

// ---- Answers ----

// Whether it answers this client's last question.
static bool is_ours(const struct dhcp_client *c, const struct dhcp_message *m)
{
    bool is_same_id = m->client_id_size == c->config.client_id_size &&
                      memcmp(m->client_id, c->config.client_id, m->client_id_size) == 0;
    return m->xid == c->xid && mac_is_equal(&m->mac, &c->config.mac) &&
           (m->client_id_size == 0 || is_same_id); // RFC 6842, 3
}

static void take_offer(struct dhcp_client *c, const struct dhcp_message *m, nsec_t now)
{
    if (c->state != DHCP_SELECTING || dhcp_lease_check(m) != OK) {
        return;
    }
    c->wanted = m->yours;
    c->server = m->server;
    c->state = DHCP_REQUESTING;
    c->tries = 0;
    send(c, DHCP_REQUEST, backoff(c, 0), now);
}

// Whether an answer comes from who was asked.
static bool is_from_asked(const struct dhcp_client *c, const struct dhcp_message *m)
{
    switch (c->state) {
    case DHCP_REQUESTING: return ip_is_equal(&m->server, &c->server);
    case DHCP_RENEWING: return ip_is_equal(&m->server, &c->lease.said.server);
    case DHCP_REBOOTING:
    case DHCP_REBINDING: return true;
    default: return false;
    }
}

static void take_ack(struct dhcp_client *c, struct dhcp_message *m, nsec_t now)
{
    struct dhcp_lease lease;
    if (c->state == DHCP_RENEWING && ip_is_unspecified(&m->server)) {
        m->server = c->lease.said.server; // some leave it out when they know that we know
    }
    if (!is_from_asked(c, m) || dhcp_lease_from(m, c->asked_at, &lease) != OK ||
        lease.expires_at <= now) {
        return;
    }
    if (c->has_lease && (!ip_is_equal(&lease.said.yours, &c->lease.said.yours) ||
                         lease.said.prefix != c->lease.said.prefix)) {
        lose(c);
    }
    c->lease = lease;
    c->wanted = lease.said.yours;
    c->has_lease = true;
    c->is_new = true;
    c->refusals = 0;
    c->to_send = DHCP_NOTHING;
    c->state = DHCP_BOUND;
    // Not before half of the time: many clients that began together spread out behind it.
    if (lease.renew_at != NSEC_NEVER) {
        c->lease.renew_at += random_below(c, (lease.rebind_at - lease.renew_at) / 8 + 1);
    }
}

static void take_nak(struct dhcp_client *c, const struct dhcp_message *m, nsec_t now)
{
    if (!is_from_asked(c, m)) {
        return;
    }
    lose(c);
    c->to_send = DHCP_NOTHING;
    c->wanted = IP_ANY;
    // A server that offers and refuses in turn is asked ever more rarely.
    nsec_t wait = c->refusals == 0 ? NSEC_PER_SEC / 4 : backoff(c, c->refusals - 1u);
    c->refusals += c->refusals < UINT8_MAX;
    wait_for(c, wait, now);
}

void dhcp_client_input(struct dhcp_client *c, struct span bytes, nsec_t now)
{
    struct dhcp_message m;
    if (c->state == DHCP_STOPPED || dhcp_parse(bytes, &m) != OK || !is_ours(c, &m)) {
        return;
    }
    switch (m.type) {
    case DHCP_OFFER: take_offer(c, &m, now); break;
    case DHCP_ACK: take_ack(c, &m, now); break;
    case DHCP_NAK: take_nak(c, &m, now); break;
    default: break;
    }
}

// ---- Messages ----

// What a REQUEST says in each state (RFC 2131, 4.3.2).
static void fill_request(const struct dhcp_client *c, struct dhcp_message *m,
                         struct dhcp_send *where)
{
    switch (c->state) {
    case DHCP_REQUESTING:
        m->server = c->server;
        m->requested = c->wanted;
        break;
    case DHCP_RENEWING: where->destination = c->lease.said.server; [[fallthrough]];
    case DHCP_REBINDING:
        m->client = c->lease.said.yours;
        where->source = m->client;
        m->wants_broadcast = false;
        break;
    default: m->requested = c->wanted; break;
    }
}

// DECLINE and RELEASE.
static void fill_farewell(const struct dhcp_client *c, struct dhcp_message *m,
                          struct dhcp_send *where)
{
    m->server = c->server;
    m->host[0] = '\0';
    m->wants_broadcast = false;
    if (m->type == DHCP_DECLINE) {
        m->requested = c->given_up;
        return;
    }
    m->client = c->given_up;
    where->source = c->given_up;
    where->destination = c->server;
}

bool dhcp_client_output(struct dhcp_client *c, nsec_t now, uint8_t *to, struct dhcp_send *out)
{
    if (c->to_send == DHCP_NOTHING) {
        return false;
    }
    struct dhcp_message m = {
        .type = c->to_send,
        .xid = c->xid,
        .seconds = (uint16_t)u64_min((now - c->began) / NSEC_PER_SEC, UINT16_MAX),
        .mac = c->config.mac,
        .wants_broadcast = c->config.wants_broadcast,
        .client_id_size = c->config.client_id_size,
    };
    memcpy(m.host, c->config.host, sizeof(m.host));
    memcpy(m.client_id, c->config.client_id, sizeof(m.client_id));
    *out = (struct dhcp_send){.source = ip4(0), .destination = ip4(UINT32_MAX)};
    switch (m.type) {
    case DHCP_DISCOVER: m.requested = c->wanted; break;
    case DHCP_REQUEST: fill_request(c, &m, out); break;
    default: fill_farewell(c, &m, out); break;
    }
    out->size = dhcp_emit(&m, to);
    c->to_send = DHCP_NOTHING;
    return true;
}
