// SPDX-License-Identifier: Apache-2.0
/*
 * Netlink messages (abi/netlink.h) as bytes: walked, and written into a buffer of the caller's.
 *
 *   while (netlink_next(&rest, &message) == OK) { netlink_attrs(message.payload, ...); ... }
 *
 *   netlink_begin -> netlink_put (the struct of its type) -> netlink_add (attributes) -> netlink_end
 *
 * A message that finds no room leaves the buffer as it was before netlink_begin, so that it can be the
 * first one of the next buffer.
 */
#pragma once

#include "abi/netlink.h"
#include "lib/base/span.h"

/* ---- Reading ---- */

struct netlink_message {
    struct abi_nlmsghdr header;
    struct span payload; // behind the header
};

// The next one of `rest`, which is advanced.  ERR_NODATA: there is none.  ERR_INVAL: what is there is no
// message.
status_t netlink_next(struct span *rest, struct netlink_message *out);

// The struct of the message's type, of which a shorter one than `size` bytes leaves the rest 0.
// ERR_INVAL: there are less than `min` bytes.
status_t netlink_get(struct span payload, size_t min, void *out, size_t size);

// The attributes behind a struct of `header` bytes: table[type] is the last one's data, with data NULL
// where there is none.  Types from `count` on are passed over.  ERR_INVAL: malformed.
status_t netlink_attrs(struct span payload, size_t header, struct span *table, size_t count);

// Numbers of attributes; one that is too short is `otherwise`.
uint32_t netlink_u32(struct span data, uint32_t otherwise);
uint8_t netlink_u8(struct span data, uint8_t otherwise);

/* ---- Writing ---- */

struct netlink_writer {
    uint8_t *buffer;
    size_t room;  // bytes
    size_t used;  // bytes of whole messages
    size_t at;    // where the one that is being written goes on
    bool is_full; // it found no room
};

void netlink_writer_init(struct netlink_writer *w, void *buffer, size_t room);

// The size in `header` is filled in by netlink_end.
void netlink_begin(struct netlink_writer *w, const struct abi_nlmsghdr *header);
void netlink_put(struct netlink_writer *w, const void *bytes, size_t size);
void netlink_add(struct netlink_writer *w, uint16_t type, const void *data, size_t size);
void netlink_add_u32(struct netlink_writer *w, uint16_t type, uint32_t value);
void netlink_add_u8(struct netlink_writer *w, uint16_t type, uint8_t value);

// Attributes in an attribute: gives where it began.
size_t netlink_nest(struct netlink_writer *w, uint16_t type);
void netlink_nest_end(struct netlink_writer *w, size_t begin);

// False: it found no room, and is not there.
bool netlink_end(struct netlink_writer *w);
