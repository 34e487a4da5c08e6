// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/packet.h"

#include "kernel/mm/inject.h"
#include "tests/harness/test.h"

enum { SIZE = 100, BYTES = 40 };

static unsigned freed_count;

static void note_freed(struct packet *p)
{
    (void)p;
    freed_count++;
}

// Bytes 0, 1, 2, ...: `front` of them in the front, and slices of `slice` bytes each from one page.
static struct packet *make(size_t front, unsigned slices, uint16_t slice)
{
    struct packet *p = NULL;
    struct page *page = NULL;
    if (packet_alloc(SIZE, &p) != OK || page_alloc_one(PAGE_ANY, PAGE_KERNEL, &page) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        return p;
    }
    uint8_t *at = packet_put(p, front);
    for (size_t i = 0; i < front; i++) {
        at[i] = (uint8_t)i;
    }
    uint8_t *bytes = page_virt(page);
    for (size_t i = 0; i < PAGE_SIZE; i++) {
        bytes[i] = (uint8_t)(front + i);
    }
    for (unsigned i = 0; i < slices; i++) {
        (void)packet_add_slice(p, page, (uint16_t)(i * slice), slice);
    }
    page_unref(page);
    return p;
}

// That the packet has `size` bytes which count up from `first`.
static void expect_bytes(const struct packet *p, unsigned first, size_t size)
{
    uint8_t bytes[512];
    EXPECT_EQ(p->total, size);
    packet_copy_out(p, 0, bytes, size);
    for (size_t i = 0; i < size; i++) {
        EXPECT_EQ(bytes[i], (uint8_t)(first + i));
    }
}

TEST(headers_go_in_front_and_come_off_again)
{
    struct packet *p;
    EXPECT_OK(packet_alloc(SIZE, &p));
    memset(packet_put(p, 10), 'd', 10);
    memset(packet_push(p, PACKET_HEADROOM), 'h', PACKET_HEADROOM);
    EXPECT_EQ(p->total, PACKET_HEADROOM + 10);
    EXPECT_EQ(p->data[0], 'h');
    packet_pull(p, PACKET_HEADROOM);
    EXPECT_EQ(p->size, 10);
    EXPECT_EQ(p->data[0], 'd');
    memset(packet_put(p, SIZE - 10), 'e', SIZE - 10);
    EXPECT_EQ(p->total, SIZE);
    packet_free(p);
}

TEST(the_end_of_a_packet_is_told_once)
{
    struct packet *p;
    freed_count = 0;
    EXPECT_OK(packet_alloc(0, &p));
    p->freed = note_freed;
    packet_disown(p);
    EXPECT_EQ(freed_count, 1);
    packet_free(p);
    EXPECT_EQ(freed_count, 1);
    EXPECT_OK(packet_alloc(0, &p));
    p->freed = note_freed;
    packet_free(p);
    EXPECT_EQ(freed_count, 2);
    packet_free(NULL);
}

TEST(pulling_goes_through_the_front_into_slices)
{
    for (size_t size = 0; size <= BYTES; size++) {
        struct packet *p = make(10, 3, 10);
        packet_pull(p, size);
        expect_bytes(p, (unsigned)size, BYTES - size);
        packet_free(p);
    }
}

TEST(trimming_leaves_the_begin)
{
    for (size_t size = 0; size <= BYTES; size++) {
        struct packet *p = make(10, 3, 10);
        packet_trim(p, size);
        expect_bytes(p, 0, size);
        packet_free(p);
    }
}

TEST(what_is_needed_is_gathered_into_the_front)
{
    for (size_t size = 0; size <= BYTES; size++) {
        struct packet *p = make(10, 3, 10);
        EXPECT_OK(packet_need(p, size));
        EXPECT(p->size >= size);
        for (size_t i = 0; i < p->size; i++) {
            EXPECT_EQ(p->data[i], i);
        }
        expect_bytes(p, 0, BYTES);
        packet_free(p);
    }
}

TEST(more_than_there_is_or_finds_room_is_not_gathered)
{
    struct packet *p = make(10, 3, 100);
    EXPECT_STATUS(packet_need(p, 311), ERR_INVAL);
    EXPECT_STATUS(packet_need(p, SIZE + 1), ERR_NOMEM);
    EXPECT_OK(packet_need(p, SIZE));
    expect_bytes(p, 0, 310);
    packet_free(p);
}

