// SPDX-License-Identifier: Apache-2.0
/*
 * Names of local sockets: paths, and abstract names, which begin with a NUL and live here only.  Both
 * are found in one table of trees, a path by the node it leads to.
 */
#include "kernel/core/thread.h"
#include "kernel/ipc/unix_priv.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    SHARDS = 16, // a power of two: so many binds and connects do not meet
    FAMILY_SIZE = sizeof(uint16_t),
    AUTO_DIGITS = 5, // of a name that bind chooses
    AUTO_NAMES = 1 << (4 * AUTO_DIGITS),
};

struct shard {
    struct spinlock lock; // RANK_NAMES
    struct rb_root names; // [l]
};

static struct {
    struct shard shards[SHARDS];
    const struct unix_path_ops *paths; // [I] NULL: there are none
    _Atomic uint32_t last_auto;
} names;

void unix_name_init(const struct unix_path_ops *ops)
{
    names.paths = ops;
    for (unsigned i = 0; i < SHARDS; i++) {
        spin_init(&names.shards[i].lock, "names of sockets", RANK_NAMES);
        names.shards[i].names = (struct rb_root){0};
    }
}

/* ---- Names by themselves ---- */

status_t unix_name_create(const struct socket_address *a, struct unix_name **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct unix_name) + a->size, &memory);
    if (status != OK) {
        return status;
    }
    struct unix_name *n = memory;
    *n = (struct unix_name){.size = a->size};
    refcount_init(&n->refs, 1);
    memcpy(n->bytes, a->bytes, a->size);
    *out = n;
    return OK;
}

void unix_name_unref(struct unix_name *n)
{
    if (n != NULL && refcount_dec(&n->refs)) {
        heap_free(n);
    }
}

void unix_name_get(const struct unix_name *n, struct socket_address *out)
{
    out->family = ABI_AF_UNIX;
    out->size = FAMILY_SIZE;
    if (n != NULL) {
        memcpy(out->bytes, n->bytes, n->size);
        out->size = n->size;
    }
}

/* ---- The table ---- */

// What a name is found by.
struct key {
    const void *node;
    struct span bytes;
};

static struct key key_of(const struct unix_name *n)
{
    return (struct key){.node = n->node, .bytes = span_of(n->bytes, n->size)};
}

static int compare(const struct key *a, const struct key *b)
{
    if (a->node != b->node) {
        return (uintptr_t)a->node < (uintptr_t)b->node ? -1 : 1;
    }
    if (a->node != NULL || a->bytes.size != b->bytes.size) {
        return a->node != NULL ? 0 : (a->bytes.size < b->bytes.size ? -1 : 1);
    }
    return memcmp(a->bytes.data, b->bytes.data, a->bytes.size);
}

static struct shard *shard_of(const struct key *k)
{
    uint64_t hash = (uintptr_t)k->node;
    for (size_t i = 0; k->node == NULL && i < k->bytes.size; i++) {
        hash = hash * 31 + k->bytes.data[i];
    }
    return &names.shards[hash * 0x9e3779b97f4a7c15ull >> 60 & (SHARDS - 1)];
}

// The link where the key is, or where it belongs.
static struct rb_node **find_link(struct shard *s, const struct key *k, struct rb_node **parent)
    REQUIRES(s -> lock)
{
    struct rb_node **link = &s->names.node;
    *parent = NULL;
    while (*link != NULL) {
        struct key there = key_of(container_of(*link, struct unix_name, link));
        int order = compare(k, &there);
        if (order == 0) {
            break;
        }
        *parent = *link;
        link = order < 0 ? &(*link)->left : &(*link)->right;
    }
    return link;
}

status_t unix_name_enter(struct unix_name *n, void *node, struct unix_inbox *owner)
{
    struct rb_node *parent;
    n->node = node;
    struct key k = key_of(n);
    struct shard *s = shard_of(&k);
    spin_lock(&s->lock);
    struct rb_node **link = find_link(s, &k, &parent);
    status_t status = *link == NULL ? OK : ERR_ADDRINUSE;
    if (status == OK) {
        rb_insert(&s->names, &n->link, parent, link);
        n->owner = owner;
    } else {
        n->node = NULL;
    }
    spin_unlock(&s->lock);
    return status;
}

void unix_name_remove(struct unix_name *n, const struct unix_inbox *owner)
{
    struct key k = key_of(n);
    struct shard *s = shard_of(&k);
    spin_lock(&s->lock);
    bool was_there = n->owner == owner;
    if (was_there) {
        rb_erase(&s->names, &n->link);
        n->owner = NULL;
    }
    spin_unlock(&s->lock);
    if (was_there && n->node != NULL) {
        names.paths->unref(n->node);
    }
}

static status_t find_key(const struct key *k, struct unix_inbox **out)
{
    struct rb_node *parent;
    struct shard *s = shard_of(k);
    spin_lock(&s->lock);
    struct rb_node **link = find_link(s, k, &parent);
    if (*link != NULL) {
        *out = unix_inbox_ref(container_of(*link, struct unix_name, link)->owner);
    }
    status_t status = *link != NULL ? OK : ERR_CONNREFUSED;
    spin_unlock(&s->lock);
    return status;
}

