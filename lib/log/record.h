// SPDX-License-Identifier: Apache-2.0
/* Records of the kernel log: their parts, their form as lines of text, and which are wanted. */
#pragma once

#include "lib/base/span.h"

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

enum {
    LOG_TEXT_MAX = 512,  // bytes of text in a record
    LOG_PREFIX_MAX = 64, // bytes that a line has before the text
    LOG_LINE_MAX = LOG_PREFIX_MAX + LOG_TEXT_MAX + 1,
};

struct log_record {
    uint64_t sequence;  // from 1, no gaps
    nsec_t time;        // monotonic
    const char *source; // a string constant: "mm", "gic", ...
    enum log_level level;
    uint32_t cpu;
    uint32_t text_len; // bytes of text, no NUL
};

/*
 * Writes the line "[    0.001234] mm: text" with its newline and gives its length; errors and
 * warnings are marked as such.  Control characters in the text become '?', so that no record can
 * steer a terminal or forge a second line.  `text` may lie in `line`, from LOG_PREFIX_MAX on.
 */
size_t log_format_line(const struct log_record *r, const char *text,
                       char line[static LOG_LINE_MAX]);

// "error", "warn", "info" or "debug", or their numbers from 0.
bool log_parse_level(struct span text, enum log_level *out);

/*
 * What is to be logged, as text: LEVEL[,SOURCE:LEVEL]...  Records above LEVEL are not wanted; a
 * source that is named has its own limit.  log_filter_is_valid says whether the text has that form,
 * log_filter_level what it means for a source (of a text that has the form; the last one counts).
 */
bool log_filter_is_valid(struct span filter);
enum log_level log_filter_level(struct span filter, const char *source);
