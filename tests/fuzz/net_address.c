// SPDX-License-Identifier: Apache-2.0
/* Any text as an address: what is one is printed, and reads back as the same. */
#include "lib/net/address.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_addr a;
    struct ip_addr back;
    char text[IP_TEXT_SIZE];
    if (size >= IP6_SIZE) {
        a = ip6_read(data);
        ip_print(&a, text);
        require(ip_parse(span_of(text, strlen(text)), &back) == OK && ip_is_equal(&a, &back));
    }
    if (ip_parse(span_of(data, size), &a) == OK) {
        ip_print(&a, text);
        require(ip_parse(span_of(text, strlen(text)), &back) == OK && ip_is_equal(&a, &back));
    }
    return 0;
}
