// SPDX-License-Identifier: Apache-2.0
/* Open files of terminals. */
#include "abi/signal.h"
#include "kernel/core/time.h"
#include "kernel/dev/tty_priv.h"
#include "kernel/mm/heap.h"

enum { CHUNK_SIZE = 256 };

struct tty_file {
    struct file file;
    struct tty *tty;     // [I] holds a reference
    uint32_t generation; // [I] of the terminal, see tty.h
    bool is_closed;      // [tty lock] counted no more among its open files
};

static struct tty_file *tty_file_of(struct file *f)
{
    return container_of(f, struct tty_file, file);
}

static bool is_cut_off_locked(const struct tty *t, const struct tty_file *f) REQUIRES(t -> lock)
{
    return f->generation != t->generation;
}

// ---- Reading ----

// When a read is over if nothing comes: 0 at once.
static nsec_t read_due(const struct tty_file *f, size_t size, nsec_t started)
{
    struct tty *t = f->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    nsec_t due = is_cut_off_locked(t, f) ? 0 : tty_line_read_due(&t->line, size, started);
    bool has_some = tty_line_readable_bytes(&t->line) > 0;
    spin_unlock_irqrestore(&t->lock, flags);
    return has_some && file_is_nonblocking(&f->file) ? 0 : due;
}

static status_t wait_for_input(const struct tty_file *f, size_t size, nsec_t started)
{
    struct tty *t = f->tty;
    status_t status = OK;
    while (status != ERR_INTR) {
        struct waiter w;
        wait_prepare(&t->readers, &w);
        nsec_t due = read_due(f, size, started);
        bool is_over = due <= time_now();
        bool is_refused = !is_over && file_is_nonblocking(&f->file);
        if (!is_over && !is_refused) {
            status = wait_sleep(&w, due, WAIT_INTERRUPTIBLE);
        }
        wait_finish(&t->readers, &w);
        if (is_over || is_refused) {
            return is_over ? OK : ERR_AGAIN;
        }
    }
    return ERR_RESTART;
}

// Takes what is there; gives false when another reader was faster.
static bool take_input(struct tty_file *f, struct uio *to, nsec_t started, status_t *out)
    REQUIRES(f -> tty->read_lock)
{
    struct tty *t = f->tty;
    uint8_t chunk[CHUNK_SIZE];
    bool is_end = false;
    *out = OK;
    if (read_due(f, to->left, started) > time_now()) {
        return false;
    }
    while (*out == OK && !is_end && to->left > 0) {
        size_t n = 0;
        irqflags_t flags = spin_lock_irqsave(&t->lock);
        is_end = is_cut_off_locked(t, f);
        if (!is_end) {
            n = tty_line_read(&t->line, chunk, u64_min(to->left, sizeof(chunk)), &is_end);
        }
        uint32_t changes = tty_settle_locked(t);
        spin_unlock_irqrestore(&t->lock, flags);
        tty_announce(t, changes);
        *out = uio_put(to, chunk, n);
    }
    return true;
}

static status_t tty_file_read(struct file *file, struct uio *to,
                              [[maybe_unused]] uint64_t *position)
{
    struct tty_file *f = tty_file_of(file);
    nsec_t started = time_now();
    status_t status = tty_check_foreground(f->tty, SIGTTIN);
    bool is_done = to->left == 0;
    while (status == OK && !is_done) {
        status = wait_for_input(f, to->left, started);
        if (status == OK) {
            mutex_lock(&f->tty->read_lock);
            is_done = take_input(f, to, started, &status);
            mutex_unlock(&f->tty->read_lock);
        }
    }
    return status;
}

// ---- Writing ----

// Gives what fits now.  ERR_IO: cut off.
static status_t put_now(struct tty_file *f, const uint8_t *bytes, size_t size, size_t *done)
{
    struct tty *t = f->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    status_t status = is_cut_off_locked(t, f) ? ERR_IO : OK;
    if (status == OK) {
        *done += tty_line_write(&t->line, bytes + *done, size - *done);
    }
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    return status;
}

static bool can_write(const struct tty_file *f)
{
    struct tty *t = f->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool can = is_cut_off_locked(t, f) || tty_line_is_writable(&t->line);
    spin_unlock_irqrestore(&t->lock, flags);
    return can;
}

static status_t put_all(struct tty_file *f, const uint8_t *bytes, size_t size, size_t *done)
{
    status_t status = put_now(f, bytes, size, done);
    while (status == OK && *done < size) {
        if (file_is_nonblocking(&f->file)) {
            return ERR_AGAIN;
        }
        WAIT_UNTIL(&f->tty->writers, can_write(f), NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
        if (status == OK) {
            status = put_now(f, bytes, size, done);
        }
    }
    return status == ERR_INTR ? ERR_RESTART : status;
}

static status_t write_all(struct tty_file *f, struct uio *from)
{
    uint8_t chunk[CHUNK_SIZE];
    status_t status = OK;
    while (status == OK && from->left > 0) {
        struct uio before = *from;
        size_t done = 0;
        status_t copied = uio_get(from, chunk, sizeof(chunk));
        size_t n = before.left - from->left;
        status = put_all(f, chunk, n, &done);
        if (done < n) {
            // What was not taken is not written: the cursor goes back to it.
            *from = before;
            (void)uio_get(from, chunk, done);
        }
        status = status == OK ? copied : status;
    }
    return status;
}

static bool lock_for_write(const struct tty_file *f)
    TRY_ACQUIRES(true, f->tty->write_lock) NO_THREAD_ANALYSIS
{
    return file_is_nonblocking(&f->file) ? mutex_try_lock(&f->tty->write_lock)
                                         : mutex_lock_interruptible(&f->tty->write_lock);
}

static bool stops_background(struct tty *t)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool stops = (t->line.termios.local & ABI_TOSTOP) != 0;
    spin_unlock_irqrestore(&t->lock, flags);
    return stops;
}

