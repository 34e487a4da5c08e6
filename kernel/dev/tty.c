// SPDX-License-Identifier: Apache-2.0
/* Terminals: their life, what arrives, sessions.  Reading and writing is tty_file.c, ioctls are
 * tty_ioctl.c. */
#include "kernel/dev/tty.h"

#include <stdatomic.h>

#include "abi/signal.h"
#include "kernel/core/time.h"
#include "kernel/dev/tty_priv.h"

static const struct tty_job_ops *_Atomic job_ops; // set once at boot

const struct tty_job_ops *tty_set_job_ops(const struct tty_job_ops *ops)
{
    return atomic_exchange_explicit(&job_ops, ops, memory_order_acq_rel);
}

const struct tty_job_ops *tty_job_ops(void)
{
    return atomic_load_explicit(&job_ops, memory_order_acquire);
}

// ---- Life ----

static void send_signals_later(struct work *w)
{
    struct tty *t = container_of(w, struct tty, signal_work);
    tty_send_signals(t);
    tty_unref(t); // that of who queued it
}

void tty_init(struct tty *t, const struct tty_device_ops *ops, struct chardev *node,
              const struct tty_line_storage *storage)
{
    *t = (struct tty){.device = ops, .node = node};
    refcount_init(&t->refs, 1);
    spin_init(&t->lock, "terminal", RANK_TTY);
    tty_line_init(&t->line, storage);
    work_init(&t->signal_work, send_signals_later);
    wait_init(&t->readers, "terminal readers");
    wait_init(&t->writers, "terminal writers");
    event_source_init(&t->events);
    mutex_init(&t->read_lock, "terminal read", RANK_FILE);
    mutex_init(&t->write_lock, "terminal write", RANK_FILE);
}

void tty_ref(struct tty *t)
{
    refcount_inc(&t->refs);
}

void tty_unref(struct tty *t)
{
    if (refcount_dec(&t->refs)) {
        t->device->release(t);
    }
}

// ---- What arrives, and what leaves ----

static constexpr uint32_t SIGNALS = TTY_LINE_INTERRUPT | TTY_LINE_QUIT | TTY_LINE_SUSPEND;

uint32_t tty_settle_locked(struct tty *t)
{
    uint32_t changes = tty_line_take_changes(&t->line);
    if ((changes & TTY_LINE_OUTPUT) != 0 && t->device->transmit != NULL) {
        t->device->transmit(t);
        changes |= tty_line_take_changes(&t->line);
    }
    t->pending_signals |= changes & SIGNALS;
    return changes;
}

void tty_announce(struct tty *t, uint32_t changes)
{
    uint32_t events = 0;
    if ((changes & TTY_LINE_READABLE) != 0) {
        (void)wait_wake_all(&t->readers);
        events |= EVENT_IN;
    }
    if ((changes & TTY_LINE_WRITABLE) != 0) {
        (void)wait_wake_all(&t->writers);
        events |= EVENT_OUT;
    }
    if (events != 0) {
        event_notify(&t->events, events);
    }
    if ((changes & TTY_LINE_INPUT_ROOM) != 0 && t->device->resume_input != NULL) {
        t->device->resume_input(t);
    }
}

size_t tty_input_locked(struct tty *t, const uint8_t *bytes, size_t size, uint32_t *changes)
{
    size_t n = size == 0 ? 0 : tty_line_input(&t->line, bytes, size, time_now());
    *changes = tty_settle_locked(t);
    return n;
}

void tty_send_signals_later(struct tty *t, uint32_t changes)
{
    if ((changes & SIGNALS) != 0) {
        tty_ref(t);
        if (!work_queue(&t->signal_work)) {
            tty_unref(t); // not the last: the device has one
        }
    }
}

size_t tty_input(struct tty *t, const uint8_t *bytes, size_t size)
{
    uint32_t changes;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    size_t n = tty_input_locked(t, bytes, size, &changes);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    tty_send_signals_later(t, changes);
    return n;
}

