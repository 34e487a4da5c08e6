// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/answer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/http/target.h"
#include "user/httpd/connection.h"
#include "user/httpd/head.h"
#include "user/httpd/listing.h"
#include "user/httpd/metrics.h"
#include "user/httpd/parts.h"
#include "user/httpd/request.h"

static const char index_name[] = "index.html";

enum { PATH_ROOM = PATH_MAX };

const char *answer_reason(unsigned status)
{
    switch (status) {
    case 200: return "200 OK";
    case 206: return "206 Partial Content";
    case 301: return "301 Moved Permanently";
    case 304: return "304 Not Modified";
    case 400: return "400 Bad Request";
    case 403: return "403 Forbidden";
    case 404: return "404 Not Found";
    case 405: return "405 Method Not Allowed";
    case 408: return "408 Request Timeout";
    case 412: return "412 Precondition Failed";
    case 414: return "414 URI Too Long";
    case 416: return "416 Range Not Satisfiable";
    case 431: return "431 Request Header Fields Too Large";
    case 501: return "501 Not Implemented";
    case 503: return "503 Service Unavailable";
    default: return "500 Internal Server Error";
    }
}

// Counts and logs what was answered.
static void note(struct worker *w, const struct connection *c, const struct request *r,
                 unsigned status, uint64_t bytes)
{
    static const enum counter methods[] = {
        [METHOD_GET] = COUNT_GET,
        [METHOD_HEAD] = COUNT_HEAD,
        [METHOD_OTHER] = COUNT_OTHER_METHOD,
        [METHOD_UNKNOWN] = COUNT_OTHER_METHOD,
    };
    worker_count(w, COUNT_1XX + status / 100 - 1, 1);
    worker_count(w, r != NULL ? methods[r->method] : COUNT_OTHER_METHOD, 1);
    if (w->log.file < 0) {
        return;
    }
    struct log_entry e = {.client = c->client, .now = w->now, .status = status, .bytes = bytes};
    if (r != NULL) {
        e.line = r->line;
        e.referer = r->referer;
        e.agent = r->agent;
    }
    if (log_add(&w->log, &e)) {
        worker_arm(w, w->now_ms + 1000);
    }
}

static bool wants_body(const struct request *r)
{
    return r == NULL || r->method != METHOD_HEAD;
}

// An error with further fields of its head.
static void answer_fault(struct worker *w, struct connection *c, const struct request *r,
                         unsigned status, const char *fields)
{
    char body[192];
    struct head h;
    const char *reason = answer_reason(status);
    int size = snprintf(body, sizeof(body), "<!DOCTYPE html>\n<title>%s</title>\n<h1>%s</h1>\n",
                        reason, reason);
    head_begin(&h, w, status);
    head_text(&h, fields);
    head_field(&h, "Content-Type", "text/html; charset=utf-8");
    head_length(&h, (uint64_t)size);
    head_end(&h, c, r != NULL && r->is_old);
    if (wants_body(r)) {
        struct output *o = &w->output;
        char *place = o->text + o->text_used;
        memcpy(place, body, (size_t)size);
        o->text_used += (size_t)size;
        output_add_memory(o, place, (size_t)size, NULL);
    }
    note(w, c, r, status, wants_body(r) ? (uint64_t)size : 0);
}

void answer_error(struct worker *w, struct connection *c, const struct request *r, unsigned status)
{
    static const char allow[] = "Allow: GET, HEAD\r\n";
    static const char retry[] = "Retry-After: 1\r\n";
    answer_fault(w, c, r, status, status == 405 ? allow : status == 503 ? retry : "");
}

static unsigned status_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: return 404;
    case EACCES:
    case EPERM:
    case ELOOP: return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    default: return 500;
    }
}

static void answer_not_modified(struct worker *w, struct connection *c, const struct request *r,
                                const struct entry *e)
{
    struct head h;
    head_begin(&h, w, 304);
    head_put(&h, e->head, e->head_size);
    head_end(&h, c, r->is_old);
    note(w, c, r, 304, 0);
}

static void answer_whole(struct worker *w, struct connection *c, const struct request *r,
                         struct entry *e)
{
    struct head h;
    head_begin(&h, w, 200);
    head_put(&h, e->head, e->head_size);
    head_field(&h, "Content-Type", e->type);
    head_length(&h, e->size);
    head_end(&h, c, r->is_old);
    if (wants_body(r)) {
        output_add_file(&w->output, e, 0, e->size);
    }
    note(w, c, r, 200, wants_body(r) ? e->size : 0);
}

static void answer_ranges(struct worker *w, struct connection *c, const struct request *r,
                          struct entry *e)
{
    struct http_range ranges[PARTS_MAX];
    char fields[64];
    size_t count;
    uint64_t bytes;
    switch (http_ranges_parse(r->range, e->size, ranges, PARTS_MAX, &count)) {
    case HTTP_RANGES_IGNORE: answer_whole(w, c, r, e); return;
    case HTTP_RANGES_NONE:
        (void)snprintf(fields, sizeof(fields), "Content-Range: bytes */%llu\r\n",
                       (unsigned long long)e->size);
        answer_fault(w, c, r, 416, fields);
        return;
    default: break;
    }
    if (parts_answer(w, c, e, ranges, count, &bytes)) {
        note(w, c, r, 206, bytes);
    } else {
        answer_error(w, c, r, 503);
    }
}

