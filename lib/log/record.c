// SPDX-License-Identifier: Apache-2.0
#include "lib/log/record.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { SOURCE_MAX = 24 }; // of a line; keeps the prefix below LOG_PREFIX_MAX

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_marks[] = {"error: ", "warning: ", "", ""};

size_t log_format_line(const struct log_record *r, const char *text, char line[static LOG_LINE_MAX])
{
    uint64_t microseconds = r->time / NSEC_PER_USEC;
    size_t level = r->level < ARRAY_SIZE(level_marks) ? r->level : LOG_INFO;
    size_t len = fmt_print(line, LOG_PREFIX_MAX, "[%5llu.%06llu] %.*s: %s",
                           (unsigned long long)(microseconds / 1000000),
                           (unsigned long long)(microseconds % 1000000), SOURCE_MAX, r->source,
                           level_marks[level]);
    // Forward, because the text may lie further up in the line.
    for (size_t i = 0; i < u64_min(r->text_len, LOG_TEXT_MAX); i++) {
        unsigned char c = (unsigned char)text[i];
        line[len++] = c < ' ' || c == 0x7f ? '?' : (char)c;
    }
    line[len++] = '\n';
    return len;
}

bool log_parse_level(struct span text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        char digit[] = {(char)('0' + i), '\0'};
        if (span_is(text, level_names[i]) || span_is(text, digit)) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

// Takes what stands before the next `separator` off the front of `rest`.
static struct span take_until(struct span *rest, char separator)
{
    const uint8_t *at = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct span taken = span_of(rest->data, size);
    size_t skip = at == NULL ? size : size + 1;
    *rest = span_of(rest->data + skip, rest->size - skip);
    return taken;
}

bool log_filter_is_valid(struct span filter)
{
    enum log_level level;
    if (!log_parse_level(take_until(&filter, ','), &level)) {
        return false;
    }
    while (filter.size != 0) {
        struct span limit = take_until(&filter, ',');
        struct span source = take_until(&limit, ':');
        if (source.size == 0 || !log_parse_level(limit, &level)) {
            return false;
        }
    }
    return true;
}

enum log_level log_filter_level(struct span filter, const char *source)
{
    enum log_level level = LOG_INFO;
    (void)log_parse_level(take_until(&filter, ','), &level);
    while (filter.size != 0) {
        struct span limit = take_until(&filter, ',');
        if (span_is(take_until(&limit, ':'), source)) {
            (void)log_parse_level(limit, &level);
        }
    }
    return level;
}
