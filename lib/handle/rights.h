// SPDX-License-Identifier: Apache-2.0
/*
 * The algebra of rights, and which grants an account's capability mask names.
 *
 * Sets of rights only ever shrink: whatever is passed on is the intersection of what the giver holds
 * and what is asked for, so asking for SWIFTOS_RIGHT_ALL passes on exactly what is held.
 */
#pragma once

#include "abi/rights.h"
#include "lib/base/types.h"

/*@ predicate within(integer a, integer b) =
        \forall integer i; 0 <= i < 32 && bit(a, i) ==> bit(b, i); */

// What is left of `held` when `wanted` is asked for.
/*@ assigns \nothing;
    ensures no_gain: within(\result, held) && within(\result, wanted);
    ensures no_loss: \forall integer i;
        0 <= i < 32 && bit(held, i) && bit(wanted, i) ==> bit(\result, i); */
static inline rights_t rights_attenuate(rights_t held, rights_t wanted)
{
    return held & wanted;
}

// Whether `held` includes all of `need`.
/*@ assigns \nothing;
    ensures \result ==> within(need, held); */
static inline bool rights_include(rights_t held, rights_t need)
{
    /*@ assert \forall integer i; 0 <= i < 32 ==>
            (bit(need & ~held, i) <==> bit(need, i) && !bit(held, i)); */
    return (need & ~held) == 0;
}

// Rights of a new handle whose object is open for reading, writing, both or neither.
/*@ assigns \nothing;
    ensures \result == SWIFTOS_RIGHT_MASK - (is_readable ? 0 : SWIFTOS_RIGHT_READ) -
        (is_writable ? 0 : SWIFTOS_RIGHT_WRITE); */
static inline rights_t rights_of_access(bool is_readable, bool is_writable)
{
    rights_t rights = SWIFTOS_RIGHT_MASK;
    if (!is_readable) {
        rights &= ~SWIFTOS_RIGHT_READ;
    }
    if (!is_writable) {
        rights &= ~SWIFTOS_RIGHT_WRITE;
    }
    return rights;
}

// The grants (1 << enum swos_grant) that an account with the capability mask `caps` works with.
uint32_t rights_bundle(uint32_t caps);
