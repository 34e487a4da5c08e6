// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/tcp_table.h"

#include "kernel/core/mutex.h"
#include "kernel/core/random.h"
#include "kernel/mm/heap.h"
#include "lib/base/string.h"

enum { BUCKETS_FIRST = 16, SHARD_SHIFT = 26 }; // shards by the high bits, buckets by the low ones

static struct {
    struct tcp_shard *shards; // [I] TCP_SHARDS of them
    uint64_t keys[4];         // [I] once there is a secret
    struct tcp_secret secret; // [I] the same
    _Atomic bool has_secret;  // [a] set (release) behind these
    struct mutex secret_lock;
    void (*due)(struct tcp_shard *s); // [I]
} table = {.secret_lock = MUTEX_INIT(table.secret_lock, "secret of TCP", RANK_MODULE)};

static const nsec_t times[TCP_STEPS] = {
    1 * NSEC_PER_SEC,  2 * NSEC_PER_SEC,  4 * NSEC_PER_SEC,  8 * NSEC_PER_SEC,
    16 * NSEC_PER_SEC, 32 * NSEC_PER_SEC, 60 * NSEC_PER_SEC,
};

/* ---- Secrets ---- */

void tcp_secret_make(void)
{
    if (atomic_load_explicit(&table.has_secret, memory_order_acquire)) {
        return;
    }
    mutex_lock(&table.secret_lock);
    if (!atomic_load_explicit(&table.has_secret, memory_order_relaxed)) {
        random_bytes(table.keys, sizeof(table.keys));
        random_bytes(&table.secret, sizeof(table.secret));
        atomic_store_explicit(&table.has_secret, true, memory_order_release);
    }
    mutex_unlock(&table.secret_lock);
}

const struct tcp_secret *tcp_secret_get(void)
{
    return atomic_load_explicit(&table.has_secret, memory_order_acquire) ? &table.secret : NULL;
}

// The two halves of the product: whoever does not know the keys cannot tell which names fall together.
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t tcp_table_hash(const struct tcp_names *n)
{
    const uint64_t *k = table.keys;
    uint64_t ports = (uint64_t)n->local_port << 16 | n->peer_port;
    uint64_t low = fold(n->local.halves[1] ^ k[0], n->peer.halves[1] ^ k[1]);
    uint64_t high = fold(n->local.halves[0] ^ k[2], n->peer.halves[0] ^ k[3]);
    uint64_t h = fold(low ^ k[3], ports ^ high ^ k[2]);
    return (uint32_t)(h ^ h >> 32);
}

/* ---- Buckets ---- */

struct tcp_shard *tcp_table_shard(uint32_t hash)
{
    return &table.shards[hash >> SHARD_SHIFT];
}

struct tcp_shard *tcp_table_at(size_t index)
{
    return &table.shards[index];
}

void tcp_entry_init(struct tcp_entry *e, enum tcp_entry_kind kind, const struct tcp_names *n,
                    uint32_t netif)
{
    *e = (struct tcp_entry){.names = *n, .netif = netif, .kind = kind, .hash = tcp_table_hash(n)};
    list_init(&e->link);
}

static bool is_named(const struct tcp_entry *e, const struct tcp_names *n, uint32_t netif)
{
    return e->names.peer_port == n->peer_port && e->names.local_port == n->local_port &&
           ip_is_equal(&e->names.peer, &n->peer) && ip_is_equal(&e->names.local, &n->local) &&
           (e->netif == 0 || netif == 0 || e->netif == netif);
}

struct tcp_entry *tcp_shard_find(const struct tcp_shard *s, const struct tcp_names *n,
                                 uint32_t netif, uint32_t hash)
{
    list_for_each (node, &s->buckets[hash & s->mask]) {
        struct tcp_entry *e = container_of(node, struct tcp_entry, link);
        if (e->hash == hash && is_named(e, n, netif)) {
            return e;
        }
    }
    return NULL;
}

