// SPDX-License-Identifier: Apache-2.0
/*
 * Two machines over a link that loses, repeats, reorders and delays: whatever it does, both streams
 * arrive whole, in order and once.  Bytes are only positions: those of a segment must be kept where
 * they belong.
 */
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/tcp/machine.h"
#include "lib/tcp/test/sane.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { STREAM = 96 * 1024, PACKETS = 1024, TCP_LENT_WORDS = 1536 };

static constexpr nsec_t MS = NSEC_PER_MSEC;

struct end {
    struct tcp t;
    uint32_t written;  // bytes given to it
    uint32_t dropped;  // of them, acknowledged
    uint32_t in_order; // bytes that came in order
    uint32_t unread;   // of them, not read
    uint32_t goal;     // bytes to write in all
    uint8_t kept[STREAM];
    uint64_t lent[2][2][TCP_LENT_WORDS]; // for each list, two places
    bool is_at_end;                      // the peer's FIN came
    bool is_over;
    status_t error;
};

struct packet {
    struct tcp_segment s;
    uint32_t position; // of its payload in the stream
    nsec_t at;
    bool is_to_b;
    bool is_used;
};

struct link {
    unsigned loss;    // in a thousand
    unsigned repeats; // in a thousand
    unsigned late;    // in a thousand, by up to `delay` more
    nsec_t delay;
    uint32_t burst;
    uint32_t buffer; // of the receivers
    bool is_slow_reader;
};

struct world {
    struct end ends[2];
    struct packet packets[PACKETS];
    struct test_random random;
    nsec_t now;
    struct link link;
};

static struct world world;

static bool happens(struct world *w, unsigned in_thousand)
{
    return test_random_below(&w->random, 1000) < in_thousand;
}

static void put(struct world *w, const struct packet *p)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        if (!w->packets[i].is_used) {
            w->packets[i] = *p;
            w->packets[i].is_used = true;
            return;
        }
    }
}

static void carry(struct world *w, struct packet *p)
{
    if (happens(w, w->link.loss)) {
        return;
    }
    p->at = w->now + w->link.delay;
    if (happens(w, w->link.late)) {
        p->at += test_random_below(&w->random, w->link.delay);
    }
    put(w, p);
    if (happens(w, w->link.repeats)) {
        p->at += test_random_below(&w->random, 3 * w->link.delay);
        put(w, p);
    }
}

// A burst is cut into segments, as a device would.
static void transmit(struct world *w, unsigned from, struct tcp_segment *s,
                     const struct tcp_range *payload)
{
    struct end *e = &w->ends[from];
    EXPECT(payload->offset + payload->size <= e->written - e->dropped || payload->size == 0);
    EXPECT(payload->size == s->payload_size);
    EXPECT(payload->size <= payload->mss || payload->size % payload->mss == 0);
    uint32_t left = payload->size;
    struct packet p = {.s = *s, .is_to_b = from == 0, .position = e->dropped + payload->offset};
    do {
        uint32_t size = left < payload->mss ? left : payload->mss;
        left -= size;
        p.s.payload_size = size;
        p.s.flags = left > 0 ? s->flags & (uint8_t)~(TCP_FIN | TCP_PSH) : s->flags;
        carry(w, &(struct packet){.s = p.s, .is_to_b = p.is_to_b, .position = p.position});
        p.s.seq += size;
        p.position += size;
    } while (left > 0);
}

static void flush(struct world *w, unsigned which)
{
    struct tcp_segment s;
    struct tcp_range payload;
    for (int i = 0; tcp_output(&w->ends[which].t, w->now, w->link.burst, &s, &payload); i++) {
        EXPECT(i < 10000);
        transmit(w, which, &s, &payload);
        EXPECT(tcp_is_sane(&w->ends[which].t));
    }
}

