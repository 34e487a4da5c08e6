// SPDX-License-Identifier: Apache-2.0
#include "lib/dns/record.h"

#include "lib/fmt/fmt.h"

enum { FIXED = 10, TTL = 4, SIZE = 8 };

struct dns_walk dns_records(const struct dns_reply *r)
{
    struct dns_walk w = {.message = r->message, .at = r->records_at};
    for (size_t i = 0; i < DNS_SECTIONS; i++) {
        w.left[i] = r->counts[i];
    }
    return w;
}

static status_t read_record(const struct dns_walk *w, struct dns_record *r)
{
    size_t at = w->at;
    status_t status = dns_name_read(w->message, &at, &r->name);
    if (status != OK || !span_has(w->message, at, FIXED)) {
        return ERR_INVAL;
    }
    const uint8_t *p = w->message.data + at;
    uint32_t ttl = read_be32(p + TTL);
    r->section = w->section;
    r->type = read_be16(p);
    r->class_code = read_be16(p + 2);
    // A time with its highest bit set is none (RFC 2181, 8); EDNS has bits there.
    r->ttl_s = r->type != DNS_OPT && ttl > INT32_MAX ? 0 : ttl;
    r->message = w->message;
    r->at = at + FIXED;
    r->size = read_be16(p + SIZE);
    r->ttl_at = at + TTL;
    return span_has(w->message, r->at, r->size) ? OK : ERR_INVAL;
}

bool dns_record_next(struct dns_walk *w, struct dns_record *out)
{
    while (w->section < DNS_SECTIONS && w->left[w->section] == 0) {
        w->section++;
    }
    if (w->section == DNS_SECTIONS || w->is_broken) {
        return false;
    }
    w->is_broken = read_record(w, out) != OK;
    if (w->is_broken) {
        return false;
    }
    w->left[w->section]--;
    w->at = out->at + out->size;
    return true;
}

static const uint8_t *data_of(const struct dns_record *r)
{
    return r->message.data + r->at;
}

// The name that begins `offset` bytes into the data, and the offset behind it.
static status_t read_name(const struct dns_record *r, size_t *offset, struct dns_name *out)
{
    size_t at = r->at + *offset;
    // It has to end with the data, though it may be continued in front of it.
    struct span message = span_of(r->message.data, r->at + r->size);
    status_t status = *offset < r->size ? dns_name_read(message, &at, out) : ERR_INVAL;
    *offset = at - r->at;
    return status;
}

// The name that ends the data.
static status_t read_last_name(const struct dns_record *r, size_t offset, struct dns_name *out)
{
    status_t status = read_name(r, &offset, out);
    return status == OK && offset == r->size ? OK : ERR_INVAL;
}

status_t dns_record_address(const struct dns_record *r, struct ip_addr *out)
{
    if (r->class_code != DNS_CLASS_IN) {
        return ERR_INVAL;
    }
    if (r->type == DNS_A && r->size == IP4_SIZE) {
        *out = ip4_read(data_of(r));
        return OK;
    }
    if (r->type == DNS_AAAA && r->size == IP6_SIZE) {
        *out = ip6_read(data_of(r));
        return OK;
    }
    return ERR_INVAL;
}

status_t dns_record_name(const struct dns_record *r, struct dns_name *out)
{
    if (r->type != DNS_CNAME && r->type != DNS_NS && r->type != DNS_PTR) {
        return ERR_INVAL;
    }
    return read_last_name(r, 0, out);
}

status_t dns_record_mx(const struct dns_record *r, struct dns_mx *out)
{
    if (r->type != DNS_MX || r->size < 2) {
        return ERR_INVAL;
    }
    out->preference = read_be16(data_of(r));
    return read_last_name(r, 2, &out->exchange);
}

status_t dns_record_srv(const struct dns_record *r, struct dns_srv *out)
{
    if (r->type != DNS_SRV || r->size < 6) {
        return ERR_INVAL;
    }
    out->priority = read_be16(data_of(r));
    out->weight = read_be16(data_of(r) + 2);
    out->port = read_be16(data_of(r) + 4);
    return read_last_name(r, 6, &out->target);
}

status_t dns_record_soa(const struct dns_record *r, struct dns_soa *out)
{
    enum { NUMBERS = 20 };
    size_t at = 0;
    if (r->type != DNS_SOA || read_name(r, &at, &out->server) != OK ||
        read_name(r, &at, &out->mailbox) != OK || r->size - at != NUMBERS) {
        return ERR_INVAL;
    }
    const uint8_t *p = data_of(r) + at;
    out->serial = read_be32(p);
    out->refresh_s = read_be32(p + 4);
    out->retry_s = read_be32(p + 8);
    out->expire_s = read_be32(p + 12);
    out->minimum_s = read_be32(p + 16);
    return OK;
}

