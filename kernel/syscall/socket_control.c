// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/socket_control.h"

#include "kernel/arch/arch.h"
#include "kernel/mm/heap.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    CONTROL_MAX = 16384, // bytes of control data of one message
    HEADER = sizeof(struct abi_cmsghdr),
    ALIGN = 8,
};

// Passing a handle on leaves the sender with its own.
constexpr rights_t NEEDED = SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_TRANSFER;

/* ---- Sending ---- */

static status_t add_handles(struct socket_cargo *c, const uint8_t *data, size_t size)
{
    size_t count = size / sizeof(handle_t);
    if (count > ABI_SCM_MAX_HANDLES - c->count) {
        return ERR_INVAL;
    }
    for (size_t i = 0; i < count; i++) {
        handle_t h;
        memcpy(&h, data + i * sizeof(h), sizeof(h));
        status_t status =
            handle_share(process_current()->handles, h, NEEDED, &c->entries[c->count]);
        if (status != OK) {
            return status;
        }
        c->count++;
    }
    return OK;
}

// Nobody speaks for another.
static status_t set_identity(struct socket_message *m, const uint8_t *data, size_t size)
{
    struct abi_ucred u;
    if (size != sizeof(u)) {
        return ERR_INVAL;
    }
    memcpy(&u, data, sizeof(u));
    caller_identity(&m->identity);
    m->has_identity = true;
    bool is_own = u.pid == m->identity.pid && u.principal == m->identity.principal &&
                  u.group == m->identity.group;
    return is_own ? OK : ERR_PERM;
}

// Of another level: its family's to understand.
static status_t pass_on(const struct abi_cmsghdr *h, const uint8_t *data, struct socket_message *m)
{
    socket_control_add(m, h->level, h->type, data, h->size - HEADER);
    return m->control->is_cut ? ERR_NOBUFS : OK;
}

static status_t read_one(const struct abi_cmsghdr *h, const uint8_t *data, struct socket_message *m)
{
    size_t size = h->size - HEADER;
    if (h->level != ABI_SOL_SOCKET) {
        return pass_on(h, data, m);
    }
    switch (h->type) {
    case ABI_SCM_RIGHTS: return add_handles(m->cargo, data, size);
    case ABI_SCM_CREDENTIALS: return set_identity(m, data, size);
    default: return ERR_INVAL;
    }
}

static status_t read_all(const uint8_t *bytes, size_t size, struct socket_message *m)
{
    size_t at = 0;
    while (size - at >= HEADER) {
        struct abi_cmsghdr h;
        memcpy(&h, bytes + at, sizeof(h));
        if (h.size < HEADER || h.size > size - at) {
            return ERR_INVAL;
        }
        status_t status = read_one(&h, bytes + at + HEADER, m);
        if (status != OK) {
            return status;
        }
        at += u64_min(align_up(h.size, ALIGN), size - at);
    }
    return OK;
}

static status_t create_cargo(size_t control_size, struct socket_cargo **out)
{
    void *memory;
    size_t count = u64_min(control_size / sizeof(handle_t), ABI_SCM_MAX_HANDLES);
    status_t status =
        heap_alloc(sizeof(struct socket_cargo) + count * sizeof(struct handle_entry), &memory);
    if (status == OK) {
        *out = memory;
        (*out)->count = 0;
    }
    return status;
}

status_t socket_control_get(vaddr_t control, uint32_t size, struct socket_message *m)
{
    void *bytes;
    if (size > CONTROL_MAX) {
        return ERR_NOBUFS;
    }
    status_t status = heap_alloc(size, &bytes);
    if (status != OK) {
        return status;
    }
    status =
        arch_copy_from_user(bytes, control, size) == 0 ? create_cargo(size, &m->cargo) : ERR_FAULT;
    if (status == OK) {
        status = read_all(bytes, size, m);
        if (status != OK || m->cargo->count == 0) {
            socket_cargo_drop(m->cargo);
            m->cargo = NULL;
        }
    }
    heap_free(bytes);
    return status;
}

