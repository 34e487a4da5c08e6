// SPDX-License-Identifier: Apache-2.0
/* What types, codes and addresses are called. */
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/dns/message.h"
#include "lib/fmt/fmt.h"
#include "lib/net/address.h"

struct type_name {
    uint16_t type;
    const char *name;
};

static const struct type_name types[] = {
    {DNS_A, "A"},     {DNS_NS, "NS"},   {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"},
    {DNS_PTR, "PTR"}, {DNS_MX, "MX"},   {DNS_TXT, "TXT"},     {DNS_AAAA, "AAAA"},
    {DNS_SRV, "SRV"}, {DNS_OPT, "OPT"}, {DNS_ANY, "ANY"},
};

const char *dns_type_name(uint16_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return NULL;
}

static bool is_same_word(const char *a, const char *b)
{
    size_t i = 0;
    // Letters only: the bit that tells their cases apart is set in both.
    while (a[i] != '\0' && (a[i] | 0x20) == (b[i] | 0x20)) {
        i++;
    }
    return a[i] == b[i];
}

uint16_t dns_type_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (is_same_word(types[i].name, name)) {
            return types[i].type;
        }
    }
    return 0;
}

const char *dns_code_name(uint16_t code)
{
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                        "NXRRSET", "NOTAUTH", "NOTZONE"};
    return code < ARRAY_SIZE(names) ? names[code] : NULL;
}

// Appends text to text; there is room.
static size_t append(char *text, size_t at, size_t size, const char *format, unsigned value)
{
    return at + fmt_print(text + at, size - at, format, value);
}

void dns_reverse_name(const struct ip_addr *a, struct dns_name *out)
{
    char text[80];
    size_t at = 0;
    bool is_v4 = ip_is_v4(a);
    for (size_t i = IP6_SIZE; i > (is_v4 ? (size_t)IP6_SIZE - IP4_SIZE : 0); i--) {
        uint8_t byte = a->bytes[i - 1];
        if (is_v4) {
            at = append(text, at, sizeof(text), "%u.", byte);
        } else {
            at = append(text, at, sizeof(text), "%x.", byte & 15);
            at = append(text, at, sizeof(text), "%x.", byte >> 4);
        }
    }
    at += fmt_print(text + at, sizeof(text) - at, "%s", is_v4 ? "in-addr.arpa" : "ip6.arpa");
    if (dns_name_parse(span_of(text, at), out) != OK) {
        *out = (struct dns_name){.size = 1}; // does not happen: the text is a name
    }
}
