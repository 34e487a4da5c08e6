// SPDX-License-Identifier: Apache-2.0
#include "tests/netsim/net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bits.h"

enum { MILLION = 1000000 };

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void net_init(struct net *n, uint64_t seed)
{
    *n = (struct net){.random = {.state = seed * 0x9e3779b97f4a7c15 + 1}, .now = NSEC_PER_SEC};
}

void net_fini(struct net *n)
{
    while (n->count > 0) {
        free(net_take(n));
    }
    free(n->heap);
}

void net_fail(struct net *n, const char *format, ...)
{
    if (n->failure[0] != '\0') {
        return;
    }
    int at = snprintf(n->failure, sizeof(n->failure), "%.6f s: ", (double)n->now / 1e9);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(n->failure + at, sizeof(n->failure) - (size_t)at, format, arguments);
    va_end(arguments);
}

/* ---- The heap of packets under way ---- */

static bool is_before(const struct packet *a, const struct packet *b)
{
    return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void swap(struct net *n, size_t a, size_t b)
{
    struct packet *kept = n->heap[a];
    n->heap[a] = n->heap[b];
    n->heap[b] = kept;
}

static void put(struct net *n, struct packet *p)
{
    if (n->count == n->room) {
        n->room = n->room == 0 ? 64 : 2 * n->room;
        n->heap = must(realloc(n->heap, n->room * sizeof(struct packet *)));
    }
    size_t i = n->count++;
    n->heap[i] = p;
    while (i > 0 && is_before(n->heap[i], n->heap[(i - 1) / 2])) {
        swap(n, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

struct packet *net_take(struct net *n)
{
    struct packet *first = n->heap[0];
    n->heap[0] = n->heap[--n->count];
    for (size_t i = 0; 2 * i + 1 < n->count;) {
        size_t child = 2 * i + 1;
        if (child + 1 < n->count && is_before(n->heap[child + 1], n->heap[child])) {
            child++;
        }
        if (!is_before(n->heap[child], n->heap[i])) {
            break;
        }
        swap(n, i, child);
        i = child;
    }
    return first;
}

nsec_t net_next(const struct net *n)
{
    return n->count == 0 ? NSEC_NEVER : n->heap[0]->at;
}

/* ---- Links ---- */

static bool happens(struct net *n, uint32_t chance)
{
    return chance > 0 && test_random_below(&n->random, MILLION) < chance;
}

struct packet *packet_create(uint32_t size)
{
    struct packet *p = must(calloc(1, sizeof(*p) + size));
    p->size = size;
    return p;
}

// When the packet has left; 0: it was dropped.
static nsec_t pass_queue(struct net *n, struct link *l, uint32_t size)
{
    const struct link_config *c = &l->config;
    nsec_t start = u64_max(n->now, l->busy_until);
    if (c->rate == 0) {
        return start;
    }
    uint64_t waiting = (start - n->now) / 1000 * c->rate / 8 / MILLION;
    if (c->queue > 0 && waiting + size > c->queue) {
        l->dropped++;
        return 0;
    }
    l->busy_until = start + (uint64_t)size * 8 * NSEC_PER_SEC / c->rate;
    return l->busy_until;
}

static bool is_lost(struct net *n, struct link *l)
{
    if (n->now >= l->burst_until && happens(n, l->config.burst)) {
        l->burst_until = n->now + l->config.burst_time;
    }
    return n->now < l->burst_until || happens(n, l->config.loss);
}

static void deliver(struct net *n, struct link *l, struct packet *p, nsec_t left)
{
    const struct link_config *c = &l->config;
    p->number = n->number++;
    p->at = left + c->delay;
    if (happens(n, c->corrupt)) {
        p->bytes[test_random_below(&n->random, p->size)] ^= 1u << test_random_below(&n->random, 8);
    }
    if (happens(n, c->reorder)) {
        p->at += c->reorder_delay;
    } else {
        p->at += c->jitter > 0 ? test_random_below(&n->random, c->jitter) : 0;
        p->at = u64_max(p->at, l->last_arrival);
        l->last_arrival = p->at;
    }
    put(n, p);
}

void net_send(struct net *n, struct link *l, struct end *to, struct packet *p)
{
    p->to = to;
    nsec_t left = pass_queue(n, l, p->size + PACKET_OVERHEAD);
    if (left == 0) {
        free(p);
        return;
    }
    if (is_lost(n, l)) {
        l->lost++;
        free(p);
        return;
    }
    if (happens(n, l->config.duplicate)) {
        struct packet *copy = packet_create(p->size);
        memcpy(copy->bytes, p->bytes, p->size);
        copy->to = to;
        copy->is_copy = true;
        deliver(n, l, copy, left);
    }
    deliver(n, l, p, left);
}
