// SPDX-License-Identifier: Apache-2.0
/* What stat and statfs fill in: the layouts of musl's aarch64 kstat and its struct statfs. */
#pragma once

#include <stdint.h>

struct abi_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct abi_stat {
    uint64_t device;
    uint64_t inode;
    uint32_t mode;
    uint32_t links;
    uint32_t owner;
    uint32_t group;
    uint64_t special_device;
    uint64_t pad1;
    int64_t size;
    int32_t block_size;
    int32_t pad2;
    int64_t blocks;
    struct abi_timespec accessed;
    struct abi_timespec modified;
    struct abi_timespec changed;
    uint32_t unused[2];
};
static_assert(sizeof(struct abi_stat) == 128);

// Types in mode.
enum {
    ABI_S_IFMT = 0170000,
    ABI_S_IFSOCK = 0140000,
    ABI_S_IFLNK = 0120000,
    ABI_S_IFREG = 0100000,
    ABI_S_IFBLK = 0060000,
    ABI_S_IFDIR = 0040000,
    ABI_S_IFCHR = 0020000,
    ABI_S_IFIFO = 0010000,
};

struct abi_statfs {
    uint64_t type;
    uint64_t block_size;
    uint64_t blocks;
    uint64_t blocks_free;
    uint64_t blocks_available;
    uint64_t files;
    uint64_t files_free;
    int32_t id[2];
    uint64_t name_max;
    uint64_t fragment_size;
    uint64_t flags;
    uint64_t spare[4];
};
static_assert(sizeof(struct abi_statfs) == 120);