bool dns_record_text_next(const struct dns_record *r, size_t *at, struct span *out)
{
    if (r->type != DNS_TXT || *at >= r->size || data_of(r)[*at] > r->size - *at - 1) {
        return false;
    }
    *out = span_of(data_of(r) + *at + 1, data_of(r)[*at]);
    *at += out->size + 1;
    return true;
}

/* ---- Text ---- */

// Where text is appended; what does not fit is left out.
struct text {
    char *at;
    size_t left;
};

static void append_number(struct text *t, const char *format, uint32_t value)
{
    size_t size = fmt_print(t->at, t->left, format, (unsigned)value);
    size = size < t->left ? size : t->left - 1;
    t->at += size;
    t->left -= size;
}

static void append_name(struct text *t, const struct dns_name *name)
{
    size_t size = dns_name_print(name, t->at, t->left);
    size = size < t->left ? size : t->left - 1;
    t->at += size;
    t->left -= size;
}

// A string in quotes, with escapes as in zone files (RFC 1035, 5.1).
static void append_string(struct text *t, struct span s)
{
    append_number(t, "\"", 0);
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        bool is_plain = c >= ' ' && c < 0x7f;
        append_number(t, c == '"' || c == '\\' ? "\\%c" : is_plain ? "%c" : "\\%03u", c);
    }
    append_number(t, "\"", 0);
}

static bool print_name(const struct dns_record *r, struct text *t)
{
    struct dns_name name;
    if (dns_record_name(r, &name) != OK) {
        return false;
    }
    append_name(t, &name);
    return true;
}

static bool print_mx(const struct dns_record *r, struct text *t)
{
    struct dns_mx mx;
    if (dns_record_mx(r, &mx) != OK) {
        return false;
    }
    append_number(t, "%u ", mx.preference);
    append_name(t, &mx.exchange);
    return true;
}

static bool print_srv(const struct dns_record *r, struct text *t)
{
    struct dns_srv srv;
    if (dns_record_srv(r, &srv) != OK) {
        return false;
    }
    append_number(t, "%u ", srv.priority);
    append_number(t, "%u ", srv.weight);
    append_number(t, "%u ", srv.port);
    append_name(t, &srv.target);
    return true;
}

static bool print_soa(const struct dns_record *r, struct text *t)
{
    struct dns_soa soa;
    if (dns_record_soa(r, &soa) != OK) {
        return false;
    }
    append_name(t, &soa.server);
    append_number(t, " ", 0);
    append_name(t, &soa.mailbox);
    append_number(t, " %u", soa.serial);
    append_number(t, " %u", soa.refresh_s);
    append_number(t, " %u", soa.retry_s);
    append_number(t, " %u", soa.expire_s);
    append_number(t, " %u", soa.minimum_s);
    return true;
}

static bool print_text(const struct dns_record *r, struct text *t)
{
    size_t at = 0;
    struct span s;
    while (dns_record_text_next(r, &at, &s)) {
        if (s.data != data_of(r) + 1) {
            append_number(t, " ", 0);
        }
        append_string(t, s);
    }
    return at == r->size && at != 0;
}

static bool print_address(const struct dns_record *r, struct text *t)
{
    char text[IP_TEXT_SIZE];
    struct ip_addr a;
    if (dns_record_address(r, &a) != OK) {
        return false;
    }
    ip_print(&a, text);
    for (size_t i = 0; text[i] != '\0'; i++) {
        append_number(t, "%c", (uint8_t)text[i]);
    }
    return true;
}

static bool print_known(const struct dns_record *r, struct text *t)
{
    switch (r->type) {
    case DNS_A:
    case DNS_AAAA: return print_address(r, t);
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR: return print_name(r, t);
    case DNS_MX: return print_mx(r, t);
    case DNS_SRV: return print_srv(r, t);
    case DNS_SOA: return print_soa(r, t);
    case DNS_TXT: return print_text(r, t);
    default: return false;
    }
}

void dns_record_print(const struct dns_record *r, char *text, size_t size)
{
    struct text t = {.at = text, .left = size};
    if (size == 0 || print_known(r, &t)) {
        return;
    }
    t = (struct text){.at = text, .left = size};
    append_number(&t, "\\# %u ", (uint32_t)r->size);
    for (size_t i = 0; i < r->size && t.left > 1; i++) {
        append_number(&t, "%02x", data_of(r)[i]);
    }
}
