// SPDX-License-Identifier: Apache-2.0
#include "lib/net/source.h"

#include "lib/base/bits.h"

uint8_t source_scope(const struct ip_addr *a)
{
    if (ip_is_v4(a)) {
        return ip_is_link_local(a) || ip_is_loopback(a) ? SCOPE_LINK : SCOPE_GLOBAL;
    }
    if (ip_is_multicast(a)) {
        return a->bytes[1] & 15;
    }
    if (ip_is_link_local(a) || ip_is_loopback(a)) {
        return SCOPE_LINK;
    }
    bool is_site = a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0xc0;
    return is_site ? SCOPE_SITE : SCOPE_GLOBAL;
}

struct policy {
    struct ip_addr prefix;
    uint8_t bits;
    uint8_t label;
};

// The default policy table (RFC 6724, 2.1); the longest prefix comes first.
static const struct policy policies[] = {
    {{.bytes = {[15] = 1}}, 128, 0},   {{.bytes = {[10] = 0xff, 0xff}}, 96, 4},
    {{.bytes = {0}}, 96, 3},           {{.bytes = {0x20, 0x01, 0, 0}}, 32, 5},
    {{.bytes = {0x20, 0x02}}, 16, 2},  {{.bytes = {0x3f, 0xfe}}, 16, 12},
    {{.bytes = {0xfe, 0xc0}}, 10, 11}, {{.bytes = {0xfc}}, 7, 13},
};
enum { LABEL_DEFAULT = 1 };

// The first bits that two addresses share, as they lie in IPv6's space.
static unsigned common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
    for (unsigned i = 0; i < IP6_SIZE; i++) {
        unsigned differ = a->bytes[i] ^ b->bytes[i];
        if (differ != 0) {
            return 8 * i + 7 - log2_floor(differ);
        }
    }
    return 8 * IP6_SIZE;
}

static unsigned label_of(const struct ip_addr *a)
{
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        if (common_bits(a, &policies[i].prefix) >= policies[i].bits) {
            return policies[i].label;
        }
    }
    return LABEL_DEFAULT;
}

static unsigned matching_bits(const struct source_candidate *c, const struct ip_addr *destination)
{
    unsigned limit = c->prefix + (ip_is_v4(&c->address) ? 96u : 0u);
    return (unsigned)u64_min(common_bits(&c->address, destination), limit);
}

// Rule 2: negative: `a` is worse; 0: no difference.
static int compare_scopes(const struct source_candidate *a, const struct source_candidate *b,
                          const struct ip_addr *destination)
{
    uint8_t of_a = source_scope(&a->address);
    uint8_t of_b = source_scope(&b->address);
    uint8_t wanted = source_scope(destination);
    if (of_a == of_b) {
        return 0;
    }
    bool is_a = of_a < of_b ? of_a >= wanted : of_b < wanted;
    return is_a ? 1 : -1;
}

bool source_is_better(const struct source_candidate *a, const struct source_candidate *b,
                      const struct ip_addr *destination)
{
    bool is_a = ip_is_equal(&a->address, destination);
    bool is_b = ip_is_equal(&b->address, destination);
    if (is_a != is_b) {
        return is_a; // rule 1
    }
    int scopes = compare_scopes(a, b, destination);
    if (scopes != 0) {
        return scopes > 0; // rule 2
    }
    if (a->is_deprecated != b->is_deprecated) {
        return b->is_deprecated; // rule 3
    }
    if (a->is_outgoing != b->is_outgoing) {
        return a->is_outgoing; // rule 5
    }
    unsigned label = label_of(destination);
    bool has_a = label_of(&a->address) == label;
    bool has_b = label_of(&b->address) == label;
    if (has_a != has_b) {
        return has_a; // rule 6
    }
    if (a->is_temporary != b->is_temporary) {
        return a->is_temporary; // rule 7
    }
    return matching_bits(a, destination) > matching_bits(b, destination); // rule 8
}
