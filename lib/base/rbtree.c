// SPDX-License-Identifier: Apache-2.0
/*
 * Red-black trees as in Cormen, Leiserson, Rivest, Stein, chapter 13: 1. the root is black; 2. a red
 * node has black children; 3. all paths from a node down to NULL have equally many black nodes.
 */
#include "lib/base/rbtree.h"

#include "lib/base/attr.h"

enum { BLACK = 1 };
enum { LEFT, RIGHT };

static bool is_black(const struct rb_node *node)
{
    return (node->parent & BLACK) != 0;
}

// NULL counts as black.
static bool is_red(const struct rb_node *node)
{
    return node != NULL && !is_black(node);
}

static void set_parent(struct rb_node *node, const struct rb_node *parent)
{
    node->parent = (uintptr_t)parent | (node->parent & BLACK);
}

static void set_black(struct rb_node *node)
{
    node->parent |= BLACK;
}

static void set_red(struct rb_node *node)
{
    node->parent &= ~(uintptr_t)BLACK;
}

static void copy_colour(struct rb_node *to, const struct rb_node *from)
{
    to->parent = (to->parent & ~(uintptr_t)BLACK) | (from->parent & BLACK);
}

// Puts `new` (may be NULL) where `old` hangs.
static void replace_child(struct rb_root *root, const struct rb_node *old, struct rb_node *new,
                          struct rb_node *parent)
{
    if (parent == NULL) {
        root->node = new;
    } else {
        parent->child[parent->right == old] = new;
    }
}

// Moves `down` to the side `side`, and its child of the other side up in its place.
static void rotate(struct rb_root *root, struct rb_node *down, unsigned side, rb_update_t update)
{
    struct rb_node *up = down->child[!side];
    struct rb_node *inner = up->child[side];
    struct rb_node *parent = rb_parent(down);
    down->child[!side] = inner;
    if (inner != NULL) {
        set_parent(inner, down);
    }
    up->child[side] = down;
    set_parent(up, parent);
    replace_child(root, down, up, parent);
    set_parent(down, up);
    if (update != NULL) {
        update(down);
        update(up);
    }
}

void rb_propagate(struct rb_node *node, rb_update_t update)
{
    while (node != NULL && update(node)) {
        node = rb_parent(node);
    }
}

// A red node below a red parent breaks rule 2; the root is black, so there is a grandparent.
static NOINLINE void fix_insertion(struct rb_root *root, struct rb_node *node, rb_update_t update)
{
    struct rb_node *parent;
    while (is_red(parent = rb_parent(node))) {
        struct rb_node *grandparent = rb_parent(parent);
        unsigned side = grandparent->right == parent;
        struct rb_node *uncle = grandparent->child[!side];
        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grandparent);
            node = grandparent;
            continue;
        }
        if (parent->child[!side] == node) {
            rotate(root, parent, side, update);
            parent = node;
        }
        set_black(parent);
        set_red(grandparent);
        rotate(root, grandparent, !side, update);
        break;
    }
    set_black(root->node);
}

// Insertion and deletion are compiled twice, since most trees have no subtree values and every
// context switch pays for what is done here.
static ALWAYS_INLINE void insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                                 struct rb_node **link, rb_update_t update)
{
    if (parent == NULL || link == &root->leftmost->left) {
        root->leftmost = node;
    }
    node->parent = (uintptr_t)parent; // red
    node->left = NULL;
    node->right = NULL;
    *link = node;
    if (update != NULL) {
        update(node);
        rb_propagate(parent, update);
    }
    if (parent == NULL) {
        set_black(node);
    } else if (!is_black(parent)) {
        fix_insertion(root, node, update);
    }
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link)
{
    insert(root, node, parent, link, NULL);
}

void rb_insert_augmented(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                         struct rb_node **link, rb_update_t update)
{
    insert(root, node, parent, link, update);
}

