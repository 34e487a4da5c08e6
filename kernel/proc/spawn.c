// SPDX-License-Identifier: Apache-2.0
/* Spawning: a new process described whole (abi/spawn.h), without a copy of its parent's memory. */
#include "abi/spawn.h"

#include "abi/fcntl.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/program.h"
#include "kernel/proc/tree_priv.h"
#include "kernel/vfs/open.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    STDIO_HANDLES = 3,
    LIST_MAX_BYTES = 1 << 20, // of handles or actions
};

struct spawning {
    const struct swos_spawn *request;
    vaddr_t only_path; // instead of the request's list; 0: none
    struct process *child;
    char *path;              // PATH_MAX_BYTES of room
    struct vnode *directory; // where relative paths begin; NULL: the child's working directory
    struct program_strings strings;
};

/* ---- Handles and grants ---- */

// A list of the caller's in kernel memory, to be freed; NULL for an empty one.
static status_t copy_list(vaddr_t from, size_t count, size_t size, void **out)
{
    *out = NULL;
    if (count == 0) {
        return OK;
    }
    if (count > LIST_MAX_BYTES / size) {
        return ERR_2BIG;
    }
    status_t status = heap_alloc(count * size, out);
    if (status == OK && arch_copy_from_user(*out, from, count * size) != 0) {
        heap_free(*out);
        *out = NULL;
        status = ERR_FAULT;
    }
    return status;
}

// Reserves exactly that number.  ERR_INVAL: it is there already.  ERR_MFILE: not below the limit.
static status_t reserve_exactly(struct handle_table *t, handle_t h)
{
    handle_t got;
    status_t status = handle_reserve(t, h, &got);
    if (status == OK && got != h) {
        handle_cancel(t, got);
        status = ERR_INVAL;
    }
    return status;
}

// One handle of the caller's, at the number that it is to have, with no more rights than it has.  Object
// and rights are taken at once: another thread may put something else under that number.
static status_t pass_handle(struct process *child, const struct swiftos_spawn_handle *h)
{
    struct handle_entry e;
    if (h->flags != 0 || h->to < 0) {
        return ERR_INVAL;
    }
    status_t status = handle_share(process_current()->handles, h->from, SWIFTOS_RIGHT_TRANSFER, &e);
    if (status != OK) {
        return status;
    }
    status = reserve_exactly(child->handles, h->to);
    if (status != OK) {
        handle_drop(&e);
        return status;
    }
    e.rights = rights_attenuate(e.rights, h->rights);
    handle_publish_entry(child->handles, h->to, &e, 0);
    return OK;
}

static status_t pass_listed(struct process *child, const struct swos_spawn *r)
{
    void *memory;
    status_t status =
        copy_list(r->handles, r->handle_count, sizeof(struct swiftos_spawn_handle), &memory);
    const struct swiftos_spawn_handle *list = memory;
    for (uint32_t i = 0; i < r->handle_count && status == OK; i++) {
        status = pass_handle(child, &list[i]);
    }
    heap_free(memory);
    return status;
}

static status_t pass_stdio(struct process *child)
{
    for (int32_t i = 0; i < STDIO_HANDLES; i++) {
        struct swiftos_spawn_handle h = {.from = i, .to = i, .rights = SWIFTOS_RIGHT_ALL};
        status_t status = pass_handle(child, &h);
        if (status != OK && status != ERR_BADF) {
            return status;
        }
    }
    return OK;
}

static status_t pass_handles(struct process *child, const struct swos_spawn *r)
{
    if ((r->flags & SWOS_SPAWN_INHERIT) != 0) {
        return handle_table_fork(process_current()->handles, &child->handles);
    }
    status_t status = handle_table_create(&child->handles);
    if (status != OK) {
        return status;
    }
    // The limit is inherited; a low one spares the standard streams, as fork spares what exists.
    uint32_t limit = handle_limit(process_current()->handles);
    handle_set_limit(child->handles, limit > STDIO_HANDLES ? limit : STDIO_HANDLES);
    bool has_list = r->handle_count != 0 || (r->flags & SWOS_SPAWN_EXACT) != 0;
    status = has_list ? pass_listed(child, r) : pass_stdio(child);
    handle_set_limit(child->handles, limit);
    return status;
}

static status_t pass_grants(struct process *child, const struct swos_spawn *r)
{
    struct grant_set *own = &process_current()->grants;
    uint32_t mask = r->grants;
    if ((r->flags & SWOS_SPAWN_INHERIT) != 0) {
        mask = (uint32_t)GRANT_ALL;
    } else if ((r->flags & SWOS_SPAWN_EXACT) == 0 && mask == 0 && r->handle_count == 0) {
        mask = grant_set_mask(own) & 1u << SWOS_GRANT_NAMESPACE;
    } else if (!grant_set_has(own, mask)) {
        return ERR_PERM;
    }
    grant_set_copy(own, mask, &child->grants);
    return OK;
}

