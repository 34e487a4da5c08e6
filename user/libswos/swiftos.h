// SPDX-License-Identifier: Apache-2.0
/*
 * <swiftos.h>: starting programs with exactly the handles that they are to have, in the C library.
 *
 * A handle is what POSIX calls a descriptor.  The new program has the listed ones and no others, each at
 * the number `to` and with the rights that the caller's has and the list asks for: they are cut down,
 * never widened, and SWIFTOS_RIGHT_ALL asks for what there is.  Of grants it has the tree of files, if the
 * caller has it, and no other.  Its environment is empty; working directory, identity, limits and signal
 * dispositions are as posix_spawn passes them on.
 *
 * A negative result is -errno, and errno has the number too.  Nothing was started then:
 *
 *   EBADF   `from` is no handle
 *   EACCES  `from` lacks the right to transfer; or the program is not to be run
 *   EINVAL  two have the same `to`, it is negative, or `flags` is not 0
 *   EMFILE  `to` is not below the limit of handles (RLIMIT_NOFILE)
 *   E2BIG, EAGAIN, EFAULT, ENOENT, ENOEXEC, ENOMEM as execve has them
 */
#pragma once

#include <stddef.h>

#include "abi/network.h"
#include "abi/rights.h"
#include "abi/spawn.h"

#ifdef __cplusplus
extern "C" {
#endif

// Starts the program at `path` and waits until it has ended.  Gives its exit status, 128 and the number of
// the signal that ended it, or an error.  ECHILD: it ended, and the caller ignores SIGCHLD.  A point of
// cancellation.
long spawn_handles(const char *path, char *const argv[], const struct swiftos_spawn_handle *handles,
                   size_t count);

// Starts it and gives its identifier, which is to be waited for.
long spawn_handles_async(const char *path, char *const argv[],
                         const struct swiftos_spawn_handle *handles, size_t count);

/*
 * Grants.  These give -1 with errno set.
 *
 * A grant of the network below the caller's, which allows no more than the rules: one of them has to allow
 * an act.  It is a handle, to be adopted by who shall have it: after fork, or where it was passed to.
 * EPERM: the caller has no grant of the network.  EINVAL: a rule contradicts itself, or there are more
 * than SWOS_NET_RULES_MAX.  EMFILE, ENOMEM, EFAULT.
 */
long grant_limit_network(const struct swos_net_rule *rules, size_t count);

// The process has that grant from now on, in place of another of its kind.  EINVAL: it is none.
// EPERM: it was revoked.
long grant_adopt(int grant);

// Ends a grant, and all that were derived from it, wherever they are: only by the handle that
// grant_limit_network gave, or one with its right to KILL.
long grant_revoke(int grant);

#ifdef __cplusplus
}
#endif
