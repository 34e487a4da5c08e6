// SPDX-License-Identifier: Apache-2.0
/* Clocks and sleeping. */
#include "kernel/core/time.h"

#include "abi/gen/syscall_handlers.h"
#include "kernel/core/interval.h"
#include "kernel/core/sched.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/clocks.h"
#include "kernel/syscall/timespec.h"

enum { TIMER_ABSTIME = 1, TICKS_PER_SEC = 100, RESOLUTION_NS = 1 };

/* ---- Reading ---- */

// Negative clocks name a process or thread: ~identifier << 3, then 2 for all of its time, and 4.
enum { CPU_CLOCK_KIND = 3, CPU_CLOCK_SCHED = 2, CPU_CLOCK_THREAD = 4 };

static status_t process_time(pid_t pid, nsec_t *out)
{
    struct process *p;
    struct process_usage usage;
    status_t status = process_get(pid == 0 ? process_current()->pid : pid, &p);
    if (status != OK) {
        return ERR_INVAL;
    }
    if (process_may_see(p)) {
        process_usage(p, &usage);
        *out = usage.user_ns + usage.system_ns;
    } else {
        status = ERR_INVAL;
    }
    process_unref(p);
    return status;
}

// Of a thread of this process.
static status_t thread_time(pid_t tid, nsec_t *out)
{
    struct process *p = process_current();
    status_t status = ERR_INVAL;
    irqflags_t flags = spin_lock_irqsave(&p->lock);
    list_for_each (node, &p->threads) {
        struct uthread *t = container_of(node, struct uthread, link);
        if (tid == 0 ? t == uthread_current() : t->tid == tid) {
            *out = thread_run_time(&t->thread);
            status = OK;
        }
    }
    spin_unlock_irqrestore(&p->lock, flags);
    return status;
}

static status_t named_time(int32_t clock, nsec_t *out)
{
    pid_t id = ~(clock >> 3);
    if ((clock & CPU_CLOCK_KIND) > CPU_CLOCK_SCHED) {
        return ERR_INVAL;
    }
    return (clock & CPU_CLOCK_THREAD) != 0 ? thread_time(id, out) : process_time(id, out);
}

status_t clock_read(int32_t clock, nsec_t *out)
{
    switch (clock) {
    case CLOCK_WALL:
    case CLOCK_WALL_COARSE: *out = time_wall(); return OK;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOT: *out = time_now(); return OK;
    case CLOCK_PROCESS: return process_time(0, out);
    case CLOCK_THREAD: return thread_time(0, out);
    default: return clock < 0 ? named_time(clock, out) : ERR_INVAL;
    }
}

status_t clock_deadline(int32_t clock, bool is_absolute, nsec_t at, nsec_t *out)
{
    if (clock != CLOCK_WALL && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOT) {
        return clock >= 0 && clock <= CLOCK_BOOT ? ERR_NOTSUP : ERR_INVAL;
    }
    *out = !is_absolute          ? deadline_after(at)
           : clock == CLOCK_WALL ? deadline_at_wall(at)
                                 : deadline_at(at);
    return OK;
}

int64_t sys_clock_gettime(int32_t clock, vaddr_t time)
{
    nsec_t now;
    status_t status = clock_read(clock, &now);
    return status == OK ? timespec_to_user(time, now) : status;
}

int64_t sys_clock_getres(int32_t clock, vaddr_t resolution)
{
    nsec_t now;
    status_t status = clock_read(clock, &now);
    return status == OK && resolution != 0 ? timespec_to_user(resolution, RESOLUTION_NS) : status;
}

int64_t sys_clock_settime(int32_t clock, vaddr_t time)
{
    nsec_t now;
    status_t status = clock == CLOCK_WALL ? timespec_from_user(time, &now) : ERR_INVAL;
    if (status == OK) {
        clock_set_wall(now);
    }
    return status;
}

