// SPDX-License-Identifier: Apache-2.0
/* ioctls of terminals, as tcsetattr and its relatives make them. */
#include "abi/signal.h"
#include "kernel/dev/tty_priv.h"

static status_t put_user(vaddr_t to, const void *from, size_t size)
{
    return arch_copy_to_user(to, from, size) == 0 ? OK : ERR_FAULT;
}

static status_t get_user(void *to, vaddr_t from, size_t size)
{
    return arch_copy_from_user(to, from, size) == 0 ? OK : ERR_FAULT;
}

static status_t put_int(vaddr_t to, int32_t value)
{
    return put_user(to, &value, sizeof(value));
}

// ---- Settings ----

static bool is_sent(struct tty *t)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is = tty_line_unsent_bytes(&t->line) == 0 || t->is_gone;
    spin_unlock_irqrestore(&t->lock, flags);
    return is;
}

status_t tty_drain(struct tty *t)
{
    status_t status;
    WAIT_UNTIL(&t->writers, is_sent(t), NSEC_NEVER, WAIT_INTERRUPTIBLE, &status);
    if (status == OK && t->device->drain != NULL) {
        status = t->device->drain(t);
    }
    return status == ERR_INTR ? ERR_RESTART : status;
}

static status_t get_settings(struct tty *t, vaddr_t argument)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    struct abi_termios copy = t->line.termios;
    spin_unlock_irqrestore(&t->lock, flags);
    return put_user(argument, &copy, sizeof(copy));
}

static status_t set_settings(struct tty *t, uint32_t request, vaddr_t argument)
{
    struct abi_termios copy;
    status_t status = get_user(&copy, argument, sizeof(copy));
    if (status == OK && request != ABI_TCSETS) {
        status = tty_drain(t);
    }
    if (status != OK) {
        return status;
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    if (request == ABI_TCSETSF) {
        tty_line_flush_input(&t->line);
    }
    tty_line_set(&t->line, &copy);
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    return OK;
}

// ---- Flow ----

static status_t control_flow(struct tty *t, vaddr_t action)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    switch (action) {
    case ABI_TCOOFF: tty_line_stop(&t->line); break;
    case ABI_TCOON: tty_line_start(&t->line); break;
    case ABI_TCIOFF: tty_line_send_control(&t->line, ABI_VSTOP); break;
    case ABI_TCION: tty_line_send_control(&t->line, ABI_VSTART); break;
    default: break;
    }
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    return action <= ABI_TCION ? OK : ERR_INVAL;
}

static status_t flush(struct tty *t, vaddr_t queues)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    if (queues == ABI_TCIFLUSH || queues == ABI_TCIOFLUSH) {
        tty_line_flush_input(&t->line);
    }
    if (queues == ABI_TCOFLUSH || queues == ABI_TCIOFLUSH) {
        tty_line_flush_output(&t->line);
    }
    uint32_t changes = tty_settle_locked(t);
    spin_unlock_irqrestore(&t->lock, flags);
    tty_announce(t, changes);
    return queues <= ABI_TCIOFLUSH ? OK : ERR_INVAL;
}

static status_t count_bytes(struct tty *t, uint32_t request, vaddr_t argument)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    uint32_t n = request == ABI_TIOCOUTQ ? tty_line_unsent_bytes(&t->line)
                                         : tty_line_readable_bytes(&t->line);
    spin_unlock_irqrestore(&t->lock, flags);
    return put_int(argument, (int32_t)n);
}

// ---- Window ----

static status_t get_window(struct tty *t, vaddr_t argument)
{
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    struct abi_winsize copy = t->line.window;
    spin_unlock_irqrestore(&t->lock, flags);
    return put_user(argument, &copy, sizeof(copy));
}

