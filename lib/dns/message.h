// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of the domain name system (RFC 1035, 4) with EDNS (RFC 6891): queries and replies, read and
 * written.  Records are in record.h.
 *
 *   dns_query_emit -> the server -> dns_reply_parse -> dns_reply_answers -> dns_record_next ...
 *   dns_query_parse -> from a cache: dns_reply_age -> the client
 *
 * A reply is walked once when it is parsed, so that what is read from it later is well-formed as far as
 * records go.  Whether it answers a question is dns_reply_answers: ids alone are guessed.
 */
#pragma once

#include "lib/dns/name.h"

enum {
    DNS_PORT = 53,
    DNS_HEADER_SIZE = 12,
    DNS_UDP_SIZE = 1232,      // what we take over UDP: no fragments even in IPv6's smallest packets
    DNS_UDP_SIZE_OLD = 512,   // what everybody takes
    DNS_QUERY_SIZE_MAX = 300, // of what dns_query_emit and dns_refuse write
    DNS_CLASS_IN = 1,
};

enum dns_type : uint16_t {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_OPT = 41,
    DNS_ANY = 255,
};

enum dns_code : uint16_t {
    DNS_NO_ERROR = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_SERVER_FAILURE = 2,
    DNS_NO_NAME = 3,
    DNS_NOT_IMPLEMENTED = 4,
    DNS_REFUSED = 5,
};

struct dns_question {
    struct dns_name name;
    uint16_t type; // enum dns_type, or any other
    uint16_t class_code;
};

// A question of the Internet's class.
struct dns_query {
    struct dns_question question;
    uint16_t id;
    uint16_t udp_size; // that the sender takes; 0: it has no EDNS
    bool wants_recursion;
    bool wants_signatures; // DNSSEC's bit (RFC 3225)
    bool wants_unchecked;  // CD (RFC 4035, 3.1.6)
};

struct dns_reply {
    struct span message;
    struct dns_question question; // with size 0 of the name: it has none
    size_t records_at;
    uint16_t counts[3]; // of answers, authorities, additional records
    uint16_t id;
    uint16_t code; // enum dns_code, with the bits of EDNS
    bool is_authoritative;
    bool is_truncated; // ask again over TCP
    bool is_recursive; // the server does recursion
    bool is_authentic; // AD: the server says that signatures are right
    uint16_t udp_size; // that the server takes; 0: it has no EDNS
};

// Writes it, at most DNS_QUERY_SIZE_MAX bytes; gives its size.
size_t dns_query_emit(const struct dns_query *q, uint8_t *to);

// ERR_INVAL: no query with one question.
status_t dns_query_parse(struct span message, struct dns_query *out);

// ERR_INVAL: no reply, or a record that does not fit, unless it says that it was truncated.
status_t dns_reply_parse(struct span message, struct dns_reply *out);

// Whether it is one to that query: id and question are the same.
bool dns_reply_answers(const struct dns_reply *r, const struct dns_query *q);

// Writes a reply to `q` without records, at most DNS_QUERY_SIZE_MAX bytes; gives its size.
size_t dns_refuse(const struct dns_query *q, enum dns_code code, uint8_t *to);

/* ---- Replies with records ---- */

// A writer stops at the first record that has no room, and the reply is marked as truncated.
struct dns_writer {
    uint8_t *message;
    size_t room;
    size_t size;
    bool is_full;
};

// Begins the reply to a query in `room` bytes, DNS_QUERY_SIZE_MAX or more.
void dns_writer_init(struct dns_writer *w, uint8_t *to, size_t room, const struct dns_query *q,
                     enum dns_code code);

// Adds an answer of the Internet's class.
void dns_write_answer(struct dns_writer *w, const struct dns_name *name, enum dns_type type,
                      uint32_t ttl_s, struct span data);

// Gives the size of the whole.
size_t dns_writer_finish(struct dns_writer *w);

/* ---- Replies that are kept ---- */

// Seconds for which a reply may be kept: the shortest time to live of its records, and of a negative one
// what RFC 2308, 5 says; 0: not at all.
uint32_t dns_reply_ttl(const struct dns_reply *r);

// Makes a reply that lies in `message`, `size` bytes that dns_reply_parse took, one to another query for
// the same, `seconds` later.  False: it cannot be, since its names lead into what changes.
bool dns_reply_age(uint8_t *message, size_t size, uint16_t id, uint32_t seconds);

// The text of a type or code, NULL: it has none here; and a type by its text, 0: none.
const char *dns_type_name(uint16_t type);
const char *dns_code_name(uint16_t code);
uint16_t dns_type_find(const char *name);

// The name under which addresses have their PTR records (RFC 1035, 3.5; RFC 3596, 2.5).
struct ip_addr;
void dns_reverse_name(const struct ip_addr *a, struct dns_name *out);
