// SPDX-License-Identifier: Apache-2.0
#include "lib/net/route.h"

#include "lib/base/bits.h"

static uint64_t half_of(const struct ip_addr *a, unsigned half)
{
    return __builtin_bswap64(a->halves[half]);
}

static unsigned bit_of(const struct ip_addr *a, unsigned bit)
{
    return a->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

// How many of the first bits agree.
static unsigned common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
    uint64_t high = half_of(a, 0) ^ half_of(b, 0);
    if (high != 0) {
        return (unsigned)__builtin_clzll(high);
    }
    uint64_t low = half_of(a, 1) ^ half_of(b, 1);
    return low != 0 ? 64 + (unsigned)__builtin_clzll(low) : ROUTE_BITS_MAX;
}

static struct ip_addr cut(const struct ip_addr *a, unsigned bits)
{
    struct ip_addr result = {};
    for (unsigned i = 0; i < IP6_SIZE; i++) {
        unsigned left = bits > 8 * i ? (unsigned)u64_min(bits - 8 * i, 8) : 0;
        result.bytes[i] = (uint8_t)(a->bytes[i] & 0xff00u >> left);
    }
    return result;
}

struct route_node *route_find(const struct route_trie *t, const struct ip_addr *key, uint8_t bits)
{
    struct route_node *n = t->root;
    while (n != NULL && n->bits < bits) {
        n = n->child[bit_of(key, n->bits)];
    }
    bool is_it = n != NULL && n->bits == bits && n->is_prefix && common_bits(&n->key, key) >= bits;
    return is_it ? n : NULL;
}

struct route_node *route_longest(const struct route_trie *t, const struct ip_addr *a)
{
    struct route_node *best = NULL;
    for (struct route_node *n = t->root; n != NULL && common_bits(&n->key, a) >= n->bits;
         n = n->child[bit_of(a, n->bits)]) {
        best = n->is_prefix ? n : best;
        if (n->bits == ROUTE_BITS_MAX) {
            break;
        }
    }
    return best;
}

struct route_node *route_shorter(const struct route_node *n)
{
    struct route_node *above = n->parent;
    while (above != NULL && !above->is_prefix) {
        above = above->parent;
    }
    return above;
}

// Where the trie points at `n`.
static struct route_node **place_of(struct route_trie *t, struct route_node *n)
{
    struct route_node *above = n->parent;
    return above == NULL ? &t->root : &above->child[above->child[1] == n];
}

static struct route_node *take(struct route_node *spare[static 2])
{
    struct route_node *n = spare[0] != NULL ? spare[0] : spare[1];
    spare[spare[0] != NULL ? 0 : 1] = NULL;
    return n;
}

static struct route_node *make(struct route_node *n, const struct ip_addr *key, unsigned bits,
                               struct route_node *parent)
{
    *n = (struct route_node){.key = cut(key, bits), .bits = (uint8_t)bits, .parent = parent};
    return n;
}

static void put_below(struct route_node *above, struct route_node *n)
{
    above->child[bit_of(&n->key, above->bits)] = n;
    n->parent = above;
}

struct route_node *route_insert(struct route_trie *t, const struct ip_addr *key, uint8_t bits,
                                struct route_node *spare[static 2])
{
    struct route_node *parent = NULL;
    struct route_node **place = &t->root;
    unsigned common = 0;
    while (*place != NULL) {
        common = (unsigned)u64_min(common_bits(&(*place)->key, key), bits);
        if (common < (*place)->bits || (*place)->bits == bits) {
            break;
        }
        parent = *place;
        place = &parent->child[bit_of(key, parent->bits)];
    }
    struct route_node *there = *place;
    if (there != NULL && there->bits == bits && common == bits) {
        there->is_prefix = true; // one that joined two until now
        return there;
    }
    struct route_node *n = make(take(spare), key, bits, parent);
    n->is_prefix = true;
    if (there == NULL) {
        *place = n;
    } else if (common == bits) { // above what is there
        *place = n;
        put_below(n, there);
    } else {
        struct route_node *join = make(take(spare), key, common, parent);
        *place = join;
        put_below(join, there);
        put_below(join, n);
    }
    return n;
}

// Takes a node with less than two below it out.
static void splice(struct route_trie *t, struct route_node *n)
{
    struct route_node *below = n->child[0] != NULL ? n->child[0] : n->child[1];
    *place_of(t, n) = below;
    if (below != NULL) {
        below->parent = n->parent;
    }
}

static bool is_needed(const struct route_node *n)
{
    return n->is_prefix || (n->child[0] != NULL && n->child[1] != NULL);
}

void route_remove(struct route_trie *t, struct route_node *n, struct route_node *freed[static 2])
{
    freed[0] = NULL;
    freed[1] = NULL;
    n->is_prefix = false;
    if (is_needed(n)) {
        return;
    }
    struct route_node *above = n->parent;
    splice(t, n);
    freed[0] = n;
    if (above != NULL && !is_needed(above)) {
        splice(t, above);
        freed[1] = above;
    }
}
