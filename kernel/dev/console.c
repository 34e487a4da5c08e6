// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/console.h"

#include <stdatomic.h>

#include "kernel/core/bootarg.h"

enum {
    RECEIVE_SIZE = 4096,
    TRANSMIT_SIZE = 8192,
    // How often one interrupt fills the device.  An emulated one is never full, and would keep this
    // CPU in its handler for as long as the ring has bytes.
    FILLS_PER_INTERRUPT = 4,
    FLUSH_RUN = 64, // bytes sent at a time with interrupts masked
};

// What the system's console is before a UART turns up, and where none does: output is gone, input
// never comes.
static size_t null_receive(void *, uint8_t *, size_t)
{
    return 0;
}

static size_t null_transmit(void *, const uint8_t *, size_t len)
{
    return len;
}

static void null_set_interrupts(void *, unsigned)
{}

static void null_write_polled(void *, const uint8_t *, size_t)
{}

static const struct console_device null_device = {
    .receive = null_receive,
    .transmit = null_transmit,
    .set_interrupts = null_set_interrupts,
    .write_polled = null_write_polled,
};

static uint8_t system_receive[RECEIVE_SIZE];
static uint8_t system_transmit[TRANSMIT_SIZE];
static struct console system_console = {
    .lock = SPINLOCK_INIT("console", RANK_LOG),
    .device = &null_device,
    .rx = {.bytes = system_receive, .size = RECEIVE_SIZE},
    .tx = {.bytes = system_transmit, .size = TRANSMIT_SIZE},
    .drainers = WAIT_QUEUE_INIT(system_console.drainers, "console output"),
};

// ---- With the lock held ----

static bool receive_locked(struct console *c) REQUIRES(c -> lock)
{
    uint32_t before = ring_used(&c->rx);
    uint32_t run;
    uint8_t *to = ring_free_run(&c->rx, &run);
    while (run > 0) {
        size_t n = c->device->receive(c->uart, to, run);
        if (n == 0) {
            break;
        }
        ring_commit(&c->rx, (uint32_t)n);
        to = ring_free_run(&c->rx, &run);
    }
    return ring_used(&c->rx) != before;
}

// Fills the device up to `fills` times.  If bytes stay behind, the device had all it could take, so
// its interrupt will come; a run that merely ends at the ring's edge must go on.
static void transmit_locked(struct console *c, unsigned fills) REQUIRES(c -> lock)
{
    uint32_t run;
    const uint8_t *from = ring_used_run(&c->tx, &run);
    while (fills > 0 && run > 0) {
        size_t n = c->device->transmit(c->uart, from, run);
        if (n == 0) {
            return;
        }
        if (n < run) {
            fills--;
        }
        ring_consume(&c->tx, (uint32_t)n);
        from = ring_used_run(&c->tx, &run);
    }
}

static void update_interrupts_locked(struct console *c) REQUIRES(c -> lock)
{
    unsigned conditions = 0;
    if (ring_room(&c->rx) > 0) {
        conditions |= CONSOLE_RECEIVE;
    }
    if (ring_used(&c->tx) > 0) {
        conditions |= CONSOLE_TRANSMIT;
    }
    c->device->set_interrupts(c->uart, conditions);
}

// After bytes were put into the transmit ring: starts the device if it was idle; if it was not, its
// interrupt will come for the new bytes too.
static void start_locked(struct console *c, bool was_idle) REQUIRES(c -> lock)
{
    if (was_idle) {
        transmit_locked(c, 1);
        update_interrupts_locked(c);
    }
}

static bool is_crowded_locked(const struct console *c) REQUIRES(c -> lock)
{
    return ring_room(&c->tx) < c->tx.size / 2;
}

// ---- Interrupt ----

void console_interrupt(struct console *c)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    bool has_input = receive_locked(c);
    bool was_crowded = is_crowded_locked(c);
    bool was_idle = ring_used(&c->tx) == 0;
    transmit_locked(c, FILLS_PER_INTERRUPT);
    update_interrupts_locked(c);
    bool is_crowded = is_crowded_locked(c);
    bool has_room = (was_crowded && !is_crowded) || (!was_idle && ring_used(&c->tx) == 0);
    bool resume_sink = c->is_sink_waiting && !is_crowded;
    if (resume_sink) {
        c->is_sink_waiting = false;
    }
    spin_unlock_irqrestore(&c->lock, flags);

    if (has_room) {
        (void)wait_wake_all(&c->drainers);
    }
    if (resume_sink) {
        log_resume_sink(&c->sink);
    }
    const struct console_user *user = atomic_load_explicit(&c->user, memory_order_acquire);
    if (user != NULL && (has_input || has_room)) {
        user->changed(c, has_input, has_room);
    }
}

