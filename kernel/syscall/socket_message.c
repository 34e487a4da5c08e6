// SPDX-License-Identifier: Apache-2.0
/* Sending and receiving on sockets, with all that can go along with the bytes. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/arch/arch.h"
#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/socket_call.h"
#include "kernel/syscall/socket_control.h"
#include "kernel/syscall/timespec.h"
#include "kernel/syscall/transfer.h"
#include "lib/base/bits.h"

enum { MESSAGES_MAX = 1024 }; // of one call

/* ---- What a call gives ---- */

static int64_t sent(const struct socket *s, const struct uio *u, size_t before, uint32_t flags,
                    status_t status)
{
    if (u->left != before) {
        return (int64_t)(before - u->left);
    }
    bool tells = s->type != ABI_SOCK_DGRAM && (flags & ABI_MSG_NOSIGNAL) == 0;
    if (status == ERR_PIPE && tells) {
        signal_raise(SIGPIPE);
    }
    return status;
}

// MSG_TRUNC asks for the size of a record rather than for what of it was copied.
static int64_t received(const struct socket *s, const struct uio *u, size_t before,
                        const struct socket_message *m, status_t status)
{
    if (status != OK) {
        return status;
    }
    bool wants_size = s->type != ABI_SOCK_STREAM && (m->flags & ABI_MSG_TRUNC) != 0;
    return (int64_t)(wants_size ? m->size : before - u->left);
}

/* ---- Bytes and an address ---- */

int64_t sys_sendto(struct file *socket, vaddr_t bytes, uint64_t size, uint32_t flags,
                   vaddr_t address, uint32_t address_size)
{
    struct socket_address to;
    struct socket_message m = {.flags = flags};
    struct uio u;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    if (address != 0) {
        status_t status = socket_address_from_user(&to, address, address_size);
        if (status != OK) {
            return status;
        }
        m.to = &to;
    }
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = socket_send(s, &u, &m);
    return sent(s, &u, before, flags, status);
}

int64_t sys_recvfrom(struct file *socket, vaddr_t bytes, uint64_t size, uint32_t flags,
                     vaddr_t address, vaddr_t address_size)
{
    struct socket_address from;
    struct socket_message m = {.flags = flags, .from = address != 0 ? &from : NULL};
    struct uio u;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    uio_init_user(&u, bytes, u64_min(size, TRANSFER_MAX));
    size_t before = u.left;
    status_t status = socket_receive(s, &u, &m);
    if (status == OK && address != 0) {
        status = socket_address_to_user(&from, address, address_size);
    }
    return received(s, &u, before, &m, status);
}

/* ---- Messages ---- */

static status_t get_header(vaddr_t at, struct abi_msghdr *h)
{
    if (arch_copy_from_user(h, at, sizeof(*h)) != 0) {
        return ERR_FAULT;
    }
    bool is_too_many = h->vector_count < 0 || h->vector_count > TRANSFER_SEGMENTS_MAX;
    return is_too_many ? ERR_MSGSIZE : OK;
}

static status_t send_with(struct socket *s, const struct abi_msghdr *h, struct uio *u,
                          uint32_t flags)
{
    struct socket_address to;
    struct socket_control control;
    struct socket_message m = {.flags = flags};
    control.size = 0;
    control.is_cut = false;
    m.control = &control;
    status_t status = OK;
    if (h->name != 0) {
        status = socket_address_from_user(&to, h->name, h->name_size);
        m.to = &to;
    }
    if (status == OK && h->control_size != 0) {
        status = socket_control_get(h->control, h->control_size, &m);
    }
    if (status == OK) {
        status = socket_send(s, u, &m);
        socket_cargo_drop(m.cargo);
    }
    return status;
}

static int64_t send_message(struct socket *s, vaddr_t at, uint32_t flags)
{
    struct abi_msghdr h;
    struct transfer_vector v;
    status_t status = get_header(at, &h);
    if (status == OK) {
        status = transfer_vector_begin(&v, h.vector, h.vector_count);
    }
    if (status != OK) {
        return status;
    }
    v.uio.left = u64_min(v.uio.left, TRANSFER_MAX);
    size_t before = v.uio.left;
    status = send_with(s, &h, &v.uio, flags);
    transfer_vector_end(&v);
    return sent(s, &v.uio, before, flags, status);
}

int64_t sys_sendmsg(struct file *socket, vaddr_t message, uint32_t flags)
{
    struct socket *s = socket_of(socket);
    return s == NULL ? ERR_NOTSOCK : send_message(s, message, flags);
}

