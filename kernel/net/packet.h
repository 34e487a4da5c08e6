// SPDX-License-Identifier: Apache-2.0
/*
 * Packets on their way through the kernel.  The front lies in one piece with room before it, so that
 * each layer puts its header in front; the rest may lie in pages that others share (what a socket keeps
 * to send again, the page cache).
 *
 *   |<- headroom ->|<- data .. size ->|   slices[0]   slices[1] ...
 *
 *   packet_alloc -> packet_push (headers) -> netif_transmit -> driver -> packet_free
 *   driver -> netif_receive -> packet_pull (headers) -> a socket's queue -> packet_free
 *
 * Locking: none; a packet belongs to one place at a time, and passing it on passes it whole.
 * Lifetimes: who is said to take a packet frees it, also when it fails.
 */
#pragma once

#include "kernel/mm/page.h"
#include "lib/base/list.h"
#include "lib/base/span.h"

struct netif;
struct packet;

enum {
    PACKET_HEADROOM = 144,    // enough for a device, the link, IPv6 with a fragment header, and TCP
    PACKET_SLICES_MAX = 17,   // 64 KiB in pages, wherever it begins
    PACKET_LINEAR_MAX = 2048, // bytes behind the headroom
};

// What is known of the transport's checksum.
enum packet_checksum : uint8_t {
    PACKET_SUM_NONE,    // received: nobody looked; to send: it is in the packet
    PACKET_SUM_VALID,   // received: the device, or a trusted sender, vouches for it
    PACKET_SUM_PARTIAL, // to send: the field has the sum of the pseudo header; the rest is to be done
};

struct packet_slice {
    struct page *page; // holds a reference
    uint16_t offset;   // bytes
    uint16_t size;     // bytes
};

struct packet {
    struct list link;
    struct netif *netif; // received: where; to send: where to
    uint8_t *data;       // the front
    uint32_t size;       // bytes of the front
    uint32_t total;      // bytes in all, with the slices
    uint32_t charge;     // bytes of memory that it takes, for limits
    enum packet_checksum checksum;
    uint8_t slice_count;
    uint16_t sum_start;    // PARTIAL: from data to the transport's header ...
    uint16_t sum_offset;   // ... and from there to the field
    uint16_t segment_size; // to send: payload of each TCP segment to cut it into; 0: as it is
    uint16_t network;      // received: from `area` to the network's header, for errors and captures
    uint16_t segments;     // received: how many it was merged from; 0 or 1: none
    uint32_t position;     // received, of TCP: of its first byte in the stream
    uint16_t queue;        // to send: of the interface; netif_transmit chooses
    // What its sender wants to know: called once, when it is freed, in any context.  NULL: nothing.
    void (*freed)(struct packet *p);
    void *owner;        // of `freed`
    uint8_t *area;      // [I] begin of the room before the data
    uint32_t area_size; // [I] bytes
    struct packet_slice slices[PACKET_SLICES_MAX];
};

// An empty one with PACKET_HEADROOM before `data` and room for `size` bytes (up to PACKET_LINEAR_MAX)
// behind it.  ERR_NOMEM.  Any context.
status_t packet_alloc(size_t size, struct packet **out);
void packet_free(struct packet *p); // NULL is fine; any context
void packet_free_list(struct list *packets);
static inline void packet_free_all(struct list *packets)
{
    if (!list_is_empty(packets)) {
        packet_free_list(packets);
    }
}

// Tells the sender (`freed`) as if it were freed: who keeps it from now on is not its sender.
void packet_disown(struct packet *p);

// Makes room for `size` bytes in front and gives their place; there is headroom for it.
uint8_t *packet_push(struct packet *p, size_t size);

// Room for `size` bytes at the end of the front; there are no slices yet, and there is room for it.
uint8_t *packet_put(struct packet *p, size_t size);

// The first `size` bytes, which are gathered into the front if they lie in slices.  ERR_INVAL: the
// packet is shorter.  ERR_NOMEM: the front has no room for them.
status_t packet_gather(struct packet *p, size_t size);
static inline status_t packet_need(struct packet *p, size_t size)
{
    return size <= p->size ? OK : packet_gather(p, size);
}

// Drops `size` bytes at the begin, or all but the first `size`.  There are as many.
void packet_pull(struct packet *p, size_t size);
void packet_trim(struct packet *p, size_t size);

// Appends a part of a page: takes a reference of its own.  What of the page nobody else will use, the
// caller adds to `charge`.  ERR_NOSPC: no slice left.
status_t packet_add_slice(struct packet *p, struct page *page, uint16_t offset, uint16_t size);

// Copies `size` bytes from `offset`; there are as many.
void packet_copy_out(const struct packet *p, size_t offset, void *to, size_t size);

// One with a front of its own, what was pulled included, and the same slices.  ERR_NOMEM.
status_t packet_clone(const struct packet *p, struct packet **out);

// The sum of RFC 1071 over `size` bytes from `offset`, not inverted, on top of `sum`: words are in
// network byte order, as read_be16 has them.
uint32_t packet_sum(const struct packet *p, size_t offset, size_t size, uint32_t sum);

// Finishes the checksum of a packet that is PARTIAL, for devices that do not.
void packet_finish_checksum(struct packet *p);
