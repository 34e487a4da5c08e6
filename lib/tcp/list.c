// SPDX-License-Identifier: Apache-2.0
/* Memory that is lent for what is in flight and what came out of order. */
#include "lib/base/string.h"
#include "lib/tcp/machine_priv.h"

enum {
    GROWTH = 4,
    RUNS_MOST = 1024,
    RANGES_MOST = 1024,
};

size_t tcp_list_wants(const struct tcp *t, enum tcp_list list)
{
    if (list == TCP_LIST_FLIGHT) {
        bool wants = t->run_count > t->run_room / 2 && t->run_room < RUNS_MOST;
        return wants ? u64_min((uint64_t)t->run_room * GROWTH, RUNS_MOST) * sizeof(struct tcp_run)
                     : 0;
    }
    bool wants = t->range_count > t->range_room / 2 && t->range_room < RANGES_MOST;
    return wants ? u64_min((uint64_t)t->range_room * GROWTH, RANGES_MOST) * sizeof(struct tcp_sack)
                 : 0;
}

bool tcp_list_is_short(const struct tcp *t, enum tcp_list list)
{
    return list == TCP_LIST_FLIGHT ? t->run_count <= TCP_RUNS_FEW / 2
                                   : t->range_count <= TCP_RANGES_FEW / 2;
}

static void *lend_runs(struct tcp *t, struct tcp_run *memory, uint16_t room)
{
    struct tcp_run *to = memory != NULL ? memory : t->runs_few;
    void *before = t->runs_lent;
    if (memory != NULL || before != NULL) {
        for (unsigned i = 0; i < t->run_count; i++) {
            to[i] = *tcp_run_at(t, i);
        }
        t->run_first = 0;
        t->run_room = room;
        t->runs_lent = memory;
    }
    return before;
}

static void *lend_ranges(struct tcp *t, struct tcp_sack *memory, uint16_t room)
{
    void *before = t->ranges_lent;
    if (memory != NULL || before != NULL) {
        memcpy(memory != NULL ? memory : t->ranges_few, tcp_ranges(t),
               t->range_count * sizeof(struct tcp_sack));
        t->range_room = room;
        t->ranges_lent = memory;
    }
    return before;
}

// The largest power of two that is not above `count`, nor above `most`.
static uint16_t power_below(size_t count, unsigned most)
{
    return (uint16_t)(1u << log2_floor(u64_min(u64_max(count, 1), most)));
}

void *tcp_list_lend(struct tcp *t, enum tcp_list list, void *memory, size_t size)
{
    bool is_flight = list == TCP_LIST_FLIGHT;
    if (t->state == TCP_CLOSED) {
        t->run_count = is_flight ? 0 : t->run_count;
        t->range_count = is_flight ? t->range_count : 0;
        t->send_unacked = is_flight ? t->send_next : t->send_unacked;
    }
    if (memory == NULL) {
        if (!tcp_list_is_short(t, list)) {
            return NULL;
        }
        return is_flight ? lend_runs(t, NULL, TCP_RUNS_FEW) : lend_ranges(t, NULL, TCP_RANGES_FEW);
    }
    uint16_t room = is_flight ? power_below(size / sizeof(struct tcp_run), RUNS_MOST)
                              : power_below(size / sizeof(struct tcp_sack), RANGES_MOST);
    if (room <= (is_flight ? t->run_room : t->range_room)) {
        return memory; // no more than there is
    }
    return is_flight ? lend_runs(t, memory, room) : lend_ranges(t, memory, room);
}
