// SPDX-License-Identifier: Apache-2.0
/* Lock checking in the release build: nothing, at no cost.  The contract is in the checked form. */
#pragma once

#include "lib/base/attr.h"

struct lock_check {};
struct lock_held {};

enum lock_how { LOCK_ORDERED, LOCK_SECOND_OF_PAIR, LOCK_INNER, LOCK_TRIED };

#define LOCK_CHECK_INIT(lock_name, lock_rank)                                                      \
    {                                                                                              \
    }

static ALWAYS_INLINE void lock_check_init(struct lock_check *c, const char *name, unsigned rank)
{
    (void)c;
    (void)name;
    (void)rank;
}

static ALWAYS_INLINE void lock_check_acquire(struct lock_check *c, enum lock_how how)
{
    (void)c;
    (void)how;
}

static ALWAYS_INLINE void lock_check_release(struct lock_check *c)
{
    (void)c;
}

static ALWAYS_INLINE void lock_check_may_sleep(void)
{}