// Memory is lent where it is wanted, and taken back.
static void lend(struct end *e, unsigned list)
{
    size_t size = tcp_list_wants(&e->t, list);
    if (size == 0 || size > sizeof(e->lent[list][0])) {
        return;
    }
    bool is_second = list == TCP_LIST_FLIGHT ? (void *)e->t.runs_lent == e->lent[list][0]
                                             : (void *)e->t.ranges_lent == e->lent[list][0];
    void *before = tcp_list_lend(&e->t, list, e->lent[list][is_second ? 1 : 0], size);
    EXPECT(before == NULL || before == e->lent[list][is_second ? 0 : 1]);
}

static void take(struct end *e, const struct tcp_result *r, const struct packet *p)
{
    e->dropped += r->acked;
    EXPECT(e->dropped <= e->written);
    EXPECT(p != NULL || (r->take == 0 && r->readable == 0));
    if (p != NULL && r->take > 0) {
        uint32_t at = e->in_order + r->offset;
        EXPECT_EQ(at, p->position + r->skip);
        EXPECT(r->skip + r->take <= p->s.payload_size);
        for (uint32_t i = 0; i < r->take; i++) {
            EXPECT(e->kept[at + i] == 0); // no byte twice
            e->kept[at + i] = 1;
        }
    }
    for (uint32_t i = 0; i < r->readable; i++) {
        EXPECT(e->kept[e->in_order + i] == 1);
    }
    e->in_order += r->readable;
    e->unread += r->readable;
    e->is_at_end = e->is_at_end || (r->events & TCP_EVENT_END) != 0;
    if ((r->events & TCP_EVENT_CROWDED) != 0) {
        lend(e, TCP_LIST_FLIGHT);
        lend(e, TCP_LIST_RECEIVED);
    }
    if ((r->events & TCP_EVENT_CLOSED) != 0) {
        e->is_over = true;
        e->error = r->error;
    }
}

static void use(struct world *w, unsigned which)
{
    struct end *e = &w->ends[which];
    uint32_t waiting = e->written - e->dropped;
    if (e->t.state == TCP_CLOSED) {
        return;
    }
    if (e->written < e->goal && waiting < 30000) {
        uint32_t n = 1 + (uint32_t)test_random_below(&w->random, happens(w, 500) ? 100 : 20000);
        n = n < e->goal - e->written ? n : e->goal - e->written;
        e->written += n;
        tcp_send(&e->t, n, w->now);
        if (e->written == e->goal) {
            tcp_shutdown_send(&e->t, w->now);
        }
    }
    if (e->unread > 0 && (!w->link.is_slow_reader || happens(w, 20))) {
        uint32_t n = 1 + (uint32_t)test_random_below(&w->random, e->unread);
        e->unread -= n;
        tcp_consume(&e->t, n);
    }
}

static void deliver(struct world *w)
{
    for (unsigned i = 0; i < PACKETS && !test_has_failed(); i++) {
        struct packet *p = &w->packets[i];
        if (!p->is_used || p->at > w->now) {
            continue;
        }
        p->is_used = false;
        struct packet copy = *p;
        struct end *e = &w->ends[copy.is_to_b ? 1 : 0];
        struct tcp_result r;
        if (copy.is_to_b && e->t.state == TCP_CLOSED && !e->is_over && (copy.s.flags & TCP_SYN)) {
            struct tcp_open o = {.local_port = 2, .peer_port = 1, .isn = 0xffff8000};
            tcp_accept(&e->t, &o, &copy.s, w->now);
        } else {
            tcp_input(&e->t, &copy.s, w->now, &r);
            take(e, &r, &copy);
            EXPECT(tcp_is_sane(&e->t));
        }
        flush(w, copy.is_to_b ? 1 : 0);
    }
}

static nsec_t next_time(const struct world *w)
{
    nsec_t next = w->now + 5 * MS; // applications look again
    next = u64_min(next, tcp_deadline(&w->ends[0].t));
    next = u64_min(next, tcp_deadline(&w->ends[1].t));
    for (unsigned i = 0; i < PACKETS; i++) {
        next = w->packets[i].is_used ? u64_min(next, w->packets[i].at) : next;
    }
    return u64_max(next, w->now + 1);
}

