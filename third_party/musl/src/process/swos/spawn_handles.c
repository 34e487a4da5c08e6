// SPDX-License-Identifier: Apache-2.0
/* Programs started with a list of handles; <swiftos.h> says what it means. */
#include "user/libswos/swiftos.h"

#include <errno.h>
#include <sys/wait.h>

#include "lock.h"
#include "pthread_impl.h"
#include "syscall.h"

static long result(long ret)
{
    if (ret < 0) {
        errno = -ret;
    }
    return ret;
}

long spawn_handles_async(const char *path, char *const argv[],
                         const struct swiftos_spawn_handle *handles, size_t count)
{
    // abort() changes the disposition of SIGABRT for a moment, which no child may inherit.
    LOCK(__abort_lock);
    long pid = __syscall(SYS_spawn_handles, path, argv, handles, count);
    UNLOCK(__abort_lock);
    return result(pid);
}

long spawn_handles(const char *path, char *const argv[],
                   const struct swiftos_spawn_handle *handles, size_t count)
{
    int status;
    long pid = spawn_handles_async(path, argv, handles, count);
    if (pid < 0) {
        return pid;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
