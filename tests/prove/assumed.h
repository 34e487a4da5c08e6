// SPDX-License-Identifier: Apache-2.0
/*
 * What contracts say about the bits of words, and what they assume and no prover shows: facts about
 * a word of ones, and what the compiler's builtin gives.  make prove reads this in front of each file.
 */
#pragma once

/*@ predicate bit(integer word, integer i) = (word & (1 << i)) != 0;

    axiomatic words {
        axiom ones: \forall integer i; 0 <= i < 64 ==> (0xffffffffffffffff & (1 << i)) != 0;
    } */

/*@ requires x != 0;
    assigns \result \from x;
    ensures 0 <= \result < 64 && (x & (1 << \result)) != 0;
    ensures \forall integer i; 0 <= i < \result ==> (x & (1 << i)) == 0; */
int __builtin_ctzll(unsigned long long x);
