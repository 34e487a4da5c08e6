// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/tcp_queue.h"

#include "kernel/mm/inject.h"
#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { LARGE = 3 * PAGE_SIZE + 100, LIMIT = 65536 };

static char from[16 * PAGE_SIZE];
static char to[16 * PAGE_SIZE];

static char pattern(size_t at)
{
    return (char)(at * 7 + at / 251);
}

static void fill_from(void)
{
    for (size_t i = 0; i < sizeof(from); i++) {
        from[i] = pattern(i);
    }
}

// Adds `size` bytes of the pattern, that follow those in the queue.
static status_t add(struct tcp_send_queue *q, uint32_t size)
{
    struct list done = LIST_INIT(done);
    while (size > 0) {
        struct uio u;
        uint32_t moved;
        uio_init_kernel(&u, from + q->end, size);
        struct tcp_piece *p = tcp_send_queue_fill_begin(q);
        if (p != NULL) {
            status_t status = tcp_piece_fill(p, &u, size, &moved);
            tcp_send_queue_fill_end(q, moved, &done);
            if (status != OK) {
                return status;
            }
        } else {
            status_t status = tcp_piece_create(size, list_is_empty(&q->pieces), &p);
            if (status != OK) {
                return status;
            }
            status = tcp_piece_fill(p, &u, size, &moved);
            tcp_send_queue_append(q, p, moved);
            if (status != OK) {
                return status;
            }
        }
        size -= moved;
    }
    return OK;
}

static status_t check_range(struct tcp_send_queue *q, uint32_t offset, uint32_t size)
{
    struct packet *p;
    status_t status = packet_alloc(tcp_send_queue_front(q, offset, size), &p);
    if (status != OK) {
        return status;
    }
    status = tcp_send_queue_put(q, offset, size, p);
    if (status == OK) {
        packet_copy_out(p, 0, to, size);
        bool is_right = p->total == size && memcmp(to, from + q->first + offset, size) == 0;
        status = is_right ? OK : ERR_IO;
    }
    packet_free(p);
    return status;
}

static void drop(struct tcp_send_queue *q, uint32_t bytes)
{
    struct list done = LIST_INIT(done);
    tcp_send_queue_drop(q, bytes, &done);
    tcp_pieces_free(&done);
}

TEST(tcp_queue_gives_what_was_put_in_wherever_it_begins)
{
    struct tcp_send_queue q;
    fill_from();
    tcp_send_queue_init(&q);
    EXPECT_OK(add(&q, 100));
    EXPECT_OK(add(&q, 900));
    EXPECT_OK(add(&q, LARGE));
    EXPECT_OK(add(&q, 1));
    EXPECT_EQ(tcp_send_queue_bytes(&q), 1001 + LARGE);
    for (uint32_t offset = 0; offset < 1001 + LARGE; offset += 97) {
        EXPECT_OK(check_range(&q, offset, 1));
        EXPECT_OK(check_range(&q, offset, 1001 + LARGE - offset));
    }
    EXPECT_OK(check_range(&q, 0, 1000));
    drop(&q, 555);
    EXPECT_OK(check_range(&q, 0, 5000));
    EXPECT_OK(check_range(&q, 4000, 5000));
    drop(&q, 446 + LARGE);
    EXPECT_EQ(q.charge, 0);
    EXPECT(list_is_empty(&q.pieces));
}

TEST(tcp_queue_packs_small_writes)
{
    struct tcp_send_queue q;
    fill_from();
    tcp_send_queue_init(&q);
    for (int i = 0; i < 10000; i++) {
        EXPECT_OK(add(&q, 1));
    }
    EXPECT(q.charge < 16384 + 1024);
    EXPECT_OK(check_range(&q, 0, 10000));
    drop(&q, 10000);
}

