// SPDX-License-Identifier: Apache-2.0
#include "lib/net/route.h"

#include "lib/base/bits.h"
#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static struct ip_addr address(const char *text)
{
    struct ip_addr a = IP_ANY;
    if (ip_parse(span_of(text, strlen(text)), &a) != OK) {
        test_fail(__FILE__, __LINE__, "not an address: %s", text);
    }
    return a;
}

// NULL: no memory, or it is there already.
static struct route_node *add(struct route_trie *t, const char *text, uint8_t prefix)
{
    struct ip_addr a = address(text);
    struct route_node *spare[2] = {test_alloc(sizeof(struct route_node)),
                                   test_alloc(sizeof(struct route_node))};
    struct route_node *n = NULL;
    if (spare[0] != NULL && spare[1] != NULL && route_find(t, &a, route_bits(&a, prefix)) == NULL) {
        n = route_insert(t, &a, route_bits(&a, prefix), spare);
    }
    test_free(spare[0]);
    test_free(spare[1]);
    return n;
}

static void drop(struct route_trie *t, struct route_node *n)
{
    struct route_node *freed[2];
    route_remove(t, n, freed);
    test_free(freed[0]);
    test_free(freed[1]);
}

static struct route_node *longest(const struct route_trie *t, const char *text)
{
    struct ip_addr a = address(text);
    return route_longest(t, &a);
}

TEST(an_empty_table_has_no_route)
{
    struct route_trie t = {};
    EXPECT(longest(&t, "10.0.0.1") == NULL);
    EXPECT(longest(&t, "::") == NULL);
}

TEST(the_longest_prefix_is_found_and_the_shorter_ones_behind_it)
{
    struct route_trie t = {};
    struct route_node *all = add(&t, "0.0.0.0", 0);
    struct route_node *ten = add(&t, "10.0.0.0", 8);
    struct route_node *net = add(&t, "10.1.2.0", 24);
    struct route_node *host = add(&t, "10.1.2.3", 32);
    EXPECT(longest(&t, "10.1.2.3") == host);
    EXPECT(route_shorter(host) == net);
    EXPECT(route_shorter(net) == ten);
    EXPECT(route_shorter(ten) == all);
    EXPECT(route_shorter(all) == NULL);
    EXPECT(longest(&t, "10.1.2.4") == net);
    EXPECT(longest(&t, "10.1.3.4") == ten);
    EXPECT(longest(&t, "11.1.3.4") == all);
    drop(&t, net);
    EXPECT(longest(&t, "10.1.2.4") == ten);
    EXPECT(longest(&t, "10.1.2.3") == host);
    drop(&t, host);
    drop(&t, all);
    drop(&t, ten);
    EXPECT(t.root == NULL);
    EXPECT_EQ(test_alloc_live(), 0);
}

TEST(default_routes_of_one_version_are_not_for_the_other)
{
    struct route_trie t = {};
    struct route_node *four = add(&t, "0.0.0.0", 0);
    EXPECT(longest(&t, "2001:db8::1") == NULL);
    struct route_node *six = add(&t, "::", 0);
    EXPECT(longest(&t, "2001:db8::1") == six);
    EXPECT(longest(&t, "192.0.2.1") == four);
    drop(&t, four);
    drop(&t, six);
    EXPECT_EQ(test_alloc_live(), 0);
}

TEST(a_prefix_that_only_joined_two_becomes_a_real_one_and_back)
{
    struct route_trie t = {};
    struct route_node *left = add(&t, "10.0.0.0", 25);
    struct route_node *right = add(&t, "10.0.0.128", 25);
    EXPECT(longest(&t, "10.0.1.1") == NULL);
    struct ip_addr net = address("10.0.0.0");
    EXPECT(route_find(&t, &net, route_bits(&net, 24)) == NULL);
    struct route_node *both = add(&t, "10.0.0.0", 24);
    EXPECT(route_find(&t, &net, route_bits(&net, 24)) == both);
    EXPECT(route_shorter(left) == both);
    drop(&t, both);
    EXPECT(longest(&t, "10.0.0.200") == right);
    EXPECT(route_shorter(right) == NULL);
    drop(&t, right);
    EXPECT(longest(&t, "10.0.0.200") == NULL);
    EXPECT(longest(&t, "10.0.0.100") == left);
    drop(&t, left);
    EXPECT_EQ(test_alloc_live(), 0);
}

enum { MODEL_MAX = 64 };

// A list of prefixes, searched from end to end.
struct model {
    struct route_node *nodes[MODEL_MAX];
    struct ip_addr keys[MODEL_MAX];
    uint8_t bits[MODEL_MAX];
    size_t count;
};

static bool has_bits(const struct ip_addr *a, const struct ip_addr *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++) {
        if (((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

static struct route_node *model_longest(const struct model *m, const struct ip_addr *a)
{
    struct route_node *best = NULL;
    int longest_bits = -1;
    for (size_t i = 0; i < m->count; i++) {
        if (m->bits[i] > longest_bits && has_bits(&m->keys[i], a, m->bits[i])) {
            best = m->nodes[i];
            longest_bits = m->bits[i];
        }
    }
    return best;
}

// Few different bytes, so that prefixes meet.
static struct ip_addr any_address(struct test_random *r)
{
    struct ip_addr a;
    for (size_t i = 0; i < IP6_SIZE; i++) {
        a.bytes[i] = test_random_below(r, 4) == 0 ? (uint8_t)test_random_next(r) : 0;
    }
    return a;
}

static void model_change(struct model *m, struct route_trie *t, struct test_random *r)
{
    if (m->count == MODEL_MAX || (m->count > 0 && test_random_below(r, 3) == 0)) {
        size_t i = test_random_below(r, m->count);
        drop(t, m->nodes[i]);
        m->count--;
        m->nodes[i] = m->nodes[m->count];
        m->keys[i] = m->keys[m->count];
        m->bits[i] = m->bits[m->count];
        return;
    }
    struct ip_addr a = any_address(r);
    uint8_t bits = (uint8_t)test_random_below(r, ROUTE_BITS_MAX + 1);
    struct route_node *spare[2] = {test_alloc(sizeof(struct route_node)),
                                   test_alloc(sizeof(struct route_node))};
    if (route_find(t, &a, bits) == NULL) {
        m->keys[m->count] = a;
        m->bits[m->count] = bits;
        m->nodes[m->count++] = route_insert(t, &a, bits, spare);
    }
    test_free(spare[0]);
    test_free(spare[1]);
}

TEST(the_table_agrees_with_a_list_over_random_changes)
{
    static struct model m;
    struct route_trie t = {};
    struct test_random r = {.state = 0x1234567};
    m.count = 0;
    for (unsigned step = 0; step < 4000 && !test_has_failed(); step++) {
        model_change(&m, &t, &r);
        struct ip_addr a = any_address(&r);
        EXPECT(route_longest(&t, &a) == model_longest(&m, &a));
        EXPECT(test_alloc_live() < 2 * m.count + 1);
    }
    while (m.count > 0) {
        drop(&t, m.nodes[--m.count]);
    }
    EXPECT(t.root == NULL);
    EXPECT_EQ(test_alloc_live(), 0);
}
