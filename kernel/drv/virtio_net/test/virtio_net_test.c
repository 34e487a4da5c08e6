// SPDX-License-Identifier: Apache-2.0
/* The driver against a made-up transport, whose device does as each test wants. */
#include "kernel/drv/virtio_net/virtio_net.h"

#include "kernel/core/thread.h"
#include "kernel/core/time.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/net/ethernet.h"
#include "tests/harness/test.h"

enum { ENTRY = 8, DESCRIPTOR = 16, HEADER = 12, QUEUES = 5, QUEUE_SIZE = 64, TYPE = 0x88b5 };
enum { KEPT = 8 };
enum { OFFLOADS = NETIF_CAN_CHECKSUM | NETIF_CAN_SEGMENT4 | NETIF_CAN_SEGMENT6 };
enum { RX = 0, TX = 1, COMMANDS = 2, NEEDS_RESET = 64, DRIVER_OK = 4 };

// Features (virtio 1.2, 5.1.3 and 6).
constexpr uint64_t F_CSUM = 1;
constexpr uint64_t F_GUEST_CSUM = 1 << 1;
constexpr uint64_t F_MTU = 1 << 3;
constexpr uint64_t F_MAC = 1 << 5;
constexpr uint64_t F_GUEST_TSO4 = 1 << 7;
constexpr uint64_t F_HOST_TSO4 = 1 << 11;
constexpr uint64_t F_MRG_RXBUF = 1 << 15;
constexpr uint64_t F_STATUS = 1 << 16;
constexpr uint64_t F_CTRL_VQ = 1 << 17;
constexpr uint64_t F_CTRL_RX = 1 << 18;
constexpr uint64_t F_MQ = 1 << 22;
constexpr uint64_t USUAL = F_MAC | F_STATUS | F_MRG_RXBUF | F_CTRL_VQ | F_CTRL_RX;

struct fake_queue {
    struct virtio_queue *queue;
    uint8_t *descriptors;
    uint8_t *avail;
    uint8_t *used;
    uint16_t seen;
    uint16_t done;
    unsigned notified;
};

static struct {
    struct virtio_device virtio;
    struct netif *netif;
    struct fake_queue queues[QUEUES];
    uint64_t features;
    uint64_t chosen;
    uint16_t queue_size;
    uint8_t status;
    uint8_t config[16];
    unsigned resets;
    unsigned frame;         // number of the next one that comes in
    bool is_deaf;           // takes no packets
    uint8_t result;         // of commands
    bool is_mute;           // to commands
    uint8_t commands[8][2]; // class and command of those that came
    unsigned command_count;
    uint8_t data[512]; // of the last command
    uint8_t sent[4096];
    size_t sent_size;
    unsigned sent_count;
} fake;

// ---- The device ----

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static bool next_chain(struct fake_queue *q, uint16_t *head)
{
    if (q->seen == read_le16(q->avail + 2)) {
        return false;
    }
    *head = read_le16(q->avail + 4 + (size_t)(q->seen++ % q->queue->ring.size) * sizeof(uint16_t));
    return true;
}

static void answer(struct fake_queue *q, uint32_t head, uint32_t written)
{
    uint8_t *entry = q->used + 4 + (size_t)(q->done % q->queue->ring.size) * ENTRY;
    write_le32(entry, head);
    write_le32(entry + 4, written);
    put16(q->used + 2, ++q->done);
}

static const uint8_t *descriptor(const struct fake_queue *q, unsigned index)
{
    return q->descriptors + (size_t)index * DESCRIPTOR;
}

static uint8_t *memory_of(const uint8_t *d)
{
    return phys_to_virt(paddr(read_le64(d)));
}

// What the device may read of a chain; the rest is `*last`.
static size_t gather(const struct fake_queue *q, uint16_t head, uint8_t *to, const uint8_t **last)
{
    enum { NEXT = 1, WRITE = 2 };
    size_t size = 0;
    const uint8_t *d = descriptor(q, head);
    for (;;) {
        if ((read_le16(d + 12) & WRITE) == 0) {
            memcpy(to + size, memory_of(d), read_le32(d + 8));
            size += read_le32(d + 8);
        }
        *last = d;
        if ((read_le16(d + 12) & NEXT) == 0) {
            return size;
        }
        d = descriptor(q, read_le16(d + 14));
    }
}

