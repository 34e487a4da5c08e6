// SPDX-License-Identifier: Apache-2.0
/*
 * The two queues of bytes of a TCP connection.
 *
 *   to send:   pieces of memory, each of some bytes behind its record (a small message alone) or of
 *              whole pages, in the order of the stream.  A segment refers to the pages and copies
 *              nothing; what is acknowledged leaves at the front.  The last piece is filled further.
 *   received:  packets in order (`ready`), and those behind a gap, by position (`early`).
 *
 * Positions are numbers of bytes modulo 2^32, from 0 at the begin of the connection.
 *
 * Filling: who sends copies into memory that nobody sees yet, without a lock: a new piece, or what is
 * behind the last byte of the last one, which is marked (`filling`) so that it stays although all of it
 * was acknowledged meanwhile.  One filler at a time.
 *
 * Locking: the caller's lock guards a queue; making and filling a piece needs none.
 */
#pragma once

#include "kernel/net/packet.h"
#include "kernel/object/uio.h"

/* ---- To send ---- */

enum {
    TCP_PIECE_PAGES_MAX = 16,
    TCP_PIECE_SMALL_MAX = 1024, // bytes that lie behind the record
};

struct tcp_piece {
    struct list link;
    uint32_t first;      // position of the first byte
    uint32_t begin;      // of what is left, within the memory
    uint32_t end;        // behind the last byte
    uint32_t room;       // bytes of memory
    uint32_t charge;     // bytes
    uint32_t page_count; // 0: bytes lie in `memory`
    uint64_t memory[];   // bytes, or struct page *
};

struct tcp_send_queue {
    struct list pieces;
    struct tcp_piece *filling; // NULL: none
    struct tcp_piece *cursor;  // where the last segment was; NULL: nowhere
    uint32_t first;            // position of the first byte
    uint32_t end;              // behind the last byte
    uint32_t charge;           // bytes of memory
};

void tcp_send_queue_init(struct tcp_send_queue *q);

static inline uint32_t tcp_send_queue_bytes(const struct tcp_send_queue *q)
{
    return q->end - q->first;
}

// Memory for up to `size` bytes, less where there is less; `is_alone`: nothing is queued before it.
// ERR_NOMEM.
status_t tcp_piece_create(size_t size, bool is_alone, struct tcp_piece **out);

// A piece of `size` bytes that somebody else has put into pages, from `offset` in the first on: takes
// over a reference on each.  Nothing is added to it.  ERR_NOMEM: the references are the caller's still.
status_t tcp_piece_create_pages(struct page *const *pages, uint32_t offset, uint32_t size,
                                struct tcp_piece **out);
void tcp_piece_free(struct tcp_piece *p); // NULL is fine
void tcp_pieces_free(struct list *pieces);

static inline uint32_t tcp_piece_room(const struct tcp_piece *p)
{
    return p->room - p->end;
}

// Copies up to `size` bytes behind its last one, where there is room.  What came is *moved; it belongs
// to the piece once tcp_send_queue_append or _fill_end says so.  ERR_FAULT.
status_t tcp_piece_fill(struct tcp_piece *p, struct uio *from, size_t size, uint32_t *moved);

// Puts a piece that has `size` new bytes at the end.
void tcp_send_queue_append(struct tcp_send_queue *q, struct tcp_piece *p, uint32_t size);

// The last piece, if there is room in it, to be filled; NULL: make a new one.  And the end of that.
struct tcp_piece *tcp_send_queue_fill_begin(struct tcp_send_queue *q);
void tcp_send_queue_fill_end(struct tcp_send_queue *q, uint32_t size, struct list *done);

// Drops bytes at the front; pieces that are empty then go to `done`.
void tcp_send_queue_drop(struct tcp_send_queue *q, uint32_t bytes, struct list *done);

// Drops all, but what is being filled.
void tcp_send_queue_purge(struct tcp_send_queue *q, struct list *done);

// Puts `size` bytes from `offset` behind the first one into a packet that has none yet.  ERR_NOMEM.
status_t tcp_send_queue_put(struct tcp_send_queue *q, uint32_t offset, uint32_t size,
                            struct packet *p);

// How much room the front of a packet for that range needs.
uint32_t tcp_send_queue_front(struct tcp_send_queue *q, uint32_t offset, uint32_t size);

/* ---- Received ---- */

struct tcp_receive_queue {
    struct list ready;
    struct list early;
    uint32_t next;   // position behind the last byte in order
    uint32_t bytes;  // in order
    uint32_t charge; // bytes of memory, of both lists
};

void tcp_receive_queue_init(struct tcp_receive_queue *q);

// Takes a packet that is all payload, `offset` bytes behind the last one in order; it overlaps with
// nothing that is there.  With `limit` bytes of memory in mind small packets are put together.
void tcp_receive_queue_put(struct tcp_receive_queue *q, struct packet *p, uint32_t offset,
                           uint32_t limit);

// Drops `size` bytes, of the first packet, at the front; a packet that is empty then is given.
struct packet *tcp_receive_queue_take(struct tcp_receive_queue *q, uint32_t size);

void tcp_receive_queue_purge(struct tcp_receive_queue *q, struct list *done);

// Copies from byte `skip` of a packet on; the packet may grow meanwhile.  ERR_FAULT.
status_t tcp_packet_copy(const struct packet *p, uint32_t skip, uint32_t size, struct uio *to);
