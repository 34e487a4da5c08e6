// SPDX-License-Identifier: Apache-2.0
/*
 * Entries in the order in which they were added, for lists that are read step by step while they
 * change: a cursor is the number of the last entry that was read, and numbers are never used again.
 * The caller locks.
 */
#pragma once

#include "lib/base/rbtree.h"

struct series_node {
    struct rb_node node;
    uint64_t number;
};

struct series {
    struct rb_root root;
    uint64_t last; // number that was given last
};

static inline void series_add(struct series *s, struct series_node *n)
{
    struct rb_node **link = &s->root.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = &parent->right;
    }
    n->number = ++s->last;
    rb_insert(&s->root, &n->node, parent, link);
}

static inline void series_remove(struct series *s, struct series_node *n)
{
    rb_erase(&s->root, &n->node);
}

// The first entry behind the cursor; NULL: none.
static inline struct series_node *series_next(const struct series *s, uint64_t cursor)
{
    struct series_node *best = NULL;
    struct rb_node *at = s->root.node;
    while (at != NULL) {
        struct series_node *n = (struct series_node *)(void *)at; // the node comes first
        bool is_behind = n->number > cursor;
        best = is_behind ? n : best;
        at = is_behind ? at->left : at->right;
    }
    return best;
}
