// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/msi.h"

#include "lib/base/bits.h"

static struct list controllers = LIST_INIT(controllers);

void msi_add(struct msi_controller *c)
{
    list_add_tail(&controllers, &c->link);
}

struct msi_controller *msi_find(uint32_t phandle)
{
    list_for_each (node, &controllers) {
        struct msi_controller *c = container_of(node, struct msi_controller, link);
        if (c->phandle == phandle) {
            return c;
        }
    }
    return NULL;
}
