// SPDX-License-Identifier: Apache-2.0
/* What kernel/ipc is told of processes. */
#include "kernel/init/init.h"
#include "kernel/ipc/caller.h"
#include "kernel/ipc/epoll.h"
#include "kernel/proc/process.h"

static struct handle_table *handles(void)
{
    struct process *p = process_current();
    return p == NULL ? NULL : p->handles;
}

static void identity(struct caller_identity *out)
{
    struct process *p = process_current();
    if (p == NULL) {
        return;
    }
    struct cred *c = process_get_cred(p);
    *out = (struct caller_identity){.pid = p->pid, .principal = c->principal, .group = c->group};
    cred_unref(c);
}

static const struct caller_ops caller = {.handles = handles, .identity = identity};

void init_ipc(void)
{
    caller_set_ops(&caller);
    epoll_init();
}
