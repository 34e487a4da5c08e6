// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/open.h"

#include "abi/fcntl.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vmo.h"
#include "kernel/vfs/change_priv.h"
#include "kernel/vfs/fifo.h"
#include "kernel/vfs/lock.h"
#include "kernel/vfs/walk_priv.h"
#include "lib/base/string.h"

struct vnode_file {
    struct file file;
    struct vnode *vnode; // [I] holds a reference
};

static struct vnode *vnode_of(struct file *f)
{
    return ((struct vnode_file *)(void *)f)->vnode;
}

/* ---- Operations of any vnode ---- */

static void file_release(struct file *f)
{
    struct vnode *v = vnode_of(f);
    vnode_locks_release(v, f);
    vnode_unref(v);
    heap_free(f);
}

static void file_closed(struct file *f, const struct handle_table *t)
{
    file_locks_close(f, t);
}

static status_t file_stat(struct file *f, struct abi_stat *out)
{
    return vnode_stat(vnode_of(f), out);
}

static status_t file_sync(struct file *f, bool data_only)
{
    struct vnode *v = vnode_of(f);
    return v->ops->sync == NULL ? OK : v->ops->sync(v, data_only);
}

static status_t file_size(struct file *f, uint64_t *out)
{
    *out = vnode_size(vnode_of(f));
    return OK;
}

/* ---- Regular files ---- */

static status_t regular_read(struct file *f, struct uio *to, uint64_t *position)
{
    return vnode_read(vnode_of(f), to, position);
}

static status_t regular_write(struct file *f, struct uio *from, uint64_t *position)
{
    struct vnode *v = vnode_of(f);
    uint32_t flags = file_flags(f);
    status_t status = vnode_write(v, from, position, (flags & FILE_APPEND) != 0);
    if (status == OK && (flags & FILE_DSYNC) != 0) {
        status = file_sync(f, true);
    }
    return status;
}

static status_t regular_truncate(struct file *f, uint64_t size)
{
    return vnode_truncate(vnode_of(f), size);
}

static status_t regular_map(struct file *f, struct file_mapping *m)
{
    struct vnode *v = vnode_of(f);
    uint32_t flags = file_flags(f);
    if ((flags & FILE_READ) == 0) {
        return ERR_ACCES;
    }
    m->max_prot = PROT_READ;
    if ((v->mount->flags & MOUNT_NO_EXEC) == 0) {
        m->max_prot |= PROT_EXEC;
    }
    if (!m->is_shared || ((flags & FILE_WRITE) != 0 && v->ops->resize != NULL)) {
        m->max_prot |= PROT_WRITE;
    }
    if ((m->prot & ~m->max_prot) != 0) {
        return (m->prot & ~m->max_prot & PROT_EXEC) != 0 ? ERR_PERM : ERR_ACCES;
    }
    if (m->offset > INT64_MAX || m->size > INT64_MAX - m->offset) {
        return ERR_OVERFLOW;
    }
    if (m->is_shared) {
        vmo_ref(v->content);
        m->vmo = v->content;
    } else {
        status_t status = vmo_create_private(v->content, &m->vmo);
        if (status != OK) {
            return status;
        }
    }
    m->vmo_page = m->offset >> PAGE_SHIFT;
    return OK;
}

static const struct file_ops regular_ops = {
    .kind = "file",
    .is_seekable = true,
    .release = file_release,
    .closed = file_closed,
    .read = regular_read,
    .write = regular_write,
    .stat = file_stat,
    .size = file_size,
    .truncate = regular_truncate,
    .sync = file_sync,
    .map = regular_map,
};

/* ---- Directories ---- */

enum {
    POSITION_DOT = 0,
    POSITION_DOT_DOT = 1,
    POSITION_ENTRIES = 2, // the file system's cookie 0
};

struct entry_writer {
    struct uio *to;
    uint64_t position; // of what comes next
    status_t status;
    bool is_full;
};

static uint8_t entry_type(enum vnode_type type)
{
    switch (type) {
    case VNODE_FILE: return ABI_DT_REG;
    case VNODE_DIRECTORY: return ABI_DT_DIR;
    case VNODE_LINK: return ABI_DT_LNK;
    case VNODE_CHARACTER: return ABI_DT_CHR;
    case VNODE_FIFO: return ABI_DT_FIFO;
    case VNODE_SOCKET: return ABI_DT_SOCK;
    }
    return 0;
}