static status_t pass_context(struct process *child, const struct swos_spawn *r)
{
    struct process *self = process_current();
    status_t status = fs_context_copy(self->fs, &child->fs);
    if (status == OK) {
        child->cred = process_get_cred(self);
        status = pass_handles(child, r);
    }
    if (status == OK) {
        status = pass_grants(child, r);
    }
    if (status != OK) {
        return status;
    }
    irqflags_t flags = spin_lock_irqsave(&self->lock);
    memcpy(child->limits, self->limits, sizeof(child->limits));
    signal_state_copy(&self->signals, &child->signals);
    spin_unlock_irqrestore(&self->lock, flags);
    signal_state_forget_handlers(&child->signals,
                                 (r->flags & SWOS_SPAWN_SETSIGDEF) != 0 ? r->signal_default : 0);
    return OK;
}

/* ---- Actions ---- */

static struct path_base base_of(const struct spawning *s)
{
    return (struct path_base){
        .context = s->child->fs,
        .at = s->directory,
        .who = s->child->cred,
        .can_administer = grant_set_has(&s->child->grants, 1u << SWOS_GRANT_MOUNT),
        .is_confined = !grant_set_has(&s->child->grants, 1u << SWOS_GRANT_NAMESPACE),
    };
}

static status_t copy_path(struct spawning *s, vaddr_t at, struct span *out)
{
    size_t len = 0;
    status_t status = arch_copy_string_from_user(s->path, at, PATH_MAX_BYTES, &len);
    *out = span_of(s->path, len);
    return status == OK && len == 0 ? ERR_NOENT : status;
}

static status_t do_open(struct spawning *s, const struct swos_spawn_action *a)
{
    struct span path;
    struct file *f;
    handle_t h;
    struct path_base base = base_of(s);
    status_t status = a->handle < 0 ? ERR_BADF : copy_path(s, a->path, &path);
    if (status == OK) {
        status = vfs_open(&base, path, a->open_flags, a->mode, &f);
    }
    if (status != OK) {
        return status;
    }
    (void)handle_close(s->child->handles, a->handle); // whatever was there
    status = handle_reserve(s->child->handles, a->handle, &h);
    if (status == OK && h != a->handle) {
        handle_cancel(s->child->handles, h);
        status = ERR_MFILE;
    }
    if (status != OK) {
        file_unref(f);
        return status;
    }
    bool closes = (a->open_flags & ABI_O_CLOEXEC) != 0;
    handle_publish(s->child->handles, h, &f->object, file_rights(f), closes ? HANDLE_CLOEXEC : 0u);
    return OK;
}

static status_t do_dup2(struct spawning *s, const struct swos_spawn_action *a)
{
    struct handle_table *t = s->child->handles;
    if (a->source == a->handle) {
        return handle_set_flags(t, a->handle, 0);
    }
    return handle_duplicate_at(t, a->source, a->handle, SWIFTOS_RIGHT_ALL, 0);
}

// The directory behind a handle, with a reference; *out only when OK.
static status_t get_directory(struct handle_table *t, handle_t h, struct vnode **out)
{
    struct file *f;
    status_t status = handle_get_file(t, h, SWIFTOS_RIGHT_LOOKUP, &f);
    if (status != OK) {
        return status;
    }
    struct vnode *v = file_vnode(f);
    status = v == NULL || v->type != VNODE_DIRECTORY ? ERR_NOTDIR : OK;
    if (status == OK) {
        vnode_ref(v);
        *out = v;
    }
    file_unref(f);
    return status;
}

static status_t do_chdir(struct spawning *s, const struct swos_spawn_action *a)
{
    struct span path;
    struct vnode *v;
    struct path_base base = base_of(s);
    status_t status = copy_path(s, a->path, &path);
    if (status == OK) {
        status = path_find(&base, path, PATH_FOLLOW, &v);
    }
    if (status != OK) {
        return status;
    }
    status = v->type != VNODE_DIRECTORY ? ERR_NOTDIR : vnode_may(v, base.who, WANT_EXECUTE);
    if (status != OK) {
        vnode_unref(v);
        return status;
    }
    fs_context_set_cwd(s->child->fs, v);
    return OK;
}

static status_t do_fchdir(struct spawning *s, const struct swos_spawn_action *a)
{
    struct vnode *v;
    status_t status = get_directory(s->child->handles, a->handle, &v);
    if (status == OK) {
        fs_context_set_cwd(s->child->fs, v);
    }
    return status;
}

