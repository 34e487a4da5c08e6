// SPDX-License-Identifier: Apache-2.0
#include "tests/netsim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/bits.h"

enum { FIRST_PORT = 40000, QUEUE = 256 * 1024, MSS = 1460 };

constexpr uint64_t RATE = 100000000;

struct flow {
    struct end client;
    struct end server;
    nsec_t begins_at;
    bool has_begun;
};

struct run {
    struct net net;
    struct link there;
    struct link back;
    struct flow flows[FLOWS_MAX];
    const struct scenario *scenario;
};

struct scenario scenario_bulk(uint64_t bytes, nsec_t round_trip, uint32_t buffer)
{
    struct scenario s = {
        .there = {.rate = RATE, .delay = round_trip / 2, .queue = QUEUE},
        .client.bytes = bytes,
        .client.burst_max = MSS,
        .flows = 1,
        .time_limit = 3600 * NSEC_PER_SEC,
        .seed = 1,
    };
    s.client.tcp = (struct tcp_config){
        .receive_buffer = buffer, .send_buffer = buffer, .mss_max = MSS, .syn_retries = 10};
    s.back = s.there;
    s.server = s.client;
    s.server.bytes = 0;
    return s;
}

static void begin(struct run *r, const struct scenario *s)
{
    net_init(&r->net, s->seed);
    r->net.trace = s->trace;
    r->scenario = s;
    r->there.config = s->there;
    r->back.config = s->back;
    for (unsigned i = 0; i < s->flows; i++) {
        struct flow *f = &r->flows[i];
        end_init(&f->client, &r->net, &s->client);
        end_init(&f->server, &r->net, &s->server);
        end_join(&f->client, &r->there, &f->server, &r->back, (uint16_t)(FIRST_PORT + i));
        f->begins_at = r->net.now + i * s->stagger;
    }
}

static void finish(struct run *r, struct outcome *out)
{
    nsec_t begin = r->flows[0].begins_at;
    *out = (struct outcome){.packets = r->net.number};
    for (unsigned i = 0; i < r->scenario->flows; i++) {
        struct end *ends[] = {&r->flows[i].client, &r->flows[i].server};
        for (unsigned j = 0; j < 2; j++) {
            struct tcp_info info;
            tcp_info(&ends[j]->tcp, r->net.now, &info);
            out->retransmits += info.retransmits;
            out->needless += ends[j]->needless;
            out->damaged += ends[j]->damaged;
            out->time = u64_max(out->time, u64_max(ends[j]->ended_at, begin) - begin);
        }
        out->bytes[i] = ends[1]->consumed;
        end_fini(ends[0]);
        end_fini(ends[1]);
    }
    out->dropped = r->there.dropped + r->back.dropped;
    out->lost = r->there.lost + r->back.lost;
    memcpy(out->failure, r->net.failure, sizeof(out->failure));
    net_fini(&r->net);
}

static nsec_t next_deadline(const struct run *r)
{
    nsec_t at = NSEC_NEVER;
    for (unsigned i = 0; i < r->scenario->flows; i++) {
        const struct flow *f = &r->flows[i];
        at = u64_min(at, f->has_begun ? end_deadline(&f->client) : f->begins_at);
        at = u64_min(at, end_deadline(&f->server));
    }
    return at;
}

static void wake_due(struct run *r)
{
    for (unsigned i = 0; i < r->scenario->flows; i++) {
        struct flow *f = &r->flows[i];
        if (!f->has_begun && f->begins_at <= r->net.now) {
            f->has_begun = true;
            end_connect(&f->client);
        }
        if (f->has_begun && end_deadline(&f->client) <= r->net.now) {
            end_wake(&f->client);
        }
        if (end_deadline(&f->server) <= r->net.now) {
            end_wake(&f->server);
        }
    }
}

static bool is_done(const struct run *r)
{
    bool is_done = net_next(&r->net) == NSEC_NEVER;
    for (unsigned i = 0; i < r->scenario->flows; i++) {
        const struct flow *f = &r->flows[i];
        is_done = is_done && f->has_begun && end_is_done(&f->client) && end_is_done(&f->server);
    }
    return is_done;
}

// Goes to what happens next.  False: nothing does any more.
static bool step(struct run *r)
{
    nsec_t packet = net_next(&r->net);
    nsec_t deadline = next_deadline(r);
    nsec_t at = u64_min(packet, deadline);
    if (at == NSEC_NEVER) {
        net_fail(&r->net, "nothing more happens");
        return false;
    }
    r->net.now = u64_max(r->net.now, at);
    if (packet <= deadline) {
        struct packet *p = net_take(&r->net);
        end_receive(p->to, p);
    } else {
        wake_due(r);
    }
    return true;
}

void scenario_run(const struct scenario *s, struct outcome *out)
{
    struct run *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        abort();
    }
    begin(r, s);
    nsec_t start = r->net.now;
    while (!is_done(r) && r->net.failure[0] == '\0' && step(r)) {
        nsec_t passed = r->net.now - start;
        if (s->stop_after > 0 && passed > s->stop_after) {
            break;
        }
        if (passed > s->time_limit) {
            net_fail(&r->net, "it takes too long");
        }
    }
    finish(r, out);
    free(r);
}
