// SPDX-License-Identifier: Apache-2.0
/* Sets that watch sets: no circles, and no deeper than a kernel stack bears. */
#include "kernel/core/mutex.h"
#include "kernel/ipc/epoll_priv.h"

static struct mutex nest_lock;

void epoll_nest_init(void)
{
    mutex_init(&nest_lock, "epoll nesting", RANK_MODULE);
}

enum direction { INWARD, OUTWARD };

static void queue(struct list *found, struct epoll *ep, unsigned depth)
{
    if (depth > ep->search_depth || list_is_empty(&ep->search_link)) {
        ep->search_depth = depth > ep->search_depth ? depth : ep->search_depth;
        list_del_init(&ep->search_link);
        list_add_tail(found, &ep->search_link);
    }
}

static void queue_neighbours(struct list *found, struct epoll *ep, enum direction direction)
{
    struct list *head = direction == INWARD ? &ep->inner : &ep->outer;
    list_for_each (node, head) {
        struct epoll *next = direction == INWARD
                                 ? epoll_of(container_of(node, struct epoll_item, inner_link)->file)
                                 : container_of(node, struct epoll_item, outer_link)->set;
        queue(found, next, ep->search_depth + 1);
    }
}

/*
 * The longest way from `from` in one direction, in sets beyond it; more than EPOLL_DEPTH_MAX when it
 * leads to `target`.  There is no circle yet, and no way is longer than that, so it ends.
 */
static unsigned longest_way(struct epoll *from, const struct epoll *target,
                            enum direction direction) REQUIRES(nest_lock)
{
    struct list found = LIST_INIT(found);
    unsigned longest = 0;
    from->search_depth = 0;
    list_add_tail(&found, &from->search_link);
    struct list *node;
    while ((node = list_first(&found)) != NULL) {
        struct epoll *ep = container_of(node, struct epoll, search_link);
        unsigned depth = ep->search_depth;
        list_del_init(node);
        longest = ep == target ? EPOLL_DEPTH_MAX + 1 : longest;
        longest = depth > longest ? depth : longest;
        queue_neighbours(&found, ep, direction);
        ep->search_depth = 0;
    }
    return longest;
}

status_t epoll_nest_add(struct epoll_item *item)
{
    if (!epoll_is_set(item->file)) {
        return OK;
    }
    struct epoll *inner = epoll_of(item->file);
    status_t status = ERR_LOOP;
    mutex_lock(&nest_lock);
    unsigned depth = longest_way(inner, item->set, INWARD) + 2;
    if (depth <= EPOLL_DEPTH_MAX) {
        depth += longest_way(item->set, NULL, OUTWARD);
    }
    if (depth <= EPOLL_DEPTH_MAX) {
        list_add_tail(&item->set->inner, &item->inner_link);
        list_add_tail(&inner->outer, &item->outer_link);
        status = OK;
    }
    mutex_unlock(&nest_lock);
    return status;
}

void epoll_nest_remove(struct epoll_item *item)
{
    if (epoll_is_set(item->file)) {
        mutex_lock(&nest_lock);
        list_del_init(&item->inner_link);
        list_del_init(&item->outer_link);
        mutex_unlock(&nest_lock);
    }
}
