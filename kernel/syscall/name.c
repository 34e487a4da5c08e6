// SPDX-License-Identifier: Apache-2.0
/* Names of files: opening, making, removing, moving them. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/stat.h"
#include "kernel/mm/heap.h"
#include "kernel/syscall/decode.h"
#include "kernel/syscall/path.h"
#include "kernel/syscall/publish.h"
#include "kernel/vfs/change.h"
#include "kernel/vfs/open.h"

/* ---- Opening ---- */

int64_t sys_openat(struct file *dir, vaddr_t path, uint32_t flags, uint32_t mode)
{
    struct path_call c;
    struct file *f;
    status_t status = path_call_begin(&c, dir, path, PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    status = vfs_open(&c.base, c.path, flags, mode, &f);
    path_call_end(&c);
    return status == OK ? publish_file(f, file_rights(f), flags) : (int64_t)status;
}

/* ---- Making ---- */

static int64_t make(struct file *dir, vaddr_t path, enum vnode_type type, uint32_t mode)
{
    struct path_call c;
    status_t status = path_call_begin(&c, dir, path, PATH_NOT_EMPTY);
    if (status == OK) {
        status = vfs_make(&c.base, c.path, type, mode, span_of(NULL, 0));
        path_call_end(&c);
    }
    return status;
}

int64_t sys_mkdirat(struct file *dir, vaddr_t path, uint32_t mode)
{
    return make(dir, path, VNODE_DIRECTORY, mode & 01777);
}

int64_t sys_mknodat(struct file *dir, vaddr_t path, uint32_t mode, uint64_t device)
{
    (void)device;
    switch (mode & ABI_S_IFMT) {
    case 0:
    case ABI_S_IFREG: return make(dir, path, VNODE_FILE, mode);
    case ABI_S_IFIFO: return make(dir, path, VNODE_FIFO, mode);
    case ABI_S_IFSOCK: return make(dir, path, VNODE_SOCKET, mode);
    case ABI_S_IFCHR:
    case ABI_S_IFBLK: return ERR_PERM; // devices come with their drivers
    default: return ERR_INVAL;
    }
}

int64_t sys_symlinkat(vaddr_t target, struct file *dir, vaddr_t path)
{
    struct path_call c;
    void *text;
    size_t len;
    status_t status = heap_alloc(PATH_MAX_BYTES, &text);
    if (status != OK) {
        return status;
    }
    status = arch_copy_string_from_user(text, target, PATH_MAX_BYTES, &len);
    if (status == OK) {
        status = path_call_begin(&c, dir, path, PATH_NOT_EMPTY);
    }
    if (status == OK) {
        status = vfs_make(&c.base, c.path, VNODE_LINK, 0777, span_of(text, len));
        path_call_end(&c);
    }
    heap_free(text);
    return status;
}

int64_t sys_linkat(struct file *from, vaddr_t old_path, struct file *to, vaddr_t new_path,
                   uint32_t flags)
{
    struct path_call old;
    struct path_call new;
    struct vnode *target;
    if ((flags & ~(ABI_AT_SYMLINK_FOLLOW | ABI_AT_EMPTY_PATH)) != 0) {
        return ERR_INVAL;
    }
    bool may_be_empty = (flags & ABI_AT_EMPTY_PATH) != 0;
    status_t status =
        path_call_begin(&old, from, old_path, may_be_empty ? PATH_MAY_BE_EMPTY : PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    bool follows = (flags & ABI_AT_SYMLINK_FOLLOW) != 0;
    status = path_call_find(&old, follows ? PATH_FOLLOW : PATH_NOFOLLOW, &target);
    path_call_end(&old);
    if (status != OK) {
        return status;
    }
    status = path_call_begin(&new, to, new_path, PATH_NOT_EMPTY);
    if (status == OK) {
        status = vfs_link(target, &new.base, new.path);
        path_call_end(&new);
    }
    vnode_unref(target);
    return status;
}

/* ---- Removing and moving ---- */

int64_t sys_unlinkat(struct file *dir, vaddr_t path, uint32_t flags)
{
    struct path_call c;
    if ((flags & ~ABI_AT_REMOVEDIR) != 0) {
        return ERR_INVAL;
    }
    status_t status = path_call_begin(&c, dir, path, PATH_NOT_EMPTY);
    if (status == OK) {
        status = vfs_unlink(&c.base, c.path, flags != 0 ? UNLINK_DIRECTORY : UNLINK_FILE);
        path_call_end(&c);
    }
    return status;
}

int64_t sys_renameat2(struct file *from, vaddr_t old_path, struct file *to, vaddr_t new_path,
                      uint32_t flags)
{
    struct path_call old;
    struct path_call new;
    status_t status = path_call_begin(&old, from, old_path, PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    status = path_call_begin(&new, to, new_path, PATH_NOT_EMPTY);
    if (status == OK) {
        status = vfs_rename(&old.base, old.path, &new.base, new.path, flags);
        path_call_end(&new);
    }
    path_call_end(&old);
    return status;
}

int64_t sys_renameat(struct file *from, vaddr_t old_path, struct file *to, vaddr_t new_path)
{
    return sys_renameat2(from, old_path, to, new_path, 0);
}

struct link_room {
    vaddr_t bytes;
    uint64_t size;
    size_t stored;
};

static status_t read_link(struct vnode *v, struct link_room *room)
{
    struct span target;
    if (v->type != VNODE_LINK) {
        return ERR_INVAL;
    }
    status_t status = v->ops->read_link(v, &target);
    if (status != OK) {
        return status;
    }
    room->stored = u64_min(target.size, room->size);
    return arch_copy_to_user(room->bytes, target.data, room->stored) == 0 ? OK : ERR_FAULT;
}

int64_t sys_readlinkat(struct file *dir, vaddr_t path, vaddr_t bytes, uint64_t size)
{
    struct path_call c;
    struct vnode *v;
    struct link_room room = {.bytes = bytes, .size = size};
    if (size == 0) {
        return ERR_INVAL;
    }
    status_t status = path_call_begin(&c, dir, path, PATH_MAY_BE_EMPTY);
    if (status != OK) {
        return status;
    }
    status = c.path.size == 0 && c.at == NULL ? ERR_NOENT : path_call_find(&c, PATH_NOFOLLOW, &v);
    if (status == OK) {
        status = read_link(v, &room);
        vnode_unref(v);
    }
    path_call_end(&c);
    return status == OK ? (int64_t)room.stored : (int64_t)status;
}