// What is told of a message beside its bytes.
static status_t put_header(vaddr_t at, const struct abi_msghdr *h)
{
    bool is_put = arch_copy_to_user(at + offsetof(struct abi_msghdr, name_size), &h->name_size,
                                    sizeof(h->name_size)) == 0 &&
                  arch_copy_to_user(at + offsetof(struct abi_msghdr, control_size),
                                    &h->control_size, sizeof(h->control_size)) == 0 &&
                  arch_copy_to_user(at + offsetof(struct abi_msghdr, flags), &h->flags,
                                    sizeof(h->flags)) == 0;
    return is_put ? OK : ERR_FAULT;
}

static status_t receive_with(struct socket *s, struct abi_msghdr *h, struct uio *u,
                             struct socket_message *m)
{
    struct socket_address from = {.size = 0};
    struct socket_control control;
    control.size = 0;
    control.is_cut = false;
    m->from = h->name != 0 ? &from : NULL;
    m->wants_cargo = h->control_size != 0;
    m->control = h->control_size != 0 ? &control : NULL;
    status_t status = socket_receive(s, u, m);
    if (status != OK) {
        return status;
    }
    uint32_t used = 0;
    if (h->control_size != 0) {
        used = socket_control_put(s, m, h->control, h->control_size);
    }
    if (h->name != 0) {
        status = socket_address_put(&from, h->name, h->name_size);
    }
    h->name_size = h->name != 0 ? from.size : h->name_size;
    h->control_size = used;
    h->flags = m->flags_out | (m->flags & ABI_MSG_CMSG_CLOEXEC);
    return status;
}

static int64_t receive_message(struct socket *s, vaddr_t at, uint32_t flags)
{
    struct abi_msghdr h;
    struct transfer_vector v;
    struct socket_message m = {.flags = flags};
    status_t status = get_header(at, &h);
    if (status == OK) {
        status = transfer_vector_begin(&v, h.vector, h.vector_count);
    }
    if (status != OK) {
        return status;
    }
    v.uio.left = u64_min(v.uio.left, TRANSFER_MAX);
    size_t before = v.uio.left;
    status = receive_with(s, &h, &v.uio, &m);
    transfer_vector_end(&v);
    if (status == OK) {
        status = put_header(at, &h);
    }
    return received(s, &v.uio, before, &m, status);
}

int64_t sys_recvmsg(struct file *socket, vaddr_t message, uint32_t flags)
{
    struct socket *s = socket_of(socket);
    return s == NULL ? ERR_NOTSOCK : receive_message(s, message, flags);
}

/* ---- Several of them ---- */

static status_t put_size(vaddr_t message, int64_t moved)
{
    uint32_t size = (uint32_t)moved;
    vaddr_t at = message + offsetof(struct abi_mmsghdr, size);
    return arch_copy_to_user(at, &size, sizeof(size)) == 0 ? OK : ERR_FAULT;
}

int64_t sys_sendmmsg(struct file *socket, vaddr_t messages, uint32_t count, uint32_t flags)
{
    int64_t result = 0;
    uint32_t done = 0;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    count = (uint32_t)u64_min(count, MESSAGES_MAX);
    while (done < count) {
        vaddr_t at = messages + done * sizeof(struct abi_mmsghdr);
        result = send_message(s, at, flags);
        result = result >= 0 ? put_size(at, result) : result;
        if (result < 0) {
            break;
        }
        done++;
        thread_preempt_point();
    }
    return done != 0 ? done : result;
}

int64_t sys_recvmmsg(struct file *socket, vaddr_t messages, uint32_t count, uint32_t flags,
                     vaddr_t timeout)
{
    nsec_t deadline;
    int64_t result = 0;
    uint32_t done = 0;
    struct socket *s = socket_of(socket);
    if (s == NULL) {
        return ERR_NOTSOCK;
    }
    status_t status = deadline_from_user(timeout, &deadline);
    if (status != OK) {
        return status;
    }
    count = (uint32_t)u64_min(count, MESSAGES_MAX);
    // The time-out is looked at between messages, as Linux does it.
    while (done < count && (done == 0 || deadline == NSEC_NEVER || time_now() < deadline)) {
        vaddr_t at = messages + done * sizeof(struct abi_mmsghdr);
        result = receive_message(s, at, flags);
        result = result >= 0 ? put_size(at, result) : result;
        if (result < 0) {
            break;
        }
        done++;
        flags |= (flags & ABI_MSG_WAITFORONE) != 0 ? ABI_MSG_DONTWAIT : 0;
        thread_preempt_point();
    }
    return done != 0 ? done : result;
}
