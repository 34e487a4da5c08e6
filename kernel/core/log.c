// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/log.h"

#include "kernel/core/cpu.h"
#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"
#include "lib/log/ring.h"

enum { EARLY_SLOTS = 128, EARLY_WORDS = 512 }; // 8 KiB

static struct log_slot early_slots[EARLY_SLOTS];
static _Atomic uint64_t early_words[EARLY_WORDS];
static struct log_ring early_ring = LOG_RING_INIT(early_slots, early_words);
static struct log_ring sized_ring;

// The filter has no data until it is set.  Both of its words change at boot only.
static struct {
    struct log_ring *_Atomic ring;  // [a] release by log_set_ring
    struct span filter;             // [I] after boot
    struct log_sink *_Atomic sinks; // [a] release by log_add_sink; the newest first
    struct wait_queue readers;
    _Atomic uint32_t waiting;     // [a] readers that sleep or are about to
    _Atomic bool is_wake_pending; // [a] an IPI_LOG is on its way
} log = {.ring = &early_ring, .readers = WAIT_QUEUE_INIT(log.readers, "log readers")};

static struct log_ring *ring(void)
{
    return atomic_load_explicit(&log.ring, memory_order_acquire);
}

static bool is_wanted(enum log_level level, const char *source)
{
    if (LIKELY(log.filter.data == NULL)) {
        return level <= LOG_INFO;
    }
    return level <= log_filter_level(log.filter, source);
}

// Before the first thread stands there is one CPU.
static uint32_t cpu_index(void)
{
    const struct cpu *c = thread_current() == NULL ? NULL : cpu_this();
    return c == NULL ? 0 : c->index;
}

// Apart, so that its buffer has left the stack when the sinks are served.
__attribute__((noinline)) static void store(enum log_level level, const char *source,
                                            const char *format, va_list arguments)
{
    char text[LOG_TEXT_MAX + 1];
    struct log_record r = {
        .time = time_now(), .level = level, .source = source, .cpu = cpu_index()};
    size_t len = fmt_format(text, sizeof(text), format, arguments);
    struct log_ring *to = ring();
    struct log_reservation reserved;
    if (log_ring_reserve(to, (uint32_t)u64_min(len, LOG_TEXT_MAX), &reserved)) {
        log_ring_commit(to, &reserved, &r, text);
    }
}

// Says that `count` records were gone before the sink got them.
static bool write_lost(struct log_sink *s, const struct log_record *next, char *line)
{
    struct log_record r = {.time = next->time, .level = LOG_WARN, .source = "log"};
    char *text = line + LOG_PREFIX_MAX;
    r.text_len = (uint32_t)fmt_print(text, LOG_TEXT_MAX, "%llu records are lost",
                                     (unsigned long long)(next->sequence - s->next));
    return s->write(s, line, log_format_line(&r, text, line));
}

// Passes on what the sink has not got yet, until it is out of room.
static void pass_on(struct log_sink *s)
{
    char line[LOG_LINE_MAX];
    char *text = line + LOG_PREFIX_MAX;
    struct log_record r;
    while (log_read(s->next, &r, text, LOG_TEXT_MAX) == OK) {
        if (r.sequence != s->next) {
            if (!write_lost(s, &r, line)) {
                return;
            }
            s->next = r.sequence;
            continue; // that line took the buffer
        }
        if (r.level <= s->level && !s->write(s, line, log_format_line(&r, text, line))) {
            return;
        }
        s->next++;
    }
}

/*
 * Whoever makes `busy` nonzero serves the sink, and goes on until nobody has called meanwhile.  A
 * caller's record is committed before it counts itself (release), so the server, which reads the
 * count with acquire before it rests, finds it.
 */
void log_resume_sink(struct log_sink *s)
{
    uint32_t calls = atomic_fetch_add_explicit(&s->busy, 1, memory_order_acq_rel) + 1;
    if (calls != 1) {
        return;
    }
    do {
        pass_on(s);
    } while (!atomic_compare_exchange_strong_explicit(&s->busy, &calls, 0, memory_order_acq_rel,
                                                      memory_order_acquire));
}

void log_add_sink(struct log_sink *sink)
{
    sink->next = 1;
    atomic_init(&sink->busy, 0);
    struct log_sink *first = atomic_load_explicit(&log.sinks, memory_order_relaxed);
    do {
        atomic_store_explicit(&sink->link, first, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&log.sinks, &first, sink, memory_order_release,
                                                    memory_order_relaxed));
    log_resume_sink(sink);
}

// Either we see the reader's count, or the reader's last test sees our record.
static void notify_readers(void)
{
    atomic_thread_fence(memory_order_seq_cst); // pairs with the one in log_wait
    if (UNLIKELY(atomic_load_explicit(&log.waiting, memory_order_relaxed) != 0) &&
        !atomic_exchange_explicit(&log.is_wake_pending, true, memory_order_relaxed)) {
        cpu_send_ipi(cpu_this(), IPI_LOG);
    }
}

void log_wake_readers(void)
{
    // Records from here on send another interrupt; those before are seen by who is woken.
    atomic_store(&log.is_wake_pending, false);
    wait_wake_all(&log.readers);
}

void log_write(enum log_level level, const char *source, const char *format, ...)
{
    if (!is_wanted(level, source)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    store(level, source, format, arguments);
    va_end(arguments);
    if (UNLIKELY(panic_is_active())) {
        return; // a sink's locks may be held by a CPU that was stopped
    }
    struct log_sink *s = atomic_load_explicit(&log.sinks, memory_order_acquire);
    for (; s != NULL; s = atomic_load_explicit(&s->link, memory_order_relaxed)) {
        log_resume_sink(s);
    }
    notify_readers();
}

void log_set_ring(void *memory, size_t size)
{
    assert(ring() == &early_ring && is_pow2(size) && size >= LOG_RING_SIZE_MIN &&
           size <= LOG_RING_SIZE_MAX);
    uint64_t sequence = log_oldest();
    char text[LOG_TEXT_MAX];
    struct log_record r;
    log_ring_init(&sized_ring, memory, size, sequence);
    while (log_read(sequence, &r, text, sizeof(text)) == OK) {
        struct log_reservation reserved;
        if (log_ring_reserve(&sized_ring, r.text_len, &reserved)) {
            log_ring_commit(&sized_ring, &reserved, &r, text);
        }
        sequence = r.sequence + 1;
    }
    atomic_store_explicit(&log.ring, &sized_ring, memory_order_release);
}

status_t log_set_filter(struct span filter)
{
    if (!log_filter_is_valid(filter)) {
        return ERR_INVAL;
    }
    log.filter = filter;
    return OK;
}

status_t log_read(uint64_t sequence, struct log_record *out, char *text, size_t size)
{
    return log_ring_read(ring(), sequence, out, text, size);
}

uint64_t log_next(void)
{
    return log_ring_next(ring());
}

uint64_t log_oldest(void)
{
    return log_ring_oldest(ring());
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&ring()->dropped, memory_order_relaxed);
}

static bool is_readable(uint64_t sequence)
{
    struct log_record r;
    atomic_thread_fence(memory_order_seq_cst); // pairs with the one in notify_readers
    return log_read(sequence, &r, NULL, 0) == OK;
}

status_t log_wait(uint64_t sequence, nsec_t deadline, enum wait_flags flags)
{
    status_t status;
    atomic_fetch_add_explicit(&log.waiting, 1, memory_order_relaxed);
    WAIT_UNTIL(&log.readers, is_readable(sequence), deadline, flags, &status);
    atomic_fetch_sub_explicit(&log.waiting, 1, memory_order_relaxed);
    return status;
}
