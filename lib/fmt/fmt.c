// SPDX-License-Identifier: Apache-2.0
#include "lib/fmt/fmt.h"

#include <limits.h>

#include "lib/base/string.h"

enum {
    FLAG_LEFT = 1 << 0,
    FLAG_ZERO = 1 << 1,
    FLAG_PLUS = 1 << 2,
    FLAG_SPACE = 1 << 3,
    FLAG_ALTERNATE = 1 << 4,
    FLAG_UPPER = 1 << 5,
    DIGITS_MAX = 22, // of 64 bits in octal
    PRECISION_NONE = -1,
};

// Bytes of text so far; those past `limit` are counted and not stored.
struct output {
    char *buf;
    size_t limit; // room for text, without the NUL
    size_t length;
};

struct spec {
    unsigned flags;
    int width;
    int precision;
    unsigned size; // of the integer argument, in bytes
};

// va_list may be an array type, which cannot be passed by address once it is a parameter.
struct arguments {
    va_list list;
};

static inline void put_char(struct output *out, char c)
{
    if (out->length < out->limit) {
        out->buf[out->length] = c;
    }
    out->length++;
}

// How many of `count` more bytes can be stored.
static inline size_t room_for(const struct output *out, size_t count)
{
    size_t room = out->length < out->limit ? out->limit - out->length : 0;
    return count < room ? count : room;
}

// Loops, since most runs are a few bytes and a call of memcpy costs as much.
static inline void put_text(struct output *out, const char *text, size_t count)
{
    size_t stored = room_for(out, count);
    if (stored > 0) {
        char *to = out->buf + out->length;
        for (const char *end = text + stored; text != end;) {
            *to++ = *text++;
        }
    }
    out->length += count;
}

static void put_padding(struct output *out, char c, size_t count)
{
    size_t stored = room_for(out, count);
    for (size_t i = 0; i < stored; i++) {
        out->buf[out->length + i] = c;
    }
    out->length += count;
}

// The text up to a conversion or the end; gives where it ended.
static const char *put_literal(struct output *out, const char *text)
{
    struct output o = *out; // in registers
    for (; *text != '%' && *text != '\0'; text++) {
        put_char(&o, *text);
    }
    out->length = o.length;
    return text;
}

// `text`, padded with spaces to the width on the side that the flags name.
static void put_field(struct output *out, const struct spec *spec, const char *text, size_t count)
{
    size_t width = (size_t)spec->width;
    size_t padding = width > count ? width - count : 0;
    if ((spec->flags & FLAG_LEFT) == 0) {
        put_padding(out, ' ', padding);
        padding = 0;
    }
    put_text(out, text, count);
    put_padding(out, ' ', padding);
}

// Writes the digits of `value` so that they end at `end`; gives where they start.
static char *write_digits(char *end, uint64_t value, unsigned base, bool is_upper)
{
    if (base == 10) {
        // 32-bit division is several times cheaper, and most numbers are small.
        while (value > UINT32_MAX) {
            *--end = (char)('0' + value % 10);
            value /= 10;
        }
        for (uint32_t rest = (uint32_t)value; rest != 0; rest /= 10) {
            *--end = (char)('0' + rest % 10);
        }
        return end;
    }
    unsigned shift = base == 16 ? 4 : 3;
    char letter = (char)((is_upper ? 'A' : 'a') - 10);
    for (; value != 0; value >>= shift) {
        unsigned digit = (unsigned)value & (base - 1);
        *--end = (char)(digit < 10 ? '0' + digit : (unsigned)letter + digit);
    }
    return end;
}

// The sign or radix prefix of a number; at most two bytes.
struct prefix {
    char text[2];
    unsigned count;
};

