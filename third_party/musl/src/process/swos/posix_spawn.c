// SPDX-License-Identifier: Apache-2.0
/*
 * posix_spawn as one system call: what musl's own does in a child that shares the caller's memory, the
 * kernel does while it builds the process (abi/spawn.h).  There is no fork underneath, no pipe for the
 * error and no second stack.
 */
#include <spawn.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include "abi/spawn.h"
#include "../fdop.h"
#include "lock.h"
#include "pthread_impl.h"
#include "syscall.h"

// How much of a request lies on the stack; more of it is allocated.
enum { FEW_ACTIONS = 8, FEW_PATHS = 16, SHORT_PATHS = 512 };

static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";

// The candidates of a search along PATH, as execvp tries them.
struct search {
    const char *few[FEW_PATHS + 1];
    char text[SHORT_PATHS];
    const char **paths;
    void *allocated;
};

static size_t parts_of(const char *path)
{
    size_t parts = 1;
    for (; *path; path++) {
        parts += *path == ':';
    }
    return parts;
}

static void search_fill(struct search *s, char *text, const char *path, const char *file, size_t len)
{
    size_t count = 0;
    for (const char *end; ; path = end + 1) {
        end = __strchrnul(path, ':');
        size_t folder = end - path;
        if (folder < PATH_MAX) {
            s->paths[count++] = text;
            memcpy(text, path, folder);
            text += folder;
            if (folder > 0) {
                *text++ = '/';
            }
            memcpy(text, file, len + 1);
            text += len + 1;
        }
        if (!*end) {
            break;
        }
    }
    s->paths[count] = 0;
}

static int search_init(struct search *s, const char *file)
{
    s->paths = s->few;
    s->allocated = 0;
    if (!*file) {
        return ENOENT;
    }
    if (strchr(file, '/')) {
        s->few[0] = file;
        s->few[1] = 0;
        return 0;
    }
    size_t len = strnlen(file, NAME_MAX + 1);
    if (len > NAME_MAX) {
        return ENAMETOOLONG;
    }
    const char *path = getenv("PATH");
    if (!path) {
        path = default_path;
    }
    size_t parts = parts_of(path);
    size_t bytes = strlen(path) + parts * (len + 2);
    char *text = s->text;
    if (parts > FEW_PATHS || bytes > SHORT_PATHS) {
        s->allocated = malloc((parts + 1) * sizeof *s->paths + bytes);
        if (!s->allocated) {
            return ENOMEM;
        }
        s->paths = s->allocated;
        text = (char *)(s->paths + parts + 1);
    }
    search_fill(s, text, path, file, len);
    return 0;
}

static struct swos_spawn_action action_of(const struct fdop *op)
{
    struct swos_spawn_action action = { .handle = op->fd };
    switch (op->cmd) {
    case FDOP_OPEN:
        action.kind = SWOS_SPAWN_OPEN;
        action.open_flags = op->oflag | O_LARGEFILE;
        action.mode = op->mode;
        action.path = (uintptr_t)op->path;
        break;
    case FDOP_CLOSE:
        action.kind = SWOS_SPAWN_CLOSE;
        break;
    case FDOP_DUP2:
        action.kind = SWOS_SPAWN_DUP2;
        action.source = op->srcfd;
        break;
    case FDOP_CHDIR:
        action.kind = SWOS_SPAWN_CHDIR;
        action.path = (uintptr_t)op->path;
        break;
    case FDOP_FCHDIR:
        action.kind = SWOS_SPAWN_FCHDIR;
        break;
    }
    return action;
}

// musl's list has the latest action first.
static size_t action_count(const posix_spawn_file_actions_t *fa, const struct fdop **first)
{
    size_t count = 0;
    *first = 0;
    for (const struct fdop *op = fa ? fa->__actions : 0; op; op = op->next) {
        *first = op;
        count++;
    }
    return count;
}

static void set_attributes(struct swos_spawn *request, const posix_spawnattr_t *attr)
{
    static const struct {
        int posix;
        uint32_t native;
    } flags[] = {
        { POSIX_SPAWN_RESETIDS, SWOS_SPAWN_RESETIDS },
        { POSIX_SPAWN_SETPGROUP, SWOS_SPAWN_SETPGROUP },
        { POSIX_SPAWN_SETSIGDEF, SWOS_SPAWN_SETSIGDEF },
        { POSIX_SPAWN_SETSIGMASK, SWOS_SPAWN_SETSIGMASK },
        { POSIX_SPAWN_SETSID, SWOS_SPAWN_SETSID },
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (attr->__flags & flags[i].posix) {
            request->flags |= flags[i].native;
        }
    }
    request->process_group = attr->__pgrp;
    memcpy(&request->signal_mask, &attr->__mask, sizeof request->signal_mask);
    memcpy(&request->signal_default, &attr->__def, sizeof request->signal_default);
}

int posix_spawn(pid_t *restrict res, const char *restrict path, const posix_spawn_file_actions_t *fa,
                const posix_spawnattr_t *restrict attr, char *const argv[restrict],
                char *const envp[restrict])
{
    struct search search = { .few = { path }, .paths = search.few };
    struct swos_spawn_action few[FEW_ACTIONS];
    struct swos_spawn_action *actions = few;
    const struct fdop *op;
    size_t count = action_count(fa, &op);
    long ret = 0;

    // posix_spawnp puts execvpe there.
    if (attr && attr->__fn && (ret = search_init(&search, path))) {
        return ret;
    }
    if (count > FEW_ACTIONS && !(actions = malloc(count * sizeof *actions))) {
        free(search.allocated);
        return ENOMEM;
    }
    for (size_t i = 0; op; op = op->prev) {
        actions[i++] = action_of(op);
    }
    struct swos_spawn request = {
        .flags = SWOS_SPAWN_INHERIT,
        .directory = AT_FDCWD,
        .paths = (uintptr_t)search.paths,
        .argv = (uintptr_t)argv,
        .envp = (uintptr_t)envp,
        .actions = (uintptr_t)actions,
        .action_count = count,
    };
    if (attr) {
        set_attributes(&request, attr);
    }
    // abort() changes the disposition of SIGABRT for a moment, which no child may inherit.
    LOCK(__abort_lock);
    ret = __syscall(SYS_spawn, &request, sizeof request);
    UNLOCK(__abort_lock);

    if (actions != few) {
        free(actions);
    }
    free(search.allocated);
    if (ret < 0) {
        return -ret;
    }
    if (res) {
        *res = ret;
    }
    return 0;
}
