// SPDX-License-Identifier: Apache-2.0
/*
 * Records that calls give to the tools that show the system: processes, CPUs, mounts, identity.  A
 * call that fills several gives as many whole ones as there is room for.
 */
#pragma once

#include <stdint.h>

enum { SWOS_NAME_SIZE = 32, SWOS_COMMAND_SIZE = 128, SWOS_PATH_SIZE = 256 };

struct swos_process {
    int32_t pid;
    int32_t parent;
    int32_t group;
    int32_t session;
    int32_t terminal; // number of its pseudo-terminal, -1: none, -2: the console
    int32_t threads;
    uint32_t principal;
    uint32_t login_session;
    int32_t nice;
    char state; // R runs or could, S sleeps, T stopped, Z ended and not waited for
    char unused[3];
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t start_ns; // monotonic
    uint64_t virtual_bytes;
    uint64_t resident_bytes;
    char name[SWOS_NAME_SIZE];       // last component of the program's path
    char command[SWOS_COMMAND_SIZE]; // its arguments, separated by blanks, cut
};

struct swos_cpu {
    uint32_t index;
    uint32_t is_online;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t idle_ns;
};

struct swos_mount {
    char source[SWOS_NAME_SIZE];
    char type[SWOS_NAME_SIZE];
    char target[SWOS_PATH_SIZE];
    uint32_t is_read_only;
    uint32_t unused;
};

// set_identity takes it, get_identity fills it; `grants` is a mask of 1 << enum swos_grant (of
// abi/rights.h), set by the kernel.
struct swos_identity {
    uint32_t principal;
    uint32_t group;
    uint32_t session; // set_identity: 0 for a new one
    uint32_t caps;
    uint32_t grants;
    uint32_t unused;
};