static void answer_file(struct worker *w, struct connection *c, const struct request *r,
                        struct entry *e)
{
    const struct http_representation what = {
        .etag = span_of(e->etag, e->etag_size), .modified = e->modified, .now = w->now};
    switch (http_conditions_evaluate(&r->conditions, &what)) {
    case HTTP_NOT_MODIFIED: answer_not_modified(w, c, r, e); return;
    case HTTP_FAILED: answer_error(w, c, r, 412); return;
    default: break;
    }
    if (r->method == METHOD_GET && r->range.data != NULL &&
        http_if_range_holds(&r->conditions, &what)) {
        answer_ranges(w, c, r, e);
    } else {
        answer_whole(w, c, r, e);
    }
}

// Text that was made for this answer, which it takes; NULL: there was no memory for it.
static void answer_made(struct worker *w, struct connection *c, const struct request *r,
                        const char *type, char *text, size_t size)
{
    struct head h;
    if (text == NULL) {
        answer_error(w, c, r, 503);
        return;
    }
    head_begin(&h, w, 200);
    head_field(&h, "Content-Type", type);
    head_field(&h, "Cache-Control", "no-cache");
    head_length(&h, size);
    head_end(&h, c, r->is_old);
    if (wants_body(r)) {
        output_add_owned(&w->output, text, size);
    } else {
        free(text);
    }
    note(w, c, r, 200, wants_body(r) ? size : 0);
}

// A folder that was asked for without the slash that makes relative links right.
static void answer_moved(struct worker *w, struct connection *c, const struct request *r,
                         const char *path)
{
    char place[OUTPUT_ANSWER / 2];
    char fields[OUTPUT_ANSWER / 2 + 32];
    size_t size = listing_escape(path, place, sizeof(place) - 1);
    if (size == 0) {
        answer_error(w, c, r, 414);
        return;
    }
    place[size] = '/';
    place[size + 1] = '\0';
    (void)snprintf(fields, sizeof(fields), "Location: %s\r\n", place);
    answer_fault(w, c, r, 301, fields);
}

// The index of a folder, or a list of what is there.
static void answer_folder(struct worker *w, struct connection *c, const struct request *r,
                          char *path, size_t length)
{
    struct cache_found found;
    size_t size;
    memcpy(path + length, index_name, sizeof(index_name));
    switch (cache_get(&w->cache, w->server->root, path, w->now_ms, &found)) {
    case CACHE_FILE:
        worker_count(w, found.was_there ? COUNT_CACHE_HITS : COUNT_CACHE_MISSES, 1);
        answer_file(w, c, r, found.entry);
        entry_unref(found.entry);
        return;
    case CACHE_FOLDER: close(found.folder); break;
    default:
        if (errno != ENOENT) {
            answer_error(w, c, r, status_of_errno());
            return;
        }
        break;
    }
    path[length] = '\0';
    switch (cache_get(&w->cache, w->server->root, path, w->now_ms, &found)) {
    case CACHE_FOLDER: {
        char *text = listing_create(found.folder, path, &size);
        answer_made(w, c, r, "text/html; charset=utf-8", text, size);
        return;
    }
    case CACHE_FILE: // it took the folder's place just now
        entry_unref(found.entry);
        answer_error(w, c, r, 404);
        return;
    default: answer_error(w, c, r, status_of_errno()); return;
    }
}

static void answer_path(struct worker *w, struct connection *c, const struct request *r, char *path,
                        size_t length)
{
    struct cache_found found;
    size_t size;
    if (path[length - 1] == '/') {
        answer_folder(w, c, r, path, length);
        return;
    }
    if (strcmp(path, "/metrics") == 0) {
        char *text = metrics_create(w->server, &size);
        answer_made(w, c, r, "text/plain; version=0.0.4; charset=utf-8", text, size);
        return;
    }
    switch (cache_get(&w->cache, w->server->root, path, w->now_ms, &found)) {
    case CACHE_FILE:
        worker_count(w, found.was_there ? COUNT_CACHE_HITS : COUNT_CACHE_MISSES, 1);
        answer_file(w, c, r, found.entry);
        entry_unref(found.entry);
        break;
    case CACHE_FOLDER:
        close(found.folder);
        answer_moved(w, c, r, path);
        break;
    default: answer_error(w, c, r, status_of_errno()); break;
    }
}

void answer(struct worker *w, struct connection *c, const struct request *r)
{
    char path[PATH_ROOM + sizeof(index_name)];
    size_t length;
    if (r->method != METHOD_GET && r->method != METHOD_HEAD) {
        answer_error(w, c, r, r->method == METHOD_OTHER ? 405 : 501);
        return;
    }
    switch (http_target_decode(r->target, path, PATH_ROOM, &length)) {
    case HTTP_TARGET_PATH: answer_path(w, c, r, path, length); break;
    case HTTP_TARGET_TOO_LONG: answer_error(w, c, r, 414); break;
    case HTTP_TARGET_OUTSIDE: answer_error(w, c, r, 403); break;
    default: answer_error(w, c, r, 400); break;
    }
}
