// SPDX-License-Identifier: Apache-2.0
#include "lib/dns/message.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/dns/record.h"
#include "lib/fmt/fmt.h"

enum { FLAGS = 2, QUESTIONS = 4, ANSWERS = 6, AUTHORITIES = 8, ADDITIONAL = 10 };
enum {
    FLAG_REPLY = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAG_WANTS_RECURSION = 0x0100,
    FLAG_RECURSION = 0x0080,
    FLAG_AUTHENTIC = 0x0020,
    FLAG_UNCHECKED = 0x0010,
    FLAG_CODE = 0x000f,
};
enum { RECORD_FIXED = 10, EDNS_SIZE = 11, EDNS_SIGNATURES = 0x8000, POINTER_TO_QUESTION = 0xc00c };
constexpr uint32_t NEGATIVE_TTL_MAX = 3 * 3600; // RFC 2308, 5

/* ---- Writing ---- */

static size_t emit_head(const struct dns_query *q, uint16_t flags, uint8_t *to)
{
    const struct dns_question *question = &q->question;
    memset(to, 0, DNS_HEADER_SIZE);
    write_be16(to, q->id);
    write_be16(to + FLAGS, flags);
    write_be16(to + QUESTIONS, 1);
    size_t at = DNS_HEADER_SIZE;
    memcpy(to + at, question->name.bytes, question->name.size);
    at += question->name.size;
    write_be16(to + at, question->type);
    write_be16(to + at + 2, question->class_code);
    return at + 4;
}

// The pseudo record of EDNS (RFC 6891, 6.1.2).
static size_t emit_edns(const struct dns_query *q, uint16_t udp_size, uint8_t *message, size_t at)
{
    uint8_t *to = message + at;
    memset(to, 0, EDNS_SIZE);
    write_be16(to + 1, DNS_OPT);
    write_be16(to + 3, udp_size);
    write_be16(to + 7, q->wants_signatures ? EDNS_SIGNATURES : 0);
    write_be16(message + ADDITIONAL, 1);
    return at + EDNS_SIZE;
}

size_t dns_query_emit(const struct dns_query *q, uint8_t *to)
{
    static_assert(DNS_HEADER_SIZE + DNS_NAME_MAX + 4 + EDNS_SIZE <= DNS_QUERY_SIZE_MAX);
    unsigned flags =
        (q->wants_recursion ? FLAG_WANTS_RECURSION : 0) | (q->wants_unchecked ? FLAG_UNCHECKED : 0);
    size_t size = emit_head(q, (uint16_t)flags, to);
    return q->udp_size == 0 ? size : emit_edns(q, q->udp_size, to, size);
}

void dns_writer_init(struct dns_writer *w, uint8_t *to, size_t room, const struct dns_query *q,
                     enum dns_code code)
{
    unsigned flags = FLAG_REPLY | FLAG_RECURSION | code |
                     (q->wants_recursion ? FLAG_WANTS_RECURSION : 0) |
                     (q->wants_unchecked ? FLAG_UNCHECKED : 0);
    *w = (struct dns_writer){.message = to, .room = room};
    w->size = emit_head(q, (uint16_t)flags, to);
    if (q->udp_size != 0) {
        // It is the last record, behind the answers; its room is kept here.
        w->room -= EDNS_SIZE;
        (void)emit_edns(q, DNS_UDP_SIZE, to, w->room);
    }
}

