// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/http/date.h"
#include "user/httpd/root.h"
#include "user/httpd/type.h"

// FNV-1a: of paths, and of small files in their entity tags.
static uint64_t hash_bytes(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3;
    }
    return hash;
}

bool cache_init(struct cache *c)
{
    *c = (struct cache){.bucket_count = CACHE_FIRST_BUCKETS};
    list_init(&c->recent);
    c->buckets = calloc(c->bucket_count, sizeof(struct entry *));
    return c->buckets != NULL;
}

void entry_unref(struct entry *e)
{
    if (e == NULL || --e->refs > 0) {
        return;
    }
    if (e->file >= 0) {
        close(e->file);
    }
    free(e->body);
    free(e->head);
    free(e);
}

static struct entry **place_of(struct cache *c, uint32_t hash, const char *path)
{
    struct entry **place = &c->buckets[hash % c->bucket_count];
    while (*place != NULL && ((*place)->hash != hash || strcmp((*place)->path, path) != 0)) {
        place = &(*place)->next;
    }
    return place;
}

static void drop(struct cache *c, struct entry *e)
{
    *place_of(c, e->hash, e->path) = e->next;
    list_del(&e->recent);
    c->count--;
    c->open -= e->file >= 0;
    c->bytes -= e->body != NULL ? e->size : 0;
    entry_unref(e);
}

void cache_fini(struct cache *c)
{
    while (c->buckets != NULL && !list_is_empty(&c->recent)) {
        drop(c, container_of(c->recent.next, struct entry, recent));
    }
    free(c->buckets);
    c->buckets = NULL;
}

// More buckets while there is memory for them; it works with fewer.
static void grow(struct cache *c)
{
    size_t count = c->bucket_count * 2;
    struct entry **buckets = calloc(count, sizeof(struct entry *));
    if (buckets == NULL) {
        return;
    }
    for (size_t i = 0; i < c->bucket_count; i++) {
        for (struct entry *e = c->buckets[i]; e != NULL;) {
            struct entry *next = e->next;
            e->next = buckets[e->hash % count];
            buckets[e->hash % count] = e;
            e = next;
        }
    }
    free(c->buckets);
    c->buckets = buckets;
    c->bucket_count = count;
}

// What was used longest ago makes room for an entry.
static void make_room(struct cache *c, const struct entry *e)
{
    size_t bytes = e->body != NULL ? e->size : 0;
    while (!list_is_empty(&c->recent) &&
           (c->count >= CACHE_ENTRIES_MAX || c->open + (e->file >= 0) > CACHE_OPEN_MAX ||
            c->bytes + bytes > CACHE_BYTES_MAX)) {
        drop(c, container_of(c->recent.prev, struct entry, recent));
    }
}

// Takes a reference of its own.
static void put(struct cache *c, struct entry *e)
{
    make_room(c, e);
    if (c->count >= c->bucket_count) {
        grow(c);
    }
    e->refs++;
    e->next = c->buckets[e->hash % c->bucket_count];
    c->buckets[e->hash % c->bucket_count] = e;
    list_add_head(&c->recent, &e->recent);
    c->count++;
    c->open += e->file >= 0;
    c->bytes += e->body != NULL ? e->size : 0;
}

// Reads the whole file, which is to have that many bytes; false: it has not, or errno.
static bool read_body(struct entry *e)
{
    size_t done = 0;
    e->body = malloc(e->size + 1);
    if (e->body == NULL) {
        return false;
    }
    while (done <= e->size) { // one byte more would show that it grew
        ssize_t n = pread(e->file, e->body + done, e->size + 1 - done, (off_t)done);
        if (n == 0) {
            break;
        }
        if (n < 0) {
            return false;
        }
        done += (size_t)n;
    }
    e->size = done <= e->size ? done : e->size;
    return true;
}

