// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/inject.h"

#include <inject_hook.h>
#include <stdatomic.h>

#include "kernel/arch/arch.h"

_Atomic bool inject_is_armed; // [a] relaxed: read by its own thread only

// Belongs to the thread that armed it.
static struct {
    struct thread *_Atomic thread; // [a] relaxed
    size_t left;
    bool has_failed;
} inject;

bool inject_fails_now(void)
{
    if (atomic_load_explicit(&inject.thread, memory_order_relaxed) != arch_current() ||
        inject.has_failed) {
        return false;
    }
    inject.has_failed = inject.left == 0;
    inject.left--;
    return inject.has_failed;
}

bool inject_is_available(void)
{
    inject_arm(0);
    (void)inject_fails();
    return inject_disarm();
}

void inject_arm(size_t after)
{
    inject.left = after;
    inject.has_failed = false;
    atomic_store_explicit(&inject.thread, arch_current(), memory_order_relaxed);
    atomic_store_explicit(&inject_is_armed, true, memory_order_relaxed);
}

bool inject_disarm(void)
{
    atomic_store_explicit(&inject_is_armed, false, memory_order_relaxed);
    atomic_store_explicit(&inject.thread, NULL, memory_order_relaxed);
    return inject.has_failed;
}
