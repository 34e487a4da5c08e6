// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/segment.h"

#include "lib/base/bits.h"
#include "lib/fmt/fmt.h"

enum tcp_option : uint8_t {
    TCP_OPTION_END = 0,
    TCP_OPTION_NOP = 1,
    TCP_OPTION_MSS = 2,
    TCP_OPTION_SCALE = 3,
    TCP_OPTION_SACK_PERMITTED = 4,
    TCP_OPTION_SACK = 5,
    TCP_OPTION_TIMESTAMPS = 8,
};

enum {
    MSS_SIZE = 4,
    SCALE_SIZE = 3,
    SACK_PERMITTED_SIZE = 2,
    TIMESTAMPS_SIZE = 10,
    SACK_BLOCK_SIZE = 8,
    SCALE_MAX = 14, // RFC 7323, 2.3
};

// Two NOPs and the timestamps, as nearly all segments have them and nothing else.
static constexpr uint32_t ALIGNED_TIMESTAMPS =
    TCP_OPTION_NOP << 24 | TCP_OPTION_NOP << 16 | TCP_OPTION_TIMESTAMPS << 8 | TIMESTAMPS_SIZE;

static void read_timestamps(const uint8_t *data, struct tcp_segment *out)
{
    out->has |= TCP_HAS_TIMESTAMPS;
    out->ts_value = read_be32(data);
    out->ts_echo = read_be32(data + 4);
}

static void read_sacks(struct span data, struct tcp_segment *out)
{
    if (data.size % SACK_BLOCK_SIZE != 0 || out->sack_count > 0) {
        return;
    }
    size_t count = u64_min(data.size / SACK_BLOCK_SIZE, TCP_SACKS_MAX);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block = data.data + i * SACK_BLOCK_SIZE;
        out->sacks[i] = (struct tcp_sack){read_be32(block), read_be32(block + 4)};
    }
    out->sack_count = (uint8_t)count;
}

// `data` is what follows kind and length.  An option of another size than its own is skipped.
static void read_option(uint8_t kind, struct span data, struct tcp_segment *out)
{
    switch (kind) {
    case TCP_OPTION_MSS:
        if (data.size == MSS_SIZE - 2) {
            out->has |= TCP_HAS_MSS;
            out->mss = read_be16(data.data);
        }
        break;
    case TCP_OPTION_SCALE:
        if (data.size == SCALE_SIZE - 2) {
            out->has |= TCP_HAS_SCALE;
            out->scale = (uint8_t)u64_min(data.data[0], SCALE_MAX);
        }
        break;
    case TCP_OPTION_SACK_PERMITTED:
        if (data.size == SACK_PERMITTED_SIZE - 2) {
            out->has |= TCP_HAS_SACK_PERMITTED;
        }
        break;
    case TCP_OPTION_SACK: read_sacks(data, out); break;
    case TCP_OPTION_TIMESTAMPS:
        if (data.size == TIMESTAMPS_SIZE - 2) {
            read_timestamps(data.data, out);
        }
        break;
    default: break;
    }
}

static status_t read_options(struct span options, struct tcp_segment *out)
{
    size_t at = 0;
    while (at < options.size && options.data[at] != TCP_OPTION_END) {
        if (options.data[at] == TCP_OPTION_NOP) {
            at++;
            continue;
        }
        if (options.size - at < 2 || options.data[at + 1] < 2 ||
            options.data[at + 1] > options.size - at) {
            return ERR_INVAL;
        }
        size_t size = options.data[at + 1];
        read_option(options.data[at], span_of(options.data + at + 2, size - 2), out);
        at += size;
    }
    return OK;
}

status_t tcp_parse(struct span packet, struct tcp_segment *out, size_t *header_size)
{
    if (packet.size < TCP_HEADER_MIN) {
        return ERR_INVAL;
    }
    const uint8_t *p = packet.data;
    size_t size = (size_t)(p[12] >> 4) * 4;
    if (size < TCP_HEADER_MIN || size > packet.size) {
        return ERR_INVAL;
    }
    struct tcp_segment s = {
        .source_port = read_be16(p),
        .destination_port = read_be16(p + 2),
        .seq = read_be32(p + 4),
        .ack = read_be32(p + 8),
        .flags = p[13],
        .window = read_be16(p + 14),
        .payload_size = (uint32_t)(packet.size - size),
    };
    const uint8_t *options = p + TCP_HEADER_MIN;
    if (size == TCP_HEADER_MIN + 2 + TIMESTAMPS_SIZE && read_be32(options) == ALIGNED_TIMESTAMPS) {
        read_timestamps(options + 4, &s);
    } else {
        status_t status = read_options(span_of(options, size - TCP_HEADER_MIN), &s);
        if (status != OK) {
            return status;
        }
    }
    *out = s;
    *header_size = size;
    return OK;
}

// Options that come before SACK's blocks; each is padded to a multiple of 4.
static size_t fixed_options_size(const struct tcp_segment *s)
{
    size_t size = 0;
    size += (s->has & TCP_HAS_MSS) != 0 ? MSS_SIZE : 0;
    size += (s->has & TCP_HAS_SCALE) != 0 ? SCALE_SIZE + 1 : 0;
    size += (s->has & TCP_HAS_SACK_PERMITTED) != 0 ? SACK_PERMITTED_SIZE + 2 : 0;
    size += (s->has & TCP_HAS_TIMESTAMPS) != 0 ? TIMESTAMPS_SIZE + 2 : 0;
    return size;
}

