// SPDX-License-Identifier: Apache-2.0
/*
 * What is sent.  Whoever finds the queue without a sender becomes it, and gives the device all that is
 * there, with what others add meanwhile, until the queue is empty or the device full.
 *
 *   idle --netif_transmit--> sending --queue empty--> idle
 *                              |  ^
 *           the device is full v  | netif_resume
 *                             full
 */
#include "kernel/core/cpu.h"
#include "kernel/net/netif_priv.h"

void netif_set_queues(struct netif *n, struct netif_queue *queues, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        spin_init(&queues[i].lock, "netif-queue", RANK_NET_QUEUE);
        list_init(&queues[i].packets);
    }
    n->queues = queues;
    n->queue_count = count;
}

static void drop_all(struct netif *n, struct list *packets)
{
    struct list *node;
    while ((node = list_pop(packets)) != NULL) {
        netif_count(&n->counters.dropped_out, 1);
        packet_free(container_of(node, struct packet, link));
    }
}

// Gives one packet to the device, without the lock.
static bool give(struct netif *n, struct packet *p, bool more)
{
    uint32_t size = p->total;
    if (!n->ops->transmit(n, p, more)) {
        return false;
    }
    netif_count(&n->counters.packets_out, 1);
    netif_count(&n->counters.bytes_out, size);
    return true;
}

// The caller is the sender.
static void send_waiting(struct netif *n, struct netif_queue *q) REQUIRES(q -> lock)
{
    q->is_sending = true;
    while (!q->is_full && !list_is_empty(&q->packets)) {
        struct packet *p = container_of(list_pop(&q->packets), struct packet, link);
        bool more = !list_is_empty(&q->packets);
        q->count--;
        q->is_resumed = false;
        spin_unlock(&q->lock);
        bool is_taken = give(n, p, more);
        spin_lock(&q->lock);
        if (!is_taken) {
            list_add_head(&q->packets, &p->link);
            q->count++;
            q->is_full = !q->is_resumed;
        }
    }
    q->is_sending = false;
}

// Takes what finds room.
static void enqueue(struct netif *n, struct netif_queue *q, struct list *packets)
    REQUIRES(q -> lock)
{
    while (q->count < NETIF_QUEUE_MAX && !list_is_empty(packets)) {
        struct packet *p = container_of(list_pop(packets), struct packet, link);
        p->netif = n;
        p->queue = (uint16_t)(q - n->queues);
        list_add_tail(&q->packets, &p->link);
        q->count++;
    }
}

static void send_without_queue(struct netif *n, struct list *packets)
{
    struct list *node;
    while ((node = list_pop(packets)) != NULL) {
        struct packet *p = container_of(node, struct packet, link);
        p->netif = n;
        if (!give(n, p, !list_is_empty(packets))) {
            netif_count(&n->counters.dropped_out, 1);
            packet_free(p);
        }
    }
}

void netif_transmit_all(struct netif *n, struct list *packets)
{
    if (!netif_is_up(n)) {
        drop_all(n, packets);
        return;
    }
    list_for_each (node, packets) {
        netif_tap_packet(n, container_of(node, struct packet, link), true);
    }
    if (n->queue_count == 0) {
        send_without_queue(n, packets);
        return;
    }
    struct netif_queue *q = &n->queues[cpu_this()->index % n->queue_count];
    spin_lock(&q->lock);
    enqueue(n, q, packets);
    if (!q->is_sending) {
        send_waiting(n, q);
    }
    spin_unlock(&q->lock);
    drop_all(n, packets);
}

void netif_transmit(struct netif *n, struct packet *p)
{
    struct list one = LIST_INIT(one);
    list_add_tail(&one, &p->link);
    netif_transmit_all(n, &one);
}

void netif_resume(struct netif *n, uint32_t queue)
{
    struct netif_queue *q = &n->queues[queue];
    spin_lock(&q->lock);
    q->is_full = false;
    q->is_resumed = true;
    if (!q->is_sending) {
        send_waiting(n, q);
    }
    spin_unlock(&q->lock);
}

void netif_drop_queued(struct netif *n)
{
    for (uint32_t i = 0; i < n->queue_count; i++) {
        struct netif_queue *q = &n->queues[i];
        struct list waiting = LIST_INIT(waiting);
        spin_lock(&q->lock);
        list_move_all(&q->packets, &waiting);
        q->count = 0;
        spin_unlock(&q->lock);
        drop_all(n, &waiting);
    }
}