void dns_write_answer(struct dns_writer *w, const struct dns_name *name, enum dns_type type,
                      uint32_t ttl_s, struct span data)
{
    // A name says itself where it ends, so as many bytes alike are the same name.
    bool is_asked = name->size > 1 && name->size <= w->size - DNS_HEADER_SIZE &&
                    memcmp(name->bytes, w->message + DNS_HEADER_SIZE, name->size) == 0;
    size_t name_size = is_asked ? 2 : name->size;
    if (w->is_full || name_size + RECORD_FIXED + data.size > w->room - w->size) {
        w->is_full = true;
        return;
    }
    uint8_t *to = w->message + w->size;
    if (is_asked) {
        write_be16(to, POINTER_TO_QUESTION);
    } else {
        memcpy(to, name->bytes, name_size);
    }
    to += name_size;
    write_be16(to, type);
    write_be16(to + 2, DNS_CLASS_IN);
    write_be32(to + 4, ttl_s);
    write_be16(to + 8, (uint16_t)data.size);
    memcpy(to + RECORD_FIXED, data.data, data.size);
    w->size += name_size + RECORD_FIXED + data.size;
    write_be16(w->message + ANSWERS, (uint16_t)(read_be16(w->message + ANSWERS) + 1));
}

size_t dns_writer_finish(struct dns_writer *w)
{
    if (w->is_full) {
        write_be16(w->message + FLAGS, read_be16(w->message + FLAGS) | FLAG_TRUNCATED);
    }
    if (read_be16(w->message + ADDITIONAL) != 0) {
        memmove(w->message + w->size, w->message + w->room, EDNS_SIZE);
        w->size += EDNS_SIZE;
    }
    return w->size;
}

size_t dns_refuse(const struct dns_query *q, enum dns_code code, uint8_t *to)
{
    struct dns_writer w;
    dns_writer_init(&w, to, DNS_QUERY_SIZE_MAX, q, code);
    return dns_writer_finish(&w);
}

/* ---- Reading ---- */

static status_t read_question(struct span message, size_t *at, struct dns_question *out)
{
    status_t status = dns_name_read(message, at, &out->name);
    if (status != OK || !span_has(message, *at, 4)) {
        return ERR_INVAL;
    }
    out->type = read_be16(message.data + *at);
    out->class_code = read_be16(message.data + *at + 2);
    *at += 4;
    return OK;
}

// EDNS of a message whose records begin at `at`: sizes and bits of the first one.  ERR_INVAL: a record
// does not fit.
static status_t find_edns(const struct dns_reply *r, struct dns_record *edns)
{
    struct dns_record record;
    struct dns_walk w = dns_records(r);
    *edns = (struct dns_record){};
    while (dns_record_next(&w, &record)) {
        if (record.section == DNS_ADDITIONAL && record.type == DNS_OPT && edns->type == 0) {
            *edns = record;
        }
    }
    return w.is_broken ? ERR_INVAL : OK;
}

static void read_counts(struct span message, struct dns_reply *r)
{
    for (size_t i = 0; i < DNS_SECTIONS; i++) {
        r->counts[i] = read_be16(message.data + ANSWERS + 2 * i);
    }
}

status_t dns_query_parse(struct span message, struct dns_query *out)
{
    struct dns_query q;
    struct dns_record edns;
    size_t at = DNS_HEADER_SIZE;
    if (message.size < DNS_HEADER_SIZE || read_be16(message.data + QUESTIONS) != 1) {
        return ERR_INVAL;
    }
    uint16_t flags = read_be16(message.data + FLAGS);
    if ((flags & (FLAG_REPLY | FLAG_OPCODE)) != 0 ||
        read_question(message, &at, &q.question) != OK) {
        return ERR_INVAL;
    }
    struct dns_reply all = {.message = message, .records_at = at};
    read_counts(message, &all);
    if (find_edns(&all, &edns) != OK) {
        return ERR_INVAL;
    }
    q.id = read_be16(message.data);
    q.wants_recursion = (flags & FLAG_WANTS_RECURSION) != 0;
    q.wants_unchecked = (flags & FLAG_UNCHECKED) != 0;
    q.wants_signatures = (edns.ttl_s & EDNS_SIGNATURES) != 0;
    // Whoever says less than all have to take does not mean it (RFC 6891, 6.2.3).
    q.udp_size = edns.type == 0 ? 0 : (uint16_t)u64_max(edns.class_code, DNS_UDP_SIZE_OLD);
    *out = q;
    return OK;
}

