// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/uthread.h"

#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/proc/process.h"
#include "lib/base/string.h"

struct uthread {
    struct thread thread;
    struct arch_fp_state fp;
    struct cpu_set affinity; // bits NULL: any CPU
};

void uthread_destroy(struct thread *t)
{
    process_unref(t->process);
    kmap_stack_free((void *)t->stack_base);
    struct uthread *u = container_of(t, struct uthread, thread);
    heap_free(u->affinity.bits);
    heap_free(u);
}

static const struct thread_ops uthread_ops = {.reap = uthread_destroy};

static void enter_user(void *arg)
{
    arch_enter_user(arg);
}

status_t uthread_create(struct process *p, const char *name, const struct arch_frame *frame,
                        struct thread **out)
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
    process_ref(p);
    *user_frame = *frame;
    *out = t;
    return OK;
}

status_t uthread_set_affinity(const uint64_t *bits, size_t words)
{
    struct uthread *u = container_of(thread_current(), struct uthread, thread);
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
