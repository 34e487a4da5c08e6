// SPDX-License-Identifier: Apache-2.0
/* The header of UDP (RFC 768).  The checksum is only carried: it covers addresses and payload. */
#pragma once

#include "lib/base/span.h"

enum { UDP_HEADER_SIZE = 8, UDP_CHECKSUM_OFFSET = 6, UDP_PAYLOAD_MAX = 65535 - UDP_HEADER_SIZE };

struct udp_header {
    uint16_t source_port;
    uint16_t destination_port; // not 0
    uint16_t size;             // bytes, with the header
    uint16_t checksum;         // 0: there is none, which only IPv4 allows (RFC 8200, 8.1)
};

// Reads the header at the begin of `front`, which may be less than the datagram's `total` bytes.
// ERR_INVAL: cut short, or sizes that contradict each other.
status_t udp_parse(struct span front, size_t total, struct udp_header *out);

// Writes UDP_HEADER_SIZE bytes.
void udp_emit(const struct udp_header *h, uint8_t *to);
