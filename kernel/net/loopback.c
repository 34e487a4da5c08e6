// SPDX-License-Identifier: Apache-2.0
/*
 * Loopback.  Each CPU has a list.  Who sends between loopback_begin and loopback_end hands what is on it to
 * netif_receive itself; for others the first packet wakes the CPU's worker, which does so without any
 * lock of theirs.  What is sent while packets are handed over joins the list, so nothing recurses.
 *
 * A packet is passed on as it is, uncut and with its checksum unfinished, since it never was on a wire;
 * its sender is told that it has left.
 */
#include "kernel/net/loopback.h"

#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/core/thread.h"
#include "kernel/core/worker.h"

enum { MTU = 65536, BATCH = 64 };

struct lane {
    struct spinlock lock; // RANK_NET_QUEUE: a worker may run elsewhere than on its CPU
    struct list packets;  // [l] zero: nobody has sent here yet
    uint32_t count;       // [l]
    struct work work;
    uint32_t senders; // [c] loopback_begin without its end; who counts here does not leave the CPU
    bool is_handed_over; // [c] somebody is in hand_over
};
static PERCPU(struct lane, lane);

static struct netif loopback;

struct netif *netif_loopback(void)
{
    return &loopback;
}

// Moves up to BATCH packets.
static void take_batch(struct list *from, struct list *to)
{
    struct list *node;
    for (unsigned i = 0; i < BATCH && (node = list_pop(from)) != NULL; i++) {
        list_add_tail(to, node);
    }
}

static void take_all(struct lane *l, struct list *to)
{
    spin_lock(&l->lock);
    list_move_all(&l->packets, to);
    l->count = 0;
    spin_unlock(&l->lock);
}

static void deliver(struct work *work)
{
    struct lane *l = container_of(work, struct lane, work);
    struct list all = LIST_INIT(all);
    struct list batch = LIST_INIT(batch);
    take_all(l, &all);
    while (!list_is_empty(&all)) {
        take_batch(&all, &batch);
        netif_receive(&loopback, &batch);
        thread_preempt_point();
    }
}

// Some rounds of what comes of what was sent; the rest is the worker's, who lets others run.
static void hand_over(struct lane *l)
{
    enum { ROUNDS_MAX = 8 };
    struct list all = LIST_INIT(all);
    l->is_handed_over = true;
    for (unsigned i = 0; i < ROUNDS_MAX && l->count != 0; i++) {
        take_all(l, &all);
        netif_receive(&loopback, &all);
    }
    l->is_handed_over = false;
    if (l->count != 0) {
        (void)work_queue(&l->work);
    }
}

// The lane of this CPU: its threads come here one after another.
static struct lane *lane_here(void)
{
    struct lane *l = this_cpu(lane);
    if (UNLIKELY(l->packets.next == NULL)) {
        spin_init(&l->lock, "loopback", RANK_NET_QUEUE);
        list_init(&l->packets);
        work_init(&l->work, deliver);
    }
    return l;
}

void loopback_begin(void)
{
    lane_here()->senders++;
}

void loopback_end(void)
{
    struct lane *l = lane_here();
    l->senders--;
    if (l->senders == 0 && l->count != 0 && !l->is_handed_over) {
        hand_over(l);
    }
}

static void make_received(struct packet *p)
{
    packet_disown(p);
    if (p->checksum == PACKET_SUM_PARTIAL) {
        p->checksum = PACKET_SUM_VALID;
    }
    if (p->segment_size != 0) {
        p->segments = (uint16_t)(p->total / p->segment_size + 1);
        p->segment_size = 0;
    }
}

static bool transmit(struct netif *n, struct packet *p, bool more)
{
    (void)n;
    (void)more;
    struct lane *l = lane_here();
    spin_lock(&l->lock);
    bool has_room = l->count < NETIF_QUEUE_MAX;
    bool was_empty = l->count == 0;
    if (has_room) {
        make_received(p);
        list_add_tail(&l->packets, &p->link);
        l->count++;
    }
    spin_unlock(&l->lock);
    if (was_empty && l->senders == 0 && !l->is_handed_over) {
        (void)work_queue(&l->work);
    }
    return has_room;
}

static const struct netif_ops loopback_ops = {.transmit = transmit};

void loopback_init(void)
{
    loopback.ops = &loopback_ops;
    loopback.features =
        NETIF_CAN_CHECKSUM | NETIF_CAN_SEGMENT4 | NETIF_CAN_SEGMENT6 | NETIF_NO_QUEUE;
    loopback.mtu = MTU;
    loopback.mtu_max = MTU;
    loopback.flags = NETIF_UP | NETIF_RUNNING | NETIF_LOOPBACK;
    if (netif_register(&loopback, "lo") != OK) {
        log_error("net", "no memory for loopback");
    }
}
