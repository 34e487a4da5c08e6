// SPDX-License-Identifier: Apache-2.0
/* Options of sockets, those that all families have. */
#include "abi/resource.h"
#include "kernel/ipc/socket.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { USEC_PER_SECOND = 1000000, NO_IDENTITY = -1 };

// Those that are on or off, and mean something to some family or none.
constexpr uint64_t SWITCHES = 1ull << ABI_SO_DEBUG | 1ull << ABI_SO_REUSEADDR |
                              1ull << ABI_SO_DONTROUTE | 1ull << ABI_SO_BROADCAST |
                              1ull << ABI_SO_KEEPALIVE | 1ull << ABI_SO_OOBINLINE |
                              1ull << ABI_SO_REUSEPORT | 1ull << ABI_SO_PASSCRED;

static bool is_switch(int32_t option)
{
    return option > 0 && option < 64 && (SWITCHES >> option & 1) != 0;
}

/* ---- Reading ---- */

static status_t get_number(struct socket *s, int32_t option, int32_t *out)
{
    if (is_switch(option)) {
        *out = socket_has_option(s, (unsigned)option);
        return OK;
    }
    switch (option) {
    case ABI_SO_TYPE: *out = s->type; return OK;
    case ABI_SO_DOMAIN: *out = s->family; return OK;
    case ABI_SO_PROTOCOL: *out = (int32_t)s->protocol; return OK;
    case ABI_SO_ERROR: *out = -(int32_t)s->ops->take_error(s); return OK;
    case ABI_SO_ACCEPTCONN: *out = s->ops->is_listening(s); return OK;
    case ABI_SO_SNDLOWAT: *out = 1; return OK;
    case ABI_SO_RCVLOWAT: *out = (int32_t)atomic_load(&s->low_water); return OK;
    case ABI_SO_RCVBUF: *out = (int32_t)atomic_load(&s->receive_size); return OK;
    case ABI_SO_SNDBUF: *out = (int32_t)atomic_load(&s->send_size); return OK;
    default: return ERR_NOPROTOOPT;
    }
}

static void put(void *value, uint32_t *size, const void *what, size_t n)
{
    *size = (uint32_t)u64_min(*size, n);
    memcpy(value, what, *size);
}

