// SPDX-License-Identifier: Apache-2.0
#include "kernel/vfs/names.h"

#include <stdatomic.h>

#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/vfs/path.h"
#include "lib/base/string.h"
#include "lib/fs/path.h"

enum {
    PAGES_PER_NAME = 4, // of RAM: a full cache takes about half a percent of it
    NAMES_MIN = 256,
    NAMES_PER_CHAIN = 2,
    NAMES_PER_PAGE = 32, // what freeing a page takes, roughly
};

struct name {
    struct name *next;         // [chain lock]
    struct vnode *vnode;       // [chain lock] holds a reference; NULL: the name is free
    uint64_t directory;        // [I] its id
    const struct mount *mount; // [I] the directory's
    uint32_t hash;             // [I]
    _Atomic bool was_used;     // [a] since the hand came by
    uint8_t len;               // [I]
    uint8_t text[];            // [I]
};

struct chain {
    struct spinlock lock;
    struct name *first; // [l]
};

static struct {
    struct chain *chains;  // [I]
    uint32_t mask;         // [I] number of chains less one
    size_t limit;          // [I]
    _Atomic size_t count;  // [a] names in all chains
    _Atomic uint32_t hand; // [a] chain that gives way next
    struct page_shrinker shrinker;
} names;

static struct chain *chain_of(uint64_t directory, uint32_t hash)
{
    uint64_t mixed = (hash ^ directory * 0x9e3779b97f4a7c15ull) * 0x9e3779b97f4a7c15ull;
    return &names.chains[(mixed >> 32) & names.mask];
}

static bool is_name(const struct name *n, uint64_t directory, struct span text, uint32_t hash)
{
    return n->hash == hash && n->directory == directory && n->len == text.size &&
           words_equal(n->text, text.data, text.size);
}

enum names_answer names_find(const struct vnode *dir, struct span text, uint32_t hash,
                             struct vnode **out)
{
    struct chain *c = chain_of(dir->id, hash);
    enum names_answer answer = NAMES_UNKNOWN;
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    for (struct name *n = c->first; n != NULL; n = n->next) {
        if (is_name(n, dir->id, text, hash)) {
            atomic_store_explicit(&n->was_used, true, memory_order_relaxed);
            answer = NAMES_ABSENT;
            if (n->vnode != NULL) {
                vnode_ref(n->vnode);
                *out = n->vnode;
                answer = NAMES_FOUND;
            }
            break;
        }
    }
    spin_unlock_irqrestore(&c->lock, flags);
    return answer;
}

/* ---- Walking ---- */

// What is seen at `v`: the root of what is mounted there, or itself; NULL: that takes more than looking.
// The chain that led here is locked: the mount stays until that is over (names_settle), and who ends
// it and looks whether it is used comes by the chain first, and so sees a reference taken now.
static struct vnode *seen_at(struct vnode *v)
{
    const struct mount *m = atomic_load_explicit(&v->covered_by, memory_order_acquire);
    if (LIKELY(m == NULL)) {
        return v;
    }
    bool is_plain = !atomic_load_explicit(&m->is_ending, memory_order_relaxed) &&
                    atomic_load_explicit(&m->root->covered_by, memory_order_relaxed) == NULL;
    return is_plain ? m->root : NULL;
}

static struct vnode *vnode_of_locked(struct chain *c, uint64_t directory, struct span text,
                                     uint32_t hash) REQUIRES(c -> lock)
{
    struct name *n = c->first;
    while (n != NULL && !is_name(n, directory, text, hash)) {
        n = n->next;
    }
    if (n == NULL) {
        return NULL;
    }
    atomic_store_explicit(&n->was_used, true, memory_order_relaxed);
    return n->vnode;
}

// One step: true to go on with *directory; else *out has a reference, or is NULL.
static bool walk_step(const struct cred *who, struct span name, bool is_last, uint64_t *directory,
                      struct vnode **out)
{
    uint32_t hash = names_hash(name);
    struct chain *c = chain_of(*directory, hash);
    bool goes_on = false;
    spin_lock(&c->lock);
    struct vnode *v = vnode_of_locked(c, *directory, name, hash);
    v = LIKELY(v != NULL) ? seen_at(v) : NULL;
    if (v != NULL && is_last && v->type != VNODE_LINK) {
        vnode_ref(v);
        *out = v;
    } else if (v != NULL && !is_last) {
        *directory = v->id;
        goes_on = v->type == VNODE_DIRECTORY && vnode_may_search(v, who);
    }
    spin_unlock(&c->lock);
    return goes_on;
}

struct vnode *names_walk(uint64_t directory, const struct cred *who, struct span path)
{
    struct vnode *found = NULL;
    struct span name;
    irqflags_t flags = arch_irq_save();
    while (path_next(&path, &name) && name.size <= NAME_MAX_BYTES && !path_name_is_dots(name) &&
           walk_step(who, name, path.size == 0, &directory, &found)) {
    }
    arch_irq_restore(flags);
    return found;
}

void names_settle(void)
{
    for (size_t i = 0; i <= names.mask; i++) {
        struct chain *c = &names.chains[i];
        irqflags_t flags = spin_lock_irqsave(&c->lock);
        spin_unlock_irqrestore(&c->lock, flags);
        thread_preempt_point();
    }
}

/* ---- Leaving ---- */

