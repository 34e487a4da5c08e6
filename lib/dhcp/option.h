// SPDX-License-Identifier: Apache-2.0
/*
 * Options in a DHCP message: in up to three areas, and one longer than 255 bytes in several parts that
 * belong together (RFC 3396).
 */
#pragma once

#include "lib/base/span.h"

enum { DHCP_OPTION_SIZE_MAX = 512 };

enum dhcp_option_code : uint8_t {
    DHCP_OPTION_PAD = 0,
    DHCP_OPTION_MASK = 1,
    DHCP_OPTION_ROUTERS = 3,
    DHCP_OPTION_RESOLVERS = 6,
    DHCP_OPTION_HOST = 12,
    DHCP_OPTION_DOMAIN = 15,
    DHCP_OPTION_MTU = 26,
    DHCP_OPTION_CLOCKS = 42,
    DHCP_OPTION_REQUESTED = 50,
    DHCP_OPTION_LEASE = 51,
    DHCP_OPTION_OVERLOAD = 52,
    DHCP_OPTION_TYPE = 53,
    DHCP_OPTION_SERVER = 54,
    DHCP_OPTION_WANTED = 55,
    DHCP_OPTION_SIZE = 57,
    DHCP_OPTION_RENEW = 58,
    DHCP_OPTION_REBIND = 59,
    DHCP_OPTION_CLIENT_ID = 61,
    DHCP_OPTION_SEARCH = 119,
    DHCP_OPTION_ROUTES = 121,
    DHCP_OPTION_END = 255,
};

struct dhcp_options {
    unsigned count;
    struct span areas[3]; // in the order in which parts belong together
};

struct dhcp_option {
    size_t size;
    uint8_t bytes[DHCP_OPTION_SIZE_MAX];
};

// Finds the areas of a message of 240 bytes or more.  ERR_INVAL: an option does not fit.
status_t dhcp_options_init(struct dhcp_options *o, struct span message);

// All parts of an option.  False: it is not there, empty, or too long.
bool dhcp_options_get(const struct dhcp_options *o, enum dhcp_option_code code,
                      struct dhcp_option *out);

// Where options are written.
struct dhcp_writer {
    uint8_t *at;
    uint8_t *end;
};

// Nothing is written if `size` is 0, or where there is no room; more than 255 bytes become several parts.
void dhcp_write(struct dhcp_writer *w, enum dhcp_option_code code, const void *bytes, size_t size);
void dhcp_write_end(struct dhcp_writer *w);
