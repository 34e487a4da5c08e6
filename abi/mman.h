// SPDX-License-Identifier: Apache-2.0
/* Mapping memory: the values of musl's <sys/mman.h>. */
#pragma once

enum abi_prot {
    ABI_PROT_NONE = 0,
    ABI_PROT_READ = 1,
    ABI_PROT_WRITE = 2,
    ABI_PROT_EXEC = 4,
    ABI_PROT_BTI = 0x10, // accepted: executable memory is always guarded
};

enum abi_map {
    ABI_MAP_SHARED = 0x01,
    ABI_MAP_PRIVATE = 0x02,
    ABI_MAP_SHARED_VALIDATE = 0x03,
    ABI_MAP_TYPE = 0x0f,
    ABI_MAP_FIXED = 0x10,
    ABI_MAP_ANONYMOUS = 0x20,
    ABI_MAP_LOCKED = 0x2000,
    ABI_MAP_POPULATE = 0x8000,
    ABI_MAP_HUGETLB = 0x40000, // refused
    ABI_MAP_FIXED_NOREPLACE = 0x100000,
    // Others (NORESERVE, STACK, GROWSDOWN, NONBLOCK, ...) change nothing here.
};

enum abi_msync {
    ABI_MS_ASYNC = 1,
    ABI_MS_INVALIDATE = 2,
    ABI_MS_SYNC = 4,
};

enum abi_mremap {
    ABI_MREMAP_MAYMOVE = 1,
    ABI_MREMAP_FIXED = 2,
};

enum abi_madvise {
    ABI_MADV_NORMAL = 0,
    ABI_MADV_RANDOM = 1,
    ABI_MADV_SEQUENTIAL = 2,
    ABI_MADV_WILLNEED = 3,
    ABI_MADV_DONTNEED = 4,
    ABI_MADV_FREE = 8,
    ABI_MADV_REMOVE = 9,
    ABI_MADV_DONTFORK = 10, // to COLD and PAGEOUT: hints without effect, but for the two below
    ABI_MADV_HWPOISON = 100,
    ABI_MADV_SOFT_OFFLINE = 101,
    ABI_MADV_MERGEABLE = 12,
    ABI_MADV_UNMERGEABLE = 13,
    ABI_MADV_HUGEPAGE = 14,
    ABI_MADV_NOHUGEPAGE = 15,
    ABI_MADV_DONTDUMP = 16,
    ABI_MADV_DODUMP = 17,
    ABI_MADV_COLD = 20,
    ABI_MADV_PAGEOUT = 21,
};

enum abi_mlockall {
    ABI_MCL_CURRENT = 1,
    ABI_MCL_FUTURE = 2,
    ABI_MCL_ONFAULT = 4,
};
