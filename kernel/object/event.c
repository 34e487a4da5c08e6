// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/event.h"

#include <stdatomic.h>

void event_source_init(struct event_source *s)
{
    spin_init(&s->lock, "event source", RANK_EVENT);
    list_init(&s->watches);
}

void event_notify(struct event_source *s, uint32_t events)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    list_for_each_safe (node, &s->watches) {
        struct event_watch *w = container_of(node, struct event_watch, link);
        w->fired(w, events);
    }
    spin_unlock_irqrestore(&s->lock, flags);
}

void event_watch(struct event_source *s, struct event_watch *w)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    w->source = s;
    list_add_tail(&s->watches, &w->link);
    spin_unlock_irqrestore(&s->lock, flags);
}

void event_unwatch(struct event_watch *w)
{
    struct event_source *s = w->source;
    if (s == NULL) {
        return;
    }
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    list_del_init(&w->link);
    w->source = NULL;
    spin_unlock_irqrestore(&s->lock, flags);
}
