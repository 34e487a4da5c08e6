// SPDX-License-Identifier: Apache-2.0
/* Processes, CPUs, time. */
#include "kernel/proc/process.h"

#include "abi/gen/syscall_handlers.h"
#include "abi/signal.h"
#include "abi/sys.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/uthread.h"
#include "lib/base/bits.h"

enum { SPAWN_PATH_MAX = 1024 };

int64_t sys_null(void)
{
    return 0;
}

int64_t sys_exit_group(int32_t status)
{
    process_exit(wait_status_exited(status));
}

int64_t sys_fork(void)
{
    pid_t pid;
    status_t status = process_fork(&pid);
    return status == OK ? pid : status;
}

// Copies the strings of a NULL-terminated vector one after the other into `room`.
static status_t copy_args(vaddr_t argv, char *room, size_t size, size_t *used, size_t *count)
{
    *used = 0;
    for (*count = 0;; (*count)++) {
        vaddr_t string;
        size_t len;
        if (arch_copy_from_user(&string, argv + *count * sizeof(string), sizeof(string)) != 0) {
            return ERR_FAULT;
        }
        if (string == 0) {
            return OK;
        }
        status_t status = arch_copy_string_from_user(room + *used, string, size - *used, &len);
        if (status != OK) {
            return status == ERR_NAMETOOLONG ? ERR_2BIG : status;
        }
        *used += len + 1;
    }
}

int64_t sys_spawn_path(vaddr_t path, vaddr_t argv)
{
    char name[SPAWN_PATH_MAX];
    size_t len;
    void *room;
    status_t status = arch_copy_string_from_user(name, path, sizeof(name), &len);
    if (status == OK) {
        status = heap_alloc(EXEC_ARGS_MAX_BYTES, &room);
    }
    if (status != OK) {
        return status;
    }
    size_t used;
    size_t count;
    pid_t pid = 0;
    status = copy_args(argv, room, EXEC_ARGS_MAX_BYTES, &used, &count);
    if (status == OK) {
        status = process_spawn(name, span_of(room, used), count, &pid);
    }
    heap_free(room);
    return status == OK ? pid : status;
}

int64_t sys_wait_child(int32_t pid, vaddr_t status_address, uint32_t flags)
{
    pid_t ended;
    int wait_status;
    enum process_wait_flags wait =
        (flags & SYS_WAIT_NOHANG) != 0 ? PROCESS_WAIT_POLL : PROCESS_WAIT_BLOCK;
    status_t status = process_wait(pid, wait, &ended, &wait_status);
    if (status != OK) {
        return status;
    }
    if (status_address != 0 &&
        arch_copy_to_user(status_address, &wait_status, sizeof(wait_status)) != 0) {
        return ERR_FAULT;
    }
    return ended;
}

int64_t sys_kill(int32_t pid, int32_t signal)
{
    return process_kill(pid, signal);
}

int64_t sys_getpid(void)
{
    return process_current()->pid;
}

int64_t sys_sched_yield(void)
{
    thread_yield();
    return 0;
}

int64_t sys_set_affinity(vaddr_t mask, uint64_t size)
{
    size_t words = align_up(cpu_count(), 64) / 64;
    void *bits;
    status_t status = heap_alloc_array(words, sizeof(uint64_t), &bits);
    if (status != OK) {
        return status;
    }
    if (arch_copy_from_user(bits, mask, u64_min(size, words * sizeof(uint64_t))) != 0) {
        status = ERR_FAULT;
    } else {
        status = uthread_set_affinity(bits, words);
    }
    heap_free(bits);
    return status;
}

int64_t sys_cpu_number(void)
{
    return cpu_this()->index;
}

int64_t sys_clock_read(uint32_t clock)
{
    switch (clock) {
    case SYS_CLOCK_WALL: return (int64_t)time_wall();
    case SYS_CLOCK_MONOTONIC: return (int64_t)time_now();
    default: return ERR_INVAL;
    }
}

int64_t sys_sleep_until(uint64_t deadline)
{
    return thread_sleep_until(deadline, WAIT_INTERRUPTIBLE);
}
