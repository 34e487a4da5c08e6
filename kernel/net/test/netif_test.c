// SPDX-License-Identifier: Apache-2.0
/* Interfaces, with a device that takes as many packets as each test says. */
#include "kernel/net/netif.h"

#include "kernel/core/test/spawn.h"
#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "lib/net/ethernet.h"
#include "tests/harness/test.h"

enum { TYPE = 0x88b5, LINEAR = 64 }; // a type for experiments (IEEE 802)

static struct {
    struct netif netif;
    uint32_t room;
    struct list sent;
    uint32_t made_count;
    uint32_t next_number;
    uint32_t sent_count;
    bool last_more;
    bool is_out_of_order; // numbers that packets begin with
    bool is_inside;       // transmit
    bool was_crowded;     // by two at a time
    bool resume_inside;   // the device has room again before it has said that it has none
    uint32_t filters;
    status_t up_status;
    uint32_t received;
    struct mac_addr from;
    uint32_t changes;
} fake = {.sent = LIST_INIT(fake.sent)};

static const struct mac_addr OURS = {{2, 0, 0, 0, 0, 1}};
static const struct mac_addr OTHERS = {{2, 0, 0, 0, 0, 2}};
static const struct mac_addr GROUP = {{1, 0, 0x5e, 0, 0, 1}};

static bool transmit(struct netif *n, struct packet *p, bool more)
{
    if (fake.room == 0) {
        if (fake.resume_inside) {
            fake.resume_inside = false;
            fake.room = 1;
            netif_resume(n, p->queue);
        }
        return false;
    }
    fake.room--;
    uint32_t number = read_be32(p->data + p->size - sizeof(uint32_t));
    fake.is_out_of_order = fake.is_out_of_order || number < fake.next_number;
    fake.next_number = number + 1;
    fake.sent_count++;
    fake.last_more = more;
    list_add_tail(&fake.sent, &p->link);
    return true;
}

static status_t set_up(struct netif *n, bool is_up)
{
    (void)n;
    (void)is_up;
    return fake.up_status;
}

static void set_filter(struct netif *n)
{
    (void)n;
    fake.filters++;
}

static void receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    (void)n;
    fake.received++;
    fake.from = *from;
    packet_free(p);
}

static void changed(struct netif_listener *l, struct netif *n, enum netif_change what)
{
    (void)l;
    (void)what;
    fake.changes += n == &fake.netif;
}

static const struct netif_ops ops = {
    .transmit = transmit, .set_up = set_up, .set_filter = set_filter};
static const struct netif_protocol protocol = {.type = TYPE, .receive = receive};
static struct netif_listener listener = {.changed = changed};

// The interface lives for ever, as all do.
static struct netif *fresh(uint32_t room)
{
    static bool is_registered;
    struct netif *n = &fake.netif;
    if (!is_registered) {
        is_registered = true;
        n->ops = &ops;
        n->header_size = ETHERNET_HEADER_SIZE;
        n->mtu = 1500;
        n->mtu_max = 1500;
        n->mac = OURS;
        n->features = NETIF_NO_AUTOCONF;
        n->flags = NETIF_RUNNING;
        netif_register_protocol(&protocol);
        netif_add_listener(&listener);
        if (netif_register(n, "test") != OK) {
            test_fail(__FILE__, __LINE__, "not registered");
        }
    }
    fake.room = room;
    fake.made_count = 0;
    fake.next_number = 0;
    fake.sent_count = 0;
    fake.is_out_of_order = false;
    fake.was_crowded = false;
    fake.received = 0;
    fake.up_status = OK;
    (void)netif_set_up(n, true);
    netif_set_running(n, true);
    netif_resume(n, 0);
    memset(&n->counters, 0, sizeof(n->counters));
    return n;
}

