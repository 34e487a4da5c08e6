// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/futex.h"

#include "abi/gen/syscall_handlers.h"
#include "kernel/core/time.h"
#include "kernel/syscall/timespec.h"

// The values of musl's "futex.h".
enum : uint32_t {
    OP_WAIT = 0,
    OP_WAKE = 1,
    OP_REQUEUE = 3,
    OP_CMP_REQUEUE = 4,
    OP_WAIT_BITSET = 9,
    OP_WAKE_BITSET = 10,
    OP_PRIVATE = 128,
    OP_REALTIME = 256,
};

// What a wait's time-out means; `is_absolute` of the clock that the operation names.
static status_t deadline_of(vaddr_t timeout, bool is_absolute, bool is_wall, nsec_t *out)
{
    nsec_t ns;
    if (timeout == 0) {
        *out = deadline_none();
        return OK;
    }
    status_t status = timespec_from_user(timeout, &ns);
    if (status == OK) {
        *out = !is_absolute ? deadline_after(ns) : is_wall ? deadline_at_wall(ns) : deadline_at(ns);
    }
    return status;
}

static int64_t wait(struct futex_word word, uint32_t operation, uint32_t value, vaddr_t timeout,
                    uint32_t bits)
{
    bool is_bitset = (operation & ~(OP_PRIVATE | OP_REALTIME)) == OP_WAIT_BITSET;
    nsec_t deadline;
    status_t status = deadline_of(timeout, is_bitset, (operation & OP_REALTIME) != 0, &deadline);
    return status == OK ? futex_wait(word, value, is_bitset ? bits : FUTEX_ANY, deadline) : status;
}

static int64_t wake(struct futex_word word, uint32_t count, uint32_t bits)
{
    uint32_t woken;
    status_t status = futex_wake(word, count, bits, &woken);
    return status == OK ? (int64_t)woken : status;
}

int64_t sys_futex(vaddr_t address, int32_t operation, uint32_t value, uint64_t timeout_or_value,
                  vaddr_t address2, uint32_t value3)
{
    uint32_t op = (uint32_t)operation;
    enum futex_scope scope = (op & OP_PRIVATE) != 0 ? FUTEX_PRIVATE : FUTEX_SHARED;
    struct futex_word word = {address, scope};
    struct futex_requeue requeue = {
        .from = word, .to = {address2, scope}, .wake = value, .move = (uint32_t)timeout_or_value};
    uint32_t count;
    status_t status;
    switch (op & ~(OP_PRIVATE | OP_REALTIME)) {
    case OP_WAIT:
    case OP_WAIT_BITSET: return wait(word, op, value, timeout_or_value, value3);
    case OP_WAKE: return wake(word, value, FUTEX_ANY);
    case OP_WAKE_BITSET: return wake(word, value, value3);
    case OP_CMP_REQUEUE: requeue.expect = &value3; [[fallthrough]];
    case OP_REQUEUE:
        status = futex_requeue(&requeue, &count);
        return status == OK ? (int64_t)count : status;
    default: return ERR_NOSYS;
    }
}
