// SPDX-License-Identifier: Apache-2.0
/* The driver against a made-up transport whose device answers as each test wants. */
#include "kernel/drv/virtio_blk/virtio_blk.h"

#include "kernel/core/wait.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/span.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { SECTOR = 512, CAPACITY = 64, RESULT_OK = 0, RESULT_ERROR = 1, ENTRY = 8, DESCRIPTOR = 16 };
enum {
    CONFIG_WORDS = 16,
    BLOCK_SIZE = 5,
    SEG_MAX = 3,
    FEATURE_SEG_MAX = 4,
    FEATURE_BLOCK_SIZE = 64
};

static struct {
    struct virtio_device virtio;
    struct virtio_queue *queue;
    struct timer timer; // when the device is at work
    void (*behave)(uint16_t head);
    uint8_t *descriptors;
    uint8_t *avail;
    uint8_t *used;
    uint16_t seen;
    uint16_t done;
    uint8_t status;
    uint16_t queue_size;
    uint64_t features;
    uint32_t config[CONFIG_WORDS];
} fake;

// ---- The device ----

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void answer(uint32_t head, uint32_t written)
{
    uint8_t *entry = fake.used + 4 + (size_t)(fake.done % fake.queue_size) * ENTRY;
    write_le32(entry, head);
    write_le32(entry + 4, written);
    put16(fake.used + 2, ++fake.done);
}

// The memory of the chain's n-th descriptor.
static uint8_t *buffer(uint16_t head, unsigned n, uint32_t *size)
{
    const uint8_t *d = fake.descriptors + (size_t)head * DESCRIPTOR;
    while (n-- > 0) {
        d = fake.descriptors + (size_t)read_le16(d + 14) * DESCRIPTOR;
    }
    *size = read_le32(d + 8);
    return phys_to_virt(paddr(read_le64(d)));
}

// Every byte of a sector is the sector's number.
static void serve(uint16_t head)
{
    uint32_t size;
    uint64_t sector = read_le64(buffer(head, 0, &size) + 8);
    memset(buffer(head, 1, &size), (int)sector, size);
    *buffer(head, 2, &(uint32_t){0}) = RESULT_OK;
    answer(head, size + 1);
}

static void say_error(uint16_t head)
{
    *buffer(head, 2, &(uint32_t){0}) = RESULT_ERROR;
    answer(head, 1);
}

static void forget_result(uint16_t head)
{
    answer(head, 0);
}

static void be_silent(uint16_t head)
{
    (void)head;
}

static void name_no_descriptor(uint16_t head)
{
    (void)head;
    answer(UINT32_MAX, 0);
}

static void name_another_chain(uint16_t head)
{
    answer(head + 1u, 0);
}

static void write_too_much(uint16_t head)
{
    answer(head, UINT32_MAX);
}

static void leap_ahead(uint16_t head)
{
    fake.done = (uint16_t)(fake.done + 1000);
    answer(head, 1);
}

static void work(struct timer *t)
{
    (void)t;
    while (fake.seen != read_le16(fake.avail + 2)) {
        uint8_t *at = fake.avail + 4 + (size_t)(fake.seen++ % fake.queue_size) * sizeof(uint16_t);
        fake.behave(read_le16(at));
    }
    virtio_interrupt(&fake.virtio);
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
}

static uint64_t get_features(struct virtio_device *d)
{
    (void)d;
    return fake.features;
}

static void set_features(struct virtio_device *d, uint64_t features)
{
    (void)d;
    (void)features;
}

static uint16_t queue_max(struct virtio_device *d, unsigned index)
{
    (void)d;
    return index == 0 ? fake.queue_size : 0;
}

static status_t queue_enable(struct virtio_device *d, struct virtio_queue *q, paddr_t descriptors,
                             paddr_t avail, paddr_t used)
{
    (void)d;
    fake.queue = q;
    fake.descriptors = phys_to_virt(descriptors);
    fake.avail = phys_to_virt(avail);
    fake.used = phys_to_virt(used);
    return OK;
}

static void notify(struct virtio_device *d, struct virtio_queue *q)
{
    (void)d;
    (void)q;
    timer_start(&fake.timer, time_now() + NSEC_PER_MSEC);
}

static uint32_t config(struct virtio_device *d, unsigned offset)
{
    (void)d;
    return fake.config[offset / sizeof(uint32_t)];
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
    .config_generation = config_generation,
};

static void fresh(void (*behave)(uint16_t head))
{
    memset(&fake, 0, sizeof(fake));
    fake.virtio =
        (struct virtio_device){.transport = &transport, .name = "fake", .type = VIRTIO_BLOCK};
    list_init(&fake.virtio.queues);
    timer_init(&fake.timer, work);
    fake.behave = behave;
    fake.queue_size = 16;
    fake.features = VIRTIO_F_VERSION_1;
    fake.config[0] = CAPACITY;
}

static void forget(struct block_device *d)
{
    (void)timer_cancel(&fake.timer);
    virtio_blk_destroy(d);
}

// ---- Answers ----

TEST(what_the_device_has_is_read)
{
    struct block_device *d;
    void *bytes;
    fresh(serve);
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(virtio_blk_create(&fake.virtio, &d));
    EXPECT_EQ(d->size_bytes, CAPACITY * SECTOR);
    EXPECT_OK(block_read(d, 7ul * SECTOR, bytes, SECTOR));
    EXPECT_EQ(((uint8_t *)bytes)[SECTOR - 1], 7);
    forget(d);
    heap_free(bytes);
}

