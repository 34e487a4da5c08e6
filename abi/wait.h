// SPDX-License-Identifier: Apache-2.0
/* What waiting calls exchange: the layouts and values of musl's aarch64 headers. */
#pragma once

#include <stdint.h>

#include "abi/stat.h"

struct abi_pollfd {
    int32_t handle;
    int16_t events;
    int16_t revents;
};

struct abi_epoll_event { // not packed on this machine
    uint32_t events;
    uint64_t data;
};
static_assert(sizeof(struct abi_epoll_event) == 16);

enum {
    ABI_EPOLL_CTL_ADD = 1,
    ABI_EPOLL_CTL_DEL = 2,
    ABI_EPOLL_CTL_MOD = 3,
};

constexpr uint32_t ABI_EPOLLEXCLUSIVE = 1u << 28;
constexpr uint32_t ABI_EPOLLWAKEUP = 1u << 29;
constexpr uint32_t ABI_EPOLLONESHOT = 1u << 30;
constexpr uint32_t ABI_EPOLLET = 1u << 31;

enum { ABI_EFD_SEMAPHORE = 1 };
enum { ABI_TFD_TIMER_ABSTIME = 1, ABI_TFD_TIMER_CANCEL_ON_SET = 2 };

// Flags of all calls that make a handle here: O_CLOEXEC and O_NONBLOCK.
enum { ABI_WAIT_CLOEXEC = 02000000, ABI_WAIT_NONBLOCK = 04000 };

enum { ABI_CLOCK_REALTIME = 0, ABI_CLOCK_MONOTONIC = 1, ABI_CLOCK_BOOTTIME = 7 };

struct abi_itimerspec {
    struct abi_timespec interval;
    struct abi_timespec value;
};

// struct signalfd_siginfo.
struct abi_signal_record {
    uint32_t signal;
    int32_t error;
    int32_t code;
    uint32_t pid;
    uint32_t principal;
    int32_t handle;
    uint32_t timer;
    uint32_t band;
    uint32_t overrun;
    uint32_t trap;
    int32_t status;
    int32_t value_int;
    uint64_t value;
    uint64_t user_time;
    uint64_t system_time;
    uint64_t address;
    uint16_t address_lsb;
    uint16_t pad2;
    int32_t syscall;
    uint64_t call_address;
    uint32_t arch;
    uint8_t pad[28];
};
static_assert(sizeof(struct abi_signal_record) == 128);