static void interrupt(struct fake_queue *q)
{
    irqflags_t flags = arch_irq_save();
    q->queue->interrupt(q->queue);
    arch_irq_restore(flags);
}

// A device does one thing at a time, whoever notifies it: the driver's thread and the test may both.
static struct spinlock sent_lock = SPINLOCK_INIT("fake device", RANK_EVENT);

static void serve_sent(struct fake_queue *q)
{
    uint16_t head;
    const uint8_t *last;
    spin_lock(&sent_lock);
    while (!fake.is_deaf && next_chain(q, &head)) {
        fake.sent_size = gather(q, head, fake.sent, &last);
        fake.sent_count++;
        answer(q, head, 0);
    }
    spin_unlock(&sent_lock);
}

static void serve_commands(struct fake_queue *q)
{
    uint16_t head;
    const uint8_t *last;
    uint8_t bytes[sizeof(fake.data)];
    while (!fake.is_mute && next_chain(q, &head)) {
        (void)gather(q, head, bytes, &last);
        memcpy(fake.commands[fake.command_count++ % ARRAY_SIZE(fake.commands)], bytes, 2);
        memcpy(fake.data, bytes + 2, sizeof(bytes) - 2);
        *memory_of(last) = fake.result;
        answer(q, head, 1);
        interrupt(q);
    }
}

static uint8_t byte_at(unsigned frame, size_t i)
{
    return (uint8_t)((size_t)frame * 31 + i * 7);
}

// Gives a frame of `size` bytes, cut into as many buffers as it takes.
static void write_frame(struct fake_queue *q, const uint8_t header[HEADER], size_t size)
{
    size_t skip = HEADER;
    size_t done = 0;
    uint16_t head;
    while ((done < size || skip != 0) && next_chain(q, &head)) {
        const uint8_t *d = descriptor(q, head);
        size_t part = u64_min(size - done, read_le32(d + 8) - skip);
        memcpy(memory_of(d), header, skip);
        for (size_t i = 0; i < part; i++) {
            memory_of(d)[skip + i] = byte_at(fake.frame, done + i);
        }
        answer(q, head, (uint32_t)(skip + part));
        done += part;
        skip = 0;
    }
    fake.frame++;
}

// ---- Its transport ----

static uint8_t get_status(struct virtio_device *d)
{
    (void)d;
    return fake.status;
}

static void set_status(struct virtio_device *d, uint8_t status)
{
    (void)d;
    fake.status = status;
    if (status == 0) {
        memset(fake.queues, 0, sizeof(fake.queues));
        fake.resets++;
    }
}

static uint64_t get_features(struct virtio_device *d)
{
    (void)d;
    return fake.features;
}

static void set_features(struct virtio_device *d, uint64_t features)
{
    (void)d;
    fake.chosen = features;
}

static uint16_t queue_max(struct virtio_device *d, unsigned index)
{
    (void)d;
    return index < QUEUES ? fake.queue_size : 0;
}

static status_t queue_enable(struct virtio_device *d, struct virtio_queue *q, paddr_t descriptors,
                             paddr_t avail, paddr_t used)
{
    (void)d;
    fake.queues[q->index] = (struct fake_queue){
        .queue = q,
        .descriptors = phys_to_virt(descriptors),
        .avail = phys_to_virt(avail),
        .used = phys_to_virt(used),
    };
    return OK;
}

static bool is_for_commands(const struct virtio_queue *q)
{
    unsigned pairs = (fake.chosen & F_MQ) != 0 ? read_le16(fake.config + 8) : 1;
    return q->index == 2 * pairs;
}

static void notify(struct virtio_device *d, struct virtio_queue *q)
{
    (void)d;
    struct fake_queue *f = &fake.queues[q->index];
    f->notified++;
    if (is_for_commands(q)) {
        serve_commands(f);
    } else if (q->index % 2 == TX) {
        serve_sent(f);
    }
}

static uint32_t config(struct virtio_device *d, unsigned offset)
{
    (void)d;
    return read_le32(fake.config + offset);
}

static uint16_t config16(struct virtio_device *d, unsigned offset)
{
    (void)d;
    return read_le16(fake.config + offset);
}

