// SPDX-License-Identifier: Apache-2.0
/* Handles as programs see them beyond what POSIX says of descriptors. */
#pragma once

#include <stdint.h>

// What a handle names; the values of the kernel's object types.
enum swos_handle_kind : uint32_t {
    SWOS_HANDLE_FILE, // anything that POSIX calls a descriptor
    SWOS_HANDLE_PROCESS,
    SWOS_HANDLE_GRANT,
    SWOS_HANDLE_VMO,
    SWOS_HANDLE_ENDPOINT,
    SWOS_HANDLE_DEVICE,
};

// What handle_info fills.
struct swos_handle_info {
    uint32_t kind;   // enum swos_handle_kind
    uint32_t rights; // SWIFTOS_RIGHT_* of abi/rights.h
    uint64_t badge;  // 0: none
    uint64_t id;     // of the object; never reused
    uint32_t flags;  // 1: closed at exec
    uint32_t grant;  // of a grant: enum swos_grant
};

// fcntl(), the values of musl's aarch64 headers.
enum {
    ABI_F_DUPFD = 0,
    ABI_F_GETFD = 1,
    ABI_F_SETFD = 2,
    ABI_F_GETFL = 3,
    ABI_F_SETFL = 4,
    ABI_F_GETLK = 5,
    ABI_F_SETLK = 6,
    ABI_F_SETLKW = 7,
    ABI_F_OFD_GETLK = 36,
    ABI_F_OFD_SETLK = 37,
    ABI_F_OFD_SETLKW = 38,
    ABI_F_DUPFD_CLOEXEC = 1030,
    ABI_F_SETPIPE_SZ = 1031,
    ABI_F_GETPIPE_SZ = 1032,
};
enum : uint32_t { ABI_FD_CLOEXEC = 1 };

// ioctl() requests that every file knows.
enum : uint32_t { ABI_FIONBIO = 0x5421, ABI_FIONCLEX = 0x5450, ABI_FIOCLEX = 0x5451 };

// close_range()
enum : uint32_t { ABI_CLOSE_RANGE_CLOEXEC = 4 };
