// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/uthread.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/proc/process.h"
#include "lib/base/string.h"

void uthread_destroy(struct uthread *t)
{
    process_unref(t->thread.process);
    kmap_stack_free((void *)t->thread.stack_base);
    heap_free(t->affinity.bits);
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
    list_init(&u->link);
    process_ref(p);
    *user_frame = *frame;
    *out = u;
    return OK;
}

status_t uthread_set_affinity(struct uthread *u, const uint64_t *bits, size_t words)
{
    void *copy;
    status_t status = heap_alloc_array(words, sizeof(*bits), &copy);
    if (status != OK) {
        return status;
    }
    memcpy(copy, bits, words * sizeof(*bits));
    struct cpu_set set = {.words = words, .bits = copy};
    status = thread_set_affinity(&u->thread, &set);
    if (status != OK) {
        heap_free(copy);
        return status;
    }
    struct cpu_set old = u->affinity;
    u->affinity = set;
    // No failure below: the same set, now in its lasting place.
    status = thread_set_affinity(&u->thread, &u->affinity);
    heap_free(old.bits);
    return status;
}