static uint32_t config_generation(struct virtio_device *d)
{
    (void)d;
    return 0;
}

static const struct virtio_transport transport = {
    .status = get_status,
    .set_status = set_status,
    .features = get_features,
    .set_features = set_features,
    .queue_max = queue_max,
    .queue_enable = queue_enable,
    .notify = notify,
    .config = config,
    .config16 = config16,
    .config_generation = config_generation,
};

// ---- The tests' side ----

static struct {
    struct netif_tap tap;
    _Atomic unsigned count;
    size_t size;
    bool is_right; // its bytes are what they should be
    enum packet_checksum checksum;
    uint16_t segments;
    uint32_t charge;
    struct packet *kept[KEPT]; // the first ones
    unsigned kept_count;
} got;

static bool is_frame(const struct packet *p, unsigned frame)
{
    for (size_t i = 0; i < p->total; i++) {
        uint8_t byte;
        packet_copy_out(p, i, &byte, 1);
        if (byte != byte_at(frame, i)) {
            return false;
        }
    }
    return true;
}

// What comes in is looked at by a tap: nobody knows its type.
static void look(struct netif_tap *t, struct netif *n, const struct packet *p, bool is_outgoing)
{
    (void)t;
    if (n == fake.netif && !is_outgoing) {
        got.size = p->total;
        got.is_right = is_frame(p, fake.frame - 1);
        if (got.kept_count < KEPT) {
            (void)packet_clone(p, &got.kept[got.kept_count++]);
        }
        got.checksum = p->checksum;
        got.segments = p->segments;
        got.charge = p->charge;
        atomic_fetch_add(&got.count, 1);
    }
}

static void fresh(uint64_t features)
{
    static const uint8_t mac[MAC_SIZE] = {2, 0, 0, 0, 0, 9};
    memset(&fake, 0, sizeof(fake));
    memset(&got, 0, sizeof(got));
    fake.virtio =
        (struct virtio_device){.transport = &transport, .name = "fake", .type = VIRTIO_NET};
    list_init(&fake.virtio.queues);
    fake.features = VIRTIO_F_VERSION_1 | features;
    fake.queue_size = QUEUE_SIZE;
    memcpy(fake.config, mac, sizeof(mac));
    put16(fake.config + 6, 1);
}

// As netif_register would have it, but not for ever.
static status_t create(void)
{
    status_t status = virtio_net_create(&fake.virtio, &fake.netif);
    if (status == OK) {
        struct netif *n = fake.netif;
        n->features |= NETIF_NO_AUTOCONF;
        netif_init(n);
        memcpy(n->name, "fake", sizeof("fake"));
    }
    return status;
}

// Lets the driver's threads work until the condition holds.
static void let_work(void)
{
    (void)thread_sleep_until(time_now() + 50 * NSEC_PER_USEC, WAIT_DEFAULT);
}
#define AWAIT(condition)                                                                           \
    for (nsec_t end_ = time_now() + 10 * NSEC_PER_SEC; !(condition) && time_now() < end_;) {       \
        let_work();                                                                                \
    }                                                                                              \
    EXPECT(condition)

static bool is_running(void)
{
    return (atomic_load(&fake.netif->flags) & NETIF_RUNNING) != 0;
}

static void begin(uint64_t features)
{
    fresh(features);
    EXPECT_OK(create());
    EXPECT_OK(netif_set_up(fake.netif, true));
    AWAIT(is_running());
    got.tap.packet = look;
    netif_add_tap(&got.tap);
}

static void end(void)
{
    netif_remove_tap(&got.tap);
    for (unsigned i = 0; i < got.kept_count; i++) {
        packet_free(got.kept[i]);
    }
    got.kept_count = 0;
    EXPECT_OK(netif_set_up(fake.netif, false));
    virtio_net_destroy(fake.netif);
}

static struct packet *make(size_t size)
{
    struct packet *p;
    if (packet_alloc(size, &p) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        return NULL;
    }
    uint8_t *at = packet_put(p, size);
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)i;
    }
    return p;
}

static void receive_frame(const uint8_t header[HEADER], size_t size)
{
    write_frame(&fake.queues[RX], header, size);
    interrupt(&fake.queues[RX]);
}

