// SPDX-License-Identifier: Apache-2.0
/*
 * Receiving.  A buffer is a page, or what an earlier frame left of one: page->index says where it
 * begins.  The ring has a reference of each page that has a buffer in it.
 *
 * A small frame is copied and its buffer given back to the device.  Of a larger one the headers are
 * copied, and the rest stays where it is as a slice of the packet.  Before a page leaves the ring there
 * is another in its place, so the ring never runs dry: who finds no memory loses the frame instead.
 */
#include "kernel/core/log.h"
#include "kernel/drv/virtio_net/virtio_net_priv.h"
#include "kernel/mm/page.h"
#include "lib/base/string.h"
#include "lib/net/ethernet.h"

enum {
    BATCH = 64,
    FRONT_SIZE = 256,  // of a packet: what is copied of small frames, room for headers of others
    COPIED = 128,      // of larger frames
    BUFFER_MIN = 1536, // a frame of the usual size
    CACHE_LINE = 64,
    FILL_MIN = 20,          // a frame of 64 KiB with its header, and some
    PAGES_PER_BUFFER = 256, // of all memory
};

static void *bytes_of(const struct page *page)
{
    return (uint8_t *)page_virt(page) + page->index;
}

static void post(struct net_pair *pair, struct page *page)
{
    struct ring *r = &pair->receive.ring;
    ring_add(r, page_paddr(page).raw + page->index, (uint32_t)(PAGE_SIZE - page->index),
             RING_DEVICE_WRITES);
    ring_put(r, page);
}

static status_t take_page(struct page **out)
{
    status_t status = page_alloc_one(PAGE_ANY, PAGE_KERNEL, out);
    if (status == OK) {
        (*out)->index = 0;
    }
    return status;
}

status_t net_receive_fill(struct net_pair *pair)
{
    struct page_stats pages;
    page_stats(&pages);
    uint64_t share = pages.total_pages / PAGES_PER_BUFFER / pair->nic->pair_count;
    uint64_t count = u64_min(pair->receive.ring.size, u64_max(share, FILL_MIN));
    while (pair->receive.ring.in_device < count) {
        struct page *page;
        status_t status = take_page(&page);
        if (status != OK) {
            return status;
        }
        post(pair, page);
    }
    return OK;
}

void net_receive_empty(struct net_pair *pair)
{
    struct ring_taken taken;
    while (ring_give_up(&pair->receive.ring, &taken)) {
        page_unref(taken.token);
    }
}

// Frames of 64 KiB need whole pages, or they would be in more pieces than a packet has.
static bool uses_rests(const struct virtio_net *nic)
{
    return net_has(nic, NET_F_MRG_RXBUF) && !net_has(nic, NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6);
}

// Adds the buffer's bytes from `skip` on to the packet, and has the device get another buffer.
static status_t add_slice(struct net_pair *pair, struct packet *p, struct page *page, size_t skip,
                          size_t written)
{
    size_t offset = page->index;
    size_t end = align_up(offset + written, CACHE_LINE);
    struct page *next = page;
    if (!uses_rests(pair->nic) || end + BUFFER_MIN > PAGE_SIZE) {
        status_t status = take_page(&next);
        if (status != OK) {
            return status;
        }
        end = PAGE_SIZE;
    }
    status_t status =
        packet_add_slice(p, page, (uint16_t)(offset + skip), (uint16_t)(written - skip));
    if (status != OK) {
        if (next != page) {
            page_unref(next);
        }
        return status;
    }
    p->charge += (uint32_t)(end - offset - (written - skip));
    if (next != page) {
        page_unref(page);
    } else {
        page->index = end;
    }
    post(pair, next);
    return OK;
}

