// SPDX-License-Identifier: Apache-2.0
/* Timers that send signals. */
#include "kernel/proc/timer.h"

#include "abi/gen/syscall_handlers.h"
#include "abi/signal.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/clocks.h"
#include "kernel/syscall/timespec.h"

enum { TIMER_ABSTIME = 1 };

/* ---- timer_create and its kin ---- */

// Which clocks have timers; those of CPU time have none.
static status_t check_clock(int32_t clock)
{
    nsec_t now;
    nsec_t at;
    status_t status = clock_read(clock, &now);
    return status != OK || clock < 0 ? ERR_INVAL : clock_deadline(clock, false, 0, &at);
}

static status_t read_event(vaddr_t at, struct timer_request *r)
{
    struct abi_sigevent event;
    if (arch_copy_from_user(&event, at, sizeof(event)) != 0) {
        return ERR_FAULT;
    }
    r->has_value = true;
    r->value = event.value;
    r->signal = event.signal;
    switch (event.notify) {
    case ABI_SIGEV_SIGNAL: return OK;
    case ABI_SIGEV_NONE: r->is_silent = true; return OK;
    case ABI_SIGEV_THREAD_ID: r->tid = event.tid; return event.tid > 0 ? OK : ERR_INVAL;
    default: return ERR_INVAL;
    }
}

int64_t sys_timer_create(int32_t clock, vaddr_t event, vaddr_t id)
{
    struct timer_request r = {.is_wall = clock == CLOCK_WALL, .signal = SIGALRM};
    int32_t made;
    status_t status = check_clock(clock);
    if (status == OK && event != 0) {
        status = read_event(event, &r);
    }
    if (status == OK) {
        status = posix_timer_create(&r, &made);
    }
    if (status == OK && arch_copy_to_user(id, &made, sizeof(made)) != 0) {
        status = posix_timer_delete(made) == OK ? ERR_FAULT : ERR_INVAL;
    }
    return status;
}

int64_t sys_timer_settime(int32_t id, uint32_t flags, vaddr_t value, vaddr_t old)
{
    struct interval_setting s;
    struct interval_setting before;
    status_t status = setting_from_user(value, &s);
    if (status == OK) {
        status = posix_timer_settime(id, (flags & TIMER_ABSTIME) != 0, &s, &before);
    }
    return status == OK && old != 0 ? setting_to_user(old, &before) : status;
}

int64_t sys_timer_gettime(int32_t id, vaddr_t value)
{
    struct interval_setting s;
    status_t status = posix_timer_gettime(id, &s);
    return status == OK ? setting_to_user(value, &s) : status;
}

int64_t sys_timer_getoverrun(int32_t id)
{
    int32_t overrun;
    status_t status = posix_timer_getoverrun(id, &overrun);
    return status == OK ? overrun : status;
}

int64_t sys_timer_delete(int32_t id)
{
    return posix_timer_delete(id);
}

/* ---- setitimer ---- */

int64_t sys_getitimer(uint32_t which, vaddr_t value)
{
    struct interval_setting s;
    if (which >= ITIMERS) {
        return ERR_INVAL;
    }
    itimer_exchange(which, NULL, &s);
    return setting_to_user_usec(value, &s);
}

int64_t sys_setitimer(uint32_t which, vaddr_t value, vaddr_t old)
{
    struct interval_setting s = {};
    struct interval_setting before;
    status_t status = which >= ITIMERS ? ERR_INVAL : OK;
    if (status == OK && value != 0) { // without one it stops, as on Linux
        status = setting_from_user_usec(value, &s);
    }
    if (status != OK) {
        return status;
    }
    itimer_exchange(which, &s, &before);
    return old == 0 ? OK : setting_to_user_usec(old, &before);
}