static void expect_frame(unsigned count, size_t size)
{
    AWAIT(atomic_load(&got.count) >= count);
    EXPECT_EQ(got.size, size);
    EXPECT(got.is_right);
}

// ---- Receiving ----

TEST(frames_of_every_size_come_in_whole)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    begin(USUAL);
    unsigned count = 0;
    for (size_t size = ETHERNET_HEADER_SIZE; size < 1600; size += 37) {
        receive_frame(header, size);
        expect_frame(++count, size);
    }
    EXPECT_EQ(fake.netif->counters.errors_in, 0);
    end();
}

TEST(a_small_frame_does_not_keep_a_page)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    begin(USUAL);
    receive_frame(header, 256);
    expect_frame(1, 256);
    EXPECT(got.charge < 1024);
    receive_frame(header, 1514);
    expect_frame(2, 1514);
    EXPECT(got.charge > 1514 && got.charge < PAGE_SIZE);
    end();
}

TEST(what_was_received_stays_as_it_is_while_more_comes)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    begin(USUAL);
    for (unsigned i = 0; i < 4 * QUEUE_SIZE; i++) {
        receive_frame(header, 700 + i);
        expect_frame(i + 1, 700 + i);
    }
    for (unsigned i = 0; i < KEPT; i++) {
        EXPECT(got.kept[i] != NULL && is_frame(got.kept[i], i));
    }
    end();
}

TEST(a_device_that_has_nothing_special_works)
{
    static const uint8_t header[HEADER] = {};
    begin(F_MAC);
    EXPECT_EQ(fake.netif->mtu, 1500);
    for (unsigned i = 0; i < 200; i++) {
        receive_frame(header, 60 + i * 10);
        expect_frame(i + 1, 60 + i * 10);
    }
    netif_transmit(fake.netif, make(100));
    EXPECT_EQ(fake.sent_size, HEADER + 100);
    netif_set_promiscuous(fake.netif, true);
    netif_set_promiscuous(fake.netif, false);
    EXPECT_EQ(fake.command_count, 0);
    end();
}

TEST(a_frame_in_several_buffers_is_one_packet)
{
    uint8_t header[HEADER] = {[1] = 1, [4] = 0xb4, [5] = 5, [10] = 17}; // segments of 1460
    begin(USUAL | F_GUEST_CSUM | F_GUEST_TSO4);
    receive_frame(header, 65535 + ETHERNET_HEADER_SIZE);
    expect_frame(1, 65535 + ETHERNET_HEADER_SIZE);
    EXPECT(got.segments >= 44);
    end();
}

TEST(a_frame_whose_buffers_are_missing_is_an_error)
{
    uint8_t header[HEADER] = {[10] = 200};
    begin(USUAL);
    receive_frame(header, 100);
    AWAIT(fake.netif->counters.errors_in == 1);
    header[10] = 1;
    receive_frame(header, 100);
    expect_frame(1, 100);
    EXPECT_EQ(fake.netif->counters.errors_in, 1);
    end();
}

TEST(what_a_device_says_of_checksums_counts_if_it_was_agreed)
{
    static const uint8_t plain[HEADER] = {[10] = 1};
    static const uint8_t valid[HEADER] = {2, [10] = 1};
    begin(USUAL | F_GUEST_CSUM);
    receive_frame(plain, 100);
    expect_frame(1, 100);
    EXPECT_EQ(got.checksum, PACKET_SUM_NONE);
    receive_frame(valid, 100);
    expect_frame(2, 100);
    EXPECT_EQ(got.checksum, PACKET_SUM_VALID);
    end();
    begin(USUAL);
    receive_frame(valid, 100);
    expect_frame(1, 100);
    EXPECT_EQ(got.checksum, PACKET_SUM_NONE);
    end();
}

TEST(what_was_not_agreed_and_what_is_too_short_is_an_error)
{
    static const uint8_t good[HEADER] = {[10] = 1};
    static const uint8_t merged[HEADER] = {[1] = 1, [4] = 100, [10] = 1};
    static const uint8_t strange[HEADER] = {[1] = 0x77, [4] = 100, [10] = 1};
    begin(USUAL);
    receive_frame(merged, 200);
    receive_frame(strange, 200);
    for (size_t size = 0; size < ETHERNET_HEADER_SIZE; size++) {
        receive_frame(good, size);
    }
    receive_frame(good, 60);
    expect_frame(1, 60);
    EXPECT_EQ(atomic_load(&got.count), 1);
    EXPECT_EQ(fake.netif->counters.errors_in, 2 + ETHERNET_HEADER_SIZE);
    end();
}

