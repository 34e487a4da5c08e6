// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that a connection has to send: a list of runs in pages, the oldest first.  Bytes are added at the
 * end, shown to packets by reference, and dropped at the front once they are acknowledged.  A page is
 * never written where it was shown already, so packets under way stay as they are.
 *
 * Locking: the caller's.  What is added is prepared without it (tcp_batch).
 */
#pragma once

#include "kernel/net/packet.h"
#include "kernel/object/uio.h"

struct tcp_run_of_bytes {
    struct list link;
    struct page *page; // holds a reference
    uint16_t begin;
    uint16_t end;
    bool is_ours; // what is behind `end` in the page may be filled
};

struct tcp_bytes {
    struct list runs;
    uint32_t size; // bytes
};

// Runs that are not in a queue yet.
struct tcp_batch {
    struct list runs;
    uint32_t size;
};

void tcp_bytes_init(struct tcp_bytes *b);
void tcp_bytes_clear(struct tcp_bytes *b);

static inline void tcp_batch_init(struct tcp_batch *b)
{
    list_init(&b->runs);
    b->size = 0;
}

// Copies up to `size` bytes of `from` into the batch.  What was copied is there also when it fails:
// ERR_FAULT, ERR_NOMEM.
status_t tcp_batch_copy(struct tcp_batch *b, struct uio *from, uint32_t size);

// Adds part of a page that others have: takes a reference of its own.  ERR_NOMEM.
status_t tcp_batch_show(struct tcp_batch *b, struct page *page, uint16_t begin, uint16_t size);
void tcp_batch_clear(struct tcp_batch *b);

// Moves the whole batch to the end.  A small first run is copied into what is free in the last page, so
// that a page is a quarter full at least, whatever the sizes of writes.
void tcp_bytes_append(struct tcp_bytes *b, struct tcp_batch *batch);

void tcp_bytes_drop(struct tcp_bytes *b, uint32_t size); // at the front; there are as many

// Puts `size` bytes from `offset` into a packet whose front is empty: copied, or shown.  There are as
// many.  ERR_NOMEM.
enum { TCP_COPY_MAX = 1024 }; // the most that is copied rather than shown
status_t tcp_bytes_to_packet(const struct tcp_bytes *b, uint32_t offset, uint32_t size,
                             struct packet *p);