// The tag of a file that is held as bytes names these bytes: a system may be built with all times alike.
static void name_version(struct entry *e)
{
    uint64_t time = (uint64_t)e->st.st_mtim.tv_sec * 1000000000 + (uint64_t)e->st.st_mtim.tv_nsec;
    uint64_t which = e->body != NULL ? hash_bytes(e->body, e->size) : (uint64_t)e->st.st_ino;
    e->etag_size =
        (size_t)snprintf(e->etag, sizeof(e->etag), "\"%llx-%llx-%llx\"", (unsigned long long)time,
                         (unsigned long long)e->size, (unsigned long long)which);
}

static bool describe(struct entry *e)
{
    char modified[HTTP_DATE_SIZE];
    e->type = type_of(e->path);
    e->modified = e->st.st_mtim.tv_sec;
    name_version(e);
    http_date_format(e->modified, modified);
    int size = asprintf(&e->head, "Last-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n",
                        modified, e->etag);
    if (size < 0) {
        e->head = NULL;
        return false;
    }
    e->head_size = (size_t)size;
    return true;
}

// Takes the handle.  NULL with errno.
static struct entry *entry_create(const char *path, uint32_t hash, int file, const struct stat *st)
{
    size_t length = strlen(path);
    struct entry *e = malloc(sizeof(*e) + length + 1);
    if (e == NULL) {
        close(file);
        return NULL;
    }
    *e = (struct entry){
        .refs = 1, .file = file, .st = *st, .size = (uint64_t)st->st_size, .hash = hash};
    memcpy(e->path, path, length + 1);
    bool is_small = e->size <= CACHE_BODY_MAX;
    if ((is_small && !read_body(e)) || !describe(e)) {
        int why = errno;
        entry_unref(e);
        errno = why;
        return NULL;
    }
    if (is_small) {
        close(e->file);
        e->file = -1;
    }
    return e;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct entry *use(struct cache *c, struct entry *e)
{
    list_del(&e->recent);
    list_add_head(&c->recent, &e->recent);
    e->refs++;
    return e;
}

// Takes the handle of what a path names now.
static enum cache_result look_at(struct cache *c, const char *path, uint32_t hash, int file,
                                 const struct stat *st, struct entry **out)
{
    if (!S_ISREG(st->st_mode)) {
        close(file);
        errno = EACCES;
        return CACHE_ERROR;
    }
    struct entry *e = entry_create(path, hash, file, st);
    if (e == NULL) {
        return CACHE_ERROR;
    }
    put(c, e);
    *out = e;
    return CACHE_FILE;
}

static int close_keeping_errno(int file)
{
    int why = errno;
    if (file >= 0) {
        close(file);
    }
    return why;
}

enum cache_result cache_get(struct cache *c, int root, const char *path, uint64_t now_ms,
                            struct cache_found *out)
{
    uint32_t hash = (uint32_t)hash_bytes(path, strlen(path));
    struct entry *known = *place_of(c, hash, path);
    struct stat st;
    out->was_there = known != NULL && now_ms - known->checked_ms < CACHE_VALID_MS;
    if (out->was_there) {
        out->entry = use(c, known);
        return CACHE_FILE;
    }
    int file = root_open(root, path);
    bool is_there = file >= 0 && fstat(file, &st) == 0;
    if (is_there && known != NULL && is_same(&known->st, &st)) {
        close(file);
        known->checked_ms = now_ms;
        out->entry = use(c, known);
        return CACHE_FILE;
    }
    int why = errno;
    if (known != NULL) {
        drop(c, known);
    }
    errno = why;
    if (!is_there) {
        errno = close_keeping_errno(file);
        return CACHE_ERROR;
    }
    if (S_ISDIR(st.st_mode)) {
        out->folder = file;
        return CACHE_FOLDER;
    }
    enum cache_result result = look_at(c, path, hash, file, &st, &out->entry);
    if (result == CACHE_FILE) {
        out->entry->checked_ms = now_ms;
    }
    return result;
}
