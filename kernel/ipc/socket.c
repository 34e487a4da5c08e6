// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/socket.h"

#include "abi/ioctl.h"
#include "abi/stat.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "lib/base/string.h"

enum { FAMILIES = 32 };

static const struct socket_family *families[FAMILIES]; // [I] after boot

static status_t (*common_ioctl)(uint32_t request, vaddr_t argument, int64_t *result);

static const struct file_ops socket_file_ops;

void socket_register_family(const struct socket_family *f)
{
    families[f->family] = f;
}

void socket_set_ioctl(status_t (*ioctl)(uint32_t request, vaddr_t argument, int64_t *result))
{
    common_ioctl = ioctl;
}

static status_t find_family(uint32_t family, const struct socket_family **out)
{
    *out = family < FAMILIES ? families[family] : NULL;
    return *out == NULL ? ERR_AFNOSUPPORT : OK;
}

status_t socket_create(uint32_t family, uint32_t type, uint32_t protocol, uint32_t flags,
                       struct socket **out)
{
    const struct socket_family *f;
    status_t status = find_family(family, &f);
    return status == OK ? f->create(type, protocol, flags, out) : status;
}

status_t socket_create_pair(uint32_t family, uint32_t type, uint32_t protocol, uint32_t flags,
                            struct socket *out[2])
{
    const struct socket_family *f;
    status_t status = find_family(family, &f);
    if (status != OK) {
        return status;
    }
    return f->create_pair == NULL ? ERR_NOTSUP : f->create_pair(type, protocol, flags, out);
}

void socket_init(struct socket *s, const struct socket_ops *ops, uint16_t family, uint32_t type,
                 uint32_t flags)
{
    file_init(&s->file, &socket_file_ops, flags | FILE_READ | FILE_WRITE);
    s->ops = ops;
    s->family = family;
    s->type = (uint16_t)type;
    s->protocol = 0;
    atomic_init(&s->options, 0);
    atomic_init(&s->receive_size, SOCKET_BUFFER_DEFAULT);
    atomic_init(&s->send_size, SOCKET_BUFFER_DEFAULT);
    atomic_init(&s->receive_timeout, 0);
    atomic_init(&s->send_timeout, 0);
    atomic_init(&s->linger, -1);
    atomic_init(&s->low_water, 1);
}

static struct socket *socket_from(struct file *f)
{
    return container_of(f, struct socket, file);
}

struct socket *socket_of(struct file *f)
{
    return f->ops == &socket_file_ops ? socket_from(f) : NULL;
}

/* ---- Moving bytes ---- */

struct socket_wait socket_wait_for(struct socket *s, uint32_t flags, enum socket_direction d)
{
    _Atomic nsec_t *timeout = d == SOCKET_RECEIVES ? &s->receive_timeout : &s->send_timeout;
    nsec_t ns = atomic_load_explicit(timeout, memory_order_relaxed);
    struct socket_wait w = {
        .may_wait = (flags & ABI_MSG_DONTWAIT) == 0 && !file_is_nonblocking(&s->file),
        .deadline = NSEC_NEVER,
    };
    if (ns != 0 && __builtin_add_overflow(time_now(), ns, &w.deadline)) {
        w.deadline = NSEC_NEVER;
    }
    return w;
}

static void handle_goes(struct file *f)
{
    struct socket *s = socket_from(f);
    if (s->ops->handle_goes != NULL) {
        s->ops->handle_goes(s);
    }
}

void socket_cargo_drop(struct socket_cargo *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        struct object *o = handle_object(&c->entries[i]);
        if (o->type == OBJECT_FILE && file_of(o)->ops == &socket_file_ops) {
            handle_goes(file_of(o));
        }
        handle_drop(&c->entries[i]);
    }
    heap_free(c);
}

enum {
    SEND_FLAGS = ABI_MSG_DONTROUTE | ABI_MSG_DONTWAIT | ABI_MSG_EOR | ABI_MSG_NOSIGNAL |
                 ABI_MSG_MORE | ABI_MSG_WAITALL | ABI_MSG_WAITFORONE | ABI_MSG_CMSG_CLOEXEC,
    RECEIVE_FLAGS = ABI_MSG_PEEK | ABI_MSG_DONTWAIT | ABI_MSG_TRUNC | ABI_MSG_WAITALL |
                    ABI_MSG_NOSIGNAL | ABI_MSG_WAITFORONE | ABI_MSG_CMSG_CLOEXEC | ABI_MSG_ERRQUEUE,
};

status_t socket_send(struct socket *s, struct uio *from, struct socket_message *m)
{
    if ((m->flags & ~(uint32_t)SEND_FLAGS) != 0 || s->ops->send == NULL) {
        return ERR_NOTSUP;
    }
    m->wait = socket_wait_for(s, m->flags, SOCKET_SENDS);
    return s->ops->send(s, from, m);
}