static void step(struct world *w)
{
    w->now = next_time(w);
    deliver(w);
    for (unsigned i = 0; i < 2; i++) {
        struct end *e = &w->ends[i];
        struct tcp_result r;
        if (tcp_deadline(&e->t) <= w->now) {
            tcp_timeout(&e->t, w->now, &r);
            take(e, &r, NULL);
            EXPECT(tcp_is_sane(&e->t));
        }
        use(w, i);
        EXPECT(tcp_is_sane(&e->t));
        flush(w, i);
    }
}

static bool is_done(const struct end *e)
{
    return e->is_over || e->t.state == TCP_TIME_WAIT;
}

static void begin(struct world *w, uint64_t seed)
{
    struct tcp_config c = {.receive_buffer = w->link.buffer, .mss_max = 1460, .syn_retries = 10};
    memset(w->packets, 0, sizeof(w->packets));
    w->random.state = seed * 0x9e3779b97f4a7c15 + 1;
    w->now = 1ull << 40;
    for (unsigned i = 0; i < 2; i++) {
        struct end *e = &w->ends[i];
        memset(e, 0, sizeof(*e));
        e->goal = (uint32_t)test_random_below(&w->random, STREAM) + 1;
        c.is_nodelay = happens(w, 500);
        tcp_init(&e->t, &c);
    }
    struct tcp_open o = {.local_port = 1, .peer_port = 2, .isn = 0xffffffff - (uint32_t)seed};
    tcp_connect(&w->ends[0].t, &o, w->now);
    flush(w, 0);
}

// Both streams come through within an hour.
static void exchange(struct world *w, uint64_t seed)
{
    begin(w, seed);
    nsec_t begun = w->now;
    while (!test_has_failed() && (!is_done(&w->ends[0]) || !is_done(&w->ends[1]))) {
        step(w);
        EXPECT(w->now - begun < 3600 * NSEC_PER_SEC);
    }
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_EQ(w->ends[i].in_order, w->ends[1 - i].goal);
        EXPECT(w->ends[i].is_at_end);
        EXPECT_STATUS(w->ends[i].error, OK);
    }
}

static void exchange_many(const struct link *link, unsigned times)
{
    world.link = *link;
    for (uint64_t seed = 1; seed <= times && !test_has_failed(); seed++) {
        exchange(&world, seed);
        if (test_has_failed()) {
            test_fail(__FILE__, __LINE__, "with seed %d", (int)seed);
        }
    }
}

TEST(two_machines_exchange_streams_over_a_good_link)
{
    exchange_many(&(struct link){.delay = 10 * MS, .buffer = 65536}, 100);
}

TEST(two_machines_exchange_streams_over_a_link_that_loses)
{
    exchange_many(&(struct link){.delay = 10 * MS, .buffer = 65536, .loss = 20}, 100);
    exchange_many(&(struct link){.delay = 10 * MS, .buffer = 65536, .loss = 150}, 50);
}

TEST(two_machines_exchange_streams_over_a_link_that_reorders_and_repeats)
{
    exchange_many(&(struct link){.delay = 20 * MS, .buffer = 65536, .late = 300, .repeats = 100},
                  200);
}

TEST(two_machines_exchange_streams_over_a_link_that_does_everything)
{
    exchange_many(&(struct link){.delay = 5 * MS,
                                 .buffer = 20000,
                                 .loss = 50,
                                 .late = 200,
                                 .repeats = 50,
                                 .burst = 65536},
                  200);
}

TEST(two_machines_exchange_streams_with_readers_that_are_slow)
{
    exchange_many(
        &(struct link){.delay = 2 * MS, .buffer = 8000, .loss = 20, .is_slow_reader = true}, 10);
}

TEST(two_machines_exchange_streams_through_tiny_buffers)
{
    exchange_many(&(struct link){.delay = MS, .buffer = 700, .loss = 20}, 10);
}