// ---- Log ----

// The line with CR LF for its LF.  All or nothing: a part of it would be written again later.
static bool write_log_line(struct log_sink *sink, const char *line, size_t len)
{
    struct console *c = container_of(sink, struct console, sink);
    size_t text_len = len > 0 && line[len - 1] == '\n' ? len - 1 : len;
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    bool fits = ring_room(&c->tx) >= text_len + 2;
    if (fits) {
        bool was_idle = ring_used(&c->tx) == 0;
        (void)ring_put(&c->tx, (const uint8_t *)line, text_len);
        (void)ring_put(&c->tx, (const uint8_t *)"\r\n", 2);
        start_locked(c, was_idle);
    } else {
        c->is_sink_waiting = true;
    }
    spin_unlock_irqrestore(&c->lock, flags);
    return fits;
}

// ---- Set-up ----

void console_init(struct console *c, const struct console_device *device, void *uart,
                  const struct console_storage *storage)
{
    *c = (struct console){.device = device, .uart = uart, .sink = {.write = write_log_line}};
    spin_init(&c->lock, "console", RANK_LOG);
    wait_init(&c->drainers, "console output");
    ring_init(&c->rx, storage->receive, storage->receive_size);
    ring_init(&c->tx, storage->transmit, storage->transmit_size);
    console_interrupt(c); // turns the receive interrupt on as well
}

status_t console_attach(const struct console_device *device, void *uart)
{
    struct console *c = &system_console;
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    bool is_free = c->device == &null_device;
    if (is_free) {
        c->device = device;
        c->uart = uart;
    }
    spin_unlock_irqrestore(&c->lock, flags);
    if (!is_free) {
        return ERR_BUSY;
    }
    console_interrupt(c);
    c->sink.write = write_log_line;
    c->sink.level = bootarg_has("quiet") ? LOG_WARN : LOG_DEBUG;
    log_add_sink(&c->sink);
    return OK;
}

// A panic asks, so without the lock; the pointer changes once, at boot.
bool console_has_device(const struct console *c)
{
    return c->device != &null_device;
}

struct console *console_system(void)
{
    return &system_console;
}

// ---- Readers and writers ----

size_t console_try_read(struct console *c, void *bytes, size_t size)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    bool was_full = ring_room(&c->rx) == 0;
    size_t n = ring_get(&c->rx, bytes, size);
    if (was_full && n > 0) {
        update_interrupts_locked(c);
    }
    spin_unlock_irqrestore(&c->lock, flags);
    return n;
}

size_t console_try_write(struct console *c, const void *bytes, size_t size)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    bool was_idle = ring_used(&c->tx) == 0;
    size_t n = ring_put(&c->tx, bytes, size);
    start_locked(c, was_idle && n > 0);
    spin_unlock_irqrestore(&c->lock, flags);
    return n;
}

void console_set_user(struct console *c, const struct console_user *user)
{
    atomic_store_explicit(&c->user, user, memory_order_release);
}

status_t console_drain(struct console *c, enum wait_flags flags)
{
    status_t status;
    WAIT_UNTIL(&c->drainers, console_writable(c) == c->tx.size, NSEC_NEVER, flags, &status);
    return status;
}

size_t console_writable(struct console *c)
{
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    size_t n = ring_room(&c->tx);
    spin_unlock_irqrestore(&c->lock, flags);
    return n;
}

// ---- The end: polled ----

static void write_polled(struct console *c, const void *bytes, size_t len)
{
    c->device->write_polled(c->uart, bytes, len);
}

// Sends one run of the ring; gives false when it was empty.
static bool flush_run(struct console *c)
{
    uint32_t run;
    const uint8_t *from = ring_used_run(&c->tx, &run);
    run = (uint32_t)u64_min(run, FLUSH_RUN);
    write_polled(c, from, run);
    ring_consume(&c->tx, run);
    return run > 0;
}

void console_flush(struct console *c)
{
    bool more = true;
    while (more) {
        irqflags_t flags = spin_lock_irqsave(&c->lock);
        more = flush_run(c);
        spin_unlock_irqrestore(&c->lock, flags);
    }
}

void console_panic_write(const char *text, size_t len)
{
    struct console *c = &system_console;
    if (!c->is_polled) {
        // What is queued goes out first, so that the log reads in order.  Whoever held the lock is
        // stopped for good, so the ring is taken as it is.
        c->is_polled = true;
        while (flush_run(c)) {
        }
    }
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            write_polled(c, text + start, i - start);
            write_polled(c, "\r\n", 2);
            start = i + 1;
        }
    }
    write_polled(c, text + start, len - start);
}
