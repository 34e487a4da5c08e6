// SPDX-License-Identifier: Apache-2.0
/* Memory for the machine's lists, where many segments are missing. */
#include "kernel/mm/heap.h"
#include "kernel/net/tcp_priv.h"

static void grow(struct tcp_socket *s, enum tcp_list list) REQUIRES(s -> inet.lock)
{
    void *memory;
    size_t size = tcp_list_wants(&s->machine, list);
    if (size == 0 || tcp_memory_is_short() || heap_alloc(size, &memory) != OK) {
        return; // some segments will be sent again needlessly
    }
    heap_free(tcp_list_lend(&s->machine, list, memory, size));
    s->lent[list] = (uint32_t)size;
}

void tcp_lists_grow(struct tcp_socket *s)
{
    grow(s, TCP_LIST_FLIGHT);
    grow(s, TCP_LIST_RECEIVED);
}

static void take_back(struct tcp_socket *s, enum tcp_list list) REQUIRES(s -> inet.lock)
{
    if (s->lent[list] != 0) {
        s->lent[list] = 0;
        heap_free(tcp_list_lend(&s->machine, list, NULL, 0));
    }
}

void tcp_lists_take_back(struct tcp_socket *s)
{
    take_back(s, TCP_LIST_FLIGHT);
    take_back(s, TCP_LIST_RECEIVED);
}
