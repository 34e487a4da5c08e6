// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/loopback.h"

#include "kernel/core/worker.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

enum { SIZE = 64, VERSION_4 = 0x45 };

// What came in through loopback.
static struct {
    struct netif_tap tap;
    _Atomic uint32_t in;
    enum packet_checksum checksum;
    uint16_t segments;
    bool is_told;
    bool was_told; // before it came in
} seen;

static void note(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing)
{
    (void)t;
    if (n == netif_loopback() && !is_outgoing) {
        seen.checksum = p->checksum;
        seen.segments = p->segments;
        seen.was_told = seen.is_told;
        atomic_fetch_add(&seen.in, 1);
    }
}

static void note_freed(struct packet *p)
{
    (void)p;
    seen.is_told = true;
}

static struct netif *begin(void)
{
    if (netif_find(1) == NULL) {
        loopback_init();
    }
    memset(&seen, 0, sizeof(seen));
    seen.tap.packet = note;
    netif_add_tap(&seen.tap);
    return netif_loopback();
}

static void end(void)
{
    worker_flush();
    netif_remove_tap(&seen.tap);
}

// Nothing that any protocol would answer.
static struct packet *make(void)
{
    struct packet *p;
    if (packet_alloc(SIZE, &p) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        return NULL;
    }
    memset(packet_put(p, SIZE), 0, SIZE);
    p->data[0] = VERSION_4;
    return p;
}

TEST(loopback_is_the_first_interface_and_up)
{
    struct netif *n = begin();
    EXPECT_STR(n->name, "lo");
    EXPECT_EQ(n->index, 1);
    EXPECT(netif_next(NULL) == n);
    EXPECT(netif_is_up(n));
    end();
}

TEST(what_is_sent_through_loopback_comes_in)
{
    struct netif *n = begin();
    struct packet *p = make();
    p->freed = note_freed;
    p->checksum = PACKET_SUM_PARTIAL;
    p->segment_size = 10;
    netif_transmit(n, p);
    worker_flush();
    EXPECT_EQ(atomic_load(&seen.in), 1);
    EXPECT_EQ(seen.checksum, PACKET_SUM_VALID);
    EXPECT(seen.segments > 1);
    EXPECT(seen.was_told);
    end();
}

TEST(a_checksum_in_the_packet_is_not_vouched_for)
{
    struct netif *n = begin();
    netif_transmit(n, make());
    worker_flush();
    EXPECT_EQ(atomic_load(&seen.in), 1);
    EXPECT_EQ(seen.checksum, PACKET_SUM_NONE);
    end();
}

TEST(nothing_comes_in_while_the_sender_is_at_it)
{
    struct netif *n = begin();
    struct list packets = LIST_INIT(packets);
    for (unsigned i = 0; i < 200; i++) {
        list_add_tail(&packets, &make()->link);
    }
    struct spinlock lock;
    spin_init(&lock, "sender", RANK_NET_NEIGHBOUR);
    spin_lock(&lock);
    netif_transmit_all(n, &packets);
    spin_unlock(&lock);
    worker_flush();
    EXPECT_EQ(atomic_load(&seen.in), 200);
    end();
}

TEST(what_is_sent_between_begin_and_end_comes_in_at_the_end)
{
    struct netif *n = begin();
    loopback_begin();
    netif_transmit(n, make());
    loopback_begin();
    netif_transmit(n, make());
    loopback_end();
    EXPECT_EQ(atomic_load(&seen.in), 0);
    loopback_end();
    EXPECT_EQ(atomic_load(&seen.in), 2);
    end();
}

TEST(loopback_holds_a_bounded_number_of_packets)
{
    struct netif *n = begin();
    struct list packets = LIST_INIT(packets);
    for (unsigned i = 0; i < 2 * NETIF_QUEUE_MAX; i++) {
        list_add_tail(&packets, &make()->link);
    }
    uint64_t dropped = n->counters.dropped_out;
    netif_transmit_all(n, &packets);
    worker_flush();
    EXPECT_EQ(atomic_load(&seen.in) + (n->counters.dropped_out - dropped), 2 * NETIF_QUEUE_MAX);
    EXPECT(n->counters.dropped_out > dropped);
    end();
}
