// SPDX-License-Identifier: Apache-2.0
/* Where a process is: working directory, root, file creation mask; mounts. */
#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/records.h"
#include "kernel/arch/arch.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/path.h"
#include "kernel/vfs/mount.h"
#include "kernel/vfs/open.h"
#include "lib/base/string.h"

/* ---- Directories ---- */

static status_t check_directory(struct vnode *v, const struct path_base *base)
{
    return v->type == VNODE_DIRECTORY ? vnode_may(v, base->who, WANT_EXECUTE) : ERR_NOTDIR;
}

static status_t go_to(struct vnode *v, const struct path_base *base, const void *)
{
    status_t status = check_directory(v, base);
    if (status == OK) {
        vnode_ref(v);
        fs_context_set_cwd(base->context, v);
    }
    return status;
}

int64_t sys_chdir(vaddr_t path)
{
    return path_call_act(NULL, path, 0, go_to, NULL);
}

int64_t sys_fchdir(struct file *file)
{
    struct path_call c;
    struct vnode *v = file_vnode(file);
    if (v == NULL) {
        return ERR_NOTDIR;
    }
    path_call_begin_handle(&c);
    status_t status = go_to(v, &c.base, NULL);
    path_call_end(&c);
    return status;
}

// The working directory moves along: what lies outside the new root cannot be reached by "..".
static status_t make_root(struct vnode *v, const struct path_base *base, const void *)
{
    status_t status = check_directory(v, base);
    if (status == OK) {
        vnode_ref(v);
        fs_context_set_root(base->context, v);
        vnode_ref(v);
        fs_context_set_cwd(base->context, v);
    }
    return status;
}

int64_t sys_chroot(vaddr_t path)
{
    return path_call_act(NULL, path, 0, make_root, NULL);
}

int64_t sys_getcwd(vaddr_t bytes, uint64_t size)
{
    void *text;
    size_t len;
    status_t status = heap_alloc(PATH_MAX_BYTES, &text);
    if (status != OK) {
        return status;
    }
    struct fs_context *context = process_current()->fs;
    struct vnode *cwd = fs_context_get_cwd(context);
    status = path_of(context, cwd, text, PATH_MAX_BYTES, &len);
    vnode_unref(cwd);
    if (status == OK && len + 1 > size) {
        status = ERR_RANGE;
    }
    if (status == OK && arch_copy_to_user(bytes, text, len + 1) != 0) {
        status = ERR_FAULT;
    }
    heap_free(text);
    return status == OK ? (int64_t)(len + 1) : (int64_t)status;
}

int64_t sys_umask(uint32_t mask)
{
    return atomic_exchange_explicit(&process_current()->fs->umask_bits, mask & 0777,
                                    memory_order_relaxed);
}

/* ---- File systems ---- */

static status_t fill_statfs(struct mount *m, struct abi_statfs *s)
{
    enum { ST_RDONLY = 1, ST_NOSUID = 2, ST_NOEXEC = 8 };
    *s = (struct abi_statfs){};
    status_t status = m->ops->statfs(m, s);
    s->name_max = NAME_MAX_BYTES;
    s->fragment_size = s->block_size;
    s->id[0] = (int32_t)m->device;
    s->flags = ST_NOSUID | ((m->flags & MOUNT_READ_ONLY) != 0 ? (unsigned)ST_RDONLY : 0u) |
               ((m->flags & MOUNT_NO_EXEC) != 0 ? (unsigned)ST_NOEXEC : 0u);
    return status;
}

static status_t put_statfs(struct vnode *v, const struct path_base *, const void *argument)
{
    const vaddr_t *info = argument;
    struct abi_statfs s;
    status_t status = fill_statfs(v->mount, &s);
    if (status != OK) {
        return status;
    }
    return arch_copy_to_user(*info, &s, sizeof(s)) == 0 ? OK : ERR_FAULT;
}

int64_t sys_statfs(vaddr_t path, vaddr_t info)
{
    return path_call_act(NULL, path, 0, put_statfs, &info);
}

int64_t sys_fstatfs(struct file *file, vaddr_t info)
{
    struct vnode *v = file_vnode(file);
    return v == NULL ? ERR_NOSYS : put_statfs(v, NULL, &info);
}

/* ---- Mounting ---- */

enum { MOUNT_TEXT_MAX = 1024 };

// The strings that mount takes beside the target.
struct mount_text {
    char source[MOUNT_TEXT_MAX];
    char type[SWOS_NAME_SIZE];
    char options[MOUNT_TEXT_MAX];
};

