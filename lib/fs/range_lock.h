// SPDX-License-Identifier: Apache-2.0
/*
 * Record locks of one file: who has locked which bytes.
 *
 * A list in the order of owners' first bytes.  Locks of one owner never overlap, and adjacent ones of
 * one kind are one.  The caller gives the memory: a change needs at most two locks more than there
 * were.
 */
#pragma once

#include "lib/base/list.h"

enum range_lock_kind : uint8_t {
    RANGE_UNLOCKED,
    RANGE_READ,  // shared
    RANGE_WRITE, // exclusive
};

struct range_lock {
    struct list link;
    uint64_t start;
    uint64_t end; // last byte of it
    const void *owner;
    int32_t pid; // carried along
    enum range_lock_kind kind;
};

// The first lock by start that keeps `want` from being given, or NULL.
struct range_lock *range_lock_conflict(const struct list *locks, const struct range_lock *want);

// Makes [want->start, want->end] of want->owner be of want->kind.  `spare` has two unused locks at
// least; what is not used any more is put there.
void range_lock_set(struct list *locks, const struct range_lock *want, struct list *spare);

// Moves all locks of an owner to `spare`.
void range_lock_drop(struct list *locks, const void *owner, struct list *spare);
