// SPDX-License-Identifier: Apache-2.0
/* Sockets: making, naming, connecting them, and their options. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/arch/arch.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/publish.h"
#include "kernel/syscall/socket_call.h"
#include "lib/base/bits.h"

enum {
    SOCKET_RIGHTS = SWIFTOS_RIGHT_LISTEN | SWIFTOS_RIGHT_CONNECT,
    TYPE_FLAGS = ABI_SOCK_NONBLOCK | ABI_SOCK_CLOEXEC,
};

/* ---- Addresses ---- */

status_t socket_address_from_user(struct socket_address *out, vaddr_t address, uint32_t size)
{
    *out = (struct socket_address){.size = size};
    if (size < sizeof(out->family) || size > sizeof(out->bytes)) {
        return ERR_INVAL;
    }
    return arch_copy_from_user(out->bytes, address, size) == 0 ? OK : ERR_FAULT;
}

status_t socket_address_put(const struct socket_address *a, vaddr_t address, uint32_t room)
{
    size_t n = u64_min(room, a->size);
    return arch_copy_to_user(address, a->bytes, n) == 0 ? OK : ERR_FAULT;
}

status_t socket_address_to_user(const struct socket_address *a, vaddr_t address, vaddr_t size)
{
    int32_t room;
    if (arch_copy_from_user(&room, size, sizeof(room)) != 0) {
        return ERR_FAULT;
    }
    if (room < 0) {
        return ERR_INVAL;
    }
    status_t status = socket_address_put(a, address, (uint32_t)room);
    if (status == OK && arch_copy_to_user(size, &a->size, sizeof(a->size)) != 0) {
        status = ERR_FAULT;
    }
    return status;
}

/* ---- Making ---- */

// Processes of this machine meet at paths and by handles, which say who may; any other family reaches out.
static bool may_use(int32_t family)
{
    return family == ABI_AF_UNIX ||
           grant_set_has(&process_current()->grants, 1u << SWOS_GRANT_NETWORK);
}

int64_t sys_socket(int32_t family, int32_t type, int32_t protocol)
{
    struct socket *s;
    uint32_t flags = (uint32_t)type & ~(uint32_t)ABI_SOCK_TYPE_MASK;
    if (!may_use(family)) {
        return ERR_PERM;
    }
    if ((flags & ~(uint32_t)TYPE_FLAGS) != 0) {
        return ERR_INVAL;
    }
    status_t status =
        socket_create((uint32_t)family, (uint32_t)type & ABI_SOCK_TYPE_MASK, (uint32_t)protocol,
                      (flags & ABI_SOCK_NONBLOCK) != 0 ? FILE_NONBLOCK : 0, &s);
    return status == OK ? publish_file(&s->file, file_rights(&s->file) | SOCKET_RIGHTS, flags)
                        : status;
}

int64_t sys_socketpair(int32_t family, int32_t type, int32_t protocol, vaddr_t handles)
{
    struct socket *pair[2];
    uint32_t flags = (uint32_t)type & ~(uint32_t)ABI_SOCK_TYPE_MASK;
    if ((flags & ~(uint32_t)TYPE_FLAGS) != 0) {
        return ERR_INVAL;
    }
    status_t status = socket_create_pair(
        (uint32_t)family, (uint32_t)type & ABI_SOCK_TYPE_MASK, (uint32_t)protocol,
        (flags & ABI_SOCK_NONBLOCK) != 0 ? FILE_NONBLOCK : 0, pair);
    return status == OK
               ? publish_pair(&pair[0]->file, &pair[1]->file, SOCKET_RIGHTS, flags, handles)
               : status;
}

/* ---- Naming and connecting ---- */

int64_t sys_bind(struct file *socket, vaddr_t address, uint32_t size)
{
    struct socket_address a;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    status_t status = socket_address_from_user(&a, address, size);
    if (status != OK) {
        return status;
    }
    return s->ops->bind == NULL ? ERR_NOTSUP : s->ops->bind(s, &a);
}

int64_t sys_listen(struct file *socket, int32_t backlog)
{
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    return s->ops->listen == NULL ? ERR_NOTSUP
                                  : s->ops->listen(s, backlog < 0 ? 0 : (uint32_t)backlog);
}

int64_t sys_connect(struct file *socket, vaddr_t address, uint32_t size)
{
    struct socket_address a;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    status_t status = socket_address_from_user(&a, address, size);
    if (status != OK) {
        return status;
    }
    struct socket_wait w = socket_wait_for(s, 0, SOCKET_SENDS);
    return s->ops->connect == NULL ? ERR_NOTSUP : s->ops->connect(s, &a, &w);
}

