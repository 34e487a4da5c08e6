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

enum {
    GROUP = 8, // slots looked at together
    LEVELS_MAX = (64 + RADIX_SHIFT - 1) / RADIX_SHIFT,
};
static_assert(RADIX_SLOTS % GROUP == 0);

static bool is_group_empty(void *const *slots)
{
    uintptr_t seen = 0;
    for (unsigned i = 0; i < GROUP; i++) {
        seen |= (uintptr_t)slots[i];
    }
    return seen == 0;
}

// The first slot in use in [i, end); `end`: none is.
static unsigned first_used(void *const *slots, unsigned i, unsigned end)
{
    while (i < end && slots[i] == NULL) {
        i += i % GROUP == 0 && is_group_empty(&slots[i]) ? GROUP : 1;
    }
    return i < end ? i : end;
}

// Behind the last slot in use in [first, end), of which one is in use.
static unsigned behind_used(void *const *slots, unsigned end)
{
    while (slots[end - 1] == NULL) {
        end -= end % GROUP == 0 && is_group_empty(&slots[end - GROUP]) ? GROUP : 1;
    }
    return end;
}

// The values in slots [first, end) of a leaf, whose slot 0 is that of index `base`.
static bool run_between(struct radix_node *leaf, uint64_t base, unsigned first, unsigned end,
                        struct radix_run *run)
{
    first = first_used(leaf->slots, first, end);
    if (first == end) {
        return false;
    }
    run->slots = &leaf->slots[first];
    run->index = base + first;
    run->count = behind_used(leaf->slots, end) - first;
    return true;
}

// The values of a leaf from `index` up to `end` or the end of the leaf.
static bool run_in_leaf(struct radix_node *leaf, uint64_t index, uint64_t end,
                        struct radix_run *run)
{
    uint64_t base = index & ~(uint64_t)(RADIX_SLOTS - 1);
    unsigned last = end - base < RADIX_SLOTS ? (unsigned)(end - base) : RADIX_SLOTS;
    return run_between(leaf, base, slot_index(index, 1), last, run);
}

// The lowest node on the way to *index, or to where behind it there is one; NULL: nowhere.
static struct radix_node *next_leaf(const struct radix *r, uint64_t *index)
{
    while (reaches(r->height, *index)) {
        unsigned level = r->height;
        struct radix_node *node = r->root;
        while (level > 1 && node != NULL) {
            node = node->slots[slot_index(*index, level)];
            level--;
        }
        if (node != NULL) {
            return node;
        }
        // An absent node is a hole as large as the slot above it.
        *index = behind_slot(*index, level + 1);
        if (*index == 0) {
            break;
        }
    }
    return NULL;
}

bool radix_next_run(const struct radix *r, uint64_t start, uint64_t end, struct radix_run *run)
{
    if (r->height == 0) {
        *run = (struct radix_run){.slots = (void **)&r->root, .count = 1};
        return start == 0 && end > 0 && r->root != NULL;
    }
    for (uint64_t at = start; at < end;) {
        struct radix_node *leaf = next_leaf(r, &at);
        if (leaf == NULL || at >= end) {
            return false;
        }
        if (run_in_leaf(leaf, at, end, run)) {
            return true;
        }
        at = behind_slot(at, 2);
        if (at == 0) {
            break;
        }
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
    for (struct radix_node *leaf = next_leaf(r, &at); leaf != NULL; leaf = next_leaf(r, &at)) {
        unsigned i = first_used(leaf->slots, slot_index(at, 1), RADIX_SLOTS);
        if (i < RADIX_SLOTS) {
            *index = (at & ~(uint64_t)(RADIX_SLOTS - 1)) + i;
            *slot = &leaf->slots[i];
            return true;
        }
        at = behind_slot(at, 2);
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

// Frees the empty nodes on the way to `index`, lowest first.  That there is nothing in the lowest one
// may be known.
static void prune(struct radix *r, uint64_t index, bool is_leaf_empty)
{
    for (unsigned stop = 1; stop <= r->height; stop++) {
        void **slot = &r->root;
        for (unsigned level = r->height; level > stop && *slot != NULL; level--) {
            struct radix_node *node = *slot;
            slot = &node->slots[slot_index(index, level)];
        }
        struct radix_node *node = *slot;
        bool is_known = stop == 1 && is_leaf_empty;
        if (node != NULL && !is_known && !is_empty(node)) {
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

static void erase_run(const struct radix_run *run,
                      void (*gone)(void *context, const struct radix_run *run), void *context)
{
    gone(context, run);
    for (unsigned i = 0; i < run->count; i++) {
        run->slots[i] = NULL;
    }
}

void radix_erase(struct radix *r, uint64_t start, uint64_t end,
                 void (*gone)(void *context, const struct radix_run *run), void *context)
{
    struct radix_run run;
    if (r->height == 0) {
        if (radix_next_run(r, start, end, &run)) {
            erase_run(&run, gone, context);
        }
        return;
    }
    for (uint64_t at = start; at < end && reaches(r->height, at) && r->height > 0;) {
        unsigned level;
        struct radix_node *node = deepest(r, at, &level);
        uint64_t next = behind_slot(at, level == 1 ? 2 : level);
        if (node != NULL && level == 1 && run_in_leaf(node, at, end, &run)) {
            erase_run(&run, gone, context);
        }
        prune(r, at, slot_index(at, 1) == 0 && end - at >= RADIX_SLOTS);
        if (next == 0) {
            break;
        }
        at = next;
    }
}

struct step {
    struct radix_node *node;
    uint64_t index; // the lowest below the node
    unsigned next;  // slot to look at
};

// Goes down to the first child not visited yet; a node without one goes, and its parent goes on.
static void clear_nodes(struct radix *r, void (*gone)(void *context, const struct radix_run *run),
                        void *context)
{
    struct step path[LEVELS_MAX];
    struct radix_run run;
    unsigned level = r->height;
    path[level - 1] = (struct step){.node = r->root};
    while (level <= r->height) {
        struct step *s = &path[level - 1];
        unsigned child = RADIX_SLOTS;
        if (level > 1) {
            child = first_used(s->node->slots, s->next, RADIX_SLOTS);
        } else if (run_between(s->node, s->index, 0, RADIX_SLOTS, &run)) {
            gone(context, &run);
        }
        if (child < RADIX_SLOTS) {
            uint64_t index = s->index + ((uint64_t)child << level_shift(level));
            s->next = child + 1;
            level--;
            path[level - 1] = (struct step){.node = s->node->slots[child], .index = index};
        } else {
            r->ops->free(s->node);
            level++;
        }
    }
}

void radix_clear(struct radix *r, void (*gone)(void *context, const struct radix_run *run),
                 void *context)
{
    struct radix_run run;
    if (r->height == 0) {
        if (radix_next_run(r, 0, 1, &run)) {
            gone(context, &run);
        }
    } else if (r->root != NULL) {
        clear_nodes(r, gone, context);
    }
    radix_init(r, r->ops);
}
