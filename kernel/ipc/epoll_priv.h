// SPDX-License-Identifier: Apache-2.0
/* The insides of epoll sets, for epoll.c and epoll_nest.c. */
#pragma once

#include "kernel/core/worker.h"
#include "kernel/ipc/epoll.h"
#include "lib/base/rbtree.h"
#include "lib/base/refcount.h"

constexpr uint32_t EPOLL_ONCE = 1u << 30;
constexpr uint32_t EPOLL_EDGE = 1u << 31;
constexpr uint32_t EPOLL_OPTIONS = EPOLL_ONCE | EPOLL_EDGE;
constexpr uint32_t EPOLL_EVENTS = (1u << 28) - 1;

enum epoll_state : uint8_t {
    EPOLL_IDLE,
    EPOLL_READY,
    EPOLL_LOOKED_AT,
    EPOLL_DEAD,
};

struct epoll {
    struct file file;
    struct spinlock lock;
    struct rb_root items; // [lock] struct epoll_item.node
    size_t size;          // [lock]
    struct list ready;    // [lock] struct epoll_item.ready_link
    size_t ready_count;   // [lock]
    bool is_closed;       // [lock] its last handle went
    struct wait_queue waiters;
    struct event_source events; // for who watches the set
    struct work tell_work;
    struct list inner;       // [nest lock] items whose file is a set
    struct list outer;       // [nest lock] items of other sets whose file this is
    struct list search_link; // [nest lock] of the search that goes on
    unsigned search_depth;   // [nest lock]
};

struct epoll_item {
    refcount_t refs;        // [a] the set's, and of who looks at it
    struct epoll *set;      // [I] a reference
    struct file *file;      // [I] a reference
    int32_t handle;         // [I]
    struct rb_node node;    // [set lock]
    struct list ready_link; // [set lock]
    struct list file_link;  // [file's sets_lock]
    struct list inner_link; // [nest lock] points at itself when it is on none
    struct list outer_link; // [nest lock]
    struct event_watch watch;
    uint32_t wanted;        // [set lock]
    uint32_t options;       // [set lock] EPOLL_OPTIONS
    uint64_t data;          // [set lock]
    enum epoll_state state; // [set lock]
    bool fired_again;       // [set lock] while it was LOOKED_AT
    bool is_disarmed;       // [set lock] told once, as it wanted
};

static inline struct epoll *epoll_of(struct file *f)
{
    return container_of(f, struct epoll, file);
}

bool epoll_is_set(const struct file *f);

// Sets in sets.  Adding does nothing for an item whose file is no set; ERR_LOOP.  Removing does
// nothing for one that was not added.
void epoll_nest_init(void);
status_t epoll_nest_add(struct epoll_item *item);
void epoll_nest_remove(struct epoll_item *item);