/* ---- Addresses ---- */

static bool is_abstract(const struct socket_address *a)
{
    return a->size > FAMILY_SIZE && a->bytes[FAMILY_SIZE] == '\0';
}

// The path of an address that is one, which need not end with a NUL.
static struct span path_of_address(const struct socket_address *a)
{
    const char *path = (const char *)a->bytes + FAMILY_SIZE;
    return span_of(path, strnlen(path, a->size - FAMILY_SIZE));
}

status_t unix_address_check(const struct socket_address *a)
{
    bool is_right = a->size >= FAMILY_SIZE && a->size <= sizeof(struct abi_sockaddr_un) &&
                    a->family == ABI_AF_UNIX;
    return is_right ? OK : ERR_INVAL;
}

static status_t find_path(const struct socket_address *a, struct unix_inbox **out)
{
    void *node;
    if (names.paths == NULL) {
        return ERR_NOENT;
    }
    status_t status = names.paths->find(path_of_address(a), &node);
    if (status != OK) {
        return status;
    }
    struct key k = {.node = node};
    status = find_key(&k, out);
    names.paths->unref(node);
    return status;
}

status_t unix_name_find(const struct socket_address *a, struct unix_inbox **out)
{
    status_t status = unix_address_check(a);
    if (status != OK || a->size == FAMILY_SIZE) {
        return ERR_INVAL;
    }
    if (!is_abstract(a)) {
        return find_path(a, out);
    }
    struct key k = {.bytes = span_of(a->bytes, a->size)};
    return find_key(&k, out);
}

/* ---- Binding ---- */

static status_t enter_path(struct unix_name *n, const struct socket_address *a,
                           struct unix_inbox *owner)
{
    void *node;
    if (names.paths == NULL) {
        return ERR_ADDRNOTAVAIL;
    }
    status_t status = names.paths->make(path_of_address(a), &node);
    if (status == OK) {
        status = unix_name_enter(n, node, owner);
        if (status != OK) {
            names.paths->unref(node);
        }
    }
    return status;
}

static void write_hex(uint8_t *out, uint32_t value)
{
    for (unsigned i = AUTO_DIGITS; i-- > 0; value >>= 4) {
        out[i] = (uint8_t)"0123456789abcdef"[value & 15];
    }
}

// An abstract name that nobody has.
static status_t enter_any(struct unix_name *n, struct unix_inbox *owner)
{
    status_t status = ERR_ADDRINUSE;
    for (uint32_t tries = 0; status == ERR_ADDRINUSE && tries < AUTO_NAMES; tries++) {
        write_hex(n->bytes + FAMILY_SIZE + 1, atomic_fetch_add(&names.last_auto, 1));
        status = unix_name_enter(n, NULL, owner);
        thread_preempt_point();
    }
    return status;
}

static status_t enter(struct unix_name *n, const struct socket_address *a, bool is_auto,
                      struct unix_inbox *owner)
{
    if (is_auto) {
        return enter_any(n, owner);
    }
    return is_abstract(a) ? unix_name_enter(n, NULL, owner) : enter_path(n, a, owner);
}

// The address as it is told: a path ends with a NUL where there is room for it.
static struct socket_address complete(const struct socket_address *a)
{
    struct socket_address whole = *a;
    if (a->size == FAMILY_SIZE) {
        whole.size = FAMILY_SIZE + 1 + AUTO_DIGITS;
        whole.bytes[FAMILY_SIZE] = '\0';
    } else if (!is_abstract(a)) {
        size_t end = FAMILY_SIZE + path_of_address(a).size;
        whole.size = (uint32_t)u64_min(end + 1, sizeof(struct abi_sockaddr_un));
        memset(whole.bytes + end, 0, whole.size - end);
    }
    return whole;
}

// Only this gives an inbox its name.  read_lock is held: neither another bind nor close comes between.
static status_t bind_locked(struct unix_inbox *in, const struct socket_address *a)
    REQUIRES(in -> read_lock)
{
    struct unix_name *n;
    if (in->name != NULL || (in->flags & INBOX_GONE) != 0) {
        return ERR_INVAL;
    }
    struct socket_address whole = complete(a);
    status_t status = unix_name_create(&whole, &n);
    if (status != OK) {
        return status;
    }
    status = enter(n, &whole, a->size == FAMILY_SIZE, in);
    if (status != OK) {
        unix_name_unref(n);
        return status;
    }
    spin_lock(&in->lock);
    in->name = n;
    spin_unlock(&in->lock);
    return OK;
}

status_t unix_bind(struct socket *s, const struct socket_address *a)
{
    struct unix_inbox *in = unix_socket_of(s)->inbox;
    status_t status = unix_address_check(a);
    if (status == OK) {
        mutex_lock(&in->read_lock);
        status = bind_locked(in, a);
        mutex_unlock(&in->read_lock);
    }
    return status;
}
