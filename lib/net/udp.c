// SPDX-License-Identifier: Apache-2.0
#include "lib/net/udp.h"

status_t udp_parse(struct span front, size_t total, struct udp_header *out)
{
    const uint8_t *p = front.data;
    if (front.size < UDP_HEADER_SIZE) {
        return ERR_INVAL;
    }
    struct udp_header h = {
        .source_port = read_be16(p),
        .destination_port = read_be16(p + 2),
        .size = read_be16(p + 4),
        .checksum = read_be16(p + UDP_CHECKSUM_OFFSET),
    };
    if (h.destination_port == 0 || h.size < UDP_HEADER_SIZE || h.size > total) {
        return ERR_INVAL;
    }
    *out = h;
    return OK;
}

void udp_emit(const struct udp_header *h, uint8_t *to)
{
    write_be16(to, h->source_port);
    write_be16(to + 2, h->destination_port);
    write_be16(to + 4, h->size);
    write_be16(to + UDP_CHECKSUM_OFFSET, h->checksum);
}
