// SPDX-License-Identifier: Apache-2.0
/* Base64: what is accepted is what encoding the result gives, with or without its padding. */
#include "lib/base64/base64.h"

#include "tests/fuzz/fuzz.h"

enum { ROOM = 1024 };

static size_t encode(const uint8_t *bytes, size_t size, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6) {
            out[length++] = alphabet[bits >> (count - 6) & 63];
        }
    }
    if (count > 0) {
        out[length++] = alphabet[bits << (6 - count) & 63];
    }
    while (length % 4 != 0) {
        out[length++] = '=';
    }
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[ROOM];
    char again[ROOM * 4 / 3 + 4];
    size_t written;
    if (base64_decode(span_of(data, size), out, sizeof(out), &written) != OK) {
        return 0;
    }
    size_t length = encode(out, written, again);
    require(size <= length && length < size + 4);
    for (size_t i = 0; i < size; i++) {
        require(data[i] == (uint8_t)again[i]);
    }
    for (size_t i = size; i < length; i++) {
        require(again[i] == '=');
    }
    return 0;
}