TEST(a_packet_has_a_place_for_64_KiB_in_pages_and_no_more)
{
    struct packet *p = make(0, PACKET_SLICES_MAX, 16);
    EXPECT_STATUS(packet_add_slice(p, p->slices[0].page, 0, 1), ERR_NOSPC);
    EXPECT_EQ(p->total, PACKET_SLICES_MAX * 16);
    packet_free(p);
}

TEST(a_clone_has_its_own_front_and_the_same_slices)
{
    struct packet *p = make(10, 3, 10);
    struct packet *copy;
    p->network = (uint16_t)(p->data - p->area);
    packet_pull(p, 4);
    EXPECT_OK(packet_clone(p, &copy));
    p->data[0] = 99;
    expect_bytes(copy, 4, BYTES - 4);
    EXPECT_EQ(copy->area[copy->network + 1], 1);
    EXPECT(copy->slices[0].page == p->slices[0].page);
    packet_free(p);
    expect_bytes(copy, 4, BYTES - 4);
    packet_free(copy);
}

TEST(a_clone_of_the_largest_front_is_possible)
{
    struct packet *p;
    struct packet *copy;
    EXPECT_OK(packet_alloc(PACKET_LINEAR_MAX, &p));
    memset(packet_put(p, PACKET_LINEAR_MAX), 1, PACKET_LINEAR_MAX);
    memset(packet_push(p, PACKET_HEADROOM), 2, PACKET_HEADROOM);
    EXPECT_OK(packet_clone(p, &copy));
    EXPECT_MEM(copy->data, p->data, PACKET_HEADROOM + PACKET_LINEAR_MAX);
    packet_free(p);
    packet_free(copy);
}

TEST(a_packet_that_finds_no_memory_leaves_nothing)
{
    if (!inject_is_available()) {
        return;
    }
    struct packet *p;
    struct packet *copy;
    inject_arm(0);
    EXPECT_STATUS(packet_alloc(1, &p), ERR_NOMEM);
    (void)inject_disarm();
    EXPECT_OK(packet_alloc(1, &p));
    inject_arm(0);
    EXPECT_STATUS(packet_clone(p, &copy), ERR_NOMEM);
    (void)inject_disarm();
    packet_free(p);
}

// The sum as RFC 1071 says it, word by word.
static uint32_t plain_sum(size_t first, size_t size, uint32_t sum)
{
    for (size_t i = 0; i < size; i++) {
        uint32_t byte = (uint8_t)(first + i);
        sum += i % 2 == 0 ? byte << 8 : byte;
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return sum;
}

TEST(the_sum_is_the_same_however_the_bytes_lie)
{
    struct packet *p = make(7, 3, 11);
    for (size_t from = 0; from <= BYTES; from++) {
        for (size_t size = 0; size <= BYTES - from; size++) {
            uint32_t sum = packet_sum(p, from, size, 0x1fffe);
            sum = (sum & UINT16_MAX) + (sum >> 16);
            uint32_t want = plain_sum(from, size, 0xffff);
            EXPECT(sum == want || (sum == 0 && want == UINT16_MAX));
        }
    }
    packet_free(p);
}

TEST(a_checksum_that_was_put_off_comes_out_right)
{
    enum { START = 2, FIELD = 4 };
    struct packet *p = make(15, 2, 11);
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = START;
    p->sum_offset = FIELD;
    packet_finish_checksum(p);
    EXPECT_EQ(p->checksum, PACKET_SUM_NONE);
    uint32_t sum = packet_sum(p, START, p->total - START, 0);
    // The pseudo header's sum was in the field: without it the rest adds up to its complement.
    uint32_t pseudo = (START + FIELD) << 8 | (START + FIELD + 1);
    sum += pseudo;
    EXPECT_EQ((sum & UINT16_MAX) + (sum >> 16), UINT16_MAX);
    packet_free(p);
}

TEST(a_checksum_of_zero_is_sent_as_its_other_form)
{
    struct packet *p;
    EXPECT_OK(packet_alloc(SIZE, &p));
    memset(packet_put(p, 8), 0, 8);
    p->data[0] = 0xff;
    p->data[1] = 0xff;
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_offset = 6;
    packet_finish_checksum(p);
    EXPECT_EQ(read_be16(p->data + 6), UINT16_MAX);
    packet_free(p);
}