static struct packet *make(const struct mac_addr *to, uint16_t type)
{
    struct packet *p;
    if (packet_alloc(LINEAR, &p) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        return NULL;
    }
    uint8_t *at = packet_put(p, LINEAR);
    memset(at, 0, LINEAR);
    memcpy(at, to->bytes, MAC_SIZE);
    memcpy(at + MAC_SIZE, OTHERS.bytes, MAC_SIZE);
    write_be16(at + 2 * (size_t)MAC_SIZE, type);
    return p;
}

static void send(struct netif *n, uint32_t count)
{
    struct list packets = LIST_INIT(packets);
    for (uint32_t i = 0; i < count; i++) {
        struct packet *p = make(&OTHERS, TYPE);
        write_be32(p->data + p->size - sizeof(uint32_t), fake.made_count++);
        list_add_tail(&packets, &p->link);
    }
    netif_transmit_all(n, &packets);
}

TEST(an_interface_is_found_by_name_and_index)
{
    struct netif *n = fresh(0);
    EXPECT_STR(n->name, "test0");
    EXPECT(n->index >= 2);
    EXPECT(netif_find(n->index) == n);
    EXPECT(netif_find_name("test0") == n);
    EXPECT(netif_find_name("test1") == NULL);
    EXPECT(netif_find(UINT32_MAX) == NULL);
}

TEST(what_is_sent_reaches_the_device_in_order_and_is_counted)
{
    struct netif *n = fresh(10);
    netif_transmit(n, make(&OTHERS, TYPE));
    EXPECT_EQ(fake.sent_count, 1);
    EXPECT(!fake.last_more);
    send(n, 5);
    EXPECT_EQ(fake.sent_count, 6);
    EXPECT(!fake.last_more);
    EXPECT_EQ(n->counters.packets_out, 6);
    EXPECT_EQ(n->counters.bytes_out, 6 * LINEAR);
    packet_free_all(&fake.sent);
}

TEST(what_finds_no_room_waits_for_it_and_the_rest_is_dropped)
{
    struct netif *n = fresh(3);
    send(n, NETIF_QUEUE_MAX + 10);
    EXPECT_EQ(fake.sent_count, 3);
    EXPECT_EQ(n->counters.dropped_out, 10);
    send(n, 4);
    EXPECT_EQ(n->counters.dropped_out, 11); // three had left
    fake.room = 5;
    netif_resume(n, 0);
    EXPECT_EQ(fake.sent_count, 8);
    EXPECT(fake.last_more);
    fake.room = UINT32_MAX;
    netif_resume(n, 0);
    EXPECT_EQ(fake.sent_count, NETIF_QUEUE_MAX + 3);
    EXPECT(!fake.is_out_of_order);
    packet_free_all(&fake.sent);
}

TEST(room_that_comes_while_the_device_says_no_is_not_missed)
{
    struct netif *n = fresh(0);
    fake.resume_inside = true;
    netif_transmit(n, make(&OTHERS, TYPE));
    EXPECT_EQ(fake.sent_count, 1);
    packet_free_all(&fake.sent);
}

TEST(an_interface_that_is_down_sends_nothing)
{
    struct netif *n = fresh(10);
    EXPECT_OK(netif_set_up(n, false));
    netif_transmit(n, make(&OTHERS, TYPE));
    EXPECT_OK(netif_set_up(n, true));
    netif_set_running(n, false);
    netif_transmit(n, make(&OTHERS, TYPE));
    EXPECT_EQ(fake.sent_count, 0);
    EXPECT_EQ(n->counters.dropped_out, 2);
}

TEST(what_waits_can_be_dropped)
{
    struct netif *n = fresh(0);
    send(n, 7);
    netif_drop_queued(n);
    EXPECT_EQ(n->counters.dropped_out, 7);
    fake.room = 10;
    netif_resume(n, 0);
    EXPECT_EQ(fake.sent_count, 0);
}