TEST(the_device_always_gets_its_buffers_back)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    begin(USUAL);
    for (unsigned i = 0; i < 500; i++) {
        receive_frame(header, i % 2 == 0 ? 60 : 1514);
        expect_frame(i + 1, i % 2 == 0 ? 60 : 1514);
    }
    const struct fake_queue *q = &fake.queues[RX];
    EXPECT((uint16_t)(read_le16(q->avail + 2) - q->seen) >= 16);
    end();
}

// ---- Sending ----

TEST(a_packet_reaches_the_device_behind_its_header)
{
    begin(USUAL);
    netif_transmit(fake.netif, make(100));
    EXPECT_EQ(fake.sent_size, HEADER + 100);
    for (size_t i = 0; i < HEADER; i++) {
        EXPECT_EQ(fake.sent[i], 0);
    }
    EXPECT_EQ(fake.sent[HEADER + 99], 99);
    end();
}

static void add_page(struct packet *p, uint16_t size)
{
    struct page *page;
    EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page));
    memset(page_virt(page), 0x5a, PAGE_SIZE);
    EXPECT_OK(packet_add_slice(p, page, 0, size));
    page_unref(page);
}

TEST(slices_follow_the_front)
{
    begin(USUAL);
    struct packet *p = make(60);
    for (unsigned i = 0; i < PACKET_SLICES_MAX; i++) {
        add_page(p, 100);
    }
    netif_transmit(fake.netif, p);
    EXPECT_EQ(fake.sent_size, HEADER + 60 + 100 * PACKET_SLICES_MAX);
    EXPECT_EQ(fake.sent[HEADER + 59], 59);
    EXPECT_EQ(fake.sent[fake.sent_size - 1], 0x5a);
    end();
}

// A TCP segment in IPv4, as far as the device is told of it.
static struct packet *make_segment(uint16_t segment_size)
{
    struct packet *p = make(14 + 20 + 20);
    write_be16(p->data + 12, ETHER_IP4);
    p->data[34 + 12] = 5 << 4;
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 34;
    p->sum_offset = 16;
    p->segment_size = segment_size;
    add_page(p, 3000);
    return p;
}

TEST(the_device_finishes_checksums_and_cuts_segments)
{
    static const uint8_t want[HEADER] = {1, 1, 54, 0, 0xb4, 5, 34, 0, 16};
    begin(USUAL | F_CSUM | F_HOST_TSO4);
    EXPECT_EQ(fake.netif->features & OFFLOADS, NETIF_CAN_CHECKSUM | NETIF_CAN_SEGMENT4);
    netif_transmit(fake.netif, make_segment(1460));
    EXPECT_MEM(fake.sent, want, HEADER);
    end();
}

TEST(a_checksum_that_the_device_does_not_finish_is_finished)
{
    begin(USUAL);
    EXPECT_EQ(fake.netif->features & OFFLOADS, 0);
    netif_transmit(fake.netif, make_segment(0));
    EXPECT_EQ(fake.sent[0], 0);
    EXPECT(read_be16(fake.sent + HEADER + 34 + 16) != (50 << 8 | 51));
    end();
}

static _Atomic unsigned freed_count;

static void note_freed(struct packet *p)
{
    (void)p;
    atomic_fetch_add(&freed_count, 1);
}

TEST(what_finds_no_room_is_sent_when_there_is_some)
{
    begin(USUAL);
    fake.is_deaf = true;
    atomic_store(&freed_count, 0);
    for (unsigned i = 0; i < 3 * QUEUE_SIZE; i++) {
        struct packet *p = make(60);
        p->freed = note_freed;
        netif_transmit(fake.netif, p);
    }
    EXPECT_EQ(fake.sent_count, 0);
    fake.is_deaf = false;
    // The device works, and says so, until all is done.
    while (atomic_load(&freed_count) < 3 * QUEUE_SIZE) {
        serve_sent(&fake.queues[TX]);
        interrupt(&fake.queues[TX]);
        let_work();
    }
    EXPECT_EQ(fake.sent_count, 3 * QUEUE_SIZE);
    EXPECT_EQ(atomic_load(&freed_count), 3 * QUEUE_SIZE);
    end();
}

