// SPDX-License-Identifier: Apache-2.0
/* Structs and constants of the system calls in abi/syscalls.tbl. */
#pragma once

#include <stdint.h>

enum sys_power {
    SYS_POWER_OFF = 0,
    SYS_POWER_RESET = 1,
};

enum { SYS_MEMINFO_RECLAIM = 1 };

// Page counts are of 4096 bytes.
struct sys_meminfo {
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t heap_objects;
    uint64_t cached_pages;       // content of files that can be read again
    uint64_t slab_pages;         // that heap objects lie in
    uint64_t kernel_table_pages; // for the kernel's own mappings; they are kept
};

// A log record: this header, then the text without a NUL.
struct sys_log_record {
    uint64_t sequence;
    uint64_t time_ns;
    uint32_t level;
    uint32_t cpu;
    uint32_t source_len; // the text starts with the source's name
    uint32_t text_len;   // bytes after the header, source included
};
