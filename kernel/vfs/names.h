// SPDX-License-Identifier: Apache-2.0
/*
 * The cache of names: which vnode a name in a directory leads to, or that it leads nowhere.
 *
 * A hash table of chains.  Entries know their directory by its id, which is never used twice, so a
 * directory that is gone needs no clean-up; they hold a reference on the vnode they lead to.
 * What is full gives way by second chance: a hand goes over the chains and throws out what was not
 * used since it came by last.
 *
 * Invariant: an entry says what the file system would say; so entries of a directory are entered,
 * replaced and forgotten with that directory's lock held.
 *
 * Locking: one spinlock (RANK_NAMES) a chain, taken with interrupts masked because memory may run short
 * in an interrupt.  References on vnodes are left to workers to drop.
 */
#pragma once

#include "kernel/vfs/vnode.h"

void names_init(void); // boot; the size comes from memory

static inline uint32_t names_hash_step(uint32_t hash, uint8_t byte)
{
    return (hash ^ byte) * 0x01000193u;
}

enum : uint32_t { NAMES_HASH_START = 0x811c9dc5u };

uint32_t names_hash(struct span name);

enum names_answer {
    NAMES_UNKNOWN,
    NAMES_ABSENT, // there is no such name
    NAMES_FOUND,  // *out with a reference
};

enum names_answer names_find(const struct vnode *dir, struct span text, uint32_t hash,
                             struct vnode **out);

// `child` NULL: the name is known to be free.  Without memory nothing is kept.
void names_enter(struct vnode *dir, struct span text, struct vnode *child) REQUIRES(dir -> lock);
void names_forget(struct vnode *dir, struct span text) REQUIRES(dir -> lock);

// Forgets all names in directories of a mount.
void names_forget_mount(const struct mount *m);

size_t names_count(void);