void tty_output_room(struct tty *t)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    t->device->transmit(t);
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
}

void tty_send_signals(struct tty *t)
{
    static const struct {
        uint32_t change;
        int signal;
    } table[] = {
        {TTY_LINE_INTERRUPT, SIGINT}, {TTY_LINE_QUIT, SIGQUIT}, {TTY_LINE_SUSPEND, SIGTSTP}};
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    uint32_t pending = t->pending_signals;
    int32_t group = t->foreground;
    t->pending_signals = 0;
    spin_unlock_irqrestore(&t->lock, flags);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if ((pending & table[i].change) != 0 && group != 0 && tty_job_ops() != NULL) {
            tty_job_ops()->signal_group(group, table[i].signal);
        }
    }
}

// ---- Sessions ----

status_t tty_check_foreground(struct tty *t, int signal)
{
    const struct tty_job_ops *job = tty_job_ops();
    struct tty_caller caller = {0};
    if (job != NULL) {
        job->caller(&caller);
    }
    if (caller.session == 0) {
        return OK;
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_background = t->session == caller.session && t->foreground != caller.group;
    spin_unlock_irqrestore(&t->lock, flags);
    if (!is_background) {
        return OK;
    }
    if (job->is_signal_off(signal)) {
        return signal == SIGTTIN ? ERR_IO : OK;
    }
    if (job->is_orphaned(caller.group)) {
        return ERR_IO;
    }
    job->signal_group(caller.group, signal);
    return ERR_RESTART;
}

// The terminal's side of who controls it; false: another session does.
static bool claim(struct tty *t, const struct tty_caller *caller)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_free = t->session == 0 && !t->is_gone;
    if (is_free) {
        t->session = caller->session;
        t->foreground = caller->group;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return is_free;
}

// Gives the foreground group, which has the terminal no longer; -1: it was not that session's.
static int32_t disclaim(struct tty *t, int32_t session)
{
    int32_t group = -1;
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    if (t->session == session) {
        group = t->foreground;
        t->session = 0;
        t->foreground = 0;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return group;
}

status_t tty_take_control(struct tty *t)
{
    const struct tty_job_ops *job = tty_job_ops();
    struct tty_caller caller = {0};
    if (job != NULL) {
        job->caller(&caller);
    }
    if (caller.session == 0 || !caller.is_leader || !claim(t, &caller)) {
        return ERR_PERM;
    }
    tty_ref(t);
    status_t status = job->set_controlling(t);
    if (status != OK) {
        (void)disclaim(t, caller.session);
    }
    return status;
}

// Files that are open come to their end.
static void cut_off(struct tty *t, enum tty_hang_up_kind kind)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    t->generation++;
    t->open_files = 0;
    t->is_gone = t->is_gone || kind == TTY_HANG_UP_FOR_GOOD;
    tty_line_start(&t->line);
    tty_line_flush_input(&t->line);
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes | TTY_LINE_READABLE | TTY_LINE_WRITABLE);
    event_notify(&t->events, EVENT_HUP | EVENT_ERR);
}

void tty_session_ended(struct tty *t, int32_t session)
{
    const struct tty_job_ops *job = tty_job_ops();
    int32_t group = disclaim(t, session);
    if (group < 0) {
        return;
    }
    if (t->device->is_revoked) {
        cut_off(t, TTY_HANG_UP);
    }
    if (group != 0 && job != NULL) {
        job->signal_group(group, SIGHUP);
        job->signal_group(group, SIGCONT);
    }
}

void tty_hang_up(struct tty *t, enum tty_hang_up_kind kind)
{
    const struct tty_job_ops *job = tty_job_ops();
    cut_off(t, kind);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    int32_t session = t->session;
    spin_unlock_irqrestore(&t->lock, flags);
    if (session != 0 && disclaim(t, session) >= 0 && job != NULL) {
        job->lose_controlling(session, t, true);
    }
}
