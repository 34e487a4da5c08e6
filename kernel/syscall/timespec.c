// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/timespec.h"

#include "kernel/core/time.h"
#include "kernel/proc/signal.h"

enum { USEC_PER_SECOND = 1000000 };
constexpr nsec_t LAST = NSEC_NEVER - 1;

static nsec_t combine(uint64_t seconds, uint64_t ns)
{
    nsec_t sum;
    if (__builtin_mul_overflow(seconds, NSEC_PER_SEC, &sum) ||
        __builtin_add_overflow(sum, ns, &sum) || sum > LAST) {
        return LAST;
    }
    return sum;
}

status_t timespec_from_user(vaddr_t at, nsec_t *out)
{
    struct abi_timespec t;
    if (arch_copy_from_user(&t, at, sizeof(t)) != 0) {
        return ERR_FAULT;
    }
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= (int64_t)NSEC_PER_SEC) {
        return ERR_INVAL;
    }
    *out = combine((uint64_t)t.seconds, (uint64_t)t.nanoseconds);
    return OK;
}

status_t timespec_to_user(vaddr_t at, nsec_t ns)
{
    struct abi_timespec t = {.seconds = (int64_t)(ns / NSEC_PER_SEC),
                             .nanoseconds = (int64_t)(ns % NSEC_PER_SEC)};
    return arch_copy_to_user(at, &t, sizeof(t)) == 0 ? OK : ERR_FAULT;
}

status_t timeval_from_user(vaddr_t at, nsec_t *out)
{
    struct abi_timeval t;
    if (arch_copy_from_user(&t, at, sizeof(t)) != 0) {
        return ERR_FAULT;
    }
    if (t.seconds < 0 || t.microseconds < 0 || t.microseconds >= USEC_PER_SECOND) {
        return ERR_INVAL;
    }
    *out = combine((uint64_t)t.seconds, (uint64_t)t.microseconds * NSEC_PER_USEC);
    return OK;
}

struct abi_timeval timeval_of(nsec_t ns)
{
    return (struct abi_timeval){.seconds = (int64_t)(ns / NSEC_PER_SEC),
                                .microseconds = (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

// Both structures have the interval before the value, in two words each.
enum { VALUE_OFFSET = 16 };

status_t setting_from_user(vaddr_t at, struct interval_setting *out)
{
    status_t status = timespec_from_user(at, &out->interval);
    return status == OK ? timespec_from_user(at + VALUE_OFFSET, &out->value) : status;
}

status_t setting_to_user(vaddr_t at, const struct interval_setting *s)
{
    status_t status = timespec_to_user(at, s->interval);
    return status == OK ? timespec_to_user(at + VALUE_OFFSET, s->value) : status;
}

status_t setting_from_user_usec(vaddr_t at, struct interval_setting *out)
{
    status_t status = timeval_from_user(at, &out->interval);
    return status == OK ? timeval_from_user(at + VALUE_OFFSET, &out->value) : status;
}

status_t setting_to_user_usec(vaddr_t at, const struct interval_setting *s)
{
    struct abi_timeval out[] = {timeval_of(s->interval), timeval_of(s->value)};
    // What is left is not nothing.
    if (s->value != 0 && out[1].seconds == 0 && out[1].microseconds == 0) {
        out[1].microseconds = 1;
    }
    return arch_copy_to_user(at, out, sizeof(out)) == 0 ? OK : ERR_FAULT;
}

static nsec_t from_now(nsec_t ns)
{
    nsec_t at;
    return __builtin_add_overflow(time_now(), ns, &at) ? LAST : at;
}

nsec_t deadline_after(nsec_t ns)
{
    return signal_call_deadline(from_now(ns));
}

nsec_t deadline_none(void)
{
    return signal_call_deadline(NSEC_NEVER);
}

nsec_t deadline_at(nsec_t ns)
{
    (void)deadline_none(); // it stays the same however often the call starts
    return ns;
}

status_t deadline_from_user(vaddr_t at, nsec_t *out)
{
    nsec_t ns;
    if (at == 0) {
        *out = deadline_none();
        return OK;
    }
    status_t status = timespec_from_user(at, &ns);
    if (status == OK) {
        *out = deadline_after(ns);
    }
    return status;
}

nsec_t deadline_at_wall(nsec_t ns)
{
    nsec_t wall = time_wall();
    return deadline_at(ns <= wall ? 0 : from_now(ns - wall));
}
