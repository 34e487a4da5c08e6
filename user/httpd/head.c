// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/head.h"

#include "user/httpd/answer.h"
#include "user/httpd/connection.h"

void head_number(struct head *h, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    head_put(h, digits + at, sizeof(digits) - at);
}

void head_begin(struct head *h, struct worker *w, unsigned status)
{
    static const char common[] = "\r\nServer: swift-os httpd\r\nDate: ";
    h->worker = w;
    h->begin = w->output.text + w->output.text_used;
    h->at = h->begin;
    head_put(h, "HTTP/1.1 ", 9);
    head_text(h, answer_reason(status));
    head_put(h, common, sizeof(common) - 1);
    head_put(h, w->date, HTTP_DATE_SIZE - 1);
    head_put(h, "\r\n", 2);
}

void head_field(struct head *h, const char *name, const char *value)
{
    head_text(h, name);
    head_put(h, ": ", 2);
    head_text(h, value);
    head_put(h, "\r\n", 2);
}

void head_length(struct head *h, uint64_t length)
{
    static const char name[] = "Content-Length: ";
    head_put(h, name, sizeof(name) - 1);
    head_number(h, length);
    head_put(h, "\r\n", 2);
}

void head_end(struct head *h, const struct connection *c, bool is_old)
{
    struct output *o = &h->worker->output;
    if (c->is_last) {
        head_field(h, "Connection", "close");
    } else if (is_old) {
        head_field(h, "Connection", "keep-alive");
    }
    head_put(h, "\r\n", 2);
    o->text_used = (size_t)(h->at - o->text);
    output_add_memory(o, h->begin, (size_t)(h->at - h->begin), NULL);
}
