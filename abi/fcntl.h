// SPDX-License-Identifier: Apache-2.0
/* Constants of open, the *at calls, locks and mounts: the values of musl's aarch64 headers. */
#pragma once

#include <stdint.h>

enum : uint32_t {
    ABI_O_RDONLY = 0,
    ABI_O_WRONLY = 1,
    ABI_O_RDWR = 2,
    ABI_O_ACCMODE = 3,
    ABI_O_CREAT = 0100,
    ABI_O_EXCL = 0200,
    ABI_O_NOCTTY = 0400,
    ABI_O_TRUNC = 01000,
    ABI_O_APPEND = 02000,
    ABI_O_NONBLOCK = 04000,
    ABI_O_DSYNC = 010000,
    ABI_O_ASYNC = 020000,
    ABI_O_DIRECTORY = 040000,
    ABI_O_NOFOLLOW = 0100000,
    ABI_O_DIRECT = 0200000,
    ABI_O_LARGEFILE = 0400000,
    ABI_O_NOATIME = 01000000,
    ABI_O_CLOEXEC = 02000000,
    ABI_O_SYNC = 04010000,
    ABI_O_PATH = 010000000,
    ABI_O_TMPFILE_BIT = 020000000, // O_TMPFILE without O_DIRECTORY
};

enum { ABI_AT_FDCWD = -100 }; // instead of a directory's handle: the working directory
enum : uint32_t {
    ABI_AT_SYMLINK_NOFOLLOW = 0x100,
    ABI_AT_REMOVEDIR = 0x200,
    ABI_AT_EACCESS = 0x200,
    ABI_AT_SYMLINK_FOLLOW = 0x400,
    ABI_AT_NO_AUTOMOUNT = 0x800,
    ABI_AT_EMPTY_PATH = 0x1000,
};

enum : uint32_t {
    ABI_RENAME_NOREPLACE = 1,
    ABI_RENAME_EXCHANGE = 2,
};

// access()
enum : uint32_t { ABI_X_OK = 1, ABI_W_OK = 2, ABI_R_OK = 4 };

// utimensat()
enum { ABI_UTIME_NOW = 0x3fffffff, ABI_UTIME_OMIT = 0x3ffffffe };

// fallocate()
enum : uint32_t { ABI_FALLOC_KEEP_SIZE = 1, ABI_FALLOC_PUNCH_HOLE = 2 };

// flock()
enum { ABI_LOCK_SH = 1, ABI_LOCK_EX = 2, ABI_LOCK_NB = 4, ABI_LOCK_UN = 8 };

// fcntl() locks
enum { ABI_F_RDLCK = 0, ABI_F_WRLCK = 1, ABI_F_UNLCK = 2 };

struct abi_flock {
    int16_t type;
    int16_t whence;
    int32_t pad1;
    int64_t start;
    int64_t size;
    int32_t pid;
    int32_t pad2;
};
static_assert(sizeof(struct abi_flock) == 32);

// mount()
enum : uint64_t {
    ABI_MS_RDONLY = 1,
    ABI_MS_NOSUID = 2,
    ABI_MS_NODEV = 4,
    ABI_MS_NOEXEC = 8,
    ABI_MS_REMOUNT = 32,
    ABI_MS_NOATIME = 1024,
    ABI_MS_SILENT = 32768,
    ABI_MS_RELATIME = 1 << 21,
};

// umount2()
enum : uint32_t { ABI_UMOUNT_NOFOLLOW = 8 };

// What getdents64 stores; the name is terminated and the record padded to 8 bytes.
struct abi_dirent {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

enum : uint8_t {
    ABI_DT_FIFO = 1,
    ABI_DT_CHR = 2,
    ABI_DT_DIR = 4,
    ABI_DT_BLK = 6,
    ABI_DT_REG = 8,
    ABI_DT_LNK = 10,
    ABI_DT_SOCK = 12,
};
