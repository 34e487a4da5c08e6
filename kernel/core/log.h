// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel log: structured records (time, level, source, CPU, text) in one ring.
 *
 * Writers are lock-free and may be anywhere, interrupt handlers and a panicking CPU included; a
 * record is reserved, filled and committed.  When the ring wraps, the oldest records go.  Readers
 * follow sequence numbers and learn how many records they missed.  Until the ring is sized from
 * memory (log_set_ring) a small static one holds the first lines.
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "lib/base/list.h"

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

struct log_record {
    uint64_t sequence;   // from 1, no gaps
    nsec_t time;         // monotonic
    enum log_level level;
    uint32_t cpu;
    const char *source;  // a string constant: "mm", "gic", ...
    uint16_t text_len;   // bytes of text, no NUL
};

// Writes a record; `source` is a string constant.  Text is cut at 512 bytes.
void log_write(enum log_level level, const char *source, const char *format, ...) PRINTF(3, 4);

#define log_error(source, ...) log_write(LOG_ERROR, source, __VA_ARGS__)
#define log_warn(source, ...)  log_write(LOG_WARN, source, __VA_ARGS__)
#define log_info(source, ...)  log_write(LOG_INFO, source, __VA_ARGS__)
#define log_debug(source, ...) log_write(LOG_DEBUG, source, __VA_ARGS__)

// Moves the log to a ring of `size` bytes (a power of two), keeping what is there.
void log_set_ring(void *ring, size_t size);

// Reads the record `sequence` or, if that is gone, the oldest that is left: its header to *out and
// up to `size` bytes of text to `text`.  ERR_AGAIN: not written yet.
status_t log_read(uint64_t sequence, struct log_record *out, char *text, size_t size);

// The sequence the next record will have, and the oldest still there.
uint64_t log_next(void);
uint64_t log_oldest(void);

// Filters: records above `level` are dropped as they are written; by default LOG_INFO.  A source
// filter overrides it for one source.  The filter's storage is the caller's.
void log_set_level(enum log_level level);
struct log_filter {
    const char *source;
    enum log_level level;
    struct list link;
};
void log_add_filter(struct log_filter *f);
bool log_parse_level(const char *text, size_t len, enum log_level *out);

// Sinks get every record from the first on, in order, in the context of whoever writes or, for
// records written in contexts that must not, a little later.  `write` takes whole formatted lines
// and does not block; it may be called by several CPUs at once, never twice at a time for one sink.
// It gives false when it has no room: nothing is taken, and the sink gets that line again and what
// follows after log_resume_sink (any context, an interrupt handler that made room).
struct log_sink {
    bool (*write)(struct log_sink *sink, const char *line, size_t len);
    enum log_level level;  // records above it are not passed on (`quiet` lowers it)
    uint64_t next;         // [sink lock]
    _Atomic uint32_t busy; // [a]
    struct list link;      // [I]
};
void log_resume_sink(struct log_sink *sink);
void log_add_sink(struct log_sink *sink);

// Formats a record as a line "[    0.001234] mm: text" with its newline; gives the length.
size_t log_format_line(const struct log_record *r, const char *text, char *line, size_t size);

// Sleeping readers wait on this queue for records newer than they have seen.
struct wait_queue *log_wait_queue(void);