static status_t set_window(struct tty *t, vaddr_t argument)
{
    struct abi_winsize window;
    status_t status = get_user(&window, argument, sizeof(window));
    if (status != OK) {
        return status;
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_other = memcmp(&t->line.window, &window, sizeof(window)) != 0;
    int32_t group = t->foreground;
    t->line.window = window;
    spin_unlock_irqrestore(&t->lock, flags);
    if (is_other && group != 0 && tty_job_ops() != NULL) {
        tty_job_ops()->signal_group(group, SIGWINCH);
    }
    return OK;
}

// ---- Jobs ----

struct control {
    int32_t session;
    int32_t group;
};

// ERR_NOTTY: `t` does not control the caller's session.  A master may ask about any.
static status_t get_control(struct tty *t, enum tty_side side, struct control *out)
{
    struct tty_caller caller = {0};
    if (tty_job_ops() != NULL) {
        tty_job_ops()->caller(&caller);
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    *out = (struct control){t->session, t->foreground};
    spin_unlock_irqrestore(&t->lock, flags);
    bool may = side == TTY_SIDE_MASTER || (caller.session != 0 && caller.session == out->session);
    return may ? OK : ERR_NOTTY;
}

static status_t get_job(struct tty *t, enum tty_side side, uint32_t request, vaddr_t argument)
{
    struct control control;
    status_t status = get_control(t, side, &control);
    if (status != OK) {
        return status;
    }
    if (request == ABI_TIOCGSID) {
        return control.session == 0 ? ERR_NOTTY : put_int(argument, control.session);
    }
    return put_int(argument, control.group);
}

static status_t set_foreground(struct tty *t, enum tty_side side, vaddr_t argument)
{
    struct control control;
    int32_t group;
    status_t status = get_control(t, side, &control);
    if (status != OK || control.session == 0) {
        return ERR_NOTTY;
    }
    status = get_user(&group, argument, sizeof(group));
    if (status != OK) {
        return status;
    }
    if (group <= 0) {
        return ERR_INVAL;
    }
    if (tty_job_ops()->session_of_group(group) != control.session) {
        return ERR_PERM;
    }
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    bool is_same = t->session == control.session;
    if (is_same) {
        t->foreground = group;
    }
    spin_unlock_irqrestore(&t->lock, flags);
    return is_same ? OK : ERR_NOTTY;
}

// Again for the terminal that one has is fine.
static status_t take_control_again(struct tty *t)
{
    struct control control;
    return get_control(t, TTY_SIDE_TERMINAL, &control) == OK ? OK : tty_take_control(t);
}

// A session has one terminal for all of its processes, so only the leader gives it up.
static status_t give_up_control(struct tty *t)
{
    struct control control;
    struct tty_caller caller;
    status_t status = get_control(t, TTY_SIDE_TERMINAL, &control);
    if (status != OK) {
        return status;
    }
    tty_job_ops()->caller(&caller);
    if (!caller.is_leader) {
        return ERR_PERM;
    }
    tty_job_ops()->lose_controlling(control.session, t, false);
    tty_session_ended(t, control.session);
    return OK;
}

// ---- All of them ----

// Those that change something for everybody: a process in the background must not.
static bool is_change(uint32_t request)
{
    switch (request) {
    case ABI_TCSETS:
    case ABI_TCSETSW:
    case ABI_TCSETSF:
    case ABI_TCSBRK:
    case ABI_TCXONC:
    case ABI_TCFLSH:
    case ABI_TIOCSPGRP: return true;
    default: return false;
    }
}

static status_t device_ioctl(struct tty *t, uint32_t request, vaddr_t argument, int64_t *result)
{
    return t->device->ioctl == NULL ? ERR_NOTTY : t->device->ioctl(t, request, argument, result);
}

status_t tty_ioctl(struct tty *t, enum tty_side side, uint32_t request, vaddr_t argument,
                   int64_t *result)
{
    if (side == TTY_SIDE_TERMINAL && is_change(request)) {
        status_t status = tty_check_foreground(t, SIGTTOU);
        if (status != OK) {
            return status;
        }
    }
    switch (request) {
    case ABI_TCGETS: return get_settings(t, argument);
    case ABI_TCSETS:
    case ABI_TCSETSW:
    case ABI_TCSETSF: return set_settings(t, request, argument);
    case ABI_TCSBRK: return tty_drain(t); // there is no break condition to send
    case ABI_TCXONC: return control_flow(t, argument);
    case ABI_TCFLSH: return flush(t, argument);
    case ABI_TIOCGWINSZ: return get_window(t, argument);
    case ABI_TIOCSWINSZ: return set_window(t, argument);
    case ABI_TIOCGPGRP:
    case ABI_TIOCGSID: return get_job(t, side, request, argument);
    case ABI_TIOCSPGRP: return set_foreground(t, side, argument);
    case ABI_TIOCSCTTY: return side == TTY_SIDE_MASTER ? ERR_NOTTY : take_control_again(t);
    case ABI_TIOCNOTTY: return side == TTY_SIDE_MASTER ? ERR_NOTTY : give_up_control(t);
    case ABI_FIONREAD:
    case ABI_TIOCOUTQ: return count_bytes(t, request, argument);
    default: return device_ioctl(t, request, argument, result);
    }
}
