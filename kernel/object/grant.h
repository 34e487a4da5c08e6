// SPDX-License-Identifier: Apache-2.0
/*
 * Grants: authority for classes of acts that no handle names (abi/rights.h lists them).  A process
 * holds at most one of a kind, beside its handles and not among their numbers, so that a shell that
 * closes descriptors loses none.  A grant can also be had as a handle (OBJECT_GRANT), to be passed in
 * a message and adopted there.
 *
 *   boot: grant_set_init_all --> first process --fork: all--> spawn: those listed --> ...
 *   grant_derive: a grant below another, that can be revoked alone
 *   grant_revoke: it and all below it are dead, wherever they are held
 *
 * A grant that is limited (to a prefix, to ports) is a struct of its kind with struct grant as first
 * field and operations of its own; who enforces the limit asks grant_set_get for it.
 *
 * Invariants: 1. a set only comes to hold what another set or a handle had; 2. what is revoked is not
 * found in any set; 3. the chain of parents is at most GRANT_DEPTH_MAX long.
 *
 * Locking: a set's lock (RANK_OBJECT, a spinlock) guards its slots; `mask` and `epoch` are atomic, so
 * that a check is two loads while nothing was revoked.  Revoking raises a global epoch, and each set
 * sweeps when it sees that.
 * Lifetimes: a set lies in its process; each slot holds a reference, each grant one on its parent.
 */
#pragma once

#include <stdatomic.h>

#include "abi/rights.h"
#include "kernel/core/spinlock.h"
#include "kernel/object/object.h"

enum { GRANT_DEPTH_MAX = 8, GRANT_ALL = (1 << SWOS_GRANT_COUNT) - 1 };

struct grant {
    struct object object;
    enum swos_grant kind;    // [I]
    uint32_t depth;          // [I] parents above it
    struct grant *parent;    // [I] a reference; NULL: a grant of the boot
    _Atomic bool is_revoked; // [a]
};

struct grant_set {
    struct spinlock lock;
    _Atomic uint32_t mask;                // [a] kinds held, as 1 << kind; written under lock
    _Atomic uint32_t epoch;               // [a] the global one when mask was last known to be right
    struct grant *held[SWOS_GRANT_COUNT]; // [lock] NULL: none
};

static inline struct grant *grant_of(struct object *o)
{
    return (struct grant *)(void *)o;
}

// A grant of the kind of `parent` below it.  ERR_PERM: revoked, or too deep.  ERR_NOMEM.
status_t grant_derive(struct grant *parent, struct grant **out);

// The same in caller's storage, for kinds with limits: ops->destroy calls grant_fini and frees it.
// Takes a reference on `parent`.  ERR_PERM.
status_t grant_init(struct grant *g, struct grant *parent, const struct object_ops *ops);
void grant_fini(struct grant *g);

void grant_revoke(struct grant *g);
bool grant_is_valid(const struct grant *g);

static inline void grant_unref(struct grant *g)
{
    object_unref(&g->object);
}

// An empty set, and one that holds every grant of the boot: for the first process only.
void grant_set_init(struct grant_set *s);
void grant_set_init_all(struct grant_set *s);

// Drops all: the process ended.
void grant_set_fini(struct grant_set *s);

// Whether the set holds all of `mask` (1 << enum swos_grant), none revoked.
bool grant_set_sweep(struct grant_set *s, uint32_t mask); // the slow half
static inline bool grant_set_has(struct grant_set *s, uint32_t mask);

// The kinds held.
uint32_t grant_set_mask(struct grant_set *s);

// `to` comes to hold those of `mask` that `from` holds (fork: GRANT_ALL).  `to` is nobody's yet.
void grant_set_copy(struct grant_set *from, uint32_t mask, struct grant_set *to);

// The grant of a kind with a reference.  ERR_PERM: not held.
status_t grant_set_get(struct grant_set *s, enum swos_grant kind, struct grant **out);

// The set holds `g` from now on, in place of another of its kind.  Takes no reference of the
// caller's.  ERR_PERM: it is revoked.
status_t grant_set_adopt(struct grant_set *s, struct grant *g);

// Keeps only what `mask` names: logging in, dropping.
void grant_set_keep(struct grant_set *s, uint32_t mask);

extern _Atomic uint32_t grant_epoch; // rises with each revocation

static inline bool grant_set_has(struct grant_set *s, uint32_t mask)
{
    if (UNLIKELY(atomic_load_explicit(&s->epoch, memory_order_relaxed) !=
                 atomic_load_explicit(&grant_epoch, memory_order_acquire))) {
        return grant_set_sweep(s, mask);
    }
    return (mask & ~atomic_load_explicit(&s->mask, memory_order_relaxed)) == 0;
}
