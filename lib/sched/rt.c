// SPDX-License-Identifier: Apache-2.0
#include "lib/sched/rt.h"

void rt_queue_init(struct rt_queue *q)
{
    q->bitmap = 0;
    q->waiting = 0;
    for (unsigned i = 0; i < RT_PRIORITIES; i++) {
        list_init(&q->lists[i]);
    }
}

void rt_enqueue(struct rt_queue *q, struct rt_entity *e, enum rt_end end)
{
    struct list *list = &q->lists[e->priority];
    if (end == RT_TAIL) {
        list_add_tail(list, &e->link);
    } else {
        list_add_head(list, &e->link);
    }
    q->bitmap |= 1u << e->priority;
    q->waiting++;
}

void rt_dequeue(struct rt_queue *q, struct rt_entity *e)
{
    list_del_init(&e->link);
    if (list_is_empty(&q->lists[e->priority])) {
        q->bitmap &= ~(1u << e->priority);
    }
    q->waiting--;
}

struct rt_entity *rt_first(const struct rt_queue *q)
{
    if (q->bitmap == 0) {
        return NULL;
    }
    const struct list *list = &q->lists[31 - __builtin_clz(q->bitmap)];
    return container_of(list->next, struct rt_entity, link);
}