static void put_timeout(void *value, uint32_t *size, nsec_t ns)
{
    struct abi_timeval t = {.seconds = (int64_t)(ns / NSEC_PER_SEC),
                            .microseconds = (int64_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
    put(value, size, &t, sizeof(t));
}

static void put_linger(struct socket *s, void *value, uint32_t *size)
{
    int32_t linger = atomic_load_explicit(&s->linger, memory_order_relaxed);
    struct abi_linger l = {.is_on = linger >= 0, .seconds = linger >= 0 ? linger : 0};
    put(value, size, &l, sizeof(l));
}

static status_t put_identity(struct socket *s, void *value, uint32_t *size)
{
    struct caller_identity who = {.principal = (uint32_t)NO_IDENTITY,
                                  .group = (uint32_t)NO_IDENTITY};
    status_t status =
        s->ops->peer_identity == NULL ? ERR_NOPROTOOPT : s->ops->peer_identity(s, &who);
    if (status == OK) {
        struct abi_ucred u = {.pid = who.pid, .principal = who.principal, .group = who.group};
        put(value, size, &u, sizeof(u));
    }
    return status;
}

static status_t get_of_family(struct socket *s, int32_t level, int32_t option, void *value,
                              uint32_t *size)
{
    return s->ops->get_option == NULL ? ERR_NOPROTOOPT
                                      : s->ops->get_option(s, level, option, value, size);
}

status_t socket_get_option(struct socket *s, int32_t level, int32_t option, void *value,
                           uint32_t *size)
{
    if (level != ABI_SOL_SOCKET) {
        return get_of_family(s, level, option, value, size);
    }
    switch (option) {
    case ABI_SO_RCVTIMEO: put_timeout(value, size, atomic_load(&s->receive_timeout)); return OK;
    case ABI_SO_SNDTIMEO: put_timeout(value, size, atomic_load(&s->send_timeout)); return OK;
    case ABI_SO_LINGER: put_linger(s, value, size); return OK;
    case ABI_SO_PEERCRED: return put_identity(s, value, size);
    default: break;
    }
    int32_t number;
    status_t status = get_number(s, option, &number);
    if (status == ERR_NOPROTOOPT) {
        return get_of_family(s, level, option, value, size);
    }
    if (status == OK) {
        put(value, size, &number, sizeof(number));
    }
    return status;
}

/* ---- Setting ---- */

static status_t set_timeout(_Atomic nsec_t *timeout, const void *value, uint32_t size)
{
    struct abi_timeval t;
    if (size < sizeof(t)) {
        return ERR_INVAL;
    }
    memcpy(&t, value, sizeof(t));
    if (t.microseconds < 0 || t.microseconds >= USEC_PER_SECOND) {
        return ERR_DOM;
    }
    nsec_t ns;
    if (t.seconds < 0) {
        ns = 1; // in the past: do not wait
    } else if (__builtin_mul_overflow((nsec_t)t.seconds, NSEC_PER_SEC, &ns) ||
               __builtin_add_overflow(ns, (nsec_t)t.microseconds * NSEC_PER_USEC, &ns)) {
        ns = 0; // for ever, near enough
    }
    atomic_store_explicit(timeout, ns, memory_order_relaxed);
    return OK;
}

static status_t set_linger(struct socket *s, const void *value, uint32_t size)
{
    struct abi_linger l;
    if (size < sizeof(l)) {
        return ERR_INVAL;
    }
    memcpy(&l, value, sizeof(l));
    if (l.is_on != 0 && l.seconds < 0) {
        return ERR_INVAL;
    }
    atomic_store_explicit(&s->linger, l.is_on != 0 ? l.seconds : -1, memory_order_relaxed);
    return OK;
}

static void set_switch(struct socket *s, unsigned option, bool is_on)
{
    if (is_on) {
        atomic_fetch_or_explicit(&s->options, 1ull << option, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(&s->options, ~(1ull << option), memory_order_relaxed);
    }
}

static uint32_t clamp_size(int32_t wanted)
{
    int64_t size = wanted < SOCKET_BUFFER_MIN ? SOCKET_BUFFER_MIN : wanted;
    return (uint32_t)u64_min((uint64_t)size, SOCKET_BUFFER_MAX);
}

static uint32_t low_water_of(int32_t wanted)
{
    return wanted == 0
               ? 1
               : (uint32_t)u64_min((uint64_t)(wanted < 0 ? INT32_MAX : wanted), SOCKET_BUFFER_MIN);
}

static status_t set_number(struct socket *s, int32_t option, int32_t number)
{
    if (is_switch(option)) {
        set_switch(s, (unsigned)option, number != 0);
        return OK;
    }
    switch (option) {
    case ABI_SO_RCVBUF: atomic_store(&s->receive_size, clamp_size(number)); return OK;
    case ABI_SO_SNDBUF: atomic_store(&s->send_size, clamp_size(number)); return OK;
    case ABI_SO_RCVLOWAT: atomic_store(&s->low_water, low_water_of(number)); return OK;
    default: return ERR_NOPROTOOPT;
    }
}

static bool is_known_number(int32_t option)
{
    return is_switch(option) || option == ABI_SO_RCVBUF || option == ABI_SO_SNDBUF ||
           option == ABI_SO_RCVLOWAT;
}

static status_t set_of_family(struct socket *s, int32_t level, int32_t option, const void *value,
                              uint32_t size)
{
    return s->ops->set_option == NULL ? ERR_NOPROTOOPT
                                      : s->ops->set_option(s, level, option, value, size);
}

status_t socket_set_option(struct socket *s, int32_t level, int32_t option, const void *value,
                           uint32_t size)
{
    int32_t number;
    if (level != ABI_SOL_SOCKET) {
        return set_of_family(s, level, option, value, size);
    }
    switch (option) {
    case ABI_SO_RCVTIMEO: return set_timeout(&s->receive_timeout, value, size);
    case ABI_SO_SNDTIMEO: return set_timeout(&s->send_timeout, value, size);
    case ABI_SO_LINGER: return set_linger(s, value, size);
    default: break;
    }
    if (!is_known_number(option)) {
        return set_of_family(s, level, option, value, size);
    }
    if (size < sizeof(number)) {
        return ERR_INVAL;
    }
    memcpy(&number, value, sizeof(number));
    status_t status = set_number(s, option, number);
    if (status == OK && s->ops->options_changed != NULL) {
        s->ops->options_changed(s);
    }
    return status;
}