TEST(tcp_queue_keeps_the_piece_that_is_being_filled)
{
    struct tcp_send_queue q;
    struct list done = LIST_INIT(done);
    fill_from();
    tcp_send_queue_init(&q);
    EXPECT_OK(add(&q, 10));
    struct tcp_piece *p = tcp_send_queue_fill_begin(&q);
    EXPECT(p != NULL);
    drop(&q, 10);
    EXPECT(!list_is_empty(&q.pieces));
    struct uio u;
    uint32_t moved;
    uio_init_kernel(&u, from + 10, 5);
    EXPECT_OK(tcp_piece_fill(p, &u, 5, &moved));
    tcp_send_queue_fill_end(&q, moved, &done);
    EXPECT(list_is_empty(&done));
    EXPECT_OK(check_range(&q, 0, 5));
    EXPECT_EQ(tcp_send_queue_fill_begin(&q) == p, true);
    drop(&q, 5);
    tcp_send_queue_fill_end(&q, 0, &done);
    EXPECT(list_is_empty(&q.pieces));
    tcp_pieces_free(&done);
}

// More places than a packet has slices.
TEST(tcp_queue_copies_what_is_in_too_many_places)
{
    struct tcp_send_queue q;
    fill_from();
    tcp_send_queue_init(&q);
    for (unsigned i = 0; i < 2 * PACKET_SLICES_MAX; i++) {
        struct page *page;
        struct tcp_piece *p;
        EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page));
        memcpy((char *)page_virt(page) + 7, from + q.end, 300);
        EXPECT_OK(tcp_piece_create_pages(&page, 7, 300, &p));
        EXPECT_EQ(p->room, 307);
        tcp_send_queue_append(&q, p, 300);
        EXPECT(tcp_send_queue_fill_begin(&q) == NULL); // the page is not ours
    }
    EXPECT_OK(check_range(&q, 3, 600 * PACKET_SLICES_MAX - 3));
    drop(&q, 600 * PACKET_SLICES_MAX);
}

static struct packet *packet_with(uint32_t position, uint32_t size)
{
    struct packet *p;
    if (packet_alloc(size, &p) != OK) {
        return NULL;
    }
    memcpy(packet_put(p, size), from + position, size);
    return p;
}

static bool take_all(struct tcp_receive_queue *q, uint32_t position)
{
    bool is_right = true;
    while (q->bytes > 0) {
        struct uio u;
        struct packet *p = container_of(q->ready.next, struct packet, link);
        uint32_t size = p->total;
        uio_init_kernel(&u, to, size);
        is_right &= tcp_packet_copy(p, 0, size, &u) == OK && memcmp(to, from + position, size) == 0;
        // In two steps, as readers with small buffers do.
        is_right &= size == 1 || tcp_receive_queue_take(q, 1) == NULL;
        p = tcp_receive_queue_take(q, size == 1 ? 1 : size - 1);
        is_right &= p != NULL;
        packet_free(p);
        position += size;
    }
    return is_right;
}

TEST(tcp_queue_puts_early_packets_in_order)
{
    struct tcp_receive_queue q;
    static const uint32_t order[] = {3, 1, 4, 2, 0, 5};
    fill_from();
    tcp_receive_queue_init(&q);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        uint32_t at = order[i] * 100;
        tcp_receive_queue_put(&q, packet_with(at, 100), at - q.next, LIMIT);
    }
    EXPECT_EQ(q.bytes, 600);
    EXPECT(list_is_empty(&q.early));
    EXPECT(take_all(&q, 0));
    EXPECT_EQ(q.charge, 0);
}

TEST(tcp_queue_puts_small_packets_together)
{
    struct tcp_receive_queue q;
    fill_from();
    tcp_receive_queue_init(&q);
    for (uint32_t i = 0; i < 20000; i++) {
        tcp_receive_queue_put(&q, packet_with(i, 1), 0, LIMIT);
    }
    EXPECT(q.charge <= LIMIT);
    EXPECT_EQ(q.bytes, 20000);
    EXPECT(take_all(&q, 0));
    EXPECT_EQ(q.charge, 0);
}

TEST(tcp_queue_leaks_nothing_without_memory)
{
    fill_from();
    for (size_t n = 0; n < 100; n++) {
        struct tcp_send_queue q;
        struct list done = LIST_INIT(done);
        tcp_send_queue_init(&q);
        inject_arm(n);
        status_t status = add(&q, 500);
        status = status == OK ? add(&q, LARGE) : status;
        status = status == OK ? check_range(&q, 10, LARGE) : status;
        bool has_failed = inject_disarm();
        EXPECT(status == OK || status == ERR_NOMEM);
        tcp_send_queue_purge(&q, &done);
        tcp_pieces_free(&done);
        if (!has_failed) {
            EXPECT_OK(status);
            break;
        }
    }
}