TEST(a_request_that_the_device_fails_is_an_error_and_the_next_one_is_not)
{
    struct block_device *d;
    void *bytes;
    fresh(say_error);
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(virtio_blk_create(&fake.virtio, &d));
    EXPECT_STATUS(block_read(d, 0, bytes, SECTOR), ERR_IO);
    fake.behave = forget_result;
    EXPECT_STATUS(block_read(d, 0, bytes, SECTOR), ERR_IO);
    fake.behave = serve;
    EXPECT_OK(block_read(d, 0, bytes, SECTOR));
    forget(d);
    heap_free(bytes);
}

static void check_is_lost(void (*behave)(uint16_t head))
{
    struct block_device *d;
    void *bytes;
    fresh(behave);
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(virtio_blk_create(&fake.virtio, &d));
    EXPECT_STATUS(block_read(d, 0, bytes, SECTOR), ERR_IO);
    EXPECT_STATUS(block_read(d, 0, bytes, SECTOR), ERR_NODEV);
    EXPECT_EQ(fake.status, 0); // it was reset before its memory was taken back
    forget(d);
    heap_free(bytes);
}

TEST(a_device_that_lies_about_its_queue_is_reset_and_not_used_any_more)
{
    static void (*const lies[])(uint16_t head) = {name_no_descriptor, name_another_chain,
                                                  write_too_much, leap_ahead};
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        check_is_lost(lies[i]);
    }
}

// ---- No answers ----

enum { MANY = 8 }; // more than have room in a queue of 16 descriptors

static struct {
    struct block_request requests[MANY];
    struct wait_queue queue;
    _Atomic unsigned done;
} many;

static void count_done(struct block_request *r)
{
    (void)r;
    atomic_fetch_add(&many.done, 1);
    (void)wait_wake_all(&many.queue);
}

static void submit_many(struct block_device *d, const struct block_segment *segment)
{
    wait_init(&many.queue, "test");
    atomic_store(&many.done, 0);
    for (unsigned i = 0; i < MANY; i++) {
        many.requests[i] = (struct block_request){
            .op = BLOCK_READ, .segments = segment, .segment_count = 1, .done = count_done};
        block_submit(d, &many.requests[i]);
    }
}

static unsigned count_status(status_t status)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MANY; i++) {
        count += many.requests[i].status == status;
    }
    return count;
}

TEST(what_a_silent_device_has_ends_with_an_error_after_a_while)
{
    status_t status;
    struct block_device *d;
    void *bytes;
    fresh(be_silent);
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(virtio_blk_create(&fake.virtio, &d));
    const struct block_segment segment = {virt_to_phys(bytes), SECTOR};
    d->limit_ns = 30 * NSEC_PER_MSEC;
    nsec_t before = time_now();
    submit_many(d, &segment);
    WAIT_UNTIL(&many.queue, atomic_load(&many.done) == MANY, before + 10 * NSEC_PER_SEC,
               WAIT_DEFAULT, &status);
    EXPECT_OK(status);
    EXPECT(time_now() - before >= d->limit_ns);
    EXPECT_EQ(count_status(ERR_IO), 5);
    EXPECT_EQ(count_status(ERR_NODEV), MANY - 5);
    EXPECT_EQ(fake.status, 0);
    EXPECT_STATUS(block_read(d, 0, bytes, SECTOR), ERR_NODEV);
    forget(d);
    heap_free(bytes);
}

TEST(a_device_that_always_has_something_and_answers_is_not_too_slow)
{
    struct block_device *d;
    void *bytes;
    fresh(serve);
    EXPECT_OK(heap_alloc(SECTOR, &bytes));
    EXPECT_OK(virtio_blk_create(&fake.virtio, &d));
    d->limit_ns = 100 * NSEC_PER_MSEC;
    nsec_t end = time_now() + 400 * NSEC_PER_MSEC;
    while (time_now() < end) {
        EXPECT_OK(block_read(d, 0, bytes, SECTOR));
    }
    forget(d);
    heap_free(bytes);
}

// ---- What it says about itself ----

TEST(a_device_that_cannot_be_as_it_says_is_refused)
{
    struct block_device *d;
    fresh(serve);
    fake.features |= FEATURE_BLOCK_SIZE;
    fake.config[BLOCK_SIZE] = 513;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_INVAL);
    fake.config[BLOCK_SIZE] = 1u << 31;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_INVAL);
    fresh(serve);
    fake.config[1] = UINT32_MAX;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_INVAL);
    fresh(serve);
    fake.features |= FEATURE_SEG_MAX;
    EXPECT_EQ(fake.config[SEG_MAX], 0);
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_INVAL);
    fresh(serve);
    fake.queue_size = 2;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_INVAL);
    fake.queue_size = 0;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_NODEV);
    fake.features = 0;
    EXPECT_STATUS(virtio_blk_create(&fake.virtio, &d), ERR_NOTSUP);
}

TEST(a_device_for_which_there_is_no_memory_is_left_alone)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        struct block_device *d = NULL;
        fresh(serve);
        inject_arm(n);
        status_t status = virtio_blk_create(&fake.virtio, &d);
        has_failed = inject_disarm();
        EXPECT(status == OK || status == ERR_NOMEM);
        if (status == OK) {
            forget(d);
        }
    }
}