status_t socket_receive(struct socket *s, struct uio *to, struct socket_message *m)
{
    if ((m->flags & ~(uint32_t)RECEIVE_FLAGS) != 0 || s->ops->receive == NULL) {
        return ERR_NOTSUP;
    }
    if ((m->flags & ABI_MSG_ERRQUEUE) != 0) {
        return s->ops->receive_error == NULL ? ERR_NOTSUP : s->ops->receive_error(s, to, m);
    }
    m->wait = socket_wait_for(s, m->flags, SOCKET_RECEIVES);
    return s->ops->receive(s, to, m);
}

static status_t file_op_read(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    struct socket_message m = {.flags = 0};
    return socket_receive(socket_from(f), to, &m);
}

static status_t file_op_write(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    struct socket_message m = {.flags = 0};
    return socket_send(socket_from(f), from, &m);
}

/* ---- Control data ---- */

enum { CONTROL_ALIGN = 8, CONTROL_HEADER = sizeof(struct abi_cmsghdr) };

void socket_control_add(struct socket_message *m, int32_t level, int32_t type, const void *data,
                        size_t size)
{
    struct socket_control *c = m->control;
    if (c == NULL) {
        return;
    }
    size_t space = align_up(CONTROL_HEADER + size, CONTROL_ALIGN);
    if (space > sizeof(c->bytes) - c->size) {
        c->is_cut = true;
        return;
    }
    struct abi_cmsghdr h = {
        .size = (uint32_t)(CONTROL_HEADER + size), .level = level, .type = type};
    memset(c->bytes + c->size, 0, space);
    memcpy(c->bytes + c->size, &h, sizeof(h));
    memcpy(c->bytes + c->size + CONTROL_HEADER, data, size);
    c->size += (uint32_t)space;
}

bool socket_control_next(const struct socket_control *c, uint32_t *at, struct abi_cmsghdr *header,
                         const uint8_t **data)
{
    if (c == NULL || *at >= c->size || c->size - *at < CONTROL_HEADER) {
        return false;
    }
    memcpy(header, c->bytes + *at, sizeof(*header));
    if (header->size < CONTROL_HEADER || header->size > c->size - *at) {
        return false;
    }
    *data = c->bytes + *at + CONTROL_HEADER;
    *at += (uint32_t)u64_min(align_up(header->size, CONTROL_ALIGN), c->size - *at);
    return true;
}

/* ---- The rest of a file ---- */

static uint32_t file_op_poll(struct file *f, struct event_watch *w)
{
    struct socket *s = socket_from(f);
    return s->ops->poll(s, w);
}

// What the family knows, else what all sockets do.
static status_t ioctl_other(struct socket *s, uint32_t request, vaddr_t argument, int64_t *result)
{
    status_t status =
        s->ops->ioctl == NULL ? ERR_NOTTY : s->ops->ioctl(s, request, argument, result);
    if (status == ERR_NOTTY && common_ioctl != NULL) {
        status = common_ioctl(request, argument, result);
    }
    return status;
}

static status_t file_op_ioctl(struct file *f, uint32_t request, vaddr_t argument, int64_t *result)
{
    struct socket *s = socket_from(f);
    if (request != ABI_FIONREAD || s->ops->readable == NULL) {
        return ioctl_other(s, request, argument, result);
    }
    if (s->ops->is_listening(s)) {
        return ERR_INVAL;
    }
    int32_t count = (int32_t)s->ops->readable(s);
    *result = 0;
    return arch_copy_to_user(argument, &count, sizeof(count)) == 0 ? OK : ERR_FAULT;
}

static status_t file_op_stat(struct file *f, struct abi_stat *out)
{
    *out = (struct abi_stat){.inode = f->object.id.raw,
                             .mode = ABI_S_IFSOCK | 0777,
                             .links = 1,
                             .block_size = PAGE_SIZE};
    return OK;
}

static void file_op_closed(struct file *f, [[maybe_unused]] const struct handle_table *t)
{
    handle_goes(f);
}

static void file_op_last_handle(struct file *f)
{
    struct socket *s = socket_from(f);
    s->ops->close(s);
}

static void file_op_release(struct file *f)
{
    struct socket *s = socket_from(f);
    s->ops->close(s);
    s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
    .kind = "socket",
    .release = file_op_release,
    .last_handle = file_op_last_handle,
    .closed = file_op_closed,
    .read = file_op_read,
    .write = file_op_write,
    .poll = file_op_poll,
    .ioctl = file_op_ioctl,
    .stat = file_op_stat,
};
