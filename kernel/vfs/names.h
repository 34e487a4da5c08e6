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
#include "lib/base/words.h"

void names_init(void); // boot; the size comes from memory

static inline uint32_t names_hash(struct span name)
{
    return (uint32_t)(words_hash(name.data, name.size) >> 32);
}

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

/*
 * The vnode at the end of a relative path, with a reference, if the cache knows every name of it and
 * none is more than a name: no link, no ".." and ".", no slashes at the end, no directory that `who` may
 * not search.  NULL: walk in the ordinary way, which tells what is wrong.
 *
 * Nothing on the way gets a reference.  What a name leads to stays while its chain is locked, and what is
 * mounted there too, because who ends a mount calls names_settle when nothing leads to it any more.  From
 * there on the walk knows the directory's number only, under which nothing is found once the directory
 * is gone.
 */
struct vnode *names_walk(uint64_t directory, const struct cred *who, struct span path);

// Every walk that was in a chain has left it.  Thread context.
void names_settle(void);

size_t names_count(void);
