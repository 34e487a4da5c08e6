// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/request.h"

#include <picohttpparser.h>
#include <string.h>
#include <strings.h>

enum { FIELDS_MAX = 100, BAD_REQUEST = -400, NO_SUCH_CODING = -501 };

// What has to be known of all fields before it can be judged.
struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    bool is_chunked;
};

// Without the blanks behind it.
static struct span value_of(const struct phr_header *field)
{
    size_t size = field->value_len;
    while (size > 0 && (field->value[size - 1] == ' ' || field->value[size - 1] == '\t')) {
        size--;
    }
    return span_of(field->value, size);
}

static bool is_text(struct span s, const char *text)
{
    return s.size == strlen(text) && strncasecmp((const char *)s.data, text, s.size) == 0;
}

// Whether a list of words has this one, in any case.
static bool list_has(struct span list, const char *word)
{
    size_t at = 0;
    while (at < list.size) {
        size_t start = at;
        while (at < list.size && list.data[at] != ',') {
            at++;
        }
        size_t end = at++;
        while (start < end && (list.data[start] == ' ' || list.data[start] == '\t')) {
            start++;
        }
        while (end > start && (list.data[end - 1] == ' ' || list.data[end - 1] == '\t')) {
            end--;
        }
        if (is_text(span_of(list.data + start, end - start), word)) {
            return true;
        }
    }
    return false;
}

static bool read_length(struct span value, uint64_t *out)
{
    uint64_t length = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t digit = value.data[i];
        if (digit < '0' || digit > '9' || length > UINT64_MAX / 20) {
            return false;
        }
        length = length * 10 + (digit - '0');
    }
    *out = length;
    return value.size > 0;
}

static void read_connection(struct span value, struct request *out)
{
    if (list_has(value, "close")) {
        out->keeps_alive = false;
    } else if (out->is_old && list_has(value, "keep-alive")) {
        out->keeps_alive = true;
    }
}

// Fields that decide where the next request begins; false: no server could be sure.
static bool read_framing(const struct phr_header *field, struct framing *f, struct request *out)
{
    uint64_t length;
    struct span name = span_of(field->name, field->name_len);
    if (is_text(name, "content-length")) {
        bool is_first = f->lengths++ == 0;
        if (!read_length(value_of(field), &length) || (!is_first && length != out->body)) {
            return false;
        }
        out->body = length;
    } else if (is_text(name, "transfer-encoding")) {
        f->codings++;
        f->is_chunked = is_text(value_of(field), "chunked");
    } else if (is_text(name, "connection")) {
        read_connection(value_of(field), out);
    } else if (is_text(name, "host")) {
        f->hosts++;
    }
    return true;
}

static void read_field(const struct phr_header *field, struct request *out)
{
    const struct {
        const char *name;
        struct span *value;
    } known[] = {
        {"if-match", &out->conditions.if_match},
        {"if-none-match", &out->conditions.if_none_match},
        {"if-modified-since", &out->conditions.if_modified_since},
        {"if-unmodified-since", &out->conditions.if_unmodified_since},
        {"if-range", &out->conditions.if_range},
        {"range", &out->range},
        {"referer", &out->referer},
        {"user-agent", &out->agent},
    };
    struct span name = span_of(field->name, field->name_len);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (is_text(name, known[i].name)) {
            *known[i].value = value_of(field);
            return;
        }
    }
}

static enum method method_of(struct span name)
{
    static const char *const others[] = {"POST",  "PUT",     "DELETE", "OPTIONS",
                                         "TRACE", "CONNECT", "PATCH"};
    if (span_is(name, "GET")) {
        return METHOD_GET;
    }
    if (span_is(name, "HEAD")) {
        return METHOD_HEAD;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (span_is(name, others[i])) {
            return METHOD_OTHER;
        }
    }
    return METHOD_UNKNOWN;
}

// RFC 9112, 3.2 and 6.3: one host; no length beside a coding; chunks only of HTTP/1.1.
static int judge(const struct framing *f, struct request *out)
{
    if (f->hosts > 1 || (f->hosts == 0 && !out->is_old)) {
        return BAD_REQUEST;
    }
    if (f->codings == 0) {
        return 0;
    }
    if (f->lengths > 0 || f->codings > 1 || out->is_old) {
        return BAD_REQUEST;
    }
    out->is_chunked = true;
    return f->is_chunked ? 0 : NO_SUCH_CODING;
}

// The first line without its end.
static struct span first_line(const char *data, const char *target, size_t target_length)
{
    static const size_t version = sizeof(" HTTP/1.1") - 1;
    while (*data == '\r' || *data == '\n') {
        data++;
    }
    return span_of(data, (size_t)(target - data) + target_length + version);
}

int request_parse(const char *data, size_t size, size_t seen, struct request *out)
{
    struct phr_header fields[FIELDS_MAX];
    size_t count = FIELDS_MAX;
    const char *method;
    const char *target;
    size_t method_length;
    size_t target_length;
    int minor;
    int head = phr_parse_request(data, size, &method, &method_length, &target, &target_length,
                                 &minor, fields, &count, seen);
    if (head < 0) {
        return head == -2 ? 0 : BAD_REQUEST;
    }
    struct framing framing = {};
    *out = (struct request){.method = method_of(span_of(method, method_length)),
                            .line = first_line(data, target, target_length),
                            .target = span_of(target, target_length),
                            .is_old = minor == 0,
                            .keeps_alive = minor != 0};
    for (size_t i = 0; i < count; i++) {
        // A line that continues the one before is obsolete, and a way to hide fields (RFC 9112, 5.2).
        if (fields[i].name == NULL || !read_framing(&fields[i], &framing, out)) {
            return BAD_REQUEST;
        }
        read_field(&fields[i], out);
    }
    int refusal = judge(&framing, out);
    return refusal != 0 ? refusal : head;
}