static status_t tell_peer(struct socket *s, vaddr_t address, vaddr_t size)
{
    struct socket_address a = {.size = 0};
    if (address == 0) {
        return OK;
    }
    status_t status = s->ops->peer_name(s, &a);
    if (status == ERR_NOTCONN) {
        return ERR_CONNABORTED;
    }
    return status == OK ? socket_address_to_user(&a, address, size) : status;
}

static int64_t accept_into(struct socket *s, handle_t h, vaddr_t address, vaddr_t size,
                           uint32_t flags)
{
    struct handle_table *t = process_current()->handles;
    struct socket *new;
    struct socket_wait w = socket_wait_for(s, 0, SOCKET_RECEIVES);
    status_t status = s->ops->accept(s, &w, &new);
    if (status != OK) {
        return status;
    }
    status = tell_peer(new, address, size);
    if (status != OK) {
        socket_unref(new);
        return status;
    }
    // No failure below.
    if ((flags & ABI_SOCK_NONBLOCK) != 0) {
        (void)file_set_flags(&new->file, FILE_NONBLOCK, FILE_NONBLOCK);
    }
    handle_publish(t, h, &new->file.object, file_rights(&new->file) | SOCKET_RIGHTS,
                   (flags & ABI_SOCK_CLOEXEC) != 0 ? HANDLE_CLOEXEC : 0);
    return h;
}

int64_t sys_accept4(struct file *socket, vaddr_t address, vaddr_t size, uint32_t flags)
{
    struct handle_table *t = process_current()->handles;
    handle_t h;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    if ((flags & ~(uint32_t)TYPE_FLAGS) != 0) {
        return ERR_INVAL;
    }
    if (s->ops->accept == NULL) {
        return ERR_NOTSUP;
    }
    // The handle first: a connection that finds no room for one stays where it is.
    status_t status = handle_reserve(t, 0, &h);
    if (status != OK) {
        return status;
    }
    int64_t result = accept_into(s, h, address, size, flags);
    if (result < 0) {
        handle_cancel(t, h);
    }
    return result;
}

int64_t sys_accept(struct file *socket, vaddr_t address, vaddr_t size)
{
    return sys_accept4(socket, address, size, 0);
}

int64_t sys_shutdown(struct file *socket, int32_t how)
{
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    if (s->ops->shutdown == NULL) {
        return ERR_NOTSUP;
    }
    switch (how) {
    case ABI_SHUT_RD: return s->ops->shutdown(s, SOCKET_RECEIVES);
    case ABI_SHUT_WR: return s->ops->shutdown(s, SOCKET_SENDS);
    case ABI_SHUT_RDWR: return s->ops->shutdown(s, SOCKET_RECEIVES | SOCKET_SENDS);
    default: return ERR_INVAL;
    }
}

int64_t sys_getsockname(struct file *socket, vaddr_t address, vaddr_t size)
{
    struct socket_address a = {.size = 0};
    struct socket *s = socket_of(socket);
    status_t status = s == NULL ? ERR_NOTSOCK : s->ops->local_name(s, &a);
    return status == OK ? socket_address_to_user(&a, address, size) : status;
}

int64_t sys_getpeername(struct file *socket, vaddr_t address, vaddr_t size)
{
    struct socket_address a = {.size = 0};
    struct socket *s = socket_of(socket);
    status_t status = s == NULL ? ERR_NOTSOCK : s->ops->peer_name(s, &a);
    return status == OK ? socket_address_to_user(&a, address, size) : status;
}

/* ---- Options ---- */

int64_t sys_getsockopt(struct file *socket, int32_t level, int32_t option, vaddr_t value,
                       vaddr_t size)
{
    uint8_t bytes[SOCKET_OPTION_MAX];
    int32_t room;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    if (arch_copy_from_user(&room, size, sizeof(room)) != 0) {
        return ERR_FAULT;
    }
    if (room < 0) {
        return ERR_INVAL;
    }
    uint32_t n = (uint32_t)u64_min((uint32_t)room, sizeof(bytes));
    status_t status = socket_get_option(s, level, option, bytes, &n);
    if (status != OK) {
        return status;
    }
    bool is_put = arch_copy_to_user(value, bytes, n) == 0 && //
                  arch_copy_to_user(size, &n, sizeof(n)) == 0;
    return is_put ? 0 : ERR_FAULT;
}

int64_t sys_setsockopt(struct file *socket, int32_t level, int32_t option, vaddr_t value,
                       uint32_t size)
{
    uint8_t bytes[SOCKET_OPTION_MAX];
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    uint32_t n = (uint32_t)u64_min(size, sizeof(bytes));
    if (arch_copy_from_user(bytes, value, n) != 0) {
        return ERR_FAULT;
    }
    return socket_set_option(s, level, option, bytes, n);
}