static void free_name(struct name *n)
{
    if (n->vnode != NULL) {
        vnode_unref_later(n->vnode);
    }
    heap_free(n);
    atomic_fetch_sub_explicit(&names.count, 1, memory_order_relaxed);
}

// Takes off a chain what `leaves` says, or for NULL what had its second chance; at most `most`.
static struct name *take_locked(struct chain *c, bool (*leaves)(const void *, const struct name *),
                                const void *context, size_t most) REQUIRES(c -> lock)
{
    struct name *taken = NULL;
    struct name **link = &c->first;
    while (*link != NULL && most > 0) {
        struct name *n = *link;
        bool goes = leaves != NULL
                        ? leaves(context, n)
                        : !atomic_exchange_explicit(&n->was_used, false, memory_order_relaxed);
        if (goes) {
            *link = n->next;
            n->next = taken;
            taken = n;
            most--;
        } else {
            link = &n->next;
        }
    }
    return taken;
}

static size_t free_taken(struct name *taken)
{
    size_t count = 0;
    while (taken != NULL) {
        struct name *next = taken->next;
        free_name(taken);
        taken = next;
        count++;
    }
    return count;
}

// Moves the hand until `wanted` names have left or it came round twice.  Tries locks only.
static size_t evict(size_t wanted)
{
    size_t done = 0;
    for (size_t i = 0; i < 2 * ((size_t)names.mask + 1) && done < wanted; i++) {
        uint32_t at = atomic_fetch_add_explicit(&names.hand, 1, memory_order_relaxed) & names.mask;
        struct chain *c = &names.chains[at];
        struct name *taken = NULL;
        irqflags_t flags = arch_irq_save();
        if (spin_try_lock(&c->lock)) {
            taken = take_locked(c, NULL, NULL, wanted - done);
            spin_unlock(&c->lock);
        }
        arch_irq_restore(flags);
        done += free_taken(taken);
    }
    return done;
}

static size_t shrink(size_t pages)
{
    return evict(pages * NAMES_PER_PAGE) / NAMES_PER_PAGE;
}

struct key {
    uint64_t directory;
    struct span text;
    uint32_t hash;
};

static bool has_key(const void *context, const struct name *n)
{
    const struct key *k = context;
    return is_name(n, k->directory, k->text, k->hash);
}

static bool is_of_mount(const void *context, const struct name *n)
{
    return n->mount == context;
}

void names_forget(struct vnode *dir, struct span text)
{
    struct key key = {.directory = dir->id, .text = text, .hash = names_hash(text)};
    struct chain *c = chain_of(key.directory, key.hash);
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    struct name *taken = take_locked(c, has_key, &key, 1);
    spin_unlock_irqrestore(&c->lock, flags);
    free_taken(taken);
}

void names_forget_mount(const struct mount *m)
{
    for (size_t i = 0; i <= names.mask; i++) {
        struct chain *c = &names.chains[i];
        irqflags_t flags = spin_lock_irqsave(&c->lock);
        struct name *taken = take_locked(c, is_of_mount, m, SIZE_MAX);
        spin_unlock_irqrestore(&c->lock, flags);
        free_taken(taken);
        thread_preempt_point();
    }
}

/* ---- Coming ---- */

static struct name *make_name(const struct vnode *dir, const struct key *key, struct vnode *child)
{
    void *memory;
    if (heap_alloc(sizeof(struct name) + key->text.size, &memory) != OK) {
        return NULL;
    }
    struct name *n = memory;
    n->directory = key->directory;
    n->mount = dir->mount;
    n->hash = key->hash;
    n->len = (uint8_t)key->text.size;
    atomic_init(&n->was_used, true);
    memcpy(n->text, key->text.data, key->text.size);
    n->vnode = child;
    if (child != NULL) {
        vnode_ref(child);
    }
    return n;
}

void names_enter(struct vnode *dir, struct span text, struct vnode *child)
{
    struct key key = {.directory = dir->id, .text = text, .hash = names_hash(text)};
    struct chain *c = chain_of(key.directory, key.hash);
    struct name *n = make_name(dir, &key, child);
    irqflags_t flags = spin_lock_irqsave(&c->lock);
    struct name *taken = take_locked(c, has_key, &key, 1);
    if (n != NULL) {
        n->next = c->first;
        c->first = n;
    }
    spin_unlock_irqrestore(&c->lock, flags);
    free_taken(taken);
    if (n != NULL &&
        atomic_fetch_add_explicit(&names.count, 1, memory_order_relaxed) >= names.limit) {
        evict(1);
    }
}

size_t names_count(void)
{
    return atomic_load_explicit(&names.count, memory_order_relaxed);
}

void names_init(void)
{
    struct page_stats pages;
    page_stats(&pages);
    names.limit = u64_max(pages.total_pages / PAGES_PER_NAME, NAMES_MIN);
    // A power of two, and no more than one block of the heap.
    size_t chains = 1ull << log2_floor(u64_min(names.limit / NAMES_PER_CHAIN, 1u << 17));
    void *memory;
    if (heap_alloc_array(chains, sizeof(struct chain), &memory) != OK) {
        panic("no memory for the cache of names");
    }
    names.chains = memory;
    names.mask = (uint32_t)chains - 1;
    for (size_t i = 0; i < chains; i++) {
        spin_init(&names.chains[i].lock, "names", RANK_NAMES);
    }
    names.shrinker.shrink = shrink;
    page_add_shrinker(&names.shrinker);
}