// The subtree `node` (may be NULL) of `parent` is short of one black node.
static NOINLINE void fix_erasure(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                                 rb_update_t update)
{
    while (parent != NULL && !is_red(node)) {
        // A node that is NULL has a sibling, so it is not on both sides.
        unsigned side = parent->left != node;
        struct rb_node *sibling = parent->child[!side];
        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            rotate(root, parent, side, update);
            sibling = parent->child[!side];
        }
        struct rb_node *near = sibling->child[side];
        struct rb_node *far = sibling->child[!side];
        if (!is_red(near) && !is_red(far)) {
            set_red(sibling);
            node = parent;
            parent = rb_parent(node);
            continue;
        }
        if (!is_red(far)) {
            set_black(near);
            set_red(sibling);
            rotate(root, sibling, !side, update);
            far = sibling;
            sibling = near;
        }
        copy_colour(sibling, parent);
        set_black(parent);
        set_black(far);
        rotate(root, parent, side, update);
        return;
    }
    if (node != NULL) {
        set_black(node);
    }
}

/*
 * Takes out a node with at most one child.  By rules 2 and 3 such a child is a red leaf below a black
 * node, so it takes over place and colour.  True: the place below *parent is short of a black node.
 */
static bool unlink_simple(struct rb_root *root, const struct rb_node *node, struct rb_node **parent)
{
    struct rb_node *child = node->child[node->left == NULL];
    *parent = rb_parent(node);
    replace_child(root, node, child, *parent);
    if (child != NULL) {
        child->parent = node->parent;
        return false;
    }
    return is_black(node);
}

// Puts `next` where `node` is.
static void take_place(struct rb_root *root, struct rb_node *node, struct rb_node *next)
{
    next->left = node->left;
    next->right = node->right;
    next->parent = node->parent;
    replace_child(root, node, next, rb_parent(node));
    set_parent(next->left, next);
    if (next->right != NULL) {
        set_parent(next->right, next);
    }
}

// Recomputes from `from` to the root; `moved` is new in its place and must not end that early.
static void update_around(struct rb_node *from, struct rb_node *moved, rb_update_t update)
{
    while (from != moved && update(from)) {
        from = rb_parent(from);
    }
    update(moved);
    rb_propagate(rb_parent(moved), update);
}

static ALWAYS_INLINE void erase(struct rb_root *root, struct rb_node *node, rb_update_t update)
{
    struct rb_node *parent;
    bool is_short;
    if (node->left == NULL || node->right == NULL) {
        is_short = unlink_simple(root, node, &parent);
        if (root->leftmost == node) {
            // It has no left child, so its right one can only be a leaf.
            root->leftmost = node->right != NULL ? node->right : parent;
        }
        if (update != NULL) {
            rb_propagate(parent, update);
        }
    } else {
        // The next node in order has no left child; it takes the node's place.
        struct rb_node *next = rb_next(node);
        is_short = unlink_simple(root, next, &parent);
        take_place(root, node, next);
        parent = parent == node ? next : parent;
        if (update != NULL) {
            update_around(parent, next, update);
        }
    }
    if (is_short) {
        fix_erasure(root, NULL, parent, update);
    }
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
    erase(root, node, NULL);
}

void rb_erase_augmented(struct rb_root *root, struct rb_node *node, rb_update_t update)
{
    erase(root, node, update);
}

struct rb_node *rb_last(const struct rb_root *root)
{
    struct rb_node *node = root->node;
    while (node != NULL && node->right != NULL) {
        node = node->right;
    }
    return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right != NULL) {
        struct rb_node *next = node->right;
        while (next->left != NULL) {
            next = next->left;
        }
        return next;
    }
    struct rb_node *parent = rb_parent(node);
    while (parent != NULL && parent->right == node) {
        node = parent;
        parent = rb_parent(node);
    }
    return parent;
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    if (node->left != NULL) {
        struct rb_node *prev = node->left;
        while (prev->right != NULL) {
            prev = prev->right;
        }
        return prev;
    }
    struct rb_node *parent = rb_parent(node);
    while (parent != NULL && parent->left == node) {
        node = parent;
        parent = rb_parent(node);
    }
    return parent;
}