static bool put_entry(struct entry_writer *w, struct span name, uint64_t inode,
                      enum vnode_type type, uint64_t next)
{
    union {
        struct abi_dirent entry;
        char bytes[sizeof(struct abi_dirent) + NAME_MAX_BYTES + 8];
    } record;
    size_t size = align_up(offsetof(struct abi_dirent, name) + name.size + 1, 8);
    if (size > w->to->left || name.size > NAME_MAX_BYTES) {
        w->is_full = true;
        return false;
    }
    memset(record.bytes + size - 8, 0, 8);
    record.entry.inode = inode;
    record.entry.next = (int64_t)next;
    record.entry.size = (uint16_t)size;
    record.entry.type = entry_type(type);
    memcpy(record.bytes + offsetof(struct abi_dirent, name), name.data, name.size);
    memset(record.bytes + offsetof(struct abi_dirent, name) + name.size, 0,
           size - offsetof(struct abi_dirent, name) - name.size);
    w->status = uio_put(w->to, record.bytes, size);
    if (w->status == OK) {
        w->position = next;
    }
    return w->status == OK;
}

static bool put_child(void *context, struct span name, uint64_t inode, enum vnode_type type,
                      uint64_t next_cookie)
{
    return put_entry(context, name, inode, type, next_cookie + POSITION_ENTRIES);
}

static bool put_dots(struct entry_writer *w, struct vnode *dir)
{
    if (w->position == POSITION_DOT &&
        !put_entry(w, span_of(".", 1), dir->inode, VNODE_DIRECTORY, POSITION_DOT_DOT)) {
        return false;
    }
    if (w->position == POSITION_DOT_DOT) {
        struct vnode *parent = vnode_get_parent(dir);
        uint64_t inode = parent == NULL ? dir->inode : parent->inode;
        if (parent != NULL) {
            vnode_unref(parent);
        }
        return put_entry(w, span_of("..", 2), inode, VNODE_DIRECTORY, POSITION_ENTRIES);
    }
    return true;
}

static status_t put_children(struct entry_writer *w, struct vnode *dir)
{
    mutex_lock(&dir->lock);
    status_t status = dir->is_removed
                          ? ERR_NOENT
                          : dir->ops->enumerate(dir, w->position - POSITION_ENTRIES, put_child, w);
    mutex_unlock(&dir->lock);
    return status;
}

static status_t directory_entries(struct file *f, struct uio *to, uint64_t *position)
{
    struct vnode *dir = vnode_of(f);
    size_t before = to->left;
    struct entry_writer w = {.to = to, .position = *position};
    status_t status = OK;
    if (put_dots(&w, dir)) {
        status = put_children(&w, dir);
    }
    *position = w.position;
    if (to->left != before) {
        return OK;
    }
    if (status != OK || w.status != OK) {
        return status != OK ? status : w.status;
    }
    return w.is_full ? ERR_INVAL : OK;
}

static status_t directory_read(struct file *, struct uio *, uint64_t *)
{
    return ERR_ISDIR;
}

static const struct file_ops directory_ops = {
    .kind = "directory",
    .is_seekable = true,
    .release = file_release,
    .closed = file_closed,
    .read = directory_read,
    .stat = file_stat,
    .sync = file_sync,
    .read_entries = directory_entries,
};

// Links and devices, fifos, sockets that are only named (O_PATH).
static const struct file_ops path_ops = {
    .kind = "path",
    .release = file_release,
    .stat = file_stat,
};

/* ---- Opening ---- */

static const struct file_ops *ops_for(const struct vnode *v)
{
    switch (v->type) {
    case VNODE_FILE: return &regular_ops;
    case VNODE_DIRECTORY: return &directory_ops;
    default: return &path_ops;
    }
}

status_t vnode_open(struct vnode *v, uint32_t flags, struct file **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct vnode_file), &memory);
    if (status != OK) {
        return status;
    }
    struct vnode_file *f = memory;
    file_init(&f->file, ops_for(v), flags);
    vnode_ref(v);
    f->vnode = v;
    *out = &f->file;
    return OK;
}

struct vnode *file_vnode(struct file *f)
{
    return f->ops->release == file_release ? vnode_of(f) : NULL;
}

static uint32_t file_flags_of(uint32_t flags)
{
    if ((flags & ABI_O_PATH) != 0) {
        return FILE_PATH;
    }
    uint32_t access = flags & ABI_O_ACCMODE;
    return (flags & FILE_STATUS_MASK) | (access != ABI_O_WRONLY ? FILE_READ : 0u) |
           (access != ABI_O_RDONLY ? FILE_WRITE : 0u);
}

static uint32_t wants_of(uint32_t flags)
{
    uint32_t access = flags & ABI_O_ACCMODE;
    return (access != ABI_O_WRONLY ? WANT_READ : 0u) |
           (access != ABI_O_RDONLY || (flags & ABI_O_TRUNC) != 0 ? WANT_WRITE : 0u);
}

