// SPDX-License-Identifier: Apache-2.0
/*
 * Connections in TIME_WAIT that nobody has open, as records in a hash table.  All last equally long, so
 * one list in the order of their beginning and one timer do for all.
 *
 * Locking: one spinlock (RANK_NET_PORTS).  It is held for a look-up or a few list operations.
 */
#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "kernel/net/tcp_priv.h"
#include "lib/tcp/time_wait.h"

enum {
    BUCKETS = 1024,
    RECORDS_MAX = 32768, // beyond it the oldest goes
};

struct record {
    struct list link;    // of its bucket
    struct list by_time; // of all
    struct inet_name local;
    struct inet_name peer;
    struct tcp_time_wait wait;
    nsec_t until;
};

static void expire(struct work *work);
static void expired(struct timer *timer);

static struct {
    struct spinlock lock;
    struct list *buckets; // [I] after boot
    struct list by_time;  // [l] the oldest first
    uint32_t count;       // [l]
    struct timer timer;
    struct work work;
} waits = {
    .lock = SPINLOCK_INIT("TIME_WAIT", RANK_NET_PORTS),
    .by_time = LIST_INIT(waits.by_time),
    .work = {.link = LIST_INIT(waits.work.link), .run = expire},
};

static struct record *of_time(struct list *node)
{
    return container_of(node, struct record, by_time);
}

// Ports and the low half of the peer's address differ most; who chooses them to collide makes TIME_WAITs
// of its own slow, and there are never more than RECORDS_MAX.
static struct list *bucket_of(const struct inet_name *local, const struct inet_name *peer)
{
    constexpr uint64_t GOLDEN = 0x9e3779b97f4a7c15ull;
    uint64_t h = peer->address.halves[1] ^ peer->address.halves[0];
    h = (h ^ ((uint64_t)local->port << 16 | peer->port)) * GOLDEN;
    h = (h ^ local->address.halves[1]) * GOLDEN;
    return &waits.buckets[h >> 54];
}

static void forget(struct record *r) REQUIRES(waits.lock)
{
    list_del(&r->link);
    list_del(&r->by_time);
    waits.count--;
}

static struct record *find(const struct tcp_incoming *in) REQUIRES(waits.lock)
{
    struct list *bucket = bucket_of(&in->local, &in->peer);
    list_for_each (node, bucket) {
        struct record *r = container_of(node, struct record, link);
        if (r->local.port == in->local.port && r->peer.port == in->peer.port &&
            ip_is_equal(&r->local.address, &in->local.address) &&
            ip_is_equal(&r->peer.address, &in->peer.address)) {
            return r;
        }
    }
    return NULL;
}

/* ---- Their end ---- */

static void expired(struct timer *timer)
{
    (void)timer;
    (void)work_queue(&waits.work);
}

static void expire(struct work *work)
{
    (void)work;
    nsec_t now = time_now();
    struct record *r;
    do {
        spin_lock(&waits.lock);
        struct list *first = list_first(&waits.by_time);
        r = first != NULL && of_time(first)->until <= now ? of_time(first) : NULL;
        if (r != NULL) {
            forget(r);
        } else if (first != NULL) {
            timer_start(&waits.timer, of_time(first)->until);
        }
        spin_unlock(&waits.lock);
        heap_free(r);
    } while (r != NULL);
}

/* ---- Their begin ---- */

void tcp_wait_add(const struct inet_name *local, const struct inet_name *peer,
                  const struct tcp *machine, nsec_t now)
{
    void *memory;
    if (heap_alloc(sizeof(struct record), &memory) != OK) {
        return;
    }
    struct record *r = memory;
    struct record *oldest = NULL;
    *r = (struct record){.local = *local, .peer = *peer, .until = now + TCP_TIME_WAIT_SPAN};
    tcp_time_wait_begin(machine, &r->wait);
    spin_lock(&waits.lock);
    if (waits.count == RECORDS_MAX) {
        oldest = of_time(list_first(&waits.by_time));
        forget(oldest);
    }
    bool is_first = waits.count++ == 0;
    list_add_head(bucket_of(local, peer), &r->link);
    list_add_tail(&waits.by_time, &r->by_time);
    if (is_first) {
        timer_start(&waits.timer, r->until);
    }
    spin_unlock(&waits.lock);
    heap_free(oldest);
}

/* ---- Segments for them ---- */

bool tcp_wait_input(const struct tcp_incoming *in, nsec_t now)
{
    struct tcp_segment answer;
    struct record *ended = NULL;
    enum tcp_time_wait_verdict verdict = TCP_TIME_WAIT_REUSE;
    spin_lock(&waits.lock);
    struct record *r = waits.count == 0 ? NULL : find(in);
    if (r != NULL) {
        verdict = tcp_time_wait_input(&r->wait, &in->segment, now, &answer);
        if (verdict == TCP_TIME_WAIT_END || verdict == TCP_TIME_WAIT_REUSE) {
            forget(r);
            ended = r;
        }
    }
    spin_unlock(&waits.lock);
    heap_free(ended);
    if (verdict == TCP_TIME_WAIT_ANSWER) {
        tcp_send_segment(&answer, &in->local.address, &in->peer.address, in->meta->netif);
    }
    return verdict != TCP_TIME_WAIT_REUSE;
}

void tcp_wait_init(void)
{
    void *memory;
    if (heap_alloc_array(BUCKETS, sizeof(struct list), &memory) != OK) {
        panic("no memory for TIME_WAIT");
    }
    waits.buckets = memory;
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&waits.buckets[i]);
    }
    timer_init(&waits.timer, expired);
}
