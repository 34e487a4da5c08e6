// SPDX-License-Identifier: Apache-2.0
/* Waiting on words of user memory. */
#pragma once

struct uthread;

// The current thread ends: the word it was promised is zeroed, and who waits for it woken.
void futex_thread_ending(struct uthread *t);
