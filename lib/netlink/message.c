// SPDX-License-Identifier: Apache-2.0
#include "lib/netlink/message.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { TYPE_MASK = 0x3fff }; // without the marks of nesting and byte order

/* ---- Reading ---- */

static size_t padded(size_t size)
{
    return align_up(size, ABI_NLMSG_ALIGN);
}

static void advance(struct span *rest, size_t size)
{
    size = u64_min(size, rest->size);
    *rest = span_of(rest->data + size, rest->size - size);
}

status_t netlink_next(struct span *rest, struct netlink_message *out)
{
    if (rest->size < sizeof(out->header)) {
        return ERR_NODATA;
    }
    memcpy(&out->header, rest->data, sizeof(out->header));
    size_t size = out->header.size;
    if (size < sizeof(out->header) || size > rest->size) {
        return ERR_INVAL;
    }
    out->payload = span_of(rest->data + sizeof(out->header), size - sizeof(out->header));
    advance(rest, padded(size));
    return OK;
}

status_t netlink_get(struct span payload, size_t min, void *out, size_t size)
{
    if (payload.size < min) {
        return ERR_INVAL;
    }
    memset(out, 0, size);
    memcpy(out, payload.data, u64_min(size, payload.size));
    return OK;
}

status_t netlink_attrs(struct span payload, size_t header, struct span *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        table[i] = span_of(NULL, 0);
    }
    advance(&payload, padded(header));
    while (payload.size >= sizeof(struct abi_nlattr)) {
        struct abi_nlattr a;
        memcpy(&a, payload.data, sizeof(a));
        if (a.size < sizeof(a) || a.size > payload.size) {
            return ERR_INVAL;
        }
        size_t type = a.type & TYPE_MASK;
        if (type < count) {
            table[type] = span_of(payload.data + sizeof(a), a.size - sizeof(a));
        }
        advance(&payload, padded(a.size));
    }
    return OK;
}

uint32_t netlink_u32(struct span data, uint32_t otherwise)
{
    uint32_t value;
    if (data.data == NULL || data.size < sizeof(value)) {
        return otherwise;
    }
    memcpy(&value, data.data, sizeof(value));
    return value;
}

uint8_t netlink_u8(struct span data, uint8_t otherwise)
{
    return data.data == NULL || data.size < 1 ? otherwise : data.data[0];
}

/* ---- Writing ---- */

void netlink_writer_init(struct netlink_writer *w, void *buffer, size_t room)
{
    *w = (struct netlink_writer){.buffer = buffer, .room = room};
}

// A place for `size` bytes and what pads them; NULL: there is no room.
static uint8_t *take(struct netlink_writer *w, size_t size)
{
    size_t space = padded(size);
    if (w->is_full || space > w->room - w->at) {
        w->is_full = true;
        return NULL;
    }
    uint8_t *place = w->buffer + w->at;
    memset(place + size, 0, space - size);
    w->at += space;
    return place;
}

void netlink_put(struct netlink_writer *w, const void *bytes, size_t size)
{
    uint8_t *place = take(w, size);
    if (place != NULL) {
        memcpy(place, bytes, size);
    }
}

void netlink_begin(struct netlink_writer *w, const struct abi_nlmsghdr *header)
{
    w->at = w->used;
    w->is_full = false;
    netlink_put(w, header, sizeof(*header));
}

void netlink_add(struct netlink_writer *w, uint16_t type, const void *data, size_t size)
{
    const struct abi_nlattr a = {.size = (uint16_t)(sizeof(a) + size), .type = type};
    uint8_t *place = size > UINT16_MAX - sizeof(a) ? NULL : take(w, sizeof(a) + size);
    if (place == NULL) {
        w->is_full = true;
        return;
    }
    memcpy(place, &a, sizeof(a));
    if (size != 0) {
        memcpy(place + sizeof(a), data, size);
    }
}

void netlink_add_u32(struct netlink_writer *w, uint16_t type, uint32_t value)
{
    netlink_add(w, type, &value, sizeof(value));
}

void netlink_add_u8(struct netlink_writer *w, uint16_t type, uint8_t value)
{
    netlink_add(w, type, &value, sizeof(value));
}

size_t netlink_nest(struct netlink_writer *w, uint16_t type)
{
    size_t begin = w->at;
    netlink_add(w, type, NULL, 0);
    return begin;
}

void netlink_nest_end(struct netlink_writer *w, size_t begin)
{
    if (w->is_full || w->at - begin > UINT16_MAX) {
        w->is_full = true;
        return;
    }
    uint16_t size = (uint16_t)(w->at - begin);
    memcpy(w->buffer + begin, &size, sizeof(size));
}

bool netlink_end(struct netlink_writer *w)
{
    if (w->is_full) {
        w->at = w->used;
        w->is_full = false;
        return false;
    }
    uint32_t size = (uint32_t)(w->at - w->used);
    memcpy(w->buffer + w->used, &size, sizeof(size));
    w->used = w->at;
    return true;
}
