// SPDX-License-Identifier: Apache-2.0
/*
 * Taps.  The lock is not held in their calls; a tap that somebody is in stays on the list, so that the
 * walk goes on from it.
 */
#include "kernel/net/netif_priv.h"

static struct {
    struct spinlock lock;
    struct list all;           // [l]
    _Atomic uint32_t count;    // [a] of all
    struct wait_queue leaving; // those that wait for calls to end
} taps = {
    .lock = SPINLOCK_INIT("netif-taps", RANK_NET_QUEUE),
    .all = LIST_INIT(taps.all),
    .leaving = WAIT_QUEUE_INIT(taps.leaving, "netif-taps"),
};

void netif_add_tap(struct netif_tap *t)
{
    t->running = 0;
    t->is_leaving = false;
    spin_lock(&taps.lock);
    list_add_tail(&taps.all, &t->link);
    spin_unlock(&taps.lock);
    atomic_fetch_add(&taps.count, 1);
}

static bool has_left(struct netif_tap *t)
{
    spin_lock(&taps.lock);
    bool is_idle = t->running == 0;
    if (is_idle) {
        list_del(&t->link);
    }
    spin_unlock(&taps.lock);
    return is_idle;
}

void netif_remove_tap(struct netif_tap *t)
{
    status_t status;
    spin_lock(&taps.lock);
    t->is_leaving = true;
    spin_unlock(&taps.lock);
    atomic_fetch_sub(&taps.count, 1);
    WAIT_UNTIL(&taps.leaving, has_left(t), NSEC_NEVER, WAIT_DEFAULT, &status);
}

static void call(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing)
    REQUIRES(taps.lock)
{
    t->running++;
    spin_unlock(&taps.lock);
    t->packet(t, n, p, is_outgoing);
    spin_lock(&taps.lock);
    if (--t->running == 0 && t->is_leaving) {
        wait_wake_all(&taps.leaving);
    }
}

void netif_tap_packet(struct netif *n, const struct packet *p, bool is_outgoing)
{
    if (LIKELY(atomic_load_explicit(&taps.count, memory_order_relaxed) == 0)) {
        return;
    }
    spin_lock(&taps.lock);
    list_for_each (node, &taps.all) {
        struct netif_tap *t = container_of(node, struct netif_tap, link);
        if (!t->is_leaving) {
            call(t, n, p, is_outgoing);
        }
    }
    spin_unlock(&taps.lock);
}
