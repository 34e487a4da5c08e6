// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/uthread.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/proc/process.h"
#include "lib/base/string.h"

/* ---- CPUs ---- */

status_t uthread_affinity_create(struct cpu_set **out)
{
    size_t words = align_up(cpu_count(), 64) / 64;
    void *memory;
    status_t status = heap_zalloc(sizeof(**out) + words * sizeof(uint64_t), &memory);
    if (status == OK) {
        struct cpu_set *set = memory;
        *set = (struct cpu_set){.words = words, .bits = (uint64_t *)(set + 1)};
        *out = set;
    }
    return status;
}

static bool has_all(const struct cpu_set *set)
{
    cpu_for_each_online(c)
    {
        if (!cpu_set_has(set, c->index)) {
            return false;
        }
    }
    return true;
}

struct cpu_set *uthread_affinity_reduce(struct cpu_set *set)
{
    if (!has_all(set)) {
        return set;
    }
    heap_free(set);
    return NULL;
}

// A NEW thread may run where its maker may.  The pointer alone says whether there is a set to copy;
// should another thread change it just now, either is right.
static status_t inherit_affinity(struct uthread *u)
{
    struct cpu_set *set;
    struct thread *self = thread_current();
    if (__atomic_load_n(&self->affinity, __ATOMIC_RELAXED) == NULL) {
        return OK;
    }
    status_t status = uthread_affinity_create(&set);
    if (status == OK) {
        thread_get_affinity(self, set);
        status = thread_swap_affinity(&u->thread, uthread_affinity_reduce(set), &set);
        heap_free(set); // none, unless it failed
    }
    return status;
}

/* ---- Threads ---- */

void uthread_destroy(struct uthread *t)
{
    process_unref(t->thread.process);
    kmap_stack_free((void *)t->thread.stack_base);
    heap_free(t->thread.affinity); // nobody sets it any more
    heap_free(t);
}

static void reap(struct thread *t)
{
    uthread_destroy(uthread_of(t));
}

static const struct thread_ops uthread_ops = {.reap = reap};

static void enter_user(void *arg)
{
    const struct uthread *t = uthread_current();
    if (t->set_tid != 0) { // in its own address space; a bad pointer is its own affair
        (void)arch_copy_to_user(t->set_tid, &t->tid, sizeof(t->tid));
    }
    arch_time_user();
    arch_enter_user(arg);
}

status_t uthread_create(struct process *p, const char *name, const struct arch_frame *frame,
                        struct uthread **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct uthread), &memory);
    if (status != OK) {
        return status;
    }
    struct uthread *u = memory;
    void *stack;
    status = kmap_stack_alloc(&stack);
    if (status != OK) {
        heap_free(u);
        return status;
    }
    struct thread *t = &u->thread;
    char *top = (char *)stack + KERNEL_STACK_SIZE;
    struct arch_frame *user_frame = (struct arch_frame *)(void *)(top - sizeof(*frame));
    thread_init(t, name, stack, KERNEL_STACK_SIZE, enter_user, user_frame);
    t->ops = &uthread_ops;
    t->arch.fp = &u->fp;
    t->process = p;
    t->aspace = &p->aspace->arch;
    signal_thread_init(&u->signals);
    thread_inherit_class(t);
    list_init(&u->link);
    process_ref(p);
    *user_frame = *frame;
    status = inherit_affinity(u);
    if (status != OK) {
        uthread_destroy(u);
        return status;
    }
    *out = u;
    return OK;
}
