// SPDX-License-Identifier: Apache-2.0
/*
 * Intrusive red-black tree.  The caller walks down itself, so comparison is inlined:
 *
 *     struct rb_node **link = &root->node, *parent = NULL;
 *     while (*link != NULL) {
 *         parent = *link;
 *         link = goes_left(parent) ? &parent->left : &parent->right;
 *     }
 *     rb_insert(root, node, parent, link);
 *
 * An augmented tree keeps a value of each subtree in its root node: `update` computes a node's value
 * from the node and its children and says whether it changed.  The tree calls it wherever a subtree
 * changes.  A caller that changes a node's own value calls rb_propagate.
 *
 * No recursion, no allocation; insertion and deletion are O(log n), rb_first is O(1).
 */
#pragma once

#include "lib/base/types.h"

struct rb_node {
    uintptr_t parent; // address of the parent; bit 0: black
    union {
        struct {
            struct rb_node *left;
            struct rb_node *right;
        };
        struct rb_node *child[2];
    };
};

struct rb_root {
    struct rb_node *node;     // NULL: empty
    struct rb_node *leftmost; // first in order
};

typedef bool (*rb_update_t)(struct rb_node *node);

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link);
void rb_erase(struct rb_root *root, struct rb_node *node);

void rb_insert_augmented(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                         struct rb_node **link, rb_update_t update);
void rb_erase_augmented(struct rb_root *root, struct rb_node *node, rb_update_t update);

// Recomputes from `node` to the root, stopping where nothing changes.  `node` may be NULL.
void rb_propagate(struct rb_node *node, rb_update_t update);

static inline bool rb_is_empty(const struct rb_root *root)
{
    return root->node == NULL;
}

static inline struct rb_node *rb_parent(const struct rb_node *node)
{
    return (struct rb_node *)(node->parent & ~(uintptr_t)1);
}

static inline struct rb_node *rb_first(const struct rb_root *root)
{
    return root->leftmost;
}

// In order; NULL at the ends.
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