static status_t tty_file_write(struct file *file, struct uio *from,
                               [[maybe_unused]] uint64_t *position)
{
    struct tty_file *f = tty_file_of(file);
    if (stops_background(f->tty)) {
        status_t status = tty_check_foreground(f->tty, SIGTTOU);
        if (status != OK) {
            return status;
        }
    }
    if (!lock_for_write(f)) {
        return file_is_nonblocking(file) ? ERR_AGAIN : ERR_RESTART;
    }
    status_t status = write_all(f, from);
    mutex_unlock(&f->tty->write_lock);
    return status;
}

// ---- The rest ----

static uint32_t tty_file_poll(struct file *file, struct event_watch *w)
{
    struct tty_file *f = tty_file_of(file);
    struct tty *t = f->tty;
    uint32_t events = 0;
    if (w != NULL) {
        event_watch(&t->events, w);
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    if (is_cut_off_locked(t, f)) {
        events = EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP;
    } else {
        events |= tty_line_is_readable(&t->line) ? EVENT_IN : 0;
        events |= tty_line_is_writable(&t->line) ? EVENT_OUT : 0;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return events;
}

static status_t tty_file_ioctl(struct file *file, uint32_t request, vaddr_t argument,
                               int64_t *result)
{
    struct tty *t = tty_file_of(file)->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_cut_off = is_cut_off_locked(t, tty_file_of(file));
    spin_unlock_irqrestore(&t->lock, flags);
    return is_cut_off ? ERR_IO : tty_ioctl(t, TTY_SIDE_TERMINAL, request, argument, result);
}

static status_t tty_file_stat(struct file *file, struct abi_stat *out)
{
    chardev_stat(tty_file_of(file)->tty->node, out);
    return OK;
}

static void close_file(struct tty_file *f)
{
    struct tty *t = f->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool counts = !f->is_closed && !is_cut_off_locked(t, f);
    bool is_last = counts && --t->open_files == 0;
    f->is_closed = true;
    spin_unlock_irqrestore(&t->lock, flags);
    if (is_last && t->device->files_changed != NULL) {
        t->device->files_changed(t, false);
    }
}

static void tty_file_last_handle(struct file *file)
{
    close_file(tty_file_of(file));
}

static void tty_file_release(struct file *file)
{
    struct tty_file *f = tty_file_of(file);
    close_file(f);
    tty_unref(f->tty);
    heap_free(f);
}

static const struct file_ops tty_file_ops = {
    .kind = "terminal",
    .release = tty_file_release,
    .last_handle = tty_file_last_handle,
    .read = tty_file_read,
    .write = tty_file_write,
    .poll = tty_file_poll,
    .ioctl = tty_file_ioctl,
    .stat = tty_file_stat,
};

struct tty *tty_of_file(struct file *f)
{
    return f->ops == &tty_file_ops ? tty_file_of(f)->tty : NULL;
}

// Gives false when the terminal is gone.
static bool count_open(struct tty_file *f, bool *is_first)
{
    struct tty *t = f->tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_there = !t->is_gone;
    if (is_there) {
        f->generation = t->generation;
        *is_first = t->open_files++ == 0;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return is_there;
}

status_t tty_open(struct tty *t, uint32_t flags, struct file **out)
{
    const struct tty_job_ops *job = tty_job_ops();
    void *memory;
    bool is_first = false;
    status_t status = heap_zalloc(sizeof(struct tty_file), &memory);
    if (status != OK) {
        return status;
    }
    struct tty_file *f = memory;
    f->tty = t;
    if (!count_open(f, &is_first)) {
        heap_free(f);
        return ERR_IO;
    }
    tty_ref(t);
    file_init(&f->file, &tty_file_ops, flags & (FILE_READ | FILE_WRITE | FILE_STATUS_MASK));
    if (is_first && t->device->files_changed != NULL) {
        t->device->files_changed(t, true);
    }
    if ((flags & CHARDEV_OPEN_NOCTTY) == 0 && job != NULL) {
        // Who leads a session without a terminal gets it; for all others it is just a file.
        struct tty *controlling = job->controlling();
        if (controlling != NULL) {
            tty_unref(controlling);
        } else {
            (void)tty_take_control(t); // another may have been faster
        }
    }
    *out = &f->file;
    return OK;
}
