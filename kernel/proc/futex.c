// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/futex.h"

#include "kernel/proc/uthread.h"

void futex_thread_ending(struct uthread *t)
{
    if (t->clear_tid != 0) {
        (void)arch_zero_user(t->clear_tid, sizeof(uint32_t)); // memory that is gone is no matter
        t->clear_tid = 0;
    }
}