/* ---- Receiving ---- */

// Where control data goes.
struct control {
    vaddr_t at;
    uint32_t left;
    uint32_t used;
};

// A header for `size` bytes of data, which were stored behind it.
static bool put_header(struct control *c, int32_t type, size_t size)
{
    struct abi_cmsghdr h = {
        .size = (uint32_t)(HEADER + size), .level = ABI_SOL_SOCKET, .type = type};
    if (arch_copy_to_user(c->at, &h, sizeof(h)) != 0) {
        return false;
    }
    uint32_t space = (uint32_t)u64_min(align_up(h.size, ALIGN), c->left);
    c->at += space;
    c->left -= space;
    c->used += space;
    return true;
}

static bool put_identity(struct control *c, const struct socket_message *m)
{
    enum { NOBODY = 65534 };
    struct abi_ucred u = {.principal = NOBODY, .group = NOBODY};
    if (m->has_identity) {
        u = (struct abi_ucred){
            .pid = m->identity.pid, .principal = m->identity.principal, .group = m->identity.group};
    }
    return c->left >= HEADER + sizeof(u) && arch_copy_to_user(c->at + HEADER, &u, sizeof(u)) == 0 &&
           put_header(c, ABI_SCM_CREDENTIALS, sizeof(u));
}

// A handle for the entry, its number stored at `at`.
static bool install(const struct handle_entry *e, vaddr_t at, uint32_t flags)
{
    struct handle_table *t = process_current()->handles;
    handle_t h;
    if (handle_reserve(t, 0, &h) != OK) {
        return false;
    }
    if (arch_copy_to_user(at, &h, sizeof(h)) != 0) {
        handle_cancel(t, h);
        return false;
    }
    handle_publish_entry(t, h, e, (flags & ABI_MSG_CMSG_CLOEXEC) != 0 ? HANDLE_CLOEXEC : 0);
    return true;
}

// False: not all of them.
static bool put_handles(struct control *c, struct socket_message *m)
{
    struct socket_cargo *cargo = m->cargo;
    size_t room = c->left > HEADER ? (c->left - HEADER) / sizeof(handle_t) : 0;
    uint32_t done = 0;
    while (done < u64_min(cargo->count, room) &&
           install(&cargo->entries[done], c->at + HEADER + done * sizeof(handle_t), m->flags)) {
        done++;
    }
    bool is_whole = done == cargo->count;
    is_whole = (done == 0 || put_header(c, ABI_SCM_RIGHTS, done * sizeof(handle_t))) && is_whole;
    cargo->count -= done;
    memmove(cargo->entries, cargo->entries + done, cargo->count * sizeof(cargo->entries[0]));
    return is_whole;
}

// What the family added, as far as there is room.  False: not all of it.
static bool put_others(struct control *c, const struct socket_control *others)
{
    uint32_t at = 0;
    uint32_t begin = 0;
    struct abi_cmsghdr h;
    const uint8_t *data;
    while (socket_control_next(others, &at, &h, &data)) {
        uint32_t space = (uint32_t)u64_min(at - begin, c->left);
        if (h.size > c->left || arch_copy_to_user(c->at, others->bytes + begin, space) != 0) {
            return false;
        }
        c->at += space;
        c->left -= space;
        c->used += space;
        begin = at;
    }
    return others == NULL || !others->is_cut;
}

uint32_t socket_control_put(struct socket *s, struct socket_message *m, vaddr_t control,
                            uint32_t size)
{
    struct control c = {.at = control, .left = size};
    bool is_whole = true;
    if (socket_has_option(s, ABI_SO_PASSCRED)) {
        is_whole = put_identity(&c, m);
    }
    is_whole = put_others(&c, m->control) && is_whole;
    if (m->cargo != NULL) {
        is_whole = put_handles(&c, m) && is_whole;
        socket_cargo_drop(m->cargo);
        m->cargo = NULL;
    }
    m->flags_out |= is_whole ? 0 : ABI_MSG_CTRUNC;
    return c.used;
}