static status_t create_buckets(uint32_t count, struct list **out)
{
    void *memory;
    status_t status = heap_alloc(count * sizeof(struct list), &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    for (uint32_t i = 0; i < count; i++) {
        list_init(&(*out)[i]);
    }
    return OK;
}

// Twice as many buckets; without memory it stays as it is.
static void grow(struct tcp_shard *s) REQUIRES(s -> lock)
{
    struct list *old = s->buckets;
    uint32_t old_count = s->mask + 1;
    struct list *new;
    if (create_buckets(2 * old_count, &new) != OK) {
        return;
    }
    s->buckets = new;
    s->mask = 2 * old_count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct list *node; (node = list_pop(&old[i])) != NULL;) {
            const struct tcp_entry *e = container_of(node, struct tcp_entry, link);
            list_add_head(&new[e->hash & s->mask], node);
        }
    }
    heap_free(old);
}

void tcp_shard_add(struct tcp_shard *s, struct tcp_entry *e)
{
    if (s->count > s->mask) {
        grow(s);
    }
    list_add_head(&s->buckets[e->hash & s->mask], &e->link);
    e->is_entered = true;
    s->count++;
}

void tcp_shard_remove(struct tcp_shard *s, struct tcp_entry *e)
{
    list_del_init(&e->link);
    e->is_entered = false;
    s->count--;
}

/* ---- Times ---- */

static struct tcp_record *record_in(struct list *node)
{
    return container_of(node, struct tcp_record, due_link);
}

static void arm(struct tcp_shard *s, nsec_t at) REQUIRES(s -> lock)
{
    if (at < s->armed_for) {
        s->armed_for = at;
        timer_start(&s->timer, at);
    }
}

void tcp_shard_time(struct tcp_shard *s, struct tcp_record *r, uint8_t step, nsec_t now)
{
    list_del(&r->due_link);
    r->step = step;
    r->due_at = now + times[step];
    list_add_tail(&s->due[step], &r->due_link);
    arm(s, r->due_at);
}

void tcp_shard_untime(struct tcp_record *r)
{
    list_del_init(&r->due_link);
}

struct tcp_record *tcp_shard_due(struct tcp_shard *s, nsec_t now)
{
    nsec_t next = NSEC_NEVER;
    s->armed_for = NSEC_NEVER;
    for (size_t i = 0; i < TCP_STEPS; i++) {
        struct list *node = list_first(&s->due[i]);
        if (node == NULL) {
            continue;
        }
        struct tcp_record *r = record_in(node);
        if (r->due_at <= now) {
            list_del_init(node);
            return r;
        }
        next = u64_min(next, r->due_at);
    }
    arm(s, next);
    return NULL;
}

static void timer_expired(struct timer *t)
{
    (void)work_queue(&container_of(t, struct tcp_shard, timer)->work);
}

static void work_due(struct work *w)
{
    table.due(container_of(w, struct tcp_shard, work));
}

void tcp_table_set_due(void (*due)(struct tcp_shard *s))
{
    table.due = due;
}

static status_t init_shard(struct tcp_shard *s)
{
    spin_init(&s->lock, "connections of TCP", RANK_NET_PORTS);
    s->mask = BUCKETS_FIRST - 1;
    s->armed_for = NSEC_NEVER;
    for (size_t i = 0; i < TCP_STEPS; i++) {
        list_init(&s->due[i]);
    }
    timer_init(&s->timer, timer_expired);
    work_init(&s->work, work_due);
    return create_buckets(BUCKETS_FIRST, &s->buckets);
}

status_t tcp_table_init(void)
{
    void *memory;
    status_t status = heap_alloc_array(TCP_SHARDS, sizeof(struct tcp_shard), &memory);
    if (status != OK) {
        return status;
    }
    table.shards = memory;
    for (size_t i = 0; status == OK && i < TCP_SHARDS; i++) {
        status = init_shard(&table.shards[i]);
    }
    return status;
}
