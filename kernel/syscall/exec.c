// SPDX-License-Identifier: Apache-2.0
/* Programs: exec and spawn. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/spawn.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "kernel/proc/program.h"
#include "kernel/syscall/decode.h"
#include "kernel/syscall/path.h"
#include "kernel/vfs/open.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { NAME_SIZE = 256 };

static status_t read_strings(struct program_strings *s, vaddr_t argv, vaddr_t envp)
{
    program_strings_init(s, process_strings_limit(process_current()));
    status_t status = program_strings_add_user(s, argv, &s->argc);
    return status == OK ? program_strings_add_user(s, envp, &s->envc) : status;
}

static status_t exec_at(struct path_call *c, struct vnode *file, vaddr_t argv, vaddr_t envp)
{
    struct program_strings strings;
    struct process *p = process_current();
    char name[NAME_SIZE];
    status_t status = read_strings(&strings, argv, envp);
    if (status == OK) {
        struct program_request r = {
            .base = &c->base,
            .path = c->path,
            .vnode = file,
            .strings = &strings,
            .who = c->who,
            .stack_bytes = p->limits[LIMIT_STACK].soft,
            .aspace_bytes = p->limits[LIMIT_AS].soft,
        };
        size_t len = u64_min(c->path.size, sizeof(name) - 1);
        memcpy(name, c->path.data + (c->path.size - len), len); // its end, where the name is
        name[len] = '\0';
        status = process_exec(&r, name);
    }
    program_strings_fini(&strings);
    return status;
}

int64_t sys_execveat(struct file *dir, vaddr_t path, vaddr_t argv, vaddr_t envp, uint32_t flags)
{
    struct path_call c;
    struct vnode *file = NULL;
    if ((flags & ~(uint32_t)(ABI_AT_EMPTY_PATH | ABI_AT_SYMLINK_NOFOLLOW)) != 0) {
        return ERR_INVAL;
    }
    bool may_be_empty = (flags & ABI_AT_EMPTY_PATH) != 0;
    status_t status =
        path_call_begin(&c, dir, path, may_be_empty ? PATH_MAY_BE_EMPTY : PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    if (c.path.size == 0) {
        file = c.at == NULL ? NULL : file_vnode(c.at);
        status = file == NULL ? ERR_ACCES : OK;
    }
    if (status == OK) {
        status = exec_at(&c, file, argv, envp);
    }
    path_call_end(&c);
    return status;
}

int64_t sys_execve(vaddr_t path, vaddr_t argv, vaddr_t envp)
{
    return sys_execveat(NULL, path, argv, envp, 0);
}

// A struct of another size is one of another time: zeros are what it does not say.
static status_t read_request(vaddr_t at, uint64_t size, struct swos_spawn *out)
{
    enum { SIZE_MAX_BYTES = 4096 };
    *out = (struct swos_spawn){};
    if (size > SIZE_MAX_BYTES) {
        return ERR_2BIG;
    }
    if (arch_copy_from_user(out, at, u64_min(size, sizeof(*out))) != 0) {
        return ERR_FAULT;
    }
    for (uint64_t i = sizeof(*out); i < size; i++) {
        uint8_t byte;
        if (arch_copy_from_user(&byte, at + i, 1) != 0) {
            return ERR_FAULT;
        }
        if (byte != 0) {
            return ERR_2BIG;
        }
    }
    return OK;
}

int64_t sys_spawn(vaddr_t request, uint64_t size)
{
    struct swos_spawn r;
    pid_t pid = 0;
    status_t status = read_request(request, size, &r);
    if (status == OK) {
        status = process_spawn_request(&r, 0, &pid);
    }
    return status == OK ? pid : status;
}

int64_t sys_spawn_handles(vaddr_t path, vaddr_t argv, vaddr_t handles, uint64_t count)
{
    pid_t pid = 0;
    struct swos_spawn r = {
        .flags = SWOS_SPAWN_EXACT,
        .directory = ABI_AT_FDCWD,
        .argv = argv,
        .handles = handles,
        .handle_count = (uint32_t)count,
        .grants = grant_set_mask(&process_current()->grants) & 1u << SWOS_GRANT_NAMESPACE,
    };
    if (count > UINT32_MAX) {
        return ERR_2BIG;
    }
    status_t status = process_spawn_request(&r, path, &pid);
    return status == OK ? pid : status;
}