// As many blocks as the header has room for.
static size_t sack_blocks(const struct tcp_segment *s, size_t fixed)
{
    size_t room = (TCP_HEADER_MAX - TCP_HEADER_MIN - 4 - fixed) / SACK_BLOCK_SIZE;
    return u64_min(u64_min(s->sack_count, TCP_SACKS_MAX), room);
}

size_t tcp_header_size(const struct tcp_segment *s)
{
    size_t fixed = fixed_options_size(s);
    size_t blocks = sack_blocks(s, fixed);
    return TCP_HEADER_MIN + fixed + (blocks > 0 ? 4 + blocks * SACK_BLOCK_SIZE : 0);
}

// Two NOPs, kind and size.
static uint8_t *put_padded(uint8_t *to, uint8_t kind, size_t size)
{
    to[0] = TCP_OPTION_NOP;
    to[1] = TCP_OPTION_NOP;
    to[2] = kind;
    to[3] = (uint8_t)size;
    return to + 4;
}

static uint8_t *emit_syn_options(const struct tcp_segment *s, uint8_t *to)
{
    if ((s->has & TCP_HAS_MSS) != 0) {
        to[0] = TCP_OPTION_MSS;
        to[1] = MSS_SIZE;
        write_be16(to + 2, s->mss);
        to += MSS_SIZE;
    }
    if ((s->has & TCP_HAS_SCALE) != 0) {
        to[0] = TCP_OPTION_NOP;
        to[1] = TCP_OPTION_SCALE;
        to[2] = SCALE_SIZE;
        to[3] = s->scale;
        to += SCALE_SIZE + 1;
    }
    if ((s->has & TCP_HAS_SACK_PERMITTED) != 0) {
        to = put_padded(to, TCP_OPTION_SACK_PERMITTED, SACK_PERMITTED_SIZE);
    }
    return to;
}

static uint8_t *emit_sacks(const struct tcp_segment *s, size_t blocks, uint8_t *to)
{
    to = put_padded(to, TCP_OPTION_SACK, 2 + blocks * SACK_BLOCK_SIZE);
    for (size_t i = 0; i < blocks; i++) {
        write_be32(to, s->sacks[i].left);
        write_be32(to + 4, s->sacks[i].right);
        to += SACK_BLOCK_SIZE;
    }
    return to;
}

size_t tcp_emit(const struct tcp_segment *s, uint8_t *to)
{
    write_be16(to, s->source_port);
    write_be16(to + 2, s->destination_port);
    write_be32(to + 4, s->seq);
    write_be32(to + 8, s->ack);
    to[13] = s->flags;
    write_be16(to + 14, s->window);
    write_be32(to + TCP_CHECKSUM_OFFSET, 0); // and the urgent pointer
    uint8_t *end = to + TCP_HEADER_MIN;
    if ((s->has & ~TCP_HAS_TIMESTAMPS) != 0) {
        end = emit_syn_options(s, end);
    }
    if ((s->has & TCP_HAS_TIMESTAMPS) != 0) {
        end = put_padded(end, TCP_OPTION_TIMESTAMPS, TIMESTAMPS_SIZE);
        write_be32(end, s->ts_value);
        write_be32(end + 4, s->ts_echo);
        end += TIMESTAMPS_SIZE - 2;
    }
    if (s->sack_count > 0) {
        size_t blocks = sack_blocks(s, fixed_options_size(s));
        end = blocks > 0 ? emit_sacks(s, blocks, end) : end;
    }
    size_t size = (size_t)(end - to);
    to[12] = (uint8_t)(size / 4 << 4);
    return size;
}

struct text {
    char *at;
    size_t room;
};

static void add(struct text *t, const char *format, ...) PRINTF(2, 3);
static void add(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = fmt_format(t->at, t->room, format, arguments);
    va_end(arguments);
    size_t step = t->room == 0 ? 0 : u64_min(length, t->room - 1);
    t->at += step;
    t->room -= step;
}

static void print_options(const struct tcp_segment *s, struct text *t)
{
    if ((s->has & TCP_HAS_MSS) != 0) {
        add(t, " mss %u", s->mss);
    }
    if ((s->has & TCP_HAS_SCALE) != 0) {
        add(t, " scale %u", s->scale);
    }
    if ((s->has & TCP_HAS_SACK_PERMITTED) != 0) {
        add(t, " sackok");
    }
    if ((s->has & TCP_HAS_TIMESTAMPS) != 0) {
        add(t, " ts %u %u", s->ts_value, s->ts_echo);
    }
    for (size_t i = 0; i < u64_min(s->sack_count, TCP_SACKS_MAX); i++) {
        add(t, " sack %u-%u", s->sacks[i].left, s->sacks[i].right);
    }
}

void tcp_print(const struct tcp_segment *s, char *text, size_t size)
{
    static constexpr char LETTERS[] = "FSRPAUEC";
    struct text t = {text, size};
    add(&t, "%u > %u ", s->source_port, s->destination_port);
    for (unsigned i = 0; i < sizeof(LETTERS) - 1; i++) {
        if ((s->flags & 1u << i) != 0) {
            add(&t, "%c", LETTERS[i]);
        }
    }
    add(&t, "%s seq %u", s->flags == 0 ? "-" : "", s->seq);
    if (s->payload_size > 0) {
        add(&t, "+%u", s->payload_size);
    }
    if ((s->flags & TCP_ACK) != 0) {
        add(&t, " ack %u", s->ack);
    }
    add(&t, " win %u", s->window);
    print_options(s, &t);
}
