// SPDX-License-Identifier: Apache-2.0
/* The records of a reply, one after the other, and what is in those of the known types. */
#pragma once

#include "lib/dns/message.h"
#include "lib/net/address.h"

enum dns_section : uint8_t { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

struct dns_walk {
    struct span message;
    size_t at;
    enum dns_section section;
    uint16_t left[DNS_SECTIONS]; // records
    bool is_broken;              // it ended before its end
};

struct dns_record {
    struct dns_name name;
    enum dns_section section;
    uint16_t type; // enum dns_type, or any other
    uint16_t class_code;
    uint32_t ttl_s;
    struct span message; // in which names of its data may be continued
    size_t at;           // of the data in the message
    size_t size;         // of the data
    size_t ttl_at;       // of the time to live in the message
};

struct dns_walk dns_records(const struct dns_reply *r);

// False: no more, or the next does not fit.
bool dns_record_next(struct dns_walk *w, struct dns_record *out);

// Of DNS_A and DNS_AAAA.  ERR_INVAL here and below: another type, or malformed.
status_t dns_record_address(const struct dns_record *r, struct ip_addr *out);

// Of DNS_CNAME, DNS_NS and DNS_PTR.
status_t dns_record_name(const struct dns_record *r, struct dns_name *out);

struct dns_mx {
    uint16_t preference;
    struct dns_name exchange;
};
status_t dns_record_mx(const struct dns_record *r, struct dns_mx *out);

struct dns_srv { // RFC 2782
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    struct dns_name target;
};
status_t dns_record_srv(const struct dns_record *r, struct dns_srv *out);

struct dns_soa {
    struct dns_name server;
    struct dns_name mailbox;
    uint32_t serial;
    uint32_t refresh_s;
    uint32_t retry_s;
    uint32_t expire_s;
    uint32_t minimum_s;
};
status_t dns_record_soa(const struct dns_record *r, struct dns_soa *out);

// The strings of DNS_TXT, from *at = 0 on.  False: no more.
bool dns_record_text_next(const struct dns_record *r, size_t *at, struct span *out);

// The record's data as text, terminated, cut at `size`: what a zone file has behind the type, and
// \# with hexadecimal bytes for other types (RFC 3597, 5).
void dns_record_print(const struct dns_record *r, char *text, size_t size);
