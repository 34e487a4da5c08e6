// SPDX-License-Identifier: Apache-2.0
/*
 * Red-black trees as in Cormen, Leiserson, Rivest, Stein, chapter 13: 1. the root is black; 2. a red
 * node has black children; 3. all paths from a node down to NULL have equally many black nodes.
 */
#include "lib/base/rbtree.h"

enum { BLACK = 1 };

static bool is_black(const struct rb_node *node)
{
    return node == NULL || (node->parent & BLACK) != 0;
}

static bool is_red(const struct rb_node *node)
{
    return !is_black(node);
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
    } else if (parent->left == old) {
        parent->left = new;
    } else {
        parent->right = new;
    }
}

static void rotate_left(struct rb_root *root, struct rb_node *down, rb_update_t update)
{
    struct rb_node *up = down->right;
    struct rb_node *parent = rb_parent(down);
    down->right = up->left;
    if (up->left != NULL) {
        set_parent(up->left, down);
    }
    up->left = down;
    set_parent(up, parent);
    replace_child(root, down, up, parent);
    set_parent(down, up);
    if (update != NULL) {
        update(down);
        update(up);
    }
}

static void rotate_right(struct rb_root *root, struct rb_node *down, rb_update_t update)
{
    struct rb_node *up = down->left;
    struct rb_node *parent = rb_parent(down);
    down->left = up->right;
    if (up->right != NULL) {
        set_parent(up->right, down);
    }
    up->right = down;
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

// The new node is red; a red parent breaks rule 2.
static void fix_insertion(struct rb_root *root, struct rb_node *node, rb_update_t update)
{
    struct rb_node *parent;
    while ((parent = rb_parent(node)) != NULL && is_red(parent)) {
        struct rb_node *grandparent = rb_parent(parent);
        bool is_left = grandparent->left == parent;
        struct rb_node *uncle = is_left ? grandparent->right : grandparent->left;
        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grandparent);
            node = grandparent;
            continue;
        }
        if (is_left && parent->right == node) {
            rotate_left(root, parent, update);
            parent = node;
        } else if (!is_left && parent->left == node) {
            rotate_right(root, parent, update);
            parent = node;
        }
        set_black(parent);
        set_red(grandparent);
        if (is_left) {
            rotate_right(root, grandparent, update);
        } else {
            rotate_left(root, grandparent, update);
        }
        break;
    }
    set_black(root->node);
}

void rb_insert_augmented(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                         struct rb_node **link, rb_update_t update)
{
    if (root->leftmost == NULL || link == &root->leftmost->left) {
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
    fix_insertion(root, node, update);
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
               struct rb_node **link)
{
    rb_insert_augmented(root, node, parent, link, NULL);
}

// `node` (may be NULL) below `parent` is short of one black node.  Left and right mirror each other.
static void fix_erasure(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
                        rb_update_t update)
{
    void (*rotate[2])(struct rb_root *, struct rb_node *, rb_update_t) = {rotate_left,
                                                                          rotate_right};
    while (parent != NULL && is_black(node)) {
        bool is_right = parent->left != node;
        struct rb_node *sibling = is_right ? parent->left : parent->right;
        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            rotate[is_right](root, parent, update);
            sibling = is_right ? parent->left : parent->right;
        }
        struct rb_node *near = is_right ? sibling->right : sibling->left;
        struct rb_node *far = is_right ? sibling->left : sibling->right;
        if (is_black(near) && is_black(far)) {
            set_red(sibling);
            node = parent;
            parent = rb_parent(node);
            continue;
        }
        if (is_black(far)) {
            set_black(near);
            set_red(sibling);
            rotate[!is_right](root, sibling, update);
            far = sibling;
            sibling = near;
        }
        copy_colour(sibling, parent);
        set_black(parent);
        set_black(far);
        rotate[is_right](root, parent, update);
        return;
    }
    if (node != NULL) {
        set_black(node);
    }
}

// Takes out a node with at most one child.  Gives the child and where it hangs now.
static struct rb_node *unlink_simple(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *child = node->left != NULL ? node->left : node->right;
    struct rb_node *parent = rb_parent(node);
    replace_child(root, node, child, parent);
    if (child != NULL) {
        set_parent(child, parent);
    }
    return child;
}

static void update_to_root(struct rb_node *node, rb_update_t update)
{
    for (; update != NULL && node != NULL; node = rb_parent(node)) {
        update(node);
    }
}

void rb_erase_augmented(struct rb_root *root, struct rb_node *node, rb_update_t update)
{
    if (root->leftmost == node) {
        root->leftmost = rb_next(node);
    }
    struct rb_node *child;
    struct rb_node *parent;
    bool was_black;
    if (node->left == NULL || node->right == NULL) {
        parent = rb_parent(node);
        was_black = is_black(node);
        child = unlink_simple(root, node);
    } else {
        // The next node in order has no left child; it takes the node's place.
        struct rb_node *next = rb_next(node);
        was_black = is_black(next);
        parent = rb_parent(next);
        child = unlink_simple(root, next);
        if (parent == node) {
            parent = next;
        }
        next->left = node->left;
        next->right = node->right;
        next->parent = node->parent;
        replace_child(root, node, next, rb_parent(node));
        set_parent(next->left, next);
        if (next->right != NULL) {
            set_parent(next->right, next);
        }
    }
    update_to_root(parent, update);
    if (was_black) {
        fix_erasure(root, child, parent, update);
    }
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
    rb_erase_augmented(root, node, NULL);
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
