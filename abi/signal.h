// SPDX-License-Identifier: Apache-2.0
/* Signals: numbers, structs and constants, with the values and layouts that musl has on aarch64. */
#pragma once

#include <stdint.h>

enum {
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGUSR1 = 10,
    SIGSEGV = 11,
    SIGUSR2 = 12,
    SIGPIPE = 13,
    SIGALRM = 14,
    SIGTERM = 15,
    SIGCHLD = 17,
    SIGCONT = 18,
    SIGSTOP = 19,
    SIGTSTP = 20,
    SIGTTIN = 21,
    SIGTTOU = 22,
    SIGURG = 23,
    SIGXCPU = 24,
    SIGXFSZ = 25,
    SIGVTALRM = 26,
    SIGPROF = 27,
    SIGWINCH = 28,
    SIGREALTIME_MIN = 32, // from here on each signal sent is kept
    SIGNAL_MAX = 64,
};

// Bit N - 1 of a set is signal N.
static inline uint64_t signal_bit(int signal)
{
    return 1ull << (signal - 1);
}

// Handlers that are none.
enum { ABI_SIG_DFL = 0, ABI_SIG_IGN = 1 };

enum : uint64_t {
    ABI_SA_NOCLDSTOP = 1,
    ABI_SA_NOCLDWAIT = 2,
    ABI_SA_SIGINFO = 4,
    ABI_SA_RESTORER = 0x04000000,
    ABI_SA_ONSTACK = 0x08000000,
    ABI_SA_RESTART = 0x10000000,
    ABI_SA_NODEFER = 0x40000000,
    ABI_SA_RESETHAND = 0x80000000,
};

enum { ABI_SIG_BLOCK = 0, ABI_SIG_UNBLOCK = 1, ABI_SIG_SETMASK = 2 };

enum { ABI_SS_ONSTACK = 1, ABI_SS_DISABLE = 2, ABI_MINSIGSTKSZ = 6144 };

// si_code
enum {
    ABI_SI_USER = 0,
    ABI_SI_KERNEL = 128,
    ABI_SI_QUEUE = -1,
    ABI_SI_TIMER = -2,
    ABI_SI_TKILL = -6,
    ABI_ILL_ILLOPC = 1,
    ABI_FPE_FLTDIV = 3,
    ABI_SEGV_MAPERR = 1,
    ABI_SEGV_ACCERR = 2,
    ABI_BUS_ADRALN = 1,
    ABI_BUS_ADRERR = 2,
    ABI_TRAP_BRKPT = 1,
    ABI_CLD_EXITED = 1,
    ABI_CLD_KILLED = 2,
    ABI_CLD_STOPPED = 5,
    ABI_CLD_CONTINUED = 6,
};

struct abi_sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct abi_sigaltstack {
    uint64_t base;
    int32_t flags;
    uint32_t pad;
    uint64_t size;
};

// siginfo_t: what the fields behind `error` are depends on the signal and code.
struct abi_siginfo {
    int32_t signal;
    int32_t error;
    int32_t code;
    int32_t pad;
    union {
        struct {
            int32_t pid;  // a timer: its identifier
            uint32_t uid; // a timer: expirations missed
            union {
                uint64_t value;
                int32_t status; // SIGCHLD
            };
            int64_t user_ticks;
            int64_t system_ticks;
        };
        uint64_t address; // faults
        uint8_t room[112];
    };
};
static_assert(sizeof(struct abi_siginfo) == 128);

// How a timer tells that it expired: the struct that musl's timer_create makes of a struct sigevent.
enum { ABI_SIGEV_SIGNAL = 0, ABI_SIGEV_NONE = 1, ABI_SIGEV_THREAD_ID = 4 };

struct abi_sigevent {
    uint64_t value;
    int32_t signal;
    int32_t notify;
    int32_t tid;
    int32_t unused;
};
static_assert(sizeof(struct abi_sigevent) == 24);

// What wait() stores.
static inline int wait_status_exited(int code)
{
    return (code & 0xff) << 8;
}

static inline int wait_status_signalled(int signal)
{
    return signal & 0x7f;
}

static inline int wait_status_stopped(int signal)
{
    return signal << 8 | 0x7f;
}

enum { WAIT_STATUS_CONTINUED = 0xffff };

// wait4 and waitid
enum : uint32_t {
    ABI_WNOHANG = 1,
    ABI_WUNTRACED = 2, // and WSTOPPED
    ABI_WEXITED = 4,
    ABI_WCONTINUED = 8,
    ABI_WNOWAIT = 0x1000000,
};
enum { ABI_P_ALL = 0, ABI_P_PID = 1, ABI_P_PGID = 2 };
