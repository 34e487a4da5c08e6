// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a message of DNS, and as the text of a name. */
#include "lib/dns/record.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { MESSAGE_MAX = 4096 };

static void check_name(const struct dns_name *n)
{
    char text[DNS_NAME_TEXT_SIZE];
    struct dns_name back;
    size_t size = dns_name_print(n, text, sizeof(text));
    require(size < sizeof(text) && strlen(text) == size);
    require(dns_name_parse(span_of(text, size), &back) == OK);
    require(back.size == n->size && memcmp(back.bytes, n->bytes, n->size) == 0);
    require(dns_name_is_equal(n, &back));
    (void)dns_name_is_host(n);
}

static void check_record(const struct dns_record *r)
{
    char text[300];
    size_t at = 0;
    struct span s;
    check_name(&r->name);
    require(r->at + r->size <= r->message.size);
    for (size_t size = 0; size < sizeof(text); size = 2 * size + 1) {
        dns_record_print(r, text, size);
        require(size == 0 || strnlen(text, size) < size);
    }
    while (dns_record_text_next(r, &at, &s)) {
        require(at <= r->size);
    }
}

static void check_reply(struct span message)
{
    static uint8_t copy[MESSAGE_MAX];
    struct dns_reply r;
    struct dns_record record;
    if (dns_reply_parse(message, &r) != OK) {
        return;
    }
    struct dns_walk w = dns_records(&r);
    while (dns_record_next(&w, &record)) {
        check_record(&record);
    }
    require(!w.is_broken || r.is_truncated);
    (void)dns_reply_ttl(&r);
    if (message.size <= MESSAGE_MAX) {
        memcpy(copy, message.data, message.size);
        if (dns_reply_age(copy, message.size, 0x1234, 1)) {
            require(dns_reply_parse(span_of(copy, message.size), &r) == OK && r.id == 0x1234);
        }
    }
}

static void check_query(struct span message)
{
    struct dns_query q;
    struct dns_query back;
    struct dns_reply r;
    uint8_t bytes[DNS_QUERY_SIZE_MAX];
    if (dns_query_parse(message, &q) != OK) {
        return;
    }
    check_name(&q.question.name);
    size_t size = dns_query_emit(&q, bytes);
    require(size <= sizeof(bytes) && dns_query_parse(span_of(bytes, size), &back) == OK);
    size = dns_refuse(&q, DNS_REFUSED, bytes);
    require(size <= sizeof(bytes) && dns_reply_parse(span_of(bytes, size), &r) == OK);
    require(dns_reply_answers(&r, &q));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_name name;
    if (dns_name_parse(span_of(data, size), &name) == OK) {
        check_name(&name);
    }
    check_reply(span_of(data, size));
    check_query(span_of(data, size));
    return 0;
}
