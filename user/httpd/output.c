// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "user/httpd/cache.h"

enum {
    VECTORS = 64,
    FILE_CHUNK = 1 << 20, // bytes of one call of sendfile
    TURN_BYTES = 4 << 20, // what one connection may send before others have their turn
};

static void add(struct output *o, struct piece piece)
{
    if (piece.entry != NULL) {
        piece.entry->refs++;
    }
    o->pieces[o->count++] = piece;
}

void output_add_memory(struct output *o, const char *memory, size_t size, struct entry *entry)
{
    struct piece *last = o->count > 0 ? &o->pieces[o->count - 1] : NULL;
    if (size == 0) {
        return;
    }
    // Heads without bodies between them lie one behind the other.
    if (last != NULL && entry == NULL && last->entry == NULL && last->owned == NULL &&
        last->memory + last->size == memory) {
        last->size += size;
        return;
    }
    add(o, (struct piece){.memory = memory, .size = size, .entry = entry});
}

void output_add_owned(struct output *o, char *memory, size_t size)
{
    add(o, (struct piece){.memory = memory, .owned = memory, .size = size});
}

void output_add_file(struct output *o, struct entry *entry, uint64_t offset, uint64_t size)
{
    if (entry->body != NULL) {
        output_add_memory(o, entry->body + offset, size, entry);
    } else if (size > 0) {
        add(o, (struct piece){.entry = entry, .offset = offset, .size = size});
    }
}

static void piece_drop(struct piece *p)
{
    free(p->owned);
    entry_unref(p->entry);
    *p = (struct piece){};
}

void output_clear(struct output *o)
{
    for (size_t i = 0; i < o->count; i++) {
        piece_drop(&o->pieces[i]);
    }
    o->count = 0;
    o->text_used = 0;
}

void backlog_free(struct backlog *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = b->first; i < b->count; i++) {
        piece_drop(&b->pieces[i]);
    }
    free(b);
}

static enum sent result_of_errno(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? SENT_SOME : SENT_FAILED;
}

// Pieces of memory, from the first on, in one call.
static enum sent send_memory(int socket, struct piece *pieces, size_t *first, size_t count,
                             uint64_t *bytes)
{
    struct iovec vectors[VECTORS];
    struct msghdr message = {.msg_iov = vectors};
    size_t wanted = 0;
    size_t i = *first;
    int vector = 0;
    for (; i < count && vector < VECTORS && pieces[i].memory != NULL; i++, vector++) {
        vectors[vector] = (struct iovec){.iov_base = (void *)(uintptr_t)pieces[i].memory,
                                         .iov_len = pieces[i].size};
        wanted += pieces[i].size;
    }
    message.msg_iovlen = (size_t)vector;
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | (i < count ? MSG_MORE : 0));
    if (sent < 0) {
        return errno == EINTR ? SENT_ALL : result_of_errno();
    }
    *bytes += (uint64_t)sent;
    for (size_t left = (size_t)sent; *first < i; (*first)++) {
        struct piece *p = &pieces[*first];
        if (left < p->size) {
            p->memory += left;
            p->size -= left;
            break;
        }
        left -= p->size;
        piece_drop(p);
    }
    return (size_t)sent == wanted ? SENT_ALL : SENT_SOME;
}

static enum sent send_file(int socket, struct piece *pieces, size_t *first, uint64_t *bytes)
{
    struct piece *p = &pieces[*first];
    off_t offset = (off_t)p->offset;
    ssize_t sent =
        sendfile(socket, p->entry->file, &offset, p->size < FILE_CHUNK ? p->size : FILE_CHUNK);
    if (sent < 0) {
        return errno == EINTR ? SENT_ALL : result_of_errno();
    }
    if (sent == 0) {
        return SENT_FAILED; // the file has become shorter, and its size is on its way
    }
    *bytes += (uint64_t)sent;
    p->offset += (uint64_t)sent;
    p->size -= (uint64_t)sent;
    if (p->size == 0) {
        piece_drop(p);
        (*first)++;
    }
    return SENT_ALL;
}

enum sent pieces_send(int socket, struct piece *pieces, size_t *first, size_t count,
                      uint64_t *bytes)
{
    uint64_t before = *bytes;
    while (*first < count) {
        enum sent result = pieces[*first].memory != NULL
                               ? send_memory(socket, pieces, first, count, bytes)
                               : send_file(socket, pieces, first, bytes);
        if (result != SENT_ALL) {
            return result;
        }
        if (*bytes - before >= TURN_BYTES && *first < count) {
            return SENT_ENOUGH;
        }
    }
    return SENT_ALL;
}

// Moves what is left; heads that lie in the output's text are copied behind the pieces.
static struct backlog *set_aside(struct output *o, size_t first)
{
    size_t count = o->count - first;
    size_t text = 0;
    for (size_t i = first; i < o->count; i++) {
        const struct piece *p = &o->pieces[i];
        text += p->entry == NULL && p->owned == NULL ? p->size : 0;
    }
    struct backlog *b = malloc(sizeof(*b) + count * sizeof(struct piece) + text);
    if (b == NULL) {
        return NULL;
    }
    *b = (struct backlog){.count = count};
    char *room = (char *)&b->pieces[count];
    for (size_t i = 0; i < count; i++) {
        struct piece *p = &b->pieces[i];
        *p = o->pieces[first + i];
        if (p->entry == NULL && p->owned == NULL) {
            memcpy(room, p->memory, p->size);
            p->memory = room;
            room += p->size;
        }
    }
    o->count = first;
    return b;
}

enum sent output_send(struct output *o, int socket, struct backlog **left, uint64_t *bytes)
{
    size_t first = 0;
    *left = NULL;
    enum sent result = pieces_send(socket, o->pieces, &first, o->count, bytes);
    if (result == SENT_SOME || result == SENT_ENOUGH) {
        *left = set_aside(o, first);
        result = *left != NULL ? result : SENT_FAILED;
    }
    output_clear(o);
    return result;
}
