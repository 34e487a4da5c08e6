// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets, whatever their family: a struct file with operations of its family, and what all families
 * have in common: options, time-outs, reading and writing as files do.
 *
 *   socket_create --> family's create --> socket_init --> (bind, listen, connect, ...) through ops
 *   the last handle closes, or the last reference goes: ops->close, once or twice, then ops->release
 *
 * A family says what it has in a struct socket_family and registers it at boot; the operations that it
 * leaves out (NULL) answer ERR_NOTSUP.  User memory is touched by uio only: addresses and options come
 * and go in kernel memory.
 *
 * Handles travel in a struct socket_cargo.  It holds one handle of each object (kernel/object/handle.h)
 * and belongs to exactly one place at a time: the caller, or a message in a queue.
 *
 * Locking: options are atomic.  Operations are called in thread context without locks.
 * Lifetimes: the struct lies first in that of its family, which frees itself in ops->release.
 */
#pragma once

#include "abi/socket.h"
#include "kernel/ipc/caller.h"
#include "kernel/object/file.h"
#include "kernel/object/handle.h"

struct page;
struct socket;

enum {
    SOCKET_BUFFER_DEFAULT = 212992, // bytes, as Linux has it
    SOCKET_BUFFER_MIN = 8192,
    SOCKET_BUFFER_MAX = 1 << 20,
    SOCKET_BACKLOG_MAX = 4096, // SOMAXCONN
    SOCKET_CONTROL_MAX = 320,  // bytes of control data beside handles and identities
    SOCKET_OPTION_MAX = 320,   // bytes of the largest option
};

struct socket_address {
    uint32_t size; // bytes in use, with the family; 0: none
    union {
        uint16_t family;
        uint8_t bytes[ABI_SOCKADDR_MAX];
    };
};

// How long a call may wait.
struct socket_wait {
    bool may_wait;
    nsec_t deadline; // NSEC_NEVER: as long as it takes
};

struct socket_cargo {
    uint32_t count;
    struct handle_entry entries[];
};

// Control data of a family: struct abi_cmsghdr and data, each at a multiple of 8.
struct socket_control {
    uint32_t size; // bytes in use
    bool is_cut;   // some found no room
    alignas(8) uint8_t bytes[SOCKET_CONTROL_MAX];
};

// What goes with the bytes of one call.
struct socket_message {
    uint32_t flags; // MSG_*
    struct socket_wait wait;
    const struct socket_address *to; // send: NULL: where it is connected to
    struct socket_address *from;     // receive: is filled in; NULL: nobody asks
    struct socket_cargo *cargo; // send: taken (set to NULL) once it is on its way; receive: given
    bool wants_cargo;           // receive
    bool has_identity;          // send: `identity` goes along; receive: it came along
    struct caller_identity identity;
    struct socket_control *control; // send: NULL: none; receive: is added to; NULL: nobody asks
    uint32_t flags_out;             // receive: MSG_TRUNC, MSG_EOR
    size_t size;                    // receive: bytes of the message, with those that found no room
};

enum socket_direction : uint32_t { SOCKET_RECEIVES = 1, SOCKET_SENDS = 2 };

struct socket_ops {
    status_t (*bind)(struct socket *s, const struct socket_address *a);
    status_t (*listen)(struct socket *s, uint32_t backlog);
    // The next connection, with a reference.
    status_t (*accept)(struct socket *s, const struct socket_wait *w, struct socket **out);
    status_t (*connect)(struct socket *s, const struct socket_address *a,
                        const struct socket_wait *w);
    // Moves what it can of the uio; an error after some bytes were moved is not reported.  Nothing at all
    // lets go what MSG_MORE held back.
    status_t (*send)(struct socket *s, struct uio *from, struct socket_message *m);
    status_t (*receive)(struct socket *s, struct uio *to, struct socket_message *m);
    // MSG_ERRQUEUE: what went wrong with packets that were sent.  Never waits.
    status_t (*receive_error)(struct socket *s, struct uio *to, struct socket_message *m);
    status_t (*shutdown)(struct socket *s, uint32_t directions); // enum socket_direction
    status_t (*local_name)(struct socket *s, struct socket_address *out);
    status_t (*peer_name)(struct socket *s, struct socket_address *out);
    uint32_t (*poll)(struct socket *s, struct event_watch *w);
    size_t (*readable)(struct socket *s);     // FIONREAD
    status_t (*take_error)(struct socket *s); // SO_ERROR: what is told once
    bool (*is_listening)(struct socket *s);
    status_t (*peer_identity)(struct socket *s, struct caller_identity *out); // SO_PEERCRED
    void (*options_changed)(struct socket *s); // sizes or flags of the socket
    // Sends `size` bytes from `offset` in the first of the pages on, all of them or none, without a copy:
    // takes over a reference on each page, but when it fails.  NULL: they have to be copied.
    status_t (*send_pages)(struct socket *s, struct page *const *pages, uint32_t offset,
                           uint32_t size, struct socket_message *m);
    // Options and requests that not all families have.  NULL: ERR_NOPROTOOPT, ERR_NOTTY.
    status_t (*get_option)(struct socket *s, int32_t level, int32_t option, void *value,
                           uint32_t *size);
    status_t (*set_option)(struct socket *s, int32_t level, int32_t option, const void *value,
                           uint32_t size);
    status_t (*ioctl)(struct socket *s, uint32_t request, vaddr_t argument, int64_t *result);
    void (*handle_goes)(struct socket *s); // a handle is about to end; others may be left
    void (*close)(struct socket *s);       // nobody can reach it any more; may come twice
    void (*release)(struct socket *s);     // frees it, closed
};

