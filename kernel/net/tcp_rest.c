// SPDX-License-Identifier: Apache-2.0
/* TIME-WAIT: records that stand in the table in place of connections that are over. */
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/net/tcp_priv.h"

enum { PAGES_EACH = 2 }; // one record for so many pages of memory, and no more

static _Atomic uint32_t rests; // [a] how many there are

void tcp_rest_replace(struct tcp_socket *s, nsec_t now)
{
    void *memory = NULL;
    struct page_stats stats;
    page_stats(&stats);
    uint32_t count = atomic_fetch_add_explicit(&rests, 1, memory_order_relaxed);
    bool has_place = count < stats.total_pages / PAGES_EACH;
    if (!has_place || heap_alloc(sizeof(struct tcp_rest), &memory) != OK) {
        atomic_fetch_sub_explicit(&rests, 1, memory_order_relaxed);
        return; // its segments are answered by resets then
    }
    struct tcp_rest *r = memory;
    struct tcp_shard *shard = tcp_table_shard(s->entry.hash);
    tcp_entry_init(&r->record.entry, TCP_ENTRY_WAIT, &s->entry.names, s->entry.netif);
    list_init(&r->record.due_link);
    tcp_wait_init(&r->wait, &s->machine);
    spin_lock(&shard->lock);
    tcp_shard_remove(shard, &s->entry);
    tcp_shard_add(shard, &r->record.entry);
    tcp_shard_time(shard, &r->record, TCP_STEP_WAIT, now);
    spin_unlock(&shard->lock);
}

void tcp_rest_remove(struct tcp_shard *shard, struct tcp_rest *r)
{
    tcp_shard_remove(shard, &r->record.entry);
    tcp_shard_untime(&r->record);
    heap_free(r);
    atomic_fetch_sub_explicit(&rests, 1, memory_order_relaxed);
}

bool tcp_rest_input(struct tcp_shard *shard, struct tcp_rest *r, struct tcp_incoming *in)
{
    struct tcp_segment answer;
    nsec_t now = time_now();
    enum tcp_wait_news news = tcp_wait_input(&r->wait, &in->segment, now);
    if (news == TCP_WAIT_REOPEN) {
        tcp_rest_remove(shard, r);
    } else if (news == TCP_WAIT_RENEW) {
        tcp_shard_time(shard, &r->record, TCP_STEP_WAIT, now);
    }
    bool has_answer = news == TCP_WAIT_ANSWER || news == TCP_WAIT_RENEW;
    if (has_answer) {
        tcp_wait_answer(&r->wait, now, &answer);
    }
    spin_unlock(&shard->lock);
    if (has_answer) {
        tcp_send_bare(&in->names, in->netif, &answer);
    }
    return news == TCP_WAIT_REOPEN;
}