static status_t check_type(const struct vnode *v, uint32_t flags)
{
    if ((flags & ABI_O_DIRECTORY) != 0 && v->type != VNODE_DIRECTORY) {
        return ERR_NOTDIR;
    }
    if ((flags & ABI_O_PATH) != 0) {
        return OK;
    }
    if (v->type == VNODE_LINK) {
        return ERR_LOOP;
    }
    if (v->type == VNODE_SOCKET) {
        return ERR_NXIO;
    }
    bool writes = (wants_of(flags) & WANT_WRITE) != 0 || (flags & ABI_O_CREAT) != 0;
    return v->type == VNODE_DIRECTORY && writes ? ERR_ISDIR : OK;
}

// Opens what the walk found.
static status_t open_found(struct vnode *v, const struct path_base *base, uint32_t flags,
                           struct file **out)
{
    status_t status = check_type(v, flags);
    if (status != OK || (flags & ABI_O_PATH) != 0) {
        return status != OK ? status : vnode_open(v, FILE_PATH, out);
    }
    status = vnode_may(v, base->who, wants_of(flags));
    if (status != OK) {
        return status;
    }
    if (v->type == VNODE_FIFO) {
        return fifo_node_open(v, file_flags_of(flags), out);
    }
    if (v->type == VNODE_CHARACTER) {
        return v->ops->open == NULL
                   ? ERR_NXIO
                   : v->ops->open(v, file_flags_of(flags) | (flags & ABI_O_NOCTTY), out);
    }
    status = vnode_open(v, file_flags_of(flags), out);
    if (status == OK && (flags & ABI_O_TRUNC) != 0 && v->type == VNODE_FILE) {
        status = vnode_truncate(v, 0);
        if (status != OK) {
            file_unref(*out);
        }
    }
    return status;
}

// A file that was just made is open whatever its mode says.
static status_t open_new(struct walk *w, uint32_t flags, uint32_t mode, struct file **out)
{
    struct vnode *v;
    struct vnode_new what = {.type = VNODE_FILE, .mode = mode_masked(w->base, mode)};
    status_t status = node_create(w->at, w->last, w->base, &what, &v);
    if (status == OK) {
        status = vnode_open(v, file_flags_of(flags), out);
        vnode_unref(v);
    }
    return status;
}

static bool follows(const struct walk *w, const struct vnode *v, uint32_t flags)
{
    return v->type == VNODE_LINK && (w->must_be_directory || (flags & ABI_O_NOFOLLOW) == 0);
}

// Opens the last name of the walk.  *again: it was a link, or somebody made it just now; go on.
static status_t open_last(struct walk *w, uint32_t flags, uint32_t mode, struct file **out,
                          bool *again)
{
    struct vnode *v;
    status_t status = walk_last(w, &v);
    bool creates = (flags & ABI_O_CREAT) != 0;
    *again = false;
    if (status == ERR_NOENT && creates && w->last.size != 0) {
        status = w->must_be_directory ? ERR_ISDIR : open_new(w, flags, mode, out);
        *again = status == ERR_EXIST && (flags & ABI_O_EXCL) == 0;
        return status;
    }
    if (status != OK) {
        return status;
    }
    if (creates && (flags & ABI_O_EXCL) != 0) {
        status = ERR_EXIST;
    } else if (follows(w, v, flags)) {
        status = walk_into_link(w, v);
        if (status == OK) {
            status = walk_to_last(w);
        }
        *again = status == OK;
    } else if (w->must_be_directory && v->type != VNODE_DIRECTORY) {
        status = ERR_NOTDIR;
    } else {
        status = open_found(v, w->base, flags, out);
    }
    vnode_unref(v);
    return status;
}

static status_t check_flags(uint32_t flags)
{
    if ((flags & ABI_O_TMPFILE_BIT) != 0) {
        return ERR_NOTSUP;
    }
    bool is_odd = (flags & ABI_O_ACCMODE) == ABI_O_ACCMODE;
    return is_odd || ((flags & ABI_O_CREAT) != 0 && (flags & ABI_O_DIRECTORY) != 0) ? ERR_INVAL
                                                                                    : OK;
}

status_t vfs_open(const struct path_base *base, struct span path, uint32_t flags, uint32_t mode,
                  struct file **out)
{
    struct walk w;
    if ((flags & ABI_O_PATH) != 0) {
        flags &= ABI_O_PATH | ABI_O_DIRECTORY | ABI_O_NOFOLLOW | ABI_O_CLOEXEC;
    }
    status_t status = check_flags(flags);
    if (status != OK) {
        return status;
    }
    struct vnode *known = (flags & ABI_O_CREAT) == 0 ? path_find_known(base, path) : NULL;
    if (LIKELY(known != NULL)) {
        status = open_found(known, base, flags, out);
        vnode_unref(known);
        return status;
    }
    status = walk_begin(&w, base, path);
    if (status != OK) {
        return status;
    }
    status = walk_to_last(&w);
    if (status == OK) {
        bool again;
        do {
            status = open_last(&w, flags, mode, out, &again);
        } while (again);
    }
    walk_end(&w);
    return status;
}