TEST(interrupts_are_asked_for_when_somebody_waits_for_the_end_of_a_packet)
{
    begin(USUAL);
    struct fake_queue *q = &fake.queues[TX];
    fake.is_deaf = true;
    atomic_store(&freed_count, 0);
    netif_transmit(fake.netif, make(60));
    EXPECT_EQ(read_le16(q->avail), 1);
    struct packet *p = make(60);
    p->freed = note_freed;
    netif_transmit(fake.netif, p);
    EXPECT_EQ(read_le16(q->avail), 0);
    fake.is_deaf = false;
    serve_sent(q);
    interrupt(q);
    AWAIT(atomic_load(&freed_count) == 1);
    EXPECT_EQ(read_le16(q->avail), 1);
    end();
}

TEST(what_the_device_has_when_it_goes_down_is_freed)
{
    begin(USUAL);
    fake.is_deaf = true;
    atomic_store(&freed_count, 0);
    for (unsigned i = 0; i < 2 * QUEUE_SIZE; i++) {
        struct packet *p = make(60);
        p->freed = note_freed;
        netif_transmit(fake.netif, p);
    }
    end();
    EXPECT_EQ(atomic_load(&freed_count), 2 * QUEUE_SIZE);
}

// ---- Commands ----

TEST(the_filter_has_the_groups)
{
    static const struct mac_addr group = {{1, 0, 0x5e, 1, 2, 3}};
    begin(USUAL);
    unsigned before = fake.command_count;
    EXPECT_EQ(before, 3); // the table and two modes
    EXPECT_OK(netif_group_add(fake.netif, &group));
    EXPECT_EQ(fake.command_count, before + 3);
    EXPECT_EQ(fake.commands[before][0], 1);
    netif_set_promiscuous(fake.netif, true);
    EXPECT_EQ(fake.data[0], 1);
    netif_set_promiscuous(fake.netif, false);
    EXPECT_EQ(fake.data[0], 0);
    netif_group_remove(fake.netif, &group);
    end();
}

TEST(a_device_that_refuses_commands_is_used_all_the_same)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    fresh(USUAL);
    EXPECT_OK(create());
    fake.result = 1;
    EXPECT_OK(netif_set_up(fake.netif, true));
    AWAIT(is_running());
    got.tap.packet = look;
    netif_add_tap(&got.tap);
    receive_frame(header, 100);
    expect_frame(1, 100);
    end();
}

TEST(several_pairs_are_used_as_far_as_there_are_CPUs)
{
    fresh(USUAL | F_MQ);
    put16(fake.config + 8, 2);
    EXPECT_OK(create());
    EXPECT_OK(netif_set_up(fake.netif, true));
    unsigned pairs = (unsigned)u64_min(cpu_count(), 2);
    EXPECT_EQ(fake.netif->queue_count, pairs);
    if (pairs > 1) {
        EXPECT_EQ(fake.commands[0][0], 4);
    }
    AWAIT(is_running());
    for (unsigned i = 0; i < 20; i++) {
        netif_transmit(fake.netif, make(60));
        thread_yield();
    }
    EXPECT_EQ(fake.sent_count, 20);
    EXPECT_OK(netif_set_up(fake.netif, false));
    virtio_net_destroy(fake.netif);
}

// ---- The link, and devices that are broken ----

static void change_config(void)
{
    irqflags_t flags = arch_irq_save();
    virtio_config_interrupt(&fake.virtio);
    arch_irq_restore(flags);
}

TEST(the_link_comes_and_goes)
{
    begin(USUAL);
    put16(fake.config + 6, 0);
    change_config();
    AWAIT(!is_running());
    put16(fake.config + 6, 1);
    change_config();
    AWAIT(is_running());
    end();
    EXPECT_EQ(fake.status, 0);
}

