// SPDX-License-Identifier: Apache-2.0
#include "user/libswos/number.h"

uint64_t parse_number(const char *text)
{
    uint64_t value = 0;
    while (*text >= '0' && *text <= '9') {
        value = value * 10 + (uint64_t)(*text++ - '0');
    }
    return value;
}