static status_t do_action(struct spawning *s, const struct swos_spawn_action *a)
{
    switch (a->kind) {
    case SWOS_SPAWN_OPEN: return do_open(s, a);
    case SWOS_SPAWN_CLOSE: (void)handle_close(s->child->handles, a->handle); return OK;
    case SWOS_SPAWN_DUP2: return do_dup2(s, a);
    case SWOS_SPAWN_CHDIR: return do_chdir(s, a);
    case SWOS_SPAWN_FCHDIR: return do_fchdir(s, a);
    default: return ERR_INVAL;
    }
}

static status_t do_actions(struct spawning *s)
{
    void *memory;
    status_t status = copy_list(s->request->actions, s->request->action_count,
                                sizeof(struct swos_spawn_action), &memory);
    const struct swos_spawn_action *list = memory;
    for (uint32_t i = 0; i < s->request->action_count && status == OK; i++) {
        status = do_action(s, &list[i]);
    }
    heap_free(memory);
    return status;
}

/* ---- The program ---- */

static status_t load_path(struct spawning *s, vaddr_t string, struct arch_frame *frame)
{
    struct span path;
    struct path_base base = base_of(s);
    status_t status = copy_path(s, string, &path);
    return status == OK ? process_load(s->child, &base, s->path, &s->strings, frame) : status;
}

// The first of the paths that can be started.
static status_t load_first(struct spawning *s, struct arch_frame *frame)
{
    status_t status = ERR_NOENT;
    bool was_denied = false;
    if (s->only_path != 0) {
        return load_path(s, s->only_path, frame);
    }
    for (vaddr_t at = s->request->paths;; at += sizeof(vaddr_t)) {
        vaddr_t string;
        if (arch_copy_from_user(&string, at, sizeof(string)) != 0) {
            return ERR_FAULT;
        }
        if (string == 0) {
            break;
        }
        status = load_path(s, string, frame);
        if (status != ERR_NOENT && status != ERR_NOTDIR && status != ERR_ACCES) {
            return status;
        }
        was_denied |= status == ERR_ACCES;
    }
    return was_denied ? ERR_ACCES : status;
}

static status_t load_program(struct spawning *s, struct arch_frame *frame)
{
    struct program_strings *strings = &s->strings;
    program_strings_init(strings, process_strings_limit(s->child));
    status_t status = program_strings_add_user(strings, s->request->argv, &strings->argc);
    if (status == OK) {
        status = program_strings_add_user(strings, s->request->envp, &strings->envc);
    }
    if (status == OK) {
        status = load_first(s, frame);
    }
    if (status == OK) {
        process_name(s->child, s->path, span_of(strings->bytes, strings->used));
    }
    program_strings_fini(strings);
    return status;
}

// Where relative paths begin; with a reference.
static status_t find_directory(struct spawning *s)
{
    if (s->request->directory == ABI_AT_FDCWD) {
        return OK;
    }
    return get_directory(process_current()->handles, s->request->directory, &s->directory);
}

static status_t prepare(struct spawning *s, struct arch_frame *frame)
{
    void *room;
    status_t status = heap_alloc(PATH_MAX_BYTES, &room);
    if (status != OK) {
        return status;
    }
    s->path = room;
    status = pass_context(s->child, s->request);
    if (status == OK) {
        status = do_actions(s);
    }
    if (status == OK) {
        handle_close_on_exec(s->child->handles);
        status = find_directory(s);
    }
    if (status == OK) {
        status = load_program(s, frame);
    }
    if (s->directory != NULL) {
        vnode_unref(s->directory);
    }
    heap_free(room);
    return status;
}

status_t process_spawn_request(const struct swos_spawn *r, vaddr_t path, pid_t *pid)
{
    struct arch_frame frame;
    struct spawning s = {.request = r, .only_path = path};
    if ((r->flags & ~(uint32_t)SWOS_SPAWN_FLAGS) != 0 || r->process_group < 0) {
        return ERR_INVAL;
    }
    status_t status = process_record_create(&s.child);
    if (status != OK) {
        return status;
    }
    status = prepare(&s, &frame);
    if (status != OK) {
        process_record_discard(s.child);
        return status;
    }
    struct process_start how = {
        .has_session = (r->flags & SWOS_SPAWN_SETSID) != 0,
        .has_group = (r->flags & SWOS_SPAWN_SETPGROUP) != 0,
        .group = r->process_group,
        .signal_mask = (r->flags & SWOS_SPAWN_SETSIGMASK) != 0 ? r->signal_mask
                                                               : uthread_current()->signals.mask,
    };
    s.child->has_execed = true;
    return process_launch(s.child, &frame, NULL, &how, pid);
}
