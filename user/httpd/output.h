// SPDX-License-Identifier: Apache-2.0
/*
 * Answers on their way: pieces of memory and of files.  A worker gathers those of all requests that it read
 * at once in one output and sends them together; what the socket does not take is moved to a backlog, which
 * belongs to the connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;

enum {
    OUTPUT_PIECES = 64,
    OUTPUT_TEXT = 16384,    // bytes of heads
    OUTPUT_ANSWER = 2048,   // of one head, at most
    OUTPUT_PER_ANSWER = 40, // pieces of one, at most: PARTS_MAX of parts.h
};

struct piece {
    const char *memory;  // NULL: of the entry's file
    char *owned;         // to be freed with the piece, or NULL
    struct entry *entry; // a reference that keeps memory or file; or NULL
    uint64_t offset;     // in the file
    uint64_t size;
};

struct output {
    size_t count;
    size_t text_used;
    struct piece pieces[OUTPUT_PIECES];
    char text[OUTPUT_TEXT];
};

struct backlog {
    size_t first;
    size_t count;
    struct piece pieces[];
};

// Whether there is room for another answer.
static inline bool output_has_room(const struct output *o)
{
    return OUTPUT_PIECES - o->count >= OUTPUT_PER_ANSWER &&
           OUTPUT_TEXT - o->text_used >= (size_t)2 * OUTPUT_ANSWER;
}

// Appends memory that the output holds already or that lives with `entry` (a reference is taken), memory of
// its own, or bytes of a file.
void output_add_memory(struct output *o, const char *memory, size_t size, struct entry *entry);
void output_add_owned(struct output *o, char *memory, size_t size);
void output_add_file(struct output *o, struct entry *entry, uint64_t offset, uint64_t size);

enum sent {
    SENT_ALL,
    SENT_SOME,   // the socket takes no more
    SENT_FAILED, // nothing will
    SENT_ENOUGH, // for this time; others are to have theirs
};

// Sends; what was sent is dropped and added to *bytes.
enum sent pieces_send(int socket, struct piece *pieces, size_t *first, size_t count,
                      uint64_t *bytes);

// Sends what was gathered and empties the output.  What is left is put into a backlog of its own: NULL when
// nothing is, or on SENT_FAILED.
enum sent output_send(struct output *o, int socket, struct backlog **left, uint64_t *bytes);
void output_clear(struct output *o);
void backlog_free(struct backlog *b); // NULL is fine
