// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel log: structured records (time, level, source, CPU, text) in one ring (lib/log/ring.h).
 *
 *   log_write --> ring --> sinks (consoles), each at its own pace
 *                     \--> log_read, log_wait (programs that follow the log)
 *
 * Writers are lock-free and may be anywhere: interrupt handlers, under any lock, a CPU that panics.
 * When the ring wraps, the oldest records go; readers follow sequence numbers and learn how many
 * they missed.  Until the ring is sized from memory (log_set_ring) a small static one holds the
 * first lines.
 *
 * Who writes also passes records on to the sinks, unless another CPU (or the code that an interrupt
 * broke into) is at it for that sink: then that one goes on with the new records.  So a line is out
 * as soon as its sink has room, and nobody waits.  Sleeping readers are woken by an interrupt that
 * the writing CPU sends to itself, because the writer may hold the scheduler's locks.
 *
 * Locking: none of its own.  A sink's `write` may take locks of rank RANK_LOG, so what holds such a
 * lock does not log.
 */
#pragma once

#include "kernel/core/wait.h"
#include "lib/log/record.h"

// Writes a record; `source` is a string constant.  Text is cut at LOG_TEXT_MAX bytes.  A record is
// lost when the whole ring was written anew while an older writer was still filling its own.
void log_write(enum log_level level, const char *source, const char *format, ...) PRINTF(3, 4);

#define log_error(source, ...) log_write(LOG_ERROR, source, __VA_ARGS__)
#define log_warn(source, ...)  log_write(LOG_WARN, source, __VA_ARGS__)
#define log_info(source, ...)  log_write(LOG_INFO, source, __VA_ARGS__)
#define log_debug(source, ...) log_write(LOG_DEBUG, source, __VA_ARGS__)

// Boot, once, before other CPUs run and interrupts come: moves the log to a ring of `size` bytes (a
// power of two, 4 KiB to 4 MiB) at `memory` (aligned to 8, kept for ever), with what is there.
void log_set_ring(void *memory, size_t size);

// Which records are kept, see log_filter_is_valid; without it those up to LOG_INFO.  The text is
// kept.  ERR_INVAL: not of that form; nothing has changed.
status_t log_set_filter(struct span filter);

// Reads the record `sequence` or, if that is gone, the oldest that is left: its header to *out and
// up to `size` bytes of text to `text`.  ERR_AGAIN: not written yet.  Any context.
status_t log_read(uint64_t sequence, struct log_record *out, char *text, size_t size);

// The sequence the next record will have, and the oldest still there.
uint64_t log_next(void);
uint64_t log_oldest(void);

// Records that were lost as they were written.
uint64_t log_dropped(void);

// Sleeps until log_read(sequence) has something.  ERR_TIMEDOUT; ERR_INTR with WAIT_INTERRUPTIBLE.
status_t log_wait(uint64_t sequence, nsec_t deadline, enum wait_flags flags);

/*
 * A sink gets every record up to its level from the oldest on, in order, as formatted lines; where
 * the ring wrapped before it had room it gets a line that says how many are lost.
 *
 * `write` takes a whole line or gives false when it has no room: nothing is taken, and the sink gets
 * that line again with the next record, or after log_resume_sink.  It is called in any context, also
 * under the locks of who writes, never twice at a time for one sink; it does not block or log.
 */
struct log_sink {
    bool (*write)(struct log_sink *sink, const char *line, size_t len); // [I]
    enum log_level level;          // records above it are not passed on (`quiet` lowers it)
    uint64_t next;                 // [who made busy nonzero]
    _Atomic uint32_t busy;         // [a] calls for this sink since it was last at rest
    struct log_sink *_Atomic link; // [a]
};

// Adds a sink whose `write` and `level` are set; for ever.
void log_add_sink(struct log_sink *sink);

// The sink has room again.  Any context in which nothing of rank RANK_LOG is held.
void log_resume_sink(struct log_sink *sink);

// From IPI_LOG.
void log_wake_readers(void);