TEST(listeners_hear_of_changes_and_of_nothing_else)
{
    struct netif *n = fresh(0);
    fake.changes = 0;
    EXPECT_OK(netif_set_up(n, true));
    netif_set_running(n, true);
    EXPECT_OK(netif_set_mtu(n, 1500));
    EXPECT_EQ(fake.changes, 0);
    EXPECT_OK(netif_set_mtu(n, 1400));
    netif_set_running(n, false);
    EXPECT_OK(netif_set_up(n, false));
    EXPECT_EQ(fake.changes, 3);
    fake.up_status = ERR_IO;
    EXPECT_STATUS(netif_set_up(n, true), ERR_IO);
    EXPECT_EQ(fake.changes, 3);
    EXPECT_STATUS(netif_set_mtu(n, 67), ERR_INVAL);
    EXPECT_STATUS(netif_set_mtu(n, 1501), ERR_INVAL);
    EXPECT_OK(netif_set_mtu(n, 1500));
}

static void give_to(struct netif *n, struct packet *p)
{
    struct list one = LIST_INIT(one);
    list_add_tail(&one, &p->link);
    netif_receive(n, &one);
}

TEST(a_frame_for_us_goes_to_the_protocol_of_its_type)
{
    struct netif *n = fresh(0);
    give_to(n, make(&OURS, TYPE));
    EXPECT_EQ(fake.received, 1);
    EXPECT_MEM(&fake.from, &OTHERS, sizeof(OTHERS));
    give_to(n, make(&GROUP, TYPE));
    EXPECT_EQ(fake.received, 2);
    give_to(n, make(&OTHERS, TYPE));
    EXPECT_EQ(fake.received, 2);
    give_to(n, make(&OURS, TYPE + 1));
    EXPECT_EQ(fake.received, 2);
    EXPECT_EQ(n->counters.dropped_in, 1);
    EXPECT_EQ(n->counters.packets_in, 4);
}

TEST(a_frame_shorter_than_its_header_is_an_error)
{
    struct netif *n = fresh(0);
    for (size_t size = 0; size <= ETHERNET_HEADER_SIZE; size++) {
        struct packet *p = make(&OURS, TYPE);
        packet_trim(p, size);
        give_to(n, p);
    }
    EXPECT_EQ(fake.received, 1);
    EXPECT_EQ(n->counters.errors_in, ETHERNET_HEADER_SIZE);
}

TEST(groups_and_promiscuity_are_counted)
{
    struct netif *n = fresh(0);
    struct mac_addr groups[2];
    fake.filters = 0;
    EXPECT_OK(netif_group_add(n, &GROUP));
    EXPECT_OK(netif_group_add(n, &GROUP));
    EXPECT_EQ(fake.filters, 1);
    EXPECT_EQ(netif_groups(n, groups, 2), 1);
    EXPECT_MEM(&groups[0], &GROUP, sizeof(GROUP));
    netif_group_remove(n, &GROUP);
    EXPECT_EQ(fake.filters, 1);
    netif_group_remove(n, &GROUP);
    EXPECT_EQ(fake.filters, 2);
    EXPECT_EQ(netif_groups(n, groups, 2), 0);
    netif_set_promiscuous(n, true);
    netif_set_promiscuous(n, true);
    netif_set_promiscuous(n, false);
    EXPECT_EQ(fake.filters, 3);
    EXPECT((n->flags & NETIF_PROMISCUOUS) != 0);
    netif_set_promiscuous(n, false);
    EXPECT((n->flags & NETIF_PROMISCUOUS) == 0);
}

TEST(a_group_that_finds_no_memory_is_not_joined)
{
    struct netif *n = fresh(0);
    if (!inject_is_available()) {
        return;
    }
    inject_arm(0);
    EXPECT_STATUS(netif_group_add(n, &GROUP), ERR_NOMEM);
    (void)inject_disarm();
    EXPECT_EQ(netif_groups(n, NULL, 0), 0);
}

static struct {
    struct netif_tap tap;
    uint32_t in;
    uint32_t out;
    struct completion entered;
    struct completion may_leave;
    bool has_left;
} watch;

