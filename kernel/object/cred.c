// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/cred.h"

#include "kernel/mm/heap.h"

status_t cred_create(uint32_t principal, uint32_t group, uint32_t session, uint32_t caps,
                     struct cred **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct cred), &memory);
    if (status != OK) {
        return status;
    }
    struct cred *c = memory;
    *c = (struct cred){.principal = principal, .group = group, .session = session, .caps = caps};
    refcount_init(&c->refs, 1);
    *out = c;
    return OK;
}

void cred_unref(struct cred *c)
{
    if (refcount_dec(&c->refs)) {
        heap_free(c);
    }
}
