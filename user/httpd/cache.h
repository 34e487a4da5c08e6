// SPDX-License-Identifier: Apache-2.0
/*
 * Files that were asked for lately: a worker's own.  What is small is held as bytes, and its handle is
 * closed; larger ones are held open.  After VALID_MS an entry is looked up anew, by its path from the root,
 * and replaced when it is another file or has changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/list.h"
#include "lib/base/span.h"

enum {
    CACHE_VALID_MS = 1000,
    CACHE_BODY_MAX = 32768,    // bytes of a file that is held as bytes
    CACHE_BYTES_MAX = 4 << 20, // of all of them
    CACHE_ENTRIES_MAX = 1024,  // that are held
    CACHE_OPEN_MAX = 128,      // of these as handles
    CACHE_FIRST_BUCKETS = 64,
    ETAG_SIZE = 64,
};

struct entry {
    struct list recent; // [cache] most recently used first
    struct entry *next; // [cache] of its bucket
    unsigned refs;      // the cache's, and those of answers on their way
    int file;           // or -1: `body` has it all
    char *body;
    uint64_t size;
    struct stat st;
    uint64_t checked_ms;
    int64_t modified;
    char *head; // fields about it, each with its CRLF, but Content-Length
    size_t head_size;
    char etag[ETAG_SIZE];
    size_t etag_size;
    const char *type;
    uint32_t hash;
    char path[];
};

struct cache {
    struct entry **buckets;
    size_t bucket_count;
    struct list recent;
    size_t count;
    size_t bytes;
    size_t open;
};

bool cache_init(struct cache *c); // false: no memory
void cache_fini(struct cache *c);

enum cache_result { CACHE_FILE, CACHE_FOLDER, CACHE_ERROR };

struct cache_found {
    struct entry *entry; // CACHE_FILE: with a reference, which entry_unref gives back
    int folder;          // CACHE_FOLDER: its handle
    bool was_there;      // nothing had to be looked up
};

// The file at a path of http_target_decode.  CACHE_ERROR: errno.
enum cache_result cache_get(struct cache *c, int root, const char *path, uint64_t now_ms,
                            struct cache_found *out);

void entry_unref(struct entry *e); // NULL is fine