// Time zones are the business of programs: a zone that is asked for is that of Greenwich.
int64_t sys_gettimeofday(vaddr_t time, vaddr_t zone)
{
    static const int32_t greenwich[2];
    struct abi_timeval now = timeval_of(time_wall());
    if ((time != 0 && arch_copy_to_user(time, &now, sizeof(now)) != 0) ||
        (zone != 0 && arch_copy_to_user(zone, greenwich, sizeof(greenwich)) != 0)) {
        return ERR_FAULT;
    }
    return 0;
}

int64_t sys_settimeofday(vaddr_t time, vaddr_t zone)
{
    (void)zone;
    nsec_t now;
    status_t status = time == 0 ? OK : timeval_from_user(time, &now);
    if (time != 0 && status == OK) {
        clock_set_wall(now);
    }
    return status;
}

int64_t sys_times(vaddr_t times)
{
    constexpr nsec_t TICK_NS = NSEC_PER_SEC / TICKS_PER_SEC;
    struct process *p = process_current();
    struct process_usage own;
    process_usage(p, &own);
    struct process_usage children;
    process_children_usage(&children);
    const uint64_t out[] = {own.user_ns / TICK_NS, own.system_ns / TICK_NS,
                            children.user_ns / TICK_NS, children.system_ns / TICK_NS};
    if (times != 0 && arch_copy_to_user(times, out, sizeof(out)) != 0) {
        return ERR_FAULT;
    }
    return (int64_t)(time_now() / TICK_NS);
}

/* ---- Sleeping ---- */

static int64_t sleep(nsec_t deadline, vaddr_t left)
{
    status_t status = thread_sleep_until(deadline, WAIT_INTERRUPTIBLE);
    if (status == ERR_INTR && left != 0) {
        nsec_t now = time_now();
        status_t stored = timespec_to_user(left, deadline > now ? deadline - now : 0);
        status = stored == OK ? ERR_INTR : stored;
    }
    return status;
}

int64_t sys_nanosleep(vaddr_t request, vaddr_t left)
{
    nsec_t span;
    status_t status = timespec_from_user(request, &span);
    return status == OK ? sleep(deadline_after(span), left) : status;
}

// A sleep until a time of the wall clock, which may be set meanwhile.
struct wall_sleep {
    struct interval until;
    struct wait_queue queue;
    _Atomic bool has_moved; // [a]
};

static void wall_moved(struct interval *i)
{
    struct wall_sleep *s = container_of(i, struct wall_sleep, until);
    atomic_store_explicit(&s->has_moved, true, memory_order_release);
    wait_wake_all(&s->queue);
}

static status_t sleep_until_wall(nsec_t at)
{
    struct wall_sleep s;
    status_t status;
    wait_init(&s.queue, "wall sleep");
    interval_init(&s.until, wall_moved);
    interval_set(&s.until, INTERVAL_WALL, &(struct interval_setting){.value = at}, time_now());
    do {
        atomic_store_explicit(&s.has_moved, false, memory_order_relaxed);
        nsec_t deadline = deadline_at_wall(at); // after that: a change from here on is seen
        WAIT_UNTIL(&s.queue, atomic_load_explicit(&s.has_moved, memory_order_acquire), deadline,
                   WAIT_INTERRUPTIBLE, &status);
    } while (status == OK);
    interval_fini(&s.until);
    return status == ERR_TIMEDOUT ? OK : status;
}

int64_t sys_clock_nanosleep(int32_t clock, uint32_t flags, vaddr_t request, vaddr_t left)
{
    bool is_absolute = (flags & TIMER_ABSTIME) != 0;
    nsec_t at;
    nsec_t deadline;
    status_t status = timespec_from_user(request, &at);
    if (status == OK) {
        status = clock_deadline(clock, is_absolute, at, &deadline);
    }
    if (status != OK) {
        return status;
    }
    return is_absolute && clock == CLOCK_WALL ? sleep_until_wall(at)
                                              : sleep(deadline, is_absolute ? 0 : left);
}