static void put_number(struct output *out, const struct spec *spec, struct prefix prefix,
                       uint64_t value, unsigned base)
{
    char digits[DIGITS_MAX] = {};
    char *end = digits + sizeof(digits);
    char *start = write_digits(end, value, base, (spec->flags & FLAG_UPPER) != 0);
    size_t count = (size_t)(end - start);
    if (spec->width == 0 && spec->precision == PRECISION_NONE && base != 8 && count != 0) {
        put_text(out, prefix.text, prefix.count);
        put_text(out, start, count);
        return;
    }

    // A number has at least one digit unless an explicit precision of 0 meets the value 0.
    size_t least = spec->precision == PRECISION_NONE ? 1 : (size_t)spec->precision;
    if (base == 8 && (spec->flags & FLAG_ALTERNATE) != 0 && least <= count) {
        least = count + 1;
    }
    size_t width = (size_t)spec->width;
    unsigned fill_flags = spec->flags & (FLAG_ZERO | FLAG_LEFT);
    if (fill_flags == FLAG_ZERO && spec->precision == PRECISION_NONE &&
        width > least + prefix.count) {
        least = width - prefix.count;
    }
    size_t zeros = least > count ? least - count : 0;
    size_t total = prefix.count + zeros + count;
    size_t padding = width > total ? width - total : 0;

    if ((spec->flags & FLAG_LEFT) == 0) {
        put_padding(out, ' ', padding);
        padding = 0;
    }
    put_text(out, prefix.text, prefix.count);
    put_padding(out, '0', zeros);
    put_text(out, start, count);
    put_padding(out, ' ', padding);
}

static int64_t next_signed(struct arguments *arguments, unsigned size)
{
    if (size == sizeof(int64_t)) {
        return va_arg(arguments->list, int64_t);
    }
    int value = va_arg(arguments->list, int);
    if (size == sizeof(int8_t)) {
        return (int8_t)value;
    }
    return size == sizeof(int16_t) ? (int16_t)value : value;
}

static uint64_t next_unsigned(struct arguments *arguments, unsigned size)
{
    if (size == sizeof(uint64_t)) {
        return va_arg(arguments->list, uint64_t);
    }
    unsigned value = va_arg(arguments->list, unsigned);
    if (size == sizeof(uint8_t)) {
        return (uint8_t)value;
    }
    return size == sizeof(uint16_t) ? (uint16_t)value : value;
}

static void put_signed(struct output *out, const struct spec *spec, int64_t value)
{
    struct prefix prefix = {};
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        magnitude = 0 - magnitude;
        prefix = (struct prefix){"-", 1};
    } else if ((spec->flags & FLAG_PLUS) != 0) {
        prefix = (struct prefix){"+", 1};
    } else if ((spec->flags & FLAG_SPACE) != 0) {
        prefix = (struct prefix){" ", 1};
    }
    put_number(out, spec, prefix, magnitude, 10);
}

static void put_hex(struct output *out, const struct spec *spec, char letter, uint64_t value)
{
    struct prefix prefix = {};
    if ((spec->flags & FLAG_ALTERNATE) != 0 && value != 0) {
        prefix = (struct prefix){{'0', letter}, 2};
    }
    put_number(out, spec, prefix, value, 16);
}

static void put_string(struct output *out, const struct spec *spec, const char *text)
{
    if (text == NULL) {
        text = "(null)";
    }
    size_t limit = spec->precision == PRECISION_NONE ? SIZE_MAX : (size_t)spec->precision;
    put_field(out, spec, text, strnlen(text, limit));
}

// A decimal number at *format, which is moved past it; too large ones stop at INT_MAX.
static int parse_number(const char **format)
{
    int value = 0;
    for (; **format >= '0' && **format <= '9'; ++*format) {
        int digit = **format - '0';
        value = value > (INT_MAX - digit) / 10 ? INT_MAX : value * 10 + digit;
    }
    return value;
}

static unsigned parse_flags(const char **format)
{
    unsigned flags = 0;
    for (;; ++*format) {
        switch (**format) {
        case '-': flags |= FLAG_LEFT; break;
        case '0': flags |= FLAG_ZERO; break;
        case '+': flags |= FLAG_PLUS; break;
        case ' ': flags |= FLAG_SPACE; break;
        case '#': flags |= FLAG_ALTERNATE; break;
        default: return flags;
        }
    }
}