struct socket {
    struct file file;
    const struct socket_ops *ops;   // [I]
    uint16_t family;                // [I]
    uint16_t type;                  // [I]
    uint32_t protocol;              // [I]
    _Atomic uint64_t options;       // [a] those that are on, 1 << number
    _Atomic uint32_t receive_size;  // [a] SO_RCVBUF in bytes
    _Atomic uint32_t send_size;     // [a] SO_SNDBUF in bytes
    _Atomic nsec_t receive_timeout; // [a] 0: none
    _Atomic nsec_t send_timeout;    // [a]
    _Atomic int32_t linger;         // [a] in seconds; below 0: off
    _Atomic uint32_t low_water; // [a] SO_RCVLOWAT: bytes that a reader of a stream wants at least
};

struct socket_family {
    uint16_t family;
    // A socket with a reference.  ERR_SOCKTNOSUPPORT, ERR_PROTONOSUPPORT, ERR_NOMEM.
    status_t (*create)(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out);
    // Two that are connected; NULL: ERR_NOTSUP.
    status_t (*create_pair)(uint32_t type, uint32_t protocol, uint32_t flags,
                            struct socket *out[2]);
};

// Boot.  The description is kept.
void socket_register_family(const struct socket_family *f);

// Boot: requests of ioctl that every socket takes, those about interfaces.  ERR_NOTTY: not known.
void socket_set_ioctl(status_t (*ioctl)(uint32_t request, vaddr_t argument, int64_t *result));

// For families: one reference; `flags` are those of the file beside FILE_READ and FILE_WRITE.
void socket_init(struct socket *s, const struct socket_ops *ops, uint16_t family, uint32_t type,
                 uint32_t flags);

// ERR_AFNOSUPPORT: no such family; else what the family says.
status_t socket_create(uint32_t family, uint32_t type, uint32_t protocol, uint32_t flags,
                       struct socket **out);
status_t socket_create_pair(uint32_t family, uint32_t type, uint32_t protocol, uint32_t flags,
                            struct socket *out[2]);

// NULL: the file is none.
struct socket *socket_of(struct file *f);

static inline void socket_unref(struct socket *s)
{
    file_unref(&s->file);
}

// How long a call with these flags (MSG_DONTWAIT) may wait in that direction.
struct socket_wait socket_wait_for(struct socket *s, uint32_t flags, enum socket_direction d);

static inline bool socket_has_option(const struct socket *s, unsigned option)
{
    return (atomic_load_explicit(&s->options, memory_order_relaxed) >> option & 1) != 0;
}

// The same for who calls from user code: flags that no family knows are refused.
status_t socket_send(struct socket *s, struct uio *from, struct socket_message *m);
status_t socket_receive(struct socket *s, struct uio *to, struct socket_message *m);

// Adds control data for who receives; what finds no room is left out, and is_cut says so.  `m` may have
// no place for it at all.
void socket_control_add(struct socket_message *m, int32_t level, int32_t type, const void *data,
                        size_t size);

// The control data from byte *at on, which is advanced.  False: no more, or not well formed.
bool socket_control_next(const struct socket_control *c, uint32_t *at, struct abi_cmsghdr *header,
                         const uint8_t **data);

// Ends the handles of a cargo that nobody wants, and frees it; NULL is fine.
void socket_cargo_drop(struct socket_cargo *c);

/*
 * Options of level SOL_SOCKET, in kernel memory.  `size` is that of `value`; on return what of it is in
 * use, a value that does not fit being cut.  ERR_NOPROTOOPT, ERR_INVAL, ERR_DOM.
 */
status_t socket_get_option(struct socket *s, int32_t level, int32_t option, void *value,
                           uint32_t *size);
status_t socket_set_option(struct socket *s, int32_t level, int32_t option, const void *value,
                           uint32_t size);
