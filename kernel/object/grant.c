// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/grant.h"

#include "kernel/mm/heap.h"
#include "lib/base/bits.h"

_Atomic uint32_t grant_epoch;

/* ---- Grants ---- */

static void destroy_boot_grant(struct object *o)
{
    (void)o; // its storage is the kernel's
}

static const struct object_ops boot_ops = {.name = "grant", .destroy = destroy_boot_grant};

// What everything is derived from; there from the first set on.
static struct grant boot_grants[SWOS_GRANT_COUNT];

static void destroy_derived(struct object *o)
{
    grant_fini(grant_of(o));
    heap_free(grant_of(o));
}

static const struct object_ops derived_ops = {.name = "grant", .destroy = destroy_derived};

bool grant_is_valid(const struct grant *g)
{
    for (; g != NULL; g = g->parent) {
        if (atomic_load_explicit(&g->is_revoked, memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

status_t grant_init(struct grant *g, struct grant *parent, const struct object_ops *ops)
{
    if (parent->depth + 1 > GRANT_DEPTH_MAX || !grant_is_valid(parent)) {
        return ERR_PERM;
    }
    object_init(&g->object, OBJECT_GRANT, ops);
    object_ref(&parent->object);
    g->kind = parent->kind;
    g->depth = parent->depth + 1;
    g->parent = parent;
    atomic_init(&g->is_revoked, false);
    return OK;
}

void grant_fini(struct grant *g)
{
    grant_unref(g->parent);
}

status_t grant_derive(struct grant *parent, struct grant **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct grant), &memory);
    if (status != OK) {
        return status;
    }
    status = grant_init(memory, parent, &derived_ops);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    *out = memory;
    return OK;
}

void grant_revoke(struct grant *g)
{
    atomic_store_explicit(&g->is_revoked, true, memory_order_release);
    // Who sees the new epoch sees the flag: release here, acquire in grant_set_has and sweep.
    atomic_fetch_add_explicit(&grant_epoch, 1, memory_order_release);
}

/* ---- Sets ---- */

void grant_set_init(struct grant_set *s)
{
    spin_init(&s->lock, "grants", RANK_OBJECT);
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        s->held[kind] = NULL;
    }
    atomic_init(&s->mask, 0);
    atomic_init(&s->epoch, atomic_load_explicit(&grant_epoch, memory_order_acquire));
}

// Gives what was there; its reference is the caller's to drop.
static struct grant *put_locked(struct grant_set *s, enum swos_grant kind, struct grant *g)
    REQUIRES(s -> lock)
{
    uint32_t mask = atomic_load_explicit(&s->mask, memory_order_relaxed);
    struct grant *old = s->held[kind];
    s->held[kind] = g;
    mask = g != NULL ? mask | 1u << kind : mask & ~(1u << kind);
    atomic_store_explicit(&s->mask, mask, memory_order_relaxed);
    return old;
}

void grant_set_init_all(struct grant_set *s)
{
    grant_set_init(s);
    spin_lock(&s->lock);
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        struct grant *g = &boot_grants[kind];
        if (g->object.ops == NULL) {
            object_init(&g->object, OBJECT_GRANT, &boot_ops); // a reference for ever
            g->kind = kind;
        }
        object_ref(&g->object);
        put_locked(s, kind, g);
    }
    spin_unlock(&s->lock);
}

static void drop(struct grant *g)
{
    if (g != NULL) {
        grant_unref(g);
    }
}

void grant_set_keep(struct grant_set *s, uint32_t mask)
{
    struct grant *dropped[SWOS_GRANT_COUNT] = {};
    spin_lock(&s->lock);
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        if ((mask & 1u << kind) == 0) {
            dropped[kind] = put_locked(s, kind, NULL);
        }
    }
    spin_unlock(&s->lock);
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        drop(dropped[kind]);
    }
}

void grant_set_fini(struct grant_set *s)
{
    grant_set_keep(s, 0);
}

// Takes out what was revoked, and remembers as of when nothing else was.
static void sweep_locked(struct grant_set *s) REQUIRES(s -> lock)
{
    uint32_t epoch = atomic_load_explicit(&grant_epoch, memory_order_acquire);
    if (epoch == atomic_load_explicit(&s->epoch, memory_order_relaxed)) {
        return;
    }
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        if (s->held[kind] != NULL && !grant_is_valid(s->held[kind])) {
            grant_unref(put_locked(s, kind, NULL)); // its end is a worker's
        }
    }
    // After the mask: who reads this epoch reads that mask, or a later one.
    atomic_store_explicit(&s->epoch, epoch, memory_order_release);
}

bool grant_set_sweep(struct grant_set *s, uint32_t mask)
{
    return (mask & ~grant_set_mask(s)) == 0;
}

uint32_t grant_set_mask(struct grant_set *s)
{
    spin_lock(&s->lock);
    sweep_locked(s);
    uint32_t mask = atomic_load_explicit(&s->mask, memory_order_relaxed);
    spin_unlock(&s->lock);
    return mask;
}

status_t grant_set_get(struct grant_set *s, enum swos_grant kind, struct grant **out)
{
    spin_lock(&s->lock);
    sweep_locked(s);
    struct grant *g = s->held[kind];
    if (g != NULL) {
        object_ref(&g->object);
        *out = g;
    }
    spin_unlock(&s->lock);
    return g != NULL ? OK : ERR_PERM;
}

status_t grant_set_adopt(struct grant_set *s, struct grant *g)
{
    object_ref(&g->object);
    spin_lock(&s->lock);
    // Should it be revoked from here on, the next look at the set sweeps.
    bool is_valid = grant_is_valid(g);
    struct grant *old = is_valid ? put_locked(s, g->kind, g) : g;
    spin_unlock(&s->lock);
    drop(old);
    return is_valid ? OK : ERR_PERM;
}

void grant_set_copy(struct grant_set *from, uint32_t mask, struct grant_set *to)
{
    uint32_t copied = 0;
    spin_lock(&from->lock);
    sweep_locked(from);
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        struct grant *g = from->held[kind];
        if ((mask & 1u << kind) != 0 && g != NULL) {
            object_ref(&g->object);
            to->held[kind] = g;
            copied |= 1u << kind;
        }
    }
    spin_unlock(&from->lock);
    // What is revoked from here on is swept from `to` as well: its epoch is no later than this sweep.
    atomic_store_explicit(&to->mask, copied, memory_order_relaxed);
}
