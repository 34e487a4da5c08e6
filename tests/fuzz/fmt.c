// SPDX-License-Identifier: Apache-2.0
/* Formatting gives what the host's snprintf gives, for every conversion that both know. */
#include "lib/fmt/fmt.h"

#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum {
    ROOM = 256,
    WIDTH_MAX = 300, // wider than the buffer
};

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

static uint64_t take_number(struct input *in)
{
    uint64_t value = 0;
    for (int count = take(in) % 9; count > 0; count--) {
        value = value << 8 | take(in);
    }
    return value;
}

// The format comes from the input, so the compiler cannot check it.
static size_t (*const ours)(char *, size_t, const char *, ...) = fmt_print;
static int (*const theirs)(char *, size_t, const char *, ...) = snprintf;

struct conversion {
    char format[32];
    size_t room;
};

static void check_number(const struct conversion *c, uint64_t value)
{
    char a[ROOM];
    char b[ROOM];
    size_t length = ours(a, c->room, c->format, value);
    int want = theirs(b, c->room, c->format, value);
    require(length == (size_t)want && (c->room == 0 || strcmp(a, b) == 0));
}

static void check_string(const struct conversion *c, const char *text)
{
    char a[ROOM];
    char b[ROOM];
    size_t length = ours(a, c->room, c->format, text);
    int want = theirs(b, c->room, c->format, text);
    require(length == (size_t)want && (c->room == 0 || strcmp(a, b) == 0));
}

static char *put_text(char *to, const char *text)
{
    while (*text != '\0') {
        *to++ = *text++;
    }
    *to = '\0';
    return to;
}

static char *put_decimal(char *to, unsigned value)
{
    char digits[] = {(char)('0' + value / 100 % 10), (char)('0' + value / 10 % 10),
                     (char)('0' + value % 10), '\0'};
    size_t zeros = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return put_text(to, digits + zeros);
}

// Flags, width and precision of a conversion; gives the end of the text.
static char *put_head(char *to, struct input *in)
{
    uint8_t flags = take(in);
    *to++ = '%';
    for (size_t i = 0; i < 5; i++) {
        if ((flags >> i & 1) != 0) {
            *to++ = "-0+ #"[i];
        }
    }
    if ((flags & 0x20) != 0) {
        to = put_decimal(to, (take(in) * 2u + 1) % WIDTH_MAX);
    }
    if ((flags & 0x40) != 0) {
        to = put_decimal(put_text(to, "."), take(in));
    }
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "j", "z", "t"};
    struct input in = {data, size};
    struct conversion c;
    c.room = take(&in) % ROOM;
    char *end = put_head(c.format, &in);
    uint8_t kind = take(&in);
    if (kind % 8 == 7) {
        char text[ROOM];
        size_t length = in.size < ROOM - 1 ? in.size : ROOM - 1;
        memcpy(text, in.data, length);
        text[length] = '\0';
        put_text(end, "s|");
        check_string(&c, text);
    } else if (kind % 8 == 6) {
        put_text(end, "c|");
        check_number(&c, take_number(&in));
    } else {
        const char conversion[] = {"diuxXo"[kind % 8], '|', '\0'};
        put_text(put_text(end, lengths[take(&in) % 8]), conversion);
        check_number(&c, take_number(&in));
    }
    return 0;
}
