// SPDX-License-Identifier: Apache-2.0
#include "lib/base/rbtree.h"

#include "lib/base/bits.h"
#include "tests/harness/test.h"

enum { ITEMS = 300 };

struct item {
    struct rb_node node;
    unsigned key;
    unsigned weight;
    unsigned biggest; // weight of the subtree
    bool is_in;
};

static struct item *item_at(struct rb_node *node)
{
    return container_of(node, struct item, node);
}

static unsigned biggest_below(struct rb_node *node)
{
    return node == NULL ? 0 : item_at(node)->biggest;
}

static bool update(struct rb_node *node)
{
    struct item *i = item_at(node);
    unsigned biggest = (unsigned)u64_max(
        i->weight, u64_max(biggest_below(node->left), biggest_below(node->right)));
    bool is_changed = biggest != i->biggest;
    i->biggest = biggest;
    return is_changed;
}

static void add(struct rb_root *root, struct item *i)
{
    struct rb_node **link = &root->node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = i->key < item_at(parent)->key ? &parent->left : &parent->right;
    }
    i->biggest = 0;
    i->is_in = true;
    rb_insert_augmented(root, &i->node, parent, link, update);
}

// Walks in order and checks order, count, the subtree values, red parents and black heights.
static bool is_sound(const struct rb_root *root, size_t count)
{
    size_t seen = 0;
    unsigned last = 0;
    int height = -1;
    for (struct rb_node *n = rb_first(root); n != NULL; n = rb_next(n), seen++) {
        const struct item *i = item_at(n);
        bool is_red = (n->parent & 1) == 0;
        const struct rb_node *parent = rb_parent(n);
        if (i->key < last || update(n) || (is_red && parent != NULL && (parent->parent & 1) == 0)) {
            return false;
        }
        last = i->key;
        if (n->left == NULL || n->right == NULL) {
            int black = 0;
            for (const struct rb_node *up = n; up != NULL; up = rb_parent(up)) {
                black += (int)(up->parent & 1);
            }
            if (height != -1 && black != height) {
                return false;
            }
            height = black;
        }
    }
    return seen == count;
}

TEST(tree_stays_sound_under_random_operations)
{
    static struct item items[ITEMS];
    struct rb_root root = {};
    size_t count = 0;
    uint32_t seed = 1;
    for (size_t i = 0; i < ITEMS; i++) {
        // Weights in no relation to the order, and some alike.
        items[i] =
            (struct item){.key = (unsigned)(i * 7919 % 101), .weight = (unsigned)(i * 104729 % 97)};
    }
    for (int step = 0; step < 6000; step++) {
        seed = seed * 1664525 + 1013904223;
        struct item *i = &items[(seed >> 8) % ITEMS];
        if (i->is_in) {
            rb_erase_augmented(&root, &i->node, update);
            i->is_in = false;
            count--;
        } else {
            add(&root, i);
            count++;
        }
        if (step % 16 == 0) {
            EXPECT(is_sound(&root, count));
        }
    }
    EXPECT(is_sound(&root, count));
}

TEST(empty_tree_has_no_first_and_no_last)
{
    struct rb_root root = {};
    struct item one = {.key = 1};
    EXPECT(rb_first(&root) == NULL);
    EXPECT(rb_last(&root) == NULL);
    add(&root, &one);
    EXPECT(rb_first(&root) == &one.node);
    EXPECT(rb_last(&root) == &one.node);
    EXPECT(rb_next(&one.node) == NULL);
    EXPECT(rb_prev(&one.node) == NULL);
    rb_erase_augmented(&root, &one.node, update);
    EXPECT(rb_is_empty(&root));
    EXPECT(rb_first(&root) == NULL);
}

TEST(previous_is_the_reverse_of_next)
{
    static struct item items[50];
    struct rb_root root = {};
    for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
        items[i] = (struct item){.key = i * 31 % 50};
        add(&root, &items[i]);
    }
    unsigned expected = 50;
    for (struct rb_node *n = rb_last(&root); n != NULL; n = rb_prev(n)) {
        EXPECT_EQ(item_at(n)->key, --expected);
    }
    EXPECT_EQ(expected, 0u);
}
