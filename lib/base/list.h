// SPDX-License-Identifier: Apache-2.0
/*
 * Intrusive doubly linked list with a sentinel.  A node that is on no list points at itself after
 * list_init or list_del_init; list_del leaves it undefined.
 */
#pragma once

#include "lib/base/bits.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_between(struct list *node, struct list *prev, struct list *next)
{
    next->prev = node;
    node->next = next;
    node->prev = prev;
    prev->next = node;
}

static inline void list_add_head(struct list *head, struct list *node)
{
    list_insert_between(node, head, head->next);
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    list_insert_between(node, head->prev, head);
}

static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

static inline void list_del_init(struct list *node)
{
    list_del(node);
    list_init(node);
}

// First node, or NULL when the list is empty.
static inline struct list *list_first(const struct list *head)
{
    return head->next == head ? NULL : head->next;
}

// Takes the first node off the list, or gives NULL.
static inline struct list *list_pop(struct list *head)
{
    struct list *node = list_first(head);
    if (node != NULL) {
        list_del(node);
    }
    return node;
}

// Puts all nodes of `from` behind those of `to`.
static inline void list_move_all(struct list *from, struct list *to)
{
    if (!list_is_empty(from)) {
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
    }
}

#define list_for_each(node, head)                                                                  \
    for (struct list *node = (head)->next; node != (head); node = node->next)

// The body may delete `node`.
#define list_for_each_safe(node, head)                                                             \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);              \
         node = node##_next, node##_next = node->next)
