// SPDX-License-Identifier: Apache-2.0
#include "lib/net/address.h"

#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

bool ip_is_loopback(const struct ip_addr *a)
{
    if (ip_is_v4(a)) {
        return a->bytes[12] == 127;
    }
    return a->halves[0] == 0 && read_be64(a->bytes + 8) == 1;
}

bool ip_is_multicast(const struct ip_addr *a)
{
    return ip_is_v4(a) ? a->bytes[12] >> 4 == 14 : a->bytes[0] == 0xff;
}

bool ip_is_link_local(const struct ip_addr *a)
{
    if (ip_is_v4(a)) {
        return ip4_value(a) >> 16 == 0xa9fe;
    }
    return read_be16(a->bytes) >> 6 == 0xfe80 >> 6;
}

bool ip4_is_broadcast(const struct ip_addr *a)
{
    return ip_is_v4(a) && ip4_value(a) == UINT32_MAX;
}

// The number of bits counted from an address's very first.
static unsigned whole_bits(const struct ip_addr *a, unsigned bits)
{
    unsigned before = ip_is_v4(a) ? 96 : 0;
    return bits > 128 - before ? 128 : before + bits;
}

static uint64_t mask64(unsigned bits)
{
    return bits == 0 ? 0 : ~0ull << (64 - bits);
}

bool ip_has_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned bits)
{
    if (ip_is_v4(a) != ip_is_v4(prefix)) {
        return false;
    }
    unsigned whole = whole_bits(prefix, bits);
    uint64_t high = read_be64(a->bytes) ^ read_be64(prefix->bytes);
    uint64_t low = read_be64(a->bytes + 8) ^ read_be64(prefix->bytes + 8);
    if (whole <= 64) {
        return (high & mask64(whole)) == 0;
    }
    return high == 0 && (low & mask64(whole - 64)) == 0;
}