static status_t copy_optional(char *to, vaddr_t from, size_t size)
{
    size_t len;
    to[0] = '\0';
    return from == 0 ? OK : arch_copy_string_from_user(to, from, size, &len);
}

static status_t copy_mount_text(struct mount_text *t, vaddr_t source, vaddr_t type, vaddr_t data)
{
    status_t status = copy_optional(t->source, source, sizeof(t->source));
    status = status == OK ? copy_optional(t->type, type, sizeof(t->type)) : status;
    status = status == OK ? copy_optional(t->options, data, sizeof(t->options)) : status;
    return status == ERR_NAMETOOLONG ? ERR_INVAL : status;
}

struct mount_request {
    struct mount_kind *kind;
    uint32_t flags;
    const struct mount_text *text;
};

static status_t mount_here(struct vnode *where, const struct path_base *, const void *argument)
{
    const struct mount_request *r = argument;
    struct mount *m;
    if (where->type != VNODE_DIRECTORY) {
        return ERR_NOTDIR;
    }
    status_t status = r->kind->mount(r->text->source, r->flags, r->text->options, &m);
    if (status != OK) {
        return status;
    }
    status = mount_attach(m, where);
    if (status != OK) {
        m->ops->unmount(m);
    }
    return status;
}

static status_t mount_flags(uint64_t flags, uint32_t *out)
{
    const uint64_t known = ABI_MS_RDONLY | ABI_MS_NOSUID | ABI_MS_NODEV | ABI_MS_NOEXEC |
                           ABI_MS_NOATIME | ABI_MS_SILENT | ABI_MS_RELATIME;
    *out = ((flags & ABI_MS_RDONLY) != 0 ? MOUNT_READ_ONLY : 0u) |
           ((flags & ABI_MS_NOEXEC) != 0 ? MOUNT_NO_EXEC : 0u);
    return (flags & ~known) == 0 ? OK : ERR_INVAL;
}

int64_t sys_mount(vaddr_t source, vaddr_t target, vaddr_t type, uint64_t flags, vaddr_t data)
{
    void *memory;
    struct mount_request r;
    status_t status = mount_flags(flags, &r.flags);
    if (status == OK) {
        status = heap_alloc(sizeof(struct mount_text), &memory);
    }
    if (status != OK) {
        return status;
    }
    r.text = memory;
    status = copy_mount_text(memory, source, type, data);
    if (status == OK) {
        r.kind = mount_find_kind(r.text->type);
        status = r.kind == NULL ? ERR_NODEV : path_call_act(NULL, target, 0, mount_here, &r);
    }
    heap_free(memory);
    return status;
}

int64_t sys_umount2(vaddr_t target, uint32_t flags)
{
    struct path_call c;
    struct vnode *root;
    if ((flags & ~ABI_UMOUNT_NOFOLLOW) != 0) {
        return ERR_INVAL;
    }
    status_t status = path_call_begin(&c, NULL, target, PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    status = path_call_find(&c, flags != 0 ? PATH_NOFOLLOW : PATH_FOLLOW, &root);
    path_call_end(&c);
    return status == OK ? mount_detach(root) : status;
}

struct mount_listing {
    struct fs_context *context;
    vaddr_t records;
    uint64_t size;
    uint64_t stored;
};

static void copy_name(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);
    memcpy(to, from, len);
}

static status_t list_mount(void *context, struct mount *m)
{
    struct mount_listing *l = context;
    struct swos_mount record = {.is_read_only = (m->flags & MOUNT_READ_ONLY) != 0};
    size_t len;
    if (l->size - l->stored < sizeof(record)) {
        return OK;
    }
    copy_name(record.source, sizeof(record.source), m->source);
    copy_name(record.type, sizeof(record.type), m->ops->type);
    status_t status = path_of(l->context, m->root, record.target, sizeof(record.target), &len);
    if (status != OK) {
        copy_name(record.target, sizeof(record.target), "?");
    }
    if (arch_copy_to_user(l->records + l->stored, &record, sizeof(record)) != 0) {
        return ERR_FAULT;
    }
    l->stored += sizeof(record);
    return OK;
}

int64_t sys_mount_list(vaddr_t records, uint64_t size)
{
    struct mount_listing l = {.context = process_current()->fs, .records = records, .size = size};
    status_t status;
    mount_for_each(list_mount, &l, &status);
    return status == OK ? (int64_t)l.stored : (int64_t)status;
}
