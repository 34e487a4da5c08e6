// SPDX-License-Identifier: Apache-2.0
/* What was heard and changes the configuration, one after the other, by a worker. */
#include "kernel/mm/heap.h"
#include "kernel/net/ndp_priv.h"

enum { WAITING_MAX = 64 };

enum note_kind { ROUTER_SAYS, ROUTER_GONE, DUPLICATE };

struct note {
    struct list link;
    enum note_kind kind;
    struct netif *netif;
    struct ip_addr address;     // the router's, or ours
    struct ip_addr destination; // of the advertisement
    uint8_t hop_limit;
    struct packet *packet; // the advertisement, or NULL
};

static struct {
    struct spinlock lock; // RANK_NET_QUEUE
    struct list notes;    // [l]
    uint32_t count;       // [l]
    struct work work;
} control;

static void put(const struct note *n)
{
    void *memory;
    bool has_room = false;
    if (heap_alloc(sizeof(*n), &memory) == OK) {
        struct note *own = memory;
        *own = *n;
        spin_lock(&control.lock);
        has_room = control.count < WAITING_MAX;
        if (has_room) {
            list_add_tail(&control.notes, &own->link);
            control.count++;
        }
        spin_unlock(&control.lock);
        if (!has_room) {
            heap_free(own);
        }
    }
    if (has_room) {
        (void)work_queue(&control.work);
    } else {
        ip_count(in_discards);
        packet_free(n->packet);
    }
}

void ndp_note_router(struct packet *p, const struct ip_meta *m)
{
    struct note n = {.kind = ROUTER_SAYS,
                     .netif = m->netif,
                     .address = m->source,
                     .destination = m->destination,
                     .hop_limit = m->hop_limit,
                     .packet = p};
    put(&n);
}

void ndp_note_duplicate(struct netif *n, const struct ip_addr *a)
{
    struct note note = {.kind = DUPLICATE, .netif = n, .address = *a};
    put(&note);
}

void ndp_note_no_router(struct netif *n, const struct ip_addr *router)
{
    struct note note = {.kind = ROUTER_GONE, .netif = n, .address = *router};
    put(&note);
}

static struct note *take(void)
{
    spin_lock(&control.lock);
    struct list *first = list_pop(&control.notes);
    control.count -= first == NULL ? 0 : 1;
    spin_unlock(&control.lock);
    return first == NULL ? NULL : container_of(first, struct note, link);
}

static void hear_router(const struct note *n)
{
    struct ndp_message said;
    struct span message = span_of(n->packet->data, n->packet->size);
    if (ndp_parse(message, &n->address, &n->destination, n->hop_limit, &said) == OK) {
        ndp_hear_router(n->netif, &n->address, &said);
    }
}

static void run(struct work *w)
{
    (void)w;
    struct note *n;
    while ((n = take()) != NULL) {
        switch (n->kind) {
        case ROUTER_SAYS: hear_router(n); break;
        case ROUTER_GONE: ndp_forget_router(n->netif, &n->address); break;
        case DUPLICATE: ip_duplicate_found(n->netif, &n->address); break;
        }
        packet_free(n->packet);
        heap_free(n);
    }
}

void ndp_control_init(void)
{
    spin_init(&control.lock, "discovery", RANK_NET_QUEUE);
    list_init(&control.notes);
    work_init(&control.work, run);
}