// The size in bytes of the integer that a length modifier names.
static unsigned parse_length(const char **format)
{
    switch (**format) {
    case 'l': *format += (*format)[1] == 'l' ? 2 : 1; return sizeof(int64_t);
    case 'j':
    case 'z':
    case 't': ++*format; return sizeof(int64_t);
    case 'h':
        if ((*format)[1] == 'h') {
            *format += 2;
            return sizeof(int8_t);
        }
        ++*format;
        return sizeof(int16_t);
    default: return sizeof(int);
    }
}

static void parse_width(struct spec *spec, const char **format, struct arguments *arguments)
{
    if (**format != '*') {
        spec->width = parse_number(format);
        return;
    }
    ++*format;
    spec->width = va_arg(arguments->list, int);
    if (spec->width < 0) {
        spec->flags |= FLAG_LEFT;
        spec->width = spec->width == INT_MIN ? INT_MAX : -spec->width;
    }
}

static void parse_precision(struct spec *spec, const char **format, struct arguments *arguments)
{
    if (**format != '.') {
        return;
    }
    if (*++*format != '*') {
        spec->precision = parse_number(format);
        return;
    }
    ++*format;
    int precision = va_arg(arguments->list, int);
    spec->precision = precision < 0 ? PRECISION_NONE : precision;
}

static struct spec parse_spec(const char **format, struct arguments *arguments)
{
    struct spec spec = {.precision = PRECISION_NONE};
    // Most conversions are a letter or two; flags, width and precision come before all letters.
    if (**format <= '9') {
        spec.flags = parse_flags(format);
        parse_width(&spec, format, arguments);
        parse_precision(&spec, format, arguments);
    }
    spec.size = parse_length(format);
    return spec;
}

// One conversion; `letter` ends it.  False: there is no such conversion.
static bool put_conversion(struct output *out, struct spec *spec, char letter,
                           struct arguments *arguments)
{
    switch (letter) {
    case 'd':
    case 'i': put_signed(out, spec, next_signed(arguments, spec->size)); return true;
    case 'u':
        put_number(out, spec, (struct prefix){}, next_unsigned(arguments, spec->size), 10);
        return true;
    case 'o':
        put_number(out, spec, (struct prefix){}, next_unsigned(arguments, spec->size), 8);
        return true;
    case 'X': spec->flags |= FLAG_UPPER; [[fallthrough]];
    case 'x': put_hex(out, spec, letter, next_unsigned(arguments, spec->size)); return true;
    case 'p':
        put_number(out, spec, (struct prefix){"0x", 2}, (uintptr_t)va_arg(arguments->list, void *),
                   16);
        return true;
    case 's': put_string(out, spec, va_arg(arguments->list, const char *)); return true;
    case 'c': {
        char c = (char)va_arg(arguments->list, int);
        put_field(out, spec, &c, 1);
        return true;
    }
    case '%': put_char(out, '%'); return true;
    default: return false;
    }
}

size_t fmt_format(char *buf, size_t size, const char *format, va_list arguments)
{
    struct output out = {.buf = buf, .limit = size > 0 ? size - 1 : 0};
    struct arguments copy;
    va_copy(copy.list, arguments);
    while (*format != '\0') {
        if (*format != '%') {
            format = put_literal(&out, format);
            continue;
        }
        const char *start = format++;
        struct spec spec = parse_spec(&format, &copy);
        if (*format != '\0' && put_conversion(&out, &spec, *format, &copy)) {
            format++;
        } else {
            put_text(&out, start, (size_t)(format - start));
        }
    }
    va_end(copy.list);
    if (size > 0) {
        buf[out.length < size ? out.length : size - 1] = '\0';
    }
    return out.length;
}

size_t fmt_print(char *buf, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    size_t length = fmt_format(buf, size, format, list);
    va_end(list);
    return length;
}