static void expect_restart(unsigned resets)
{
    static const uint8_t header[HEADER] = {[10] = 1};
    // Stopped, begun anew, and its buffers and filter set.
    AWAIT(fake.resets == resets + 2 && (fake.status & DRIVER_OK) != 0 &&
          fake.queues[RX].notified != 0);
    let_work();
    atomic_store(&got.count, 0);
    receive_frame(header, 100);
    expect_frame(1, 100);
    unsigned sent = fake.sent_count;
    netif_transmit(fake.netif, make(60));
    EXPECT_EQ(fake.sent_count, sent + 1);
}

TEST(a_device_that_asks_for_a_reset_gets_one)
{
    begin(USUAL);
    unsigned resets = fake.resets;
    fake.status |= NEEDS_RESET;
    change_config();
    expect_restart(resets);
    end();
}

TEST(a_device_that_lies_about_received_frames_is_reset)
{
    begin(USUAL);
    unsigned resets = fake.resets;
    answer(&fake.queues[RX], 12345, 0);
    interrupt(&fake.queues[RX]);
    expect_restart(resets);
    end();
}

TEST(a_device_that_lies_about_sent_packets_is_reset)
{
    begin(USUAL);
    unsigned resets = fake.resets;
    fake.queues[TX].done = 777;
    netif_transmit(fake.netif, make(60));
    netif_transmit(fake.netif, make(60));
    expect_restart(resets);
    EXPECT(fake.netif->counters.errors_out >= 1);
    end();
}

TEST(a_device_that_goes_on_lying_is_left_alone_until_somebody_brings_it_up)
{
    begin(USUAL);
    unsigned resets = fake.resets;
    answer(&fake.queues[RX], 12345, 0);
    interrupt(&fake.queues[RX]);
    expect_restart(resets);
    answer(&fake.queues[RX], 12345, 0);
    interrupt(&fake.queues[RX]);
    AWAIT(!is_running());
    EXPECT_EQ(fake.status, 0);
    netif_transmit(fake.netif, make(60));
    EXPECT_OK(netif_set_up(fake.netif, false));
    EXPECT_OK(netif_set_up(fake.netif, true));
    AWAIT(is_running());
    end();
}

// ---- What it says about itself ----

TEST(a_device_that_cannot_be_as_it_says_is_refused)
{
    fresh(USUAL & ~F_MAC);
    EXPECT_STATUS(create(), ERR_NOTSUP);
    fresh(USUAL);
    fake.config[0] = 1; // a group's address
    EXPECT_STATUS(create(), ERR_INVAL);
    fresh(USUAL | F_MTU);
    put16(fake.config + 10, 67);
    EXPECT_STATUS(create(), ERR_INVAL);
    fresh(USUAL | F_MQ);
    put16(fake.config + 8, 0);
    EXPECT_STATUS(create(), ERR_INVAL);
    fresh(USUAL);
    fake.queue_size = 16;
    EXPECT_OK(create());
    EXPECT_STATUS(netif_set_up(fake.netif, true), ERR_NOTSUP);
    virtio_net_destroy(fake.netif);
}

TEST(offloads_that_need_others_are_not_asked_for_alone)
{
    fresh(F_MAC | F_HOST_TSO4 | F_GUEST_TSO4 | F_CTRL_RX | F_MQ);
    EXPECT_OK(create());
    EXPECT_EQ(fake.chosen, VIRTIO_F_VERSION_1 | F_MAC);
    virtio_net_destroy(fake.netif);
}

TEST(the_devices_MTU_is_the_most_there_can_be)
{
    fresh(USUAL | F_MTU);
    put16(fake.config + 10, 1400);
    EXPECT_OK(create());
    EXPECT_EQ(fake.netif->mtu, 1400);
    EXPECT_STATUS(netif_set_mtu(fake.netif, 1401), ERR_INVAL);
    virtio_net_destroy(fake.netif);
}

TEST(a_card_for_which_there_is_no_memory_stays_down_and_loses_none)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        fresh(USUAL);
        inject_arm(n);
        status_t created = create();
        status_t up = created == OK ? netif_set_up(fake.netif, true) : ERR_NOMEM;
        has_failed = inject_disarm();
        EXPECT(up == OK || up == ERR_NOMEM);
        if (up == OK) {
            EXPECT_OK(netif_set_up(fake.netif, false));
        }
        if (created == OK) {
            virtio_net_destroy(fake.netif);
        }
    }
}
