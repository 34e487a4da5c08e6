// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/extent.h"

static struct extent *extent_of(const struct rb_node *node)
{
    return container_of(node, struct extent, node);
}

// Computes what a node knows of its subtree; true if anything changed.
static bool update(struct rb_node *node)
{
    struct extent *e = extent_of(node);
    uint64_t first = e->start;
    uint64_t last = e->end;
    uint64_t gap = 0;
    if (node->left != NULL) {
        const struct extent *left = extent_of(node->left);
        first = left->first;
        gap = u64_max(left->gap, e->start - left->last);
    }
    if (node->right != NULL) {
        const struct extent *right = extent_of(node->right);
        last = right->last;
        gap = u64_max(gap, u64_max(right->gap, right->first - e->end));
    }
    bool has_changed = e->first != first || e->last != last || e->gap != gap;
    e->first = first;
    e->last = last;
    e->gap = gap;
    return has_changed;
}

struct extent *extent_find(const struct extent_tree *tree, uint64_t at)
{
    struct extent *found = NULL;
    struct rb_node *node = tree->root.node;
    while (node != NULL) {
        struct extent *e = extent_of(node);
        if (e->end > at) {
            found = e;
            if (e->start <= at) {
                break;
            }
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

void extent_insert(struct extent_tree *tree, struct extent *e)
{
    struct rb_node **link = &tree->root.node;
    struct rb_node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = e->start < extent_of(parent)->start ? &parent->left : &parent->right;
    }
    rb_insert_augmented(&tree->root, &e->node, parent, link, update);
}

void extent_remove(struct extent_tree *tree, struct extent *e)
{
    rb_erase_augmented(&tree->root, &e->node, update);
}

void extent_resize(struct extent *e, uint64_t start, uint64_t end)
{
    e->start = start;
    e->end = end;
    rb_propagate(&e->node, update);
}

struct extent *extent_first(const struct extent_tree *tree)
{
    struct rb_node *node = rb_first(&tree->root);
    return node == NULL ? NULL : extent_of(node);
}

struct extent *extent_next(const struct extent *e)
{
    struct rb_node *node = rb_next(&e->node);
    return node == NULL ? NULL : extent_of(node);
}

bool extent_is_free(const struct extent_tree *tree, uint64_t start, uint64_t end)
{
    const struct extent *e = extent_find(tree, start);
    return e == NULL || e->start >= end;
}

// Start of the first gap of at least `size` inside a subtree whose `gap` promises one.
static uint64_t first_gap_inside(const struct rb_node *node, uint64_t size)
{
    for (;;) {
        const struct extent *e = extent_of(node);
        const struct extent *left = node->left == NULL ? NULL : extent_of(node->left);
        if (left != NULL && left->gap >= size) {
            node = node->left;
        } else if (left != NULL && e->start - left->last >= size) {
            return left->last;
        } else if (extent_of(node->right)->first - e->end >= size) {
            return e->end;
        } else {
            node = node->right;
        }
    }
}

// Start of the first gap of at least `size` behind `e`; the one behind the last extent is endless.
static uint64_t first_gap_behind(const struct extent *e, uint64_t size)
{
    const struct rb_node *node = &e->node;
    uint64_t end = e->end;
    for (;;) {
        // Everything left of `node`'s right subtree has been passed; it ends at `end`.
        if (node->right != NULL) {
            const struct extent *right = extent_of(node->right);
            if (right->first - end >= size) {
                return end;
            }
            if (right->gap >= size) {
                return first_gap_inside(node->right, size);
            }
            end = right->last;
        }
        const struct rb_node *parent = rb_parent(node);
        while (parent != NULL && parent->right == node) {
            node = parent;
            parent = rb_parent(node);
        }
        if (parent == NULL || extent_of(parent)->start - end >= size) {
            return end;
        }
        node = parent;
        end = extent_of(node)->end;
    }
}

bool extent_find_room(const struct extent_tree *tree, const struct extent_wish *wish, uint64_t *out)
{
    uint64_t at = wish->low;
    const struct extent *e = extent_find(tree, at);
    if (e != NULL && e->start <= at) {
        at = e->end;
        e = extent_next(e);
    }
    for (;;) {
        // [at, limit) is free.
        uint64_t limit = e == NULL ? wish->high : u64_min(e->start, wish->high);
        uint64_t aligned = align_up(at, wish->align);
        if (aligned >= at && aligned <= limit && limit - aligned >= wish->size) {
            *out = aligned;
            return true;
        }
        if (e == NULL || e->end >= wish->high) {
            return false;
        }
        at = first_gap_behind(e, wish->size);
        e = extent_find(tree, at);
    }
}