static void count(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing)
{
    (void)t;
    (void)p;
    if (n == &fake.netif) {
        watch.in += !is_outgoing;
        watch.out += is_outgoing;
    }
}

static void linger(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing)
{
    (void)t;
    (void)p;
    (void)is_outgoing;
    if (n == &fake.netif) {
        completion_signal(&watch.entered);
        completion_wait(&watch.may_leave);
        watch.has_left = true;
    }
}

TEST(taps_see_both_directions_while_they_are_there)
{
    struct netif *n = fresh(10);
    struct netif_tap second = {.packet = count};
    watch.in = 0;
    watch.out = 0;
    watch.tap.packet = count;
    netif_add_tap(&watch.tap);
    netif_add_tap(&second);
    send(n, 3);
    give_to(n, make(&OTHERS, TYPE));
    EXPECT_EQ(watch.out, 6);
    EXPECT_EQ(watch.in, 2);
    netif_remove_tap(&watch.tap);
    netif_remove_tap(&second);
    send(n, 1);
    EXPECT_EQ(watch.out, 6);
    packet_free_all(&fake.sent);
}

static void receive_one(void *arg)
{
    (void)arg;
    give_to(&fake.netif, make(&OTHERS, TYPE));
}

static void let_leave(void *arg)
{
    (void)arg;
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    completion_signal(&watch.may_leave);
}

TEST(a_tap_that_is_removed_is_not_running_any_more)
{
    (void)fresh(0);
    completion_init(&watch.entered, "entered");
    completion_init(&watch.may_leave, "may leave");
    watch.has_left = false;
    watch.tap.packet = linger;
    netif_add_tap(&watch.tap);
    EXPECT(test_spawn("receiver", receive_one, NULL) != NULL);
    completion_wait(&watch.entered);
    EXPECT(test_spawn("releaser", let_leave, NULL) != NULL);
    netif_remove_tap(&watch.tap);
    EXPECT(watch.has_left);
    test_join_all();
}

// Four threads send at once; the device has little room, and a fifth makes more.
enum { SENDERS = 4, EACH = 200 };
static _Atomic uint32_t senders_left;

static void send_many(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < EACH; i++) {
        netif_transmit(&fake.netif, make(&OTHERS, TYPE));
        thread_yield();
    }
    atomic_fetch_sub(&senders_left, 1);
}

static _Atomic uint32_t scarce_room;

static bool transmit_scarce(struct netif *n, struct packet *p, bool more)
{
    (void)n;
    (void)more;
    if (atomic_load(&scarce_room) == 0) {
        return false;
    }
    atomic_fetch_sub(&scarce_room, 1);
    fake.was_crowded = fake.was_crowded || fake.is_inside;
    fake.is_inside = true;
    thread_yield();
    fake.is_inside = false;
    fake.sent_count++;
    packet_free(p);
    return true;
}

TEST(packets_of_many_senders_arrive_all_when_room_comes_now_and_then)
{
    static const struct netif_ops scarce = {.transmit = transmit_scarce};
    struct netif *n = fresh(0);
    n->ops = &scarce;
    atomic_store(&senders_left, SENDERS);
    for (unsigned i = 0; i < SENDERS; i++) {
        EXPECT(test_spawn("sender", send_many, NULL) != NULL);
    }
    nsec_t deadline = time_now() + 10 * NSEC_PER_SEC;
    while (fake.sent_count < SENDERS * EACH && time_now() < deadline) {
        atomic_fetch_add(&scarce_room, 3);
        netif_resume(n, 0);
        (void)thread_sleep_until(time_now() + 20 * NSEC_PER_USEC, WAIT_DEFAULT);
    }
    test_join_all();
    n->ops = &ops;
    EXPECT(!fake.was_crowded);
    EXPECT_EQ(fake.sent_count, SENDERS * EACH);
    EXPECT_EQ(n->counters.packets_out, SENDERS * EACH);
}
