// SPDX-License-Identifier: Apache-2.0
/* Copies between open files that do not go through the caller's memory. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/arch/arch.h"
#include "kernel/core/thread.h"
#include "kernel/ipc/socket.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vmo.h"
#include "kernel/object/file.h"
#include "kernel/proc/signal.h"
#include "lib/base/bits.h"

enum {
    COPY_SIZE = 64 << 10, // moved at a time
    COPY_MAX = 0x7ffff000,
    SEND_PAGES = 16,
    SEEK_SET = 0,
    SEEK_CUR = 1,
};

// Where an end of a copy is: an offset of the caller's, or the file's position.
struct end {
    struct file *file;
    vaddr_t user; // 0: the file's position
    uint64_t offset;
};

static status_t end_begin(struct end *e, struct file *file, vaddr_t user)
{
    int64_t offset = 0;
    *e = (struct end){.file = file, .user = user};
    if (user == 0) {
        return file_seek(file, 0, SEEK_CUR, &e->offset);
    }
    if (arch_copy_from_user(&offset, user, sizeof(offset)) != 0) {
        return ERR_FAULT;
    }
    e->offset = (uint64_t)offset;
    if (offset < 0) {
        return ERR_INVAL;
    }
    return file->ops->is_seekable ? OK : ERR_SPIPE;
}

static status_t end_finish(const struct end *e)
{
    uint64_t place;
    if (e->user == 0) {
        return file_seek(e->file, (int64_t)e->offset, SEEK_SET, &place);
    }
    return arch_copy_to_user(e->user, &e->offset, sizeof(e->offset)) == 0 ? OK : ERR_FAULT;
}

// `to` NULL: `to_file` at its position, whatever it is.  *done grows by what was written.
static status_t copy_some(struct end *from, struct end *to, struct file *to_file, void *room,
                          size_t size, uint64_t *done)
{
    struct uio u;
    uio_init_kernel(&u, room, size);
    status_t status = file_pread(from->file, &u, from->offset);
    size_t got = size - u.left;
    if (status != OK || got == 0) {
        return status;
    }
    uio_init_kernel(&u, room, got);
    status = to != NULL ? file_pwrite(to_file, &u, to->offset) : file_write(to_file, &u);
    size_t put = got - u.left;
    from->offset += put;
    *done += put;
    if (to != NULL) {
        to->offset += put;
    }
    return status;
}

static int64_t copy(struct end *from, struct end *to, struct file *to_file, uint64_t size)
{
    void *room;
    uint64_t done = 0;
    size = u64_min(size, COPY_MAX);
    status_t status = heap_alloc(COPY_SIZE, &room);
    if (status != OK) {
        return status;
    }
    while (done < size) {
        uint64_t before = done;
        status = copy_some(from, to, to_file, room, u64_min(size - done, COPY_SIZE), &done);
        if (status != OK || done == before) {
            break;
        }
        thread_preempt_point();
    }
    heap_free(room);
    return done != 0 ? (int64_t)done : (int64_t)status;
}

// Bytes of the page cache that a socket takes as they are.
struct page_sending {
    struct end *from;
    struct socket *to;
    struct vmo *vmo;
    uint64_t done;
    uint64_t size;
};

static status_t send_run(struct page_sending *g, uint64_t end)
{
    struct page *pages[SEND_PAGES];
    size_t count;
    uint64_t at = g->from->offset;
    uint32_t offset = (uint32_t)(at % PAGE_SIZE);
    size_t part = u64_min(u64_min(g->size - g->done, end - at), SEND_PAGES * PAGE_SIZE - offset);
    status_t status =
        vmo_get_pages(g->vmo, at / PAGE_SIZE, pages_for(offset + part), pages, &count);
    if (status != OK) {
        return status;
    }
    part = u64_min(part, count * PAGE_SIZE - offset);
    bool has_more = part < g->size - g->done && part < end - at;
    struct socket_message m = {.flags = has_more ? ABI_MSG_MORE : 0,
                               .wait = socket_wait_for(g->to, 0, SOCKET_SENDS)};
    status = g->to->ops->send_pages(g->to, pages, offset, (uint32_t)part, &m);
    if (status != OK) {
        page_unref_all(pages, count);
        return status;
    }
    g->done += part;
    g->from->offset += part;
    return OK;
}

// What was held back for more that does not come.
static void let_go(struct socket *s)
{
    struct uio nothing;
    struct socket_message m = {.flags = 0};
    uio_init_kernel(&nothing, NULL, 0);
    (void)s->ops->send(s, &nothing, &m);
}

static int64_t send_pages(struct end *from, struct socket *to, struct vmo *vmo, uint64_t size)
{
    struct page_sending g = {.from = from, .to = to, .vmo = vmo, .size = u64_min(size, COPY_MAX)};
    status_t status = OK;
    while (status == OK && g.done < g.size) {
        uint64_t end = vmo_size(vmo);
        if (from->offset >= end) {
            break;
        }
        status = send_run(&g, end);
        thread_preempt_point();
    }
    if (status != OK && g.done != 0) {
        let_go(to);
        return (int64_t)g.done;
    }
    if (status == ERR_PIPE) {
        signal_raise(SIGPIPE);
    }
    return status != OK ? (int64_t)status : (int64_t)g.done;
}

// The memory of a file whose pages a socket may be given; with a reference.  False: bytes are copied.
static bool can_send_pages(struct file *to, struct file *from, struct vmo **out)
{
    const struct socket *s = socket_of(to);
    struct file_mapping m = {.is_shared = true, .prot = PROT_READ};
    if (s == NULL || s->ops->send_pages == NULL || from->ops->map == NULL ||
        from->ops->map(from, &m) != OK) {
        return false;
    }
    *out = m.vmo;
    return true;
}

static int64_t send_or_copy(struct end *from, struct file *to, uint64_t size)
{
    struct vmo *vmo;
    if (!can_send_pages(to, from->file, &vmo)) {
        return copy(from, NULL, to, size);
    }
    int64_t result = send_pages(from, socket_of(to), vmo, size);
    vmo_unref(vmo);
    return result;
}

int64_t sys_sendfile(struct file *to, struct file *from, vaddr_t offset, uint64_t size)
{
    struct end source;
    if (!from->ops->is_seekable) {
        return ERR_INVAL;
    }
    status_t status = end_begin(&source, from, offset);
    if (status != OK) {
        return status;
    }
    int64_t result = send_or_copy(&source, to, size);
    status = end_finish(&source);
    return result < 0 || status == OK ? result : (int64_t)status;
}

int64_t sys_copy_file_range(struct file *from, vaddr_t from_offset, struct file *to,
                            vaddr_t to_offset, uint64_t size, uint32_t flags)
{
    struct end source;
    struct end target;
    if (flags != 0 || from->ops->truncate == NULL || to->ops->truncate == NULL) {
        return ERR_INVAL;
    }
    if ((file_flags(to) & FILE_APPEND) != 0) {
        return ERR_BADF;
    }
    status_t status = end_begin(&source, from, from_offset);
    status = status == OK ? end_begin(&target, to, to_offset) : status;
    if (status != OK) {
        return status;
    }
    uint64_t limit = u64_min(size, COPY_MAX);
    if (from == to && source.offset < target.offset + limit &&
        target.offset < source.offset + limit) {
        return ERR_INVAL; // the ranges overlap
    }
    int64_t result = copy(&source, &target, to, size);
    if (result > 0) {
        status = end_finish(&source);
        status = status == OK ? end_finish(&target) : status;
    }
    return status == OK || result < 0 ? result : (int64_t)status;
}
