// SPDX-License-Identifier: Apache-2.0
/*
 * Sending.  A packet is a chain of its front, with the device's header before it, and its slices.  What
 * was sent is taken back by who sends next; interrupts are asked for only when the ring is full, or when
 * somebody waits for the end of a packet.
 */
#include "kernel/drv/virtio_net/virtio_net_priv.h"
#include "lib/base/string.h"
#include "lib/net/ethernet.h"

enum { TCP_WORDS_AT = 12, TCP_WORDS_SHIFT = 4, TCP_FIELDS = 20 };

// Takes back what the device has done.
static void take_done(struct net_pair *pair, struct list *done) REQUIRES(pair -> send_lock)
{
    struct ring_taken taken;
    while (ring_take(&pair->send.ring, &taken)) {
        struct packet *p = taken.token;
        list_add_tail(done, &p->link);
    }
}

// The size of all headers of a TCP segment.
static uint16_t headers_size(const struct packet *p)
{
    size_t words = p->size >= (size_t)p->sum_start + TCP_FIELDS
                       ? p->data[p->sum_start + TCP_WORDS_AT] >> TCP_WORDS_SHIFT
                       : 0;
    return (uint16_t)(p->sum_start + words * sizeof(uint32_t));
}

static void describe(const struct virtio_net *nic, struct packet *p, struct net_header *h)
{
    *h = (struct net_header){};
    if (p->checksum != PACKET_SUM_PARTIAL) {
        return;
    }
    if (!net_has(nic, NET_F_CSUM)) {
        packet_finish_checksum(p);
        return;
    }
    h->flags = NET_NEEDS_CHECKSUM;
    h->sum_start = p->sum_start;
    h->sum_offset = p->sum_offset;
    if (p->segment_size != 0 && p->total > p->segment_size + (size_t)headers_size(p)) {
        bool is_v6 = read_be16(p->data + 2 * (size_t)MAC_SIZE) == ETHER_IP6;
        h->segment_type = is_v6 ? NET_SEGMENT_TCP6 : NET_SEGMENT_TCP4;
        h->segment_size = p->segment_size;
        h->headers_size = headers_size(p);
    }
}

static void put(struct net_pair *pair, struct packet *p) REQUIRES(pair -> send_lock)
{
    struct ring *r = &pair->send.ring;
    struct net_header h;
    describe(pair->nic, p, &h);
    memcpy(packet_push(p, sizeof(h)), &h, sizeof(h));
    ring_add(r, virt_to_phys(p->data).raw, p->size, RING_DEVICE_READS);
    for (unsigned i = 0; i < p->slice_count; i++) {
        const struct packet_slice *s = &p->slices[i];
        ring_add(r, page_paddr(s->page).raw + s->offset, s->size, RING_DEVICE_READS);
    }
    ring_put(r, p);
}

// Whether the packet finds room; if not, an interrupt comes when half of the ring is free.
static bool has_room(struct net_pair *pair, const struct packet *p, struct list *done)
    REQUIRES(pair -> send_lock)
{
    struct ring *r = &pair->send.ring;
    unsigned needed = p->slice_count + 1u;
    if ((size_t)(p->data - p->area) < sizeof(struct net_header)) {
        return false;
    }
    take_done(pair, done);
    while (ring_room(r) < needed && !r->is_broken) {
        if (ring_arm(r, (uint16_t)((r->in_device + 1) / 2))) {
            pair->is_blocked = true;
            return false;
        }
        take_done(pair, done);
    }
    return !r->is_broken;
}

// Somebody waits for the end of what is in the ring now.
static void arm_for_all(struct net_pair *pair, struct list *done) REQUIRES(pair -> send_lock)
{
    struct ring *r = &pair->send.ring;
    while (r->in_device != 0 && !r->is_broken && !ring_arm(r, r->in_device)) {
        take_done(pair, done);
    }
}

bool net_transmit(struct netif *n, struct packet *p, bool more)
{
    struct net_pair *pair = &net_of(n)->pairs[p->queue];
    struct list done = LIST_INIT(done);
    spin_lock(&pair->send_lock);
    bool is_broken = pair->send.ring.is_broken;
    bool is_sent = pair->is_live && has_room(pair, p, &done);
    bool is_lost = !is_sent && (!pair->is_live || pair->send.ring.is_broken);
    if (is_sent) {
        bool is_awaited = p->freed != NULL;
        put(pair, p);
        if (is_awaited) {
            arm_for_all(pair, &done);
        }
    }
    if (pair->is_live && (!more || !is_sent)) {
        virtio_queue_notify(&pair->send);
    }
    bool is_newly_broken = pair->send.ring.is_broken && !is_broken;
    spin_unlock(&pair->send_lock);
    if (is_newly_broken) {
        net_call_keeper(pair->nic);
    }
    if (is_lost) {
        netif_count(&n->counters.errors_out, 1);
        packet_free(p);
    }
    packet_free_all(&done);
    return is_sent || is_lost;
}

void net_send_reclaim(struct net_pair *pair)
{
    struct list done = LIST_INIT(done);
    spin_lock(&pair->send_lock);
    bool was_broken = pair->send.ring.is_broken;
    take_done(pair, &done);
    bool has_room_now = pair->is_blocked && !list_is_empty(&done);
    pair->is_blocked = pair->is_blocked && !has_room_now;
    bool is_newly_broken = pair->send.ring.is_broken && !was_broken;
    spin_unlock(&pair->send_lock);
    packet_free_all(&done);
    if (is_newly_broken) {
        net_call_keeper(pair->nic);
    }
    if (has_room_now) {
        netif_resume(&pair->nic->netif, (uint32_t)(pair - pair->nic->pairs));
    }
}

void net_send_set_live(struct net_pair *pair, bool is_live)
{
    spin_lock(&pair->send_lock);
    pair->is_live = is_live;
    pair->is_blocked = false;
    spin_unlock(&pair->send_lock);
}

void net_send_empty(struct net_pair *pair)
{
    struct list done = LIST_INIT(done);
    struct ring_taken taken;
    spin_lock(&pair->send_lock);
    while (ring_give_up(&pair->send.ring, &taken)) {
        struct packet *p = taken.token;
        list_add_tail(&done, &p->link);
    }
    spin_unlock(&pair->send_lock);
    packet_free_all(&done);
}
