// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/path.h"

#include "abi/fcntl.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "kernel/vfs/open.h"

static status_t copy_path(struct path_call *c, vaddr_t path)
{
    size_t len;
    status_t status = arch_copy_string_from_user(c->text, path, sizeof(c->text), &len);
    if (status == OK) {
        c->path = span_of(c->text, len);
    }
    if (status != ERR_NAMETOOLONG) {
        return status;
    }
    void *memory;
    status = heap_alloc(PATH_MAX_BYTES, &memory);
    if (status != OK) {
        return status;
    }
    c->memory = memory;
    status = arch_copy_string_from_user(c->memory, path, PATH_MAX_BYTES, &len);
    if (status != OK) {
        return status;
    }
    c->path = span_of(c->memory, len);
    return OK;
}

static bool is_directory(struct file *f)
{
    struct vnode *v = file_vnode(f);
    return v != NULL && v->type == VNODE_DIRECTORY;
}

void path_call_begin_handle(struct path_call *c)
{
    struct process *p = process_current();
    c->memory = NULL;
    c->at = NULL;
    c->path = span_of(NULL, 0);
    c->who = process_get_cred(p);
    c->base = (struct path_base){
        .context = p->fs,
        .who = c->who,
        .can_administer = grant_set_has(&p->grants, 1u << SWOS_GRANT_MOUNT),
        .is_confined = !grant_set_has(&p->grants, 1u << SWOS_GRANT_NAMESPACE),
    };
}

// A relative path begins at a directory; an empty one is whatever the handle names.
static status_t start_at(struct path_call *c, struct file *at, enum path_call_empty empty)
{
    if (c->path.size == 0 && empty == PATH_NOT_EMPTY) {
        return ERR_NOENT;
    }
    if (at == NULL || (c->path.size != 0 && c->path.data[0] == '/')) {
        return OK;
    }
    if (c->path.size != 0 && !is_directory(at)) {
        return ERR_NOTDIR;
    }
    c->at = at;
    c->base.at = file_vnode(at);
    return OK;
}

status_t path_call_begin(struct path_call *c, struct file *at, vaddr_t path,
                         enum path_call_empty empty)
{
    path_call_begin_handle(c);
    status_t status = copy_path(c, path);
    if (status == OK) {
        status = start_at(c, at, empty);
    }
    if (status != OK) {
        path_call_end(c);
    }
    return status;
}

void path_call_end(struct path_call *c)
{
    cred_unref(c->who);
    if (c->memory != NULL) {
        heap_free(c->memory);
    }
}

status_t path_call_find(struct path_call *c, uint32_t flags, struct vnode **out)
{
    if (c->path.size != 0) {
        return path_find(&c->base, c->path, flags, out);
    }
    if (c->at == NULL) {
        if (c->base.is_confined) {
            return ERR_ACCES;
        }
        *out = fs_context_get_cwd(c->base.context);
        return OK;
    }
    if (c->base.at == NULL) {
        return ERR_INVAL; // a handle of what is not in a file system
    }
    vnode_ref(c->base.at);
    *out = c->base.at;
    return OK;
}

status_t path_call_act(struct file *at, vaddr_t path, uint32_t at_flags, path_act_t act,
                       const void *argument)
{
    struct path_call c;
    struct vnode *v;
    bool may_be_empty = (at_flags & ABI_AT_EMPTY_PATH) != 0;
    status_t status =
        path_call_begin(&c, at, path, may_be_empty ? PATH_MAY_BE_EMPTY : PATH_NOT_EMPTY);
    if (status != OK) {
        return status;
    }
    bool follows = (at_flags & ABI_AT_SYMLINK_NOFOLLOW) == 0;
    status = path_call_find(&c, follows ? PATH_FOLLOW : PATH_NOFOLLOW, &v);
    if (status == OK) {
        status = act(v, &c.base, argument);
        vnode_unref(v);
    }
    path_call_end(&c);
    return status;
}