// The frame's first buffer: a packet with what is known of it, and with what the buffer has.
static status_t begin(struct net_pair *pair, struct page *page, size_t written, bool is_alone,
                      struct packet **out)
{
    enum { HEADER = sizeof(struct net_header) };
    struct packet *p;
    status_t status = packet_alloc(FRONT_SIZE, &p);
    if (status != OK) {
        return status;
    }
    size_t size = written - HEADER;
    size_t copied = is_alone && size <= FRONT_SIZE ? size : u64_min(size, COPIED);
    memcpy(packet_put(p, copied), (uint8_t *)bytes_of(page) + HEADER, copied);
    if (copied == size) {
        post(pair, page);
    } else {
        status = add_slice(pair, p, page, HEADER + copied, written);
    }
    if (status != OK) {
        packet_free(p);
        return status;
    }
    *out = p;
    return OK;
}

// The frame's other buffers; those of a frame that is lost (NULL) go back.  ERR_INVAL: there are fewer.
static status_t add_rest(struct net_pair *pair, struct packet *p, unsigned buffers)
{
    status_t worst = OK;
    for (unsigned i = 1; i < buffers; i++) {
        struct ring_taken taken;
        if (!ring_take(&pair->receive.ring, &taken)) {
            return ERR_INVAL;
        }
        status_t status = ERR_NOMEM;
        if (p != NULL && worst == OK && taken.written != 0) {
            status = add_slice(pair, p, taken.token, 0, taken.written);
        }
        if (status != OK) {
            post(pair, taken.token);
            worst = status;
        }
    }
    return worst;
}

// What the device says about the frame.  ERR_INVAL: something that was not agreed on.
static status_t describe(const struct virtio_net *nic, const struct net_header *h, struct packet *p)
{
    if ((h->flags & (NET_NEEDS_CHECKSUM | NET_DATA_VALID)) != 0 && net_has(nic, NET_F_GUEST_CSUM)) {
        // One that is to be finished never was on a wire.
        p->checksum = PACKET_SUM_VALID;
    }
    uint64_t needed = h->segment_type == NET_SEGMENT_TCP4   ? NET_F_GUEST_TSO4
                      : h->segment_type == NET_SEGMENT_TCP6 ? NET_F_GUEST_TSO6
                                                            : 0;
    if (h->segment_type == NET_SEGMENT_NONE) {
        return OK;
    }
    if (!net_has(nic, needed) || h->segment_size == 0) {
        return ERR_INVAL;
    }
    p->segments = (uint16_t)u64_min(p->total / h->segment_size + 1, UINT16_MAX);
    return OK;
}

static void receive_frame(struct net_pair *pair, const struct ring_taken *first,
                          struct list *packets)
{
    struct netif *n = &pair->nic->netif;
    struct page *page = first->token;
    struct net_header h;
    if (first->written < sizeof(h) + ETHERNET_HEADER_SIZE) {
        netif_count(&n->counters.errors_in, 1);
        post(pair, page);
        return;
    }
    memcpy(&h, bytes_of(page), sizeof(h)); // once: the device may change it
    unsigned buffers = net_has(pair->nic, NET_F_MRG_RXBUF) ? h.buffers : 1;
    struct packet *p = NULL;
    status_t status = begin(pair, page, first->written, buffers == 1, &p);
    if (status != OK) {
        post(pair, page);
    }
    status_t rest = add_rest(pair, p, buffers);
    status = status == OK ? rest : status;
    if (status == OK) {
        status = describe(pair->nic, &h, p);
    }
    if (status != OK) {
        netif_count(status == ERR_NOMEM ? &n->counters.dropped_in : &n->counters.errors_in, 1);
        packet_free(p);
        return;
    }
    list_add_tail(packets, &p->link);
}

bool net_receive_batch(struct net_pair *pair)
{
    struct list packets = LIST_INIT(packets);
    struct ring_taken taken;
    unsigned count = 0;
    while (count < BATCH && ring_take(&pair->receive.ring, &taken)) {
        receive_frame(pair, &taken, &packets);
        count++;
    }
    if (count != 0) {
        virtio_queue_notify(&pair->receive);
        netif_receive(&pair->nic->netif, &packets);
    }
    return count != 0;
}