status_t dns_reply_parse(struct span message, struct dns_reply *out)
{
    size_t at = DNS_HEADER_SIZE;
    struct dns_record edns;
    if (message.size < DNS_HEADER_SIZE || read_be16(message.data + QUESTIONS) > 1) {
        return ERR_INVAL;
    }
    uint16_t flags = read_be16(message.data + FLAGS);
    struct dns_reply r = {
        .message = message,
        .id = read_be16(message.data),
        .is_authoritative = (flags & FLAG_AUTHORITATIVE) != 0,
        .is_truncated = (flags & FLAG_TRUNCATED) != 0,
        .is_recursive = (flags & FLAG_RECURSION) != 0,
        .is_authentic = (flags & FLAG_AUTHENTIC) != 0,
    };
    bool has_question = read_be16(message.data + QUESTIONS) != 0;
    if ((flags & (FLAG_REPLY | FLAG_OPCODE)) != FLAG_REPLY ||
        (has_question && read_question(message, &at, &r.question) != OK)) {
        return ERR_INVAL;
    }
    r.records_at = at;
    read_counts(message, &r);
    if (find_edns(&r, &edns) != OK && !r.is_truncated) {
        return ERR_INVAL;
    }
    r.udp_size = edns.type == 0 ? 0 : (uint16_t)u64_max(edns.class_code, DNS_UDP_SIZE_OLD);
    r.code = (uint16_t)((flags & FLAG_CODE) | (edns.ttl_s >> 24) << 4);
    *out = r;
    return OK;
}

bool dns_reply_answers(const struct dns_reply *r, const struct dns_query *q)
{
    return r->id == q->id && r->question.type == q->question.type &&
           r->question.class_code == q->question.class_code &&
           dns_name_is_equal(&r->question.name, &q->question.name);
}

/* ---- Replies that are kept ---- */

// What a negative answer says of itself: the smaller one of the SOA's own time and its minimum.
static uint32_t negative_ttl(const struct dns_reply *r)
{
    struct dns_record record;
    struct dns_soa soa;
    struct dns_walk w = dns_records(r);
    while (dns_record_next(&w, &record)) {
        if (record.section == DNS_AUTHORITY && dns_record_soa(&record, &soa) == OK) {
            return (uint32_t)u64_min(u64_min(record.ttl_s, soa.minimum_s), NEGATIVE_TTL_MAX);
        }
    }
    return 0;
}

// Whether an answer is of the type that was asked for, rather than only an alias on the way.
static bool has_answer(const struct dns_reply *r)
{
    struct dns_record record;
    struct dns_walk w = dns_records(r);
    while (dns_record_next(&w, &record) && record.section == DNS_ANSWER) {
        if (record.type == r->question.type || r->question.type == DNS_ANY) {
            return true;
        }
    }
    return false;
}

uint32_t dns_reply_ttl(const struct dns_reply *r)
{
    struct dns_record record;
    uint64_t ttl = UINT32_MAX;
    if (r->is_truncated || (r->code != DNS_NO_ERROR && r->code != DNS_NO_NAME)) {
        return 0;
    }
    if (r->code == DNS_NO_NAME || !has_answer(r)) {
        ttl = negative_ttl(r);
    }
    struct dns_walk w = dns_records(r);
    while (dns_record_next(&w, &record)) {
        ttl = record.type == DNS_OPT ? ttl : u64_min(ttl, record.ttl_s);
    }
    return (uint32_t)ttl;
}

bool dns_reply_age(uint8_t *message, size_t size, uint16_t id, uint32_t seconds)
{
    struct dns_reply r;
    struct dns_record record;
    if (dns_reply_parse(span_of(message, size), &r) != OK) {
        return false;
    }
    write_be16(message, id);
    struct dns_walk w = dns_records(&r);
    while (dns_record_next(&w, &record)) {
        if (record.type != DNS_OPT) {
            uint32_t ttl = record.ttl_s > seconds ? record.ttl_s - seconds : 0;
            write_be32(message + record.ttl_at, ttl);
        }
    }
    return dns_reply_parse(span_of(message, size), &r) == OK;
}
