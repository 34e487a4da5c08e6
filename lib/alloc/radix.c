// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/radix.h"

// Index bits below a slot of a node at `level`, counted from 1 at the bottom.
static unsigned level_shift(unsigned level)
{
    return RADIX_SHIFT * (level - 1);
}

static unsigned slot_index(uint64_t index, unsigned level)
{
    return (unsigned)(index >> level_shift(level)) & (RADIX_SLOTS - 1);
}

// Whether a tree of this height has a place for the index.
static bool reaches(unsigned height, uint64_t index)
{
    return RADIX_SHIFT * height >= 64 || index >> (RADIX_SHIFT * height) == 0;
}

// The first index behind the slot of `index` at `level`; 0: there is none.
static uint64_t behind_slot(uint64_t index, unsigned level)
{
    unsigned shift = level_shift(level);
    return shift >= 64 ? 0 : ((index >> shift) + 1) << shift;
}

void **radix_find(const struct radix *r, uint64_t index)
{
    if (!reaches(r->height, index)) {
        return NULL;
    }
    // The slot is not written through a const tree by us; whose it is decides the caller.
    void **slot = (void **)&r->root;
    for (unsigned level = r->height; level > 0; level--) {
        struct radix_node *node = *slot;
        if (node == NULL) {
            return NULL;
        }
        slot = &node->slots[slot_index(index, level)];
    }
    return slot;
}

// Adds levels on top until the index is in reach.
static status_t grow(struct radix *r, uint64_t index)
{
    while (!reaches(r->height, index)) {
        if (r->root != NULL) {
            struct radix_node *top = r->ops->alloc();
            if (top == NULL) {
                return ERR_NOMEM;
            }
            top->slots[0] = r->root;
            r->root = top;
        }
        r->height++;
    }
    return OK;
}

status_t radix_insert(struct radix *r, uint64_t index, void ***slot)
{
    status_t status = grow(r, index);
    if (status != OK) {
        return status;
    }
    void **at = &r->root;
    struct radix_node *node = NULL;
    for (unsigned level = r->height; level > 0; level--) {
        if (*at == NULL) {
            *at = r->ops->alloc();
            if (*at == NULL) {
                // Nodes made on the way stay; whoever erases a range there frees them.
                return ERR_NOMEM;
            }
        }
        node = *at;
        at = &node->slots[slot_index(index, level)];
    }
    r->leaf = node;
    r->leaf_index = index >> RADIX_SHIFT;
    *slot = at;
    return OK;
}

enum { GROUP = 8 }; // slots looked at together
static_assert(RADIX_SLOTS % GROUP == 0);

static bool is_group_empty(void *const *slots)
{
    uintptr_t seen = 0;
    for (unsigned i = 0; i < GROUP; i++) {
        seen |= (uintptr_t)slots[i];
    }
    return seen == 0;
}

// The first slot in use from *index on in a leaf.
static bool next_in_leaf(struct radix_node *leaf, uint64_t *index, void ***slot)
{
    uint64_t base = *index & ~(uint64_t)(RADIX_SLOTS - 1);
    for (unsigned i = slot_index(*index, 1); i < RADIX_SLOTS;) {
        if (i % GROUP == 0 && is_group_empty(&leaf->slots[i])) {
            i += GROUP;
            continue;
        }
        if (leaf->slots[i] != NULL) {
            *index = base + i;
            *slot = &leaf->slots[i];
            return true;
        }
        i++;
    }
    return false;
}

bool radix_next(const struct radix *r, uint64_t *index, void ***slot)
{
    if (r->height == 0) {
        *slot = (void **)&r->root;
        return *index == 0 && r->root != NULL;
    }
    uint64_t at = *index;
    while (reaches(r->height, at)) {
        unsigned level = r->height;
        struct radix_node *node = r->root;
        while (level > 1 && node != NULL) {
            node = node->slots[slot_index(at, level)];
            level--;
        }
        // An absent node is a hole as large as the slot above it.
        if (node != NULL && next_in_leaf(node, &at, slot)) {
            *index = at;
            return true;
        }
        at = behind_slot(at, level + 1);
        if (at == 0) {
            break;
        }
    }
    return false;
}

static bool is_empty(const struct radix_node *node)
{
    for (unsigned i = 0; i < RADIX_SLOTS; i += GROUP) {
        if (!is_group_empty(&node->slots[i])) {
            return false;
        }
    }
    return true;
}

// Frees the empty nodes on the way to `index`, lowest first.
static void prune(struct radix *r, uint64_t index)
{
    for (unsigned stop = 1; stop <= r->height; stop++) {
        void **slot = &r->root;
        for (unsigned level = r->height; level > stop && *slot != NULL; level--) {
            struct radix_node *node = *slot;
            slot = &node->slots[slot_index(index, level)];
        }
        struct radix_node *node = *slot;
        if (node != NULL && !is_empty(node)) {
            return;
        }
        if (node != NULL) {
            *slot = NULL;
            r->leaf = NULL;
            r->ops->free(node);
        }
    }
    r->height = 0;
}

// The node on the way to `index` nearest to the bottom, and its level; NULL when there is no node.
static struct radix_node *deepest(const struct radix *r, uint64_t index, unsigned *level)
{
    struct radix_node *node = NULL;
    void *const *slot = &r->root;
    *level = r->height + 1;
    while (*slot != NULL && *level > 1) {
        (*level)--;
        node = *slot;
        slot = (void *const *)&node->slots[slot_index(index, *level)];
    }
    return node;
}

static void erase_value(void **slot, uint64_t index,
                        void (*gone)(void *context, uint64_t index, void *value), void *context)
{
    void *value = *slot;
    if (value != NULL) {
        *slot = NULL;
        gone(context, index, value);
    }
}

// Removes the values of a leaf from `index` up to `end` or the end of the leaf.
static void erase_in_leaf(struct radix_node *leaf, uint64_t index, uint64_t end,
                          void (*gone)(void *context, uint64_t index, void *value), void *context)
{
    unsigned first = slot_index(index, 1);
    uint64_t base = index - first;
    unsigned last = end - base < RADIX_SLOTS ? (unsigned)(end - base) : RADIX_SLOTS;
    for (unsigned i = first; i < last;) {
        if (i % GROUP == 0 && is_group_empty(&leaf->slots[i])) {
            i += GROUP;
        } else {
            erase_value(&leaf->slots[i], base + i, gone, context);
            i++;
        }
    }
}

void radix_erase(struct radix *r, uint64_t start, uint64_t end,
                 void (*gone)(void *context, uint64_t index, void *value), void *context)
{
    if (r->height == 0) {
        if (start == 0 && end > 0) {
            erase_value(&r->root, 0, gone, context);
        }
        return;
    }
    for (uint64_t at = start; at < end && reaches(r->height, at) && r->height > 0;) {
        unsigned level;
        struct radix_node *node = deepest(r, at, &level);
        uint64_t next = behind_slot(at, level == 1 ? 2 : level);
        if (node != NULL && level == 1) {
            erase_in_leaf(node, at, end, gone, context);
        }
        prune(r, at);
        if (next == 0) {
            break;
        }
        at = next;
    }
}
