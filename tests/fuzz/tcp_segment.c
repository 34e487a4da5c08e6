// SPDX-License-Identifier: Apache-2.0
/* TCP's header: whatever is read, what is written from it reads back as the same. */
#include "lib/tcp/segment.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

// What a header has no room for is not written.
static void drop_what_does_not_fit(struct tcp_segment *s)
{
    while (s->sack_count > 0) {
        struct tcp_segment fewer = *s;
        fewer.sack_count--;
        if (tcp_header_size(&fewer) != tcp_header_size(s)) {
            return;
        }
        *s = fewer;
        s->sacks[s->sack_count] = (struct tcp_sack){};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_segment s;
    size_t header_size;
    if (tcp_parse(span_of(data, size), &s, &header_size) != OK) {
        return 0;
    }
    require(header_size >= TCP_HEADER_MIN && header_size <= TCP_HEADER_MAX);
    require(header_size + s.payload_size == size && s.scale <= 14);
    char text[256];
    tcp_print(&s, text, sizeof(text));
    require(strnlen(text, sizeof(text)) < sizeof(text));

    uint8_t packet[TCP_HEADER_MAX];
    struct tcp_segment back;
    drop_what_does_not_fit(&s);
    size_t written = tcp_emit(&s, packet);
    require(written == tcp_header_size(&s));
    require(tcp_parse(span_of(packet, written), &back, &header_size) == OK);
    back.payload_size = s.payload_size;
    require(memcmp(&s, &back, sizeof(s)) == 0);
    return 0;
}