struct ip_addr ip_network(const struct ip_addr *a, unsigned bits)
{
    struct ip_addr network = *a;
    unsigned whole = whole_bits(a, bits);
    for (unsigned i = whole / 8; i < IP6_SIZE; i++) {
        unsigned kept = i == whole / 8 ? whole % 8 : 0;
        network.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
    return network;
}

struct mac_addr ip_multicast_mac(const struct ip_addr *a)
{
    const uint8_t *b = a->bytes;
    if (ip_is_v4(a)) {
        return (struct mac_addr){{0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]}};
    }
    return (struct mac_addr){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

struct ip_addr ip6_solicited_node(const struct ip_addr *a)
{
    const uint8_t *b = a->bytes;
    return (struct ip_addr){
        .bytes = {0xff, 0x02, [11] = 0x01, [12] = 0xff, [13] = b[13], [14] = b[14], [15] = b[15]}};
}

struct ip_addr ip6_link_local(const struct mac_addr *mac)
{
    const uint8_t *m = mac->bytes;
    return (struct ip_addr){
        .bytes = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
}

// ---- Text ----

// The longest run of zero words, of two or more, that `::` stands for: the first of several.
static void find_zeros(const struct ip_addr *a, unsigned *begin, unsigned *end)
{
    *begin = *end = 8;
    unsigned best = 1;
    unsigned run = 0;
    for (unsigned i = 0; i < 8; i++) {
        run = read_be16(a->bytes + 2 * (size_t)i) == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *begin = i + 1 - run;
            *end = i + 1;
        }
    }
}

void ip_print(const struct ip_addr *a, char text[static IP_TEXT_SIZE])
{
    const uint8_t *b = a->bytes;
    if (ip_is_v4(a)) {
        (void)fmt_print(text, IP_TEXT_SIZE, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
        return;
    }
    unsigned begin;
    unsigned end;
    find_zeros(a, &begin, &end);
    size_t at = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == begin) {
            at += fmt_print(text + at, IP_TEXT_SIZE - at, "::");
        }
        if (i >= begin && i < end) {
            continue;
        }
        bool has_colon = i != 0 && i != end;
        at += fmt_print(text + at, IP_TEXT_SIZE - at, has_colon ? ":%x" : "%x",
                        read_be16(b + 2 * (size_t)i));
    }
}

void mac_print(const struct mac_addr *m, char text[static MAC_TEXT_SIZE])
{
    const uint8_t *b = m->bytes;
    (void)fmt_print(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
                    b[4], b[5]);
}

static int digit_of(uint8_t c, unsigned base)
{
    int value = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 16;
    return value < (int)base ? value : -1;
}

// A number of 1 to `digits_max` digits at *at, which is moved behind it.
static bool read_number(struct span text, size_t *at, unsigned base, unsigned digits_max,
                        unsigned *out)
{
    size_t begin = *at;
    unsigned value = 0;
    while (*at < text.size && digit_of(text.data[*at], base) >= 0) {
        if (*at - begin == digits_max) {
            return false;
        }
        value = value * base + (unsigned)digit_of(text.data[*at], base);
        ++*at;
    }
    *out = value;
    return *at > begin;
}

// Four numbers of at most 255 without leading zeros, up to the end of the text.
static status_t parse_dotted(struct span text, uint8_t *to)
{
    size_t at = 0;
    for (unsigned i = 0; i < IP4_SIZE; i++) {
        unsigned value;
        size_t begin = at;
        if (!read_number(text, &at, 10, 3, &value) || value > 255 ||
            (text.data[begin] == '0' && at - begin > 1)) {
            return ERR_INVAL;
        }
        to[i] = (uint8_t)value;
        bool is_last = i == IP4_SIZE - 1;
        if (is_last != (at == text.size) || (!is_last && text.data[at] != '.')) {
            return ERR_INVAL;
        }
        at++;
    }
    return OK;
}

struct ip6_text {
    struct span text;
    size_t at;
    uint8_t bytes[IP6_SIZE];
    unsigned size; // bytes so far
    int gap;       // bytes in front of `::`; -1: none yet
};

// What stands between words: one colon, or two once.  False: the text is at its end.
static status_t parse_colons(struct ip6_text *t, bool *has_more)
{
    struct span s = t->text;
    *has_more = t->at < s.size;
    if (!*has_more) {
        return OK;
    }
    bool is_double = s.size - t->at >= 2 && s.data[t->at] == ':' && s.data[t->at + 1] == ':';
    if (is_double && t->gap < 0) {
        t->gap = (int)t->size;
        t->at += 2;
        *has_more = t->at < s.size;
        return OK;
    }
    if (t->size == 0) {
        return s.data[t->at] == ':' ? ERR_INVAL : OK;
    }
    return s.data[t->at++] == ':' ? OK : ERR_INVAL;
}

// One word, or the dotted end.
static status_t parse_word(struct ip6_text *t)
{
    size_t begin = t->at;
    unsigned value;
    if (t->size > IP6_SIZE - 2 || !read_number(t->text, &t->at, 16, 4, &value)) {
        return ERR_INVAL;
    }
    if (t->at < t->text.size && t->text.data[t->at] == '.') {
        if (t->size > IP6_SIZE - IP4_SIZE) {
            return ERR_INVAL;
        }
        struct span rest = span_of(t->text.data + begin, t->text.size - begin);
        t->at = t->text.size;
        t->size += IP4_SIZE;
        return parse_dotted(rest, t->bytes + t->size - IP4_SIZE);
    }
    write_be16(t->bytes + t->size, (uint16_t)value);
    t->size += 2;
    return OK;
}

static status_t parse_ip6(struct span text, struct ip_addr *out)
{
    struct ip6_text t = {.text = text, .gap = -1};
    bool has_more = true;
    while (has_more) {
        status_t status = parse_colons(&t, &has_more);
        if (status == OK && has_more) {
            status = parse_word(&t);
        }
        if (status != OK) {
            return status;
        }
    }
    if (t.gap < 0 ? t.size != IP6_SIZE : t.size > IP6_SIZE - 2) {
        return ERR_INVAL;
    }
    size_t front = t.gap < 0 ? t.size : (size_t)t.gap;
    size_t back = t.size - front;
    *out = IP_ANY;
    memcpy(out->bytes, t.bytes, front);
    memcpy(out->bytes + IP6_SIZE - back, t.bytes + front, back);
    return OK;
}

status_t ip_parse(struct span text, struct ip_addr *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == ':') {
            return parse_ip6(text, out);
        }
    }
    uint8_t bytes[IP4_SIZE];
    status_t status = parse_dotted(text, bytes);
    if (status == OK) {
        *out = ip4_read(bytes);
    }
    return status;
}
