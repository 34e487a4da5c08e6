// SPDX-License-Identifier: Apache-2.0
/*
 * The real-time class of one CPU: 32 priorities, 0 the lowest, first in first out within one.  The
 * caller decides who runs; this keeps who waits.
 *
 * Locking: none; a queue and its entities are the caller's to serialise.
 */
#pragma once

#include "lib/base/list.h"

enum { RT_PRIORITIES = 32 };

struct rt_queue {
    uint32_t bitmap; // priorities with somebody waiting
    unsigned waiting;
    struct list lists[RT_PRIORITIES];
};

struct rt_entity {
    struct list link;
    uint32_t priority;
};

enum rt_end {
    RT_TAIL, // behind its equals: woken, or its turn is over
    RT_HEAD, // before its equals: it was interrupted by a higher priority
};

void rt_queue_init(struct rt_queue *q);
void rt_enqueue(struct rt_queue *q, struct rt_entity *e, enum rt_end end);
void rt_dequeue(struct rt_queue *q, struct rt_entity *e);

// The one that should run, left on the queue; NULL: nobody waits.
struct rt_entity *rt_first(const struct rt_queue *q);
