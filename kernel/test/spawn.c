// SPDX-License-Identifier: Apache-2.0
/* Threads for tests in the kernel's test image. */
#include "kernel/core/test/spawn.h"

#include "kernel/core/time.h"
#include "kernel/mm/kthread.h"

static struct {
    _Atomic unsigned live;            // threads of tests that are not freed yet
    const struct thread_ops *kthread; // what frees them, the same for all
    struct wait_queue all_gone;
} spawned = {.all_gone = WAIT_QUEUE_INIT(spawned.all_gone, "all gone")};

static void reap(struct thread *t)
{
    spawned.kthread->reap(t);
    if (atomic_fetch_sub(&spawned.live, 1) == 1) {
        wait_wake_all(&spawned.all_gone);
    }
}

struct thread *test_spawn_held(const char *name, void (*entry)(void *), void *arg)
{
    static const struct thread_ops ops = {.reap = reap};
    struct thread *t = NULL;
    if (kthread_prepare(name, entry, arg, &t) != OK) {
        return NULL;
    }
    spawned.kthread = t->ops;
    t->ops = &ops;
    atomic_fetch_add(&spawned.live, 1);
    return t;
}

struct thread *test_spawn(const char *name, void (*entry)(void *), void *arg)
{
    struct thread *t = test_spawn_held(name, entry, arg);
    if (t != NULL) {
        thread_start(t);
    }
    return t;
}

void test_join_all(void)
{
    status_t status;
    WAIT_UNTIL(&spawned.all_gone, atomic_load(&spawned.live) == 0, NSEC_NEVER, WAIT_DEFAULT,
               &status);
}

void test_work(nsec_t ns)
{
    for (nsec_t done = 0; done < ns; done += TEST_WORK_CHUNK_NS) {
        nsec_t end = time_now() + TEST_WORK_CHUNK_NS;
        while (time_now() < end) {
            arch_relax();
        }
        thread_preempt_point();
    }
}
