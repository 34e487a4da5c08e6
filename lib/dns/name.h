// SPDX-License-Identifier: Apache-2.0
/*
 * Names of the domain name system (RFC 1035, 3.1), as they go over the wire: labels with a byte of size
 * each, and an empty one at the end.
 *
 * Compression (4.1.4) is undone when a name is read.  A pointer has to lead in front of where the part
 * that it ends began, so no name is without end.
 */
#pragma once

#include "lib/base/span.h"

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63, DNS_NAME_TEXT_SIZE = 1010 };

struct dns_name {
    uint8_t size; // bytes, with the empty label; 1: the root
    uint8_t bytes[DNS_NAME_MAX];
};

// The name at *at of a message; *at moves behind it.  ERR_INVAL: cut short, too long, or a pointer
// that does not lead backwards.
status_t dns_name_read(struct span message, size_t *at, struct dns_name *out);

// The same where there is no compression (RFC 8106, 5.2): a pointer is ERR_INVAL.
status_t dns_name_read_plain(struct span bytes, size_t *at, struct dns_name *out);

// From text: labels with dots between them, a dot at the end or none; "." is the root.  \. and \DDD stand
// for bytes as in zone files (5.1).  ERR_INVAL: an empty label, or one that is too long.
// ERR_NAMETOOLONG.
status_t dns_name_parse(struct span text, struct dns_name *out);

// To text without the dot at the end, terminated, cut at `size`; DNS_NAME_TEXT_SIZE bytes are always
// enough.  Gives the length that the whole has.  Bytes that are no printing ASCII are \DDD.
size_t dns_name_print(const struct dns_name *n, char *text, size_t size);

// Without regard to case (RFC 4343).
bool dns_name_is_equal(const struct dns_name *a, const struct dns_name *b);

// Whether it is a host's (RFC 1123, 2.1): letters, digits and hyphens, and underscores, which many have.
bool dns_name_is_host(const struct dns_name *n);
