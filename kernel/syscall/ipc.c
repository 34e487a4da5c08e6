// SPDX-License-Identifier: Apache-2.0
/* Pipes, and files to wait on: counters, timers, signals. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/wait.h"
#include "kernel/arch/arch.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/signalfd.h"
#include "kernel/ipc/timerfd.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/publish.h"
#include "kernel/syscall/timespec.h"

static uint32_t nonblocking(uint32_t flags)
{
    return (flags & ABI_O_NONBLOCK) != 0 ? FILE_NONBLOCK : 0;
}

int64_t sys_pipe2(vaddr_t handles, uint32_t flags)
{
    struct file *reader;
    struct file *writer;
    if ((flags & ~(uint32_t)(ABI_O_CLOEXEC | ABI_O_NONBLOCK)) != 0) {
        return ERR_INVAL;
    }
    status_t status = pipe_open_pair(nonblocking(flags), &reader, &writer);
    return status == OK ? publish_pair(reader, writer, 0, flags, handles) : status;
}

int64_t sys_eventfd2(uint32_t value, uint32_t flags)
{
    struct file *f;
    if ((flags & ~(uint32_t)(ABI_O_CLOEXEC | ABI_O_NONBLOCK | ABI_EFD_SEMAPHORE)) != 0) {
        return ERR_INVAL;
    }
    status_t status =
        eventfd_create(value, (flags & ABI_EFD_SEMAPHORE) != 0, nonblocking(flags), &f);
    return status == OK ? publish_file(f, file_rights(f), flags) : status;
}

/* ---- Timers ---- */

int64_t sys_timerfd_create(int32_t clock, uint32_t flags)
{
    struct file *f;
    bool is_known =
        clock == ABI_CLOCK_REALTIME || clock == ABI_CLOCK_MONOTONIC || clock == ABI_CLOCK_BOOTTIME;
    if (!is_known || (flags & ~(uint32_t)(ABI_O_CLOEXEC | ABI_O_NONBLOCK)) != 0) {
        return ERR_INVAL;
    }
    status_t status = timerfd_create(clock == ABI_CLOCK_REALTIME, nonblocking(flags), &f);
    return status == OK ? publish_file(f, file_rights(f), flags) : status;
}

int64_t sys_timerfd_settime(struct file *file, uint32_t flags, vaddr_t value, vaddr_t old)
{
    struct interval_setting s;
    struct interval_setting before;
    status_t status = setting_from_user(value, &s);
    if (status == OK &&
        (flags & ~(uint32_t)(ABI_TFD_TIMER_ABSTIME | ABI_TFD_TIMER_CANCEL_ON_SET)) != 0) {
        status = ERR_INVAL;
    }
    if (status == OK) {
        status = timerfd_set(file, flags, &s, &before);
    }
    return status == OK && old != 0 ? setting_to_user(old, &before) : status;
}

int64_t sys_timerfd_gettime(struct file *file, vaddr_t value)
{
    struct interval_setting s;
    status_t status = timerfd_get(file, &s);
    return status == OK ? setting_to_user(value, &s) : status;
}

/* ---- Signals ---- */

static int64_t change_signals(int32_t handle, uint64_t set)
{
    struct file *f;
    status_t status = handle_get_file(process_current()->handles, handle, 0, &f);
    if (status != OK) {
        return status;
    }
    status = signalfd_set(f, set);
    file_unref(f);
    return status == OK ? handle : status;
}

int64_t sys_signalfd4(int32_t handle, vaddr_t set, uint64_t set_size, uint32_t flags)
{
    uint64_t signals;
    struct file *f;
    if (set_size != sizeof(signals) || (flags & ~(uint32_t)(ABI_O_CLOEXEC | ABI_O_NONBLOCK)) != 0) {
        return ERR_INVAL;
    }
    if (arch_copy_from_user(&signals, set, sizeof(signals)) != 0) {
        return ERR_FAULT;
    }
    if (handle != -1) {
        return change_signals(handle, signals);
    }
    status_t status = signalfd_create(signals, nonblocking(flags), &f);
    return status == OK ? publish_file(f, file_rights(f), flags) : status;
}
