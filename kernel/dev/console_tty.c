// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/console_tty.h"

#include "kernel/dev/console.h"
#include "kernel/dev/tty_priv.h"
#include "kernel/mm/heap.h"

enum {
    INPUT_SIZE = 4096,
    OUTPUT_SIZE = 4096,
    STASH_SIZE = 64,
    // What programs find until somebody tells the size: a serial line does not say.
    ROWS = 24,
    COLUMNS = 80,
};

static struct {
    struct mutex start_lock;
    bool has_started; // [start_lock]
    struct tty tty;
    struct work resume;
    uint8_t stash[STASH_SIZE]; // [tty.lock] taken from the console, not by the line yet
    size_t stash_used;         // [tty.lock]
} console_tty;

// What a line needs beside the console's own rings; there once it is opened.
struct memory {
    uint8_t input[INPUT_SIZE];
    uint8_t output[OUTPUT_SIZE];
    uint64_t marks[INPUT_SIZE / 32];
};

static struct chardev console_node;
static struct chardev tty_node;

// ---- Between the console and the line ----

// Takes one stash of input; gives whether the line took any of it.
static bool pump_once(void)
{
    struct tty *t = &console_tty.tty;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    if (console_tty.stash_used == 0) {
        console_tty.stash_used =
            console_try_read(console_system(), console_tty.stash, sizeof(console_tty.stash));
    }
    size_t there = console_tty.stash_used;
    uint32_t changes = 0;
    size_t taken = tty_input_locked(t, console_tty.stash, there, &changes);
    console_tty.stash_used -= taken;
    memmove(console_tty.stash, console_tty.stash + taken, console_tty.stash_used);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    tty_send_signals_later(t, changes);
    return taken > 0;
}

static void pump(void)
{
    while (pump_once()) {
    }
}

static void resume(struct work *w)
{
    (void)w;
    pump();
}

static void console_changed(struct console *c, bool has_input, bool has_room)
{
    (void)c;
    if (has_input) {
        pump();
    }
    if (has_room) {
        tty_output_room(&console_tty.tty);
    }
}

static void transmit(struct tty *t)
{
    uint32_t len;
    const uint8_t *run = tty_line_output(&t->line, &len);
    while (len > 0) {
        uint32_t n = (uint32_t)console_try_write(console_system(), run, len);
        tty_line_output_done(&t->line, n);
        if (n < len) {
            return;
        }
        run = tty_line_output(&t->line, &len);
    }
}

// By a worker: who makes room may be in the middle of a line.
static void resume_input(struct tty *t)
{
    (void)t;
    (void)work_queue(&console_tty.resume);
}

static status_t drain(struct tty *t)
{
    (void)t;
    return console_drain(console_system(), WAIT_INTERRUPTIBLE);
}

static void never_released(struct tty *t)
{
    (void)t;
}

static const struct tty_device_ops console_tty_ops = {
    .kind = "console",
    .transmit = transmit,
    .resume_input = resume_input,
    .drain = drain,
    .release = never_released,
    .is_revoked = true,
};

// ---- Names ----

static const struct console_user console_user = {.changed = console_changed};

static status_t start_locked(void) REQUIRES(console_tty.start_lock)
{
    void *memory;
    if (console_tty.has_started) {
        return OK;
    }
    status_t status = heap_alloc(sizeof(struct memory), &memory);
    if (status != OK) {
        return status;
    }
    struct memory *m = memory;
    struct tty_line_storage storage = {
        .input = m->input,
        .input_size = INPUT_SIZE,
        .marks = m->marks,
        .output = m->output,
        .output_size = OUTPUT_SIZE,
    };
    work_init(&console_tty.resume, resume);
    tty_init(&console_tty.tty, &console_tty_ops, &console_node, &storage);
    console_tty.tty.line.window = (struct abi_winsize){.rows = ROWS, .columns = COLUMNS};
    console_tty.has_started = true;
    console_set_user(console_system(), &console_user);
    pump();
    return OK;
}

// Opening the console never makes it anybody's controlling terminal: the first process opens it too.
static status_t open_console(struct chardev *d, uint32_t flags, struct file **out)
{
    (void)d;
    mutex_lock(&console_tty.start_lock);
    status_t status = start_locked();
    mutex_unlock(&console_tty.start_lock);
    return status == OK ? tty_open(&console_tty.tty, flags | CHARDEV_OPEN_NOCTTY, out) : status;
}

static status_t open_controlling(struct chardev *d, uint32_t flags, struct file **out)
{
    (void)d;
    struct tty *t = tty_job_ops() == NULL ? NULL : tty_job_ops()->controlling();
    if (t == NULL) {
        return ERR_NXIO;
    }
    status_t status = tty_open(t, flags | CHARDEV_OPEN_NOCTTY, out);
    tty_unref(t);
    return status;
}

static const struct chardev_ops console_node_ops = {.open = open_console};
static const struct chardev_ops tty_node_ops = {.open = open_controlling};

void console_tty_init(void)
{
    mutex_init(&console_tty.start_lock, "console start", RANK_MODULE);
    chardev_init(&console_node, &console_node_ops, CHARDEV_ROOT, "console", 0600);
    console_node.number = chardev_number(5, 1);
    chardev_init(&tty_node, &tty_node_ops, CHARDEV_ROOT, "tty", 0666);
    tty_node.number = chardev_number(5, 0);
    chardev_add(&console_node);
    chardev_add(&tty_node);
}
