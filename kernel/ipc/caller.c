// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/caller.h"

#include "kernel/mm/heap.h"

static const struct caller_ops *caller;

void caller_set_ops(const struct caller_ops *ops)
{
    caller = ops;
}

struct handle_table *caller_handles(void)
{
    return caller == NULL || caller->handles == NULL ? NULL : caller->handles();
}

void caller_identity(struct caller_identity *out)
{
    *out = (struct caller_identity){0};
    if (caller != NULL && caller->identity != NULL) {
        caller->identity(out);
    }
}

status_t caller_grant(enum swos_grant kind, struct grant **out)
{
    if (caller != NULL && caller->grant != NULL) {
        return caller->grant(kind, out);
    }
    *out = NULL;
    return OK;
}

void caller_mask_swap(uint64_t mask)
{
    if (caller != NULL && caller->mask_swap != NULL) {
        caller->mask_swap(mask);
    }
}

void caller_mask_restore(bool is_interrupted)
{
    if (caller != NULL && caller->mask_restore != NULL) {
        caller->mask_restore(is_interrupted);
    }
}

uint64_t caller_file_limit(void)
{
    return caller == NULL || caller->file_limit == NULL ? UINT64_MAX : caller->file_limit();
}

bool caller_signal_take(uint64_t set, struct abi_signal_record *out)
{
    return caller != NULL && caller->signal_take != NULL && caller->signal_take(set, out);
}

bool caller_signal_is_pending(uint64_t set)
{
    return caller != NULL && caller->signal_is_pending != NULL && caller->signal_is_pending(set);
}

status_t caller_signal_source(struct signal_source **out)
{
    return caller == NULL || caller->signal_source == NULL ? ERR_INVAL : caller->signal_source(out);
}

status_t signal_source_create(struct signal_source **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct signal_source), &memory);
    if (status != OK) {
        return status;
    }
    struct signal_source *s = memory;
    refcount_init(&s->refs, 1);
    event_source_init(&s->events);
    *out = s;
    return OK;
}

void signal_source_unref(struct signal_source *s)
{
    if (refcount_dec(&s->refs)) {
        heap_free(s);
    }
}
