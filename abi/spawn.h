// SPDX-License-Identifier: Apache-2.0
/*
 * What `spawn` is asked for.  The new process is described whole before it exists, so nothing is
 * copied that exec would throw away, and a request that fails leaves no process behind: the caller
 * gets the error of the first step that failed, and no child to wait for.
 *
 * The steps, in this order: handles and grants are chosen; SETSID or SETPGROUP; RESETIDS; signal
 * dispositions and mask; the actions, one after the other, in the new process's table of handles and
 * from its working directory; the program.  What posix_spawn(3) says of each holds.
 *
 * Addresses are those of the caller.  The size of the struct goes with it: a kernel takes a shorter one
 * with zeros behind it, and refuses a longer one (E2BIG) unless what it does not know is zero.
 */
#pragma once

#include <stdint.h>

enum swos_spawn_flags : uint32_t {
    // Every handle but those that are closed at exec, and every grant, as fork and exec pass them on;
    // without it only `handles` and `grants`.  Without a list of handles it has standard input, output
    // and error, as far as there are any; without lists of either kind also the tree of files.
    SWOS_SPAWN_INHERIT = 1 << 0,
    SWOS_SPAWN_SETPGROUP = 1 << 1,  // into process_group; 0: one of its own
    SWOS_SPAWN_SETSIGMASK = 1 << 2, // signal_mask instead of the caller's
    SWOS_SPAWN_SETSIGDEF = 1 << 3,  // those of signal_default are not ignored, even if they are now
    SWOS_SPAWN_SETSID = 1 << 4,     // leads a session of its own
    SWOS_SPAWN_RESETIDS = 1 << 5,   // effective identity becomes the real one
    SWOS_SPAWN_EXACT = 1 << 6,      // an empty list means nothing at all
    SWOS_SPAWN_FLAGS = (1 << 7) - 1, // others give EINVAL
};

// One handle that the new process gets.  It takes the right to transfer; `rights` are cut down to what
// the caller's handle has.
struct swiftos_spawn_handle {
    int32_t from;    // the caller's
    int32_t to;      // its number in the new process; none twice
    uint32_t rights; // SWIFTOS_RIGHT_* of abi/rights.h
    uint32_t flags;  // 0
};

enum swos_spawn_action_kind : uint32_t {
    SWOS_SPAWN_OPEN,   // path, open_flags, mode: as `handle`, whatever was there is closed
    SWOS_SPAWN_CLOSE,  // `handle`; one that is not open is no error
    SWOS_SPAWN_DUP2,   // `source` also as `handle`; the same number: stays open in the new program
    SWOS_SPAWN_CHDIR,  // path
    SWOS_SPAWN_FCHDIR, // `handle`
};

struct swos_spawn_action {
    uint32_t kind; // enum swos_spawn_action_kind
    int32_t handle;
    int32_t source;
    uint32_t open_flags;
    uint32_t mode;
    uint32_t reserved; // 0
    uint64_t path;     // const char *
};

struct swos_spawn {
    uint32_t flags;    // enum swos_spawn_flags
    int32_t directory; // where relative paths begin, or ABI_AT_FDCWD of abi/fcntl.h
    // const char *const *, ends with NULL: the program is the first of them that can be started.
    // ENOENT, ENOTDIR and EACCES go on to the next; EACCES is reported if any path gave it.
    uint64_t paths;
    uint64_t argv;    // char *const *, ends with NULL
    uint64_t envp;    // char *const *, ends with NULL; 0: an empty environment
    uint64_t handles; // const struct swiftos_spawn_handle *
    uint64_t actions; // const struct swos_spawn_action *
    uint32_t handle_count;
    uint32_t action_count;
    uint32_t grants; // mask of 1 << enum swos_grant; what the caller does not hold gives EPERM
    int32_t process_group; // SETPGROUP
    uint64_t signal_mask;  // SETSIGMASK; bit N - 1 is signal N
    uint64_t signal_default;
};
