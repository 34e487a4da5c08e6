// SPDX-License-Identifier: Apache-2.0
#include "lib/cmdline/cmdline.h"

#include "lib/base/string.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The end of the word that starts at `at`: blanks inside quotes belong to it.
static size_t word_end(const char *line, size_t size, size_t at)
{
    bool is_quoted = false;
    while (at < size && (is_quoted || !is_blank(line[at]))) {
        is_quoted ^= line[at] == '"';
        at++;
    }
    return at;
}

// The value of a word if its key is `key`.
static bool match(const char *word, size_t len, const char *key, struct span *value)
{
    size_t key_len = strlen(key);
    if (len < key_len || memcmp(word, key, key_len) != 0) {
        return false;
    }
    if (len == key_len) {
        *value = span_of(word + len, 0);
        return true;
    }
    if (word[key_len] != '=') {
        return false;
    }
    const char *text = word + key_len + 1;
    size_t text_len = len - key_len - 1;
    if (text_len >= 2 && text[0] == '"' && text[text_len - 1] == '"') {
        text++;
        text_len -= 2;
    }
    *value = span_of(text, text_len);
    return true;
}

status_t cmdline_get(const char *line, size_t size, const char *key, struct span *value)
{
    status_t status = ERR_NOENT;
    if (line == NULL) {
        return ERR_NOENT;
    }
    size = strnlen(line, size);
    for (size_t at = 0; at < size;) {
        if (is_blank(line[at])) {
            at++;
            continue;
        }
        size_t end = word_end(line, size, at);
        if (match(line + at, end - at, key, value)) {
            status = OK;
        }
        at = end;
    }
    return status;
}

bool cmdline_has(const char *line, size_t size, const char *key)
{
    struct span value;
    return cmdline_get(line, size, key, &value) == OK && !span_is(value, "0") &&
           !span_is(value, "no") && !span_is(value, "off");
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool parse_magnitude(struct span text, uint64_t *out)
{
    unsigned base = 10;
    if (text.size > 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x') {
        base = 16;
        text = span_of(text.data + 2, text.size - 2);
    }
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned d = (unsigned)digit(text.data[i]);
        if (d >= base || number > (INT64_MAX - d) / base) {
            return false;
        }
        number = number * base + d;
    }
    *out = number;
    return text.size != 0;
}

status_t cmdline_get_int(const char *line, size_t size, const char *key, int64_t *out)
{
    struct span text;
    uint64_t magnitude;
    status_t status = cmdline_get(line, size, key, &text);
    if (status != OK) {
        return status;
    }
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative) {
        text = span_of(text.data + 1, text.size - 1);
    }
    if (!parse_magnitude(text, &magnitude)) {
        return ERR_INVAL;
    }
    *out = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return OK;
}

status_t cmdline_split(struct span command, char *out, size_t size, size_t *used, size_t *count)
{
    char quote = 0;
    bool is_in_word = false;
    *used = 0;
    *count = 0;
    for (size_t i = 0; i <= command.size; i++) {
        char c = i < command.size ? (char)command.data[i] : ' ';
        if (c == '\0' || (i == command.size && quote != 0)) {
            return ERR_INVAL;
        }
        if (quote == 0 && is_blank(c)) {
            if (!is_in_word) {
                continue;
            }
            c = '\0';
        } else if (c == quote || (quote == 0 && (c == '\'' || c == '"'))) {
            quote = quote == 0 ? c : 0;
            is_in_word = true;
            continue;
        }
        if (*used == size) {
            return ERR_RANGE;
        }
        is_in_word = c != '\0';
        *count += !is_in_word;
        out[(*used)++] = c;
    }
    return OK;
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

size_t cmdline_clean(char *text, size_t size)
{
    size_t end = strnlen(text, size);
    size_t start = 0;
    while (end > 0 && is_space(text[end - 1])) {
        end--;
    }
    while (start < end && is_space(text[start])) {
        start++;
    }
    size_t length = end - start;
    for (size_t i = 0; i < length; i++) {
        char c = text[start + i];
        text[i] = is_space(c) ? ' ' : c;
    }
    text[length] = '\0';
    return length;
}
