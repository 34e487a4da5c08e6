// SPDX-License-Identifier: Apache-2.0
#include "lib/base64/base64.h"

enum { PADDING_MAX = 2 };

static int value_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

status_t base64_decode(struct span text, void *out, size_t size, size_t *written)
{
    uint8_t *to = out;
    size_t n = 0;
    uint32_t bits = 0;
    unsigned count = 0; // of bits not yet written
    if (text.size > 0 && text.size % 4 == 0) {
        for (int i = 0; i < PADDING_MAX && text.data[text.size - 1] == '='; i++) {
            text.size--;
        }
    }
    if (text.size % 4 == 1) {
        return ERR_INVAL;
    }
    for (size_t i = 0; i < text.size; i++) {
        int value = value_of(text.data[i]);
        if (value < 0) {
            return ERR_INVAL;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (n == size) {
                return ERR_RANGE;
            }
            to[n++] = (uint8_t)(bits >> count);
        }
    }
    // What is left over must be zero, so that each text has one meaning (section 3.5).
    if ((bits & ((1u << count) - 1)) != 0) {
        return ERR_INVAL;
    }
    *written = n;
    return OK;
}
