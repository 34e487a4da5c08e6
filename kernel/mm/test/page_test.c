// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/page.h"

#include "kernel/core/test/spawn.h"
#include "lib/base/bits.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static bool is_zero(const void *memory, size_t size)
{
    const uint64_t *words = memory;
    for (size_t i = 0; i < size / sizeof(words[0]); i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

TEST(a_zeroed_page_is_zero_even_when_it_was_used_before)
{
    struct page *p = NULL;
    EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &p));
    memset(page_virt(p), 0xff, PAGE_SIZE);
    page_free(p, 0);
    EXPECT_OK(page_alloc_one(PAGE_ZEROED, PAGE_KERNEL, &p));
    bool is_clean = is_zero(page_virt(p), PAGE_SIZE);
    page_free(p, 0);
    EXPECT(is_clean);
}

TEST(blocks_are_aligned_to_their_size_and_zeroed_as_a_whole)
{
    // The largest blocks of a small machine may be in use, depending on where the kernel lies.
    for (unsigned order = 0; order <= PAGE_MAX_ORDER && page_free_count() >> order > 32; order++) {
        struct page *p = NULL;
        EXPECT_OK(page_alloc(order, PAGE_ZEROED, PAGE_KERNEL, &p));
        bool is_good = (page_frame(p) & ((1u << order) - 1)) == 0 &&
                       is_zero(page_virt(p), (size_t)PAGE_SIZE << order);
        page_free(p, order);
        EXPECT(is_good);
    }
}

TEST(a_block_beyond_the_largest_order_is_refused)
{
    struct page *p = NULL;
    EXPECT_STATUS(page_alloc(PAGE_MAX_ORDER + 1, PAGE_ANY, PAGE_KERNEL, &p), ERR_NOMEM);
    EXPECT_STATUS(page_alloc(64, PAGE_ANY, PAGE_KERNEL, &p), ERR_NOMEM);
    EXPECT_STATUS(page_alloc(~0u, PAGE_ANY, PAGE_KERNEL, &p), ERR_NOMEM);
}

TEST(the_free_count_follows_allocation_and_freeing)
{
    size_t before = page_free_count();
    struct page *p = NULL;
    EXPECT_OK(page_alloc(3, PAGE_ANY, PAGE_KERNEL, &p));
    size_t during = page_free_count();
    page_free(p, 3);
    EXPECT_EQ(before - during, 8);
    EXPECT_EQ(page_free_count(), before);
}

TEST(a_page_is_freed_by_its_last_reference)
{
    size_t before = page_free_count();
    struct page *p = NULL;
    EXPECT_OK(page_alloc_one(PAGE_ANY, PAGE_KERNEL, &p));
    EXPECT(!page_is_shared(p));
    page_ref(p);
    EXPECT(page_is_shared(p));
    page_unref(p);
    EXPECT_EQ(page_free_count(), before - 1);
    page_unref(p);
    EXPECT_EQ(page_free_count(), before);
}

TEST(pages_are_counted_by_what_they_are_for)
{
    size_t before[PAGE_KINDS];
    size_t during[PAGE_KINDS];
    struct page *p = NULL;
    page_count_kinds(before);
    EXPECT_OK(page_alloc(4, PAGE_ANY, PAGE_VMO, &p));
    page_count_kinds(during);
    page_free(p, 4);
    EXPECT_EQ(during[PAGE_VMO] - before[PAGE_VMO], 16);
}

// Takes pages until there are none; they are linked by frame number.
static size_t take_all(enum page_flags flags, struct page **list)
{
    size_t count = 0;
    struct page *p = NULL;
    while (page_alloc_one(flags, PAGE_KERNEL, &p) == OK) {
        p->next = *list == NULL ? 0 : page_frame(*list);
        *list = p;
        count++;
    }
    return count;
}

static void free_list(struct page *list)
{
    while (list != NULL) {
        struct page *next = list->next == 0 ? NULL : page_of_frame(list->next);
        page_free(list, 0);
        list = next;
    }
}

TEST(when_all_pages_are_gone_a_reserve_is_left_for_urgent_needs)
{
    page_reclaim();
    size_t before = page_free_count();
    struct page *list = NULL;
    struct page *p = NULL;
    size_t taken = take_all(PAGE_ANY, &list);
    status_t block = page_alloc(2, PAGE_ANY, PAGE_KERNEL, &p);
    size_t urgent = take_all(PAGE_URGENT, &list);
    struct page_stats stats;
    page_stats(&stats);
    free_list(list);
    EXPECT(taken > 0 && urgent > 0 && urgent < before / 16);
    EXPECT_STATUS(block, ERR_NOMEM);
    EXPECT_EQ(stats.offline_pages, 0);
    EXPECT_EQ(page_free_count(), before);
}

enum { HELD = 200 };

struct held {
    struct page *page;
    unsigned order;
    uint64_t mark;
};

// Every page of the block carries the mark of its holder.
static void mark(const struct held *h)
{
    for (unsigned i = 0; i < 1u << h->order; i++) {
        *(uint64_t *)page_virt(h->page + i) = h->mark;
    }
}

static bool has_mark(const struct held *h)
{
    bool is_same = true;
    for (unsigned i = 0; i < 1u << h->order; i++) {
        is_same = is_same && *(uint64_t *)page_virt(h->page + i) == h->mark;
    }
    return is_same;
}

static _Atomic unsigned damaged; // blocks that somebody else wrote to

static void use_randomly(void *seed)
{
    static _Atomic uint64_t next_mark = 1;
    struct held held[HELD];
    size_t count = 0;
    struct test_random random = {(uintptr_t)seed};
    for (unsigned step = 0; step < 1500; step++) {
        unsigned order = (unsigned)test_random_below(&random, 16);
        order = order > 4 ? 0 : order;
        if (count < HELD && test_random_below(&random, 100) < 60 &&
            page_alloc(order, PAGE_ANY, PAGE_KERNEL, &held[count].page) == OK) {
            held[count].order = order;
            held[count].mark = atomic_fetch_add(&next_mark, 1);
            mark(&held[count]);
            count++;
        } else if (count > 0) {
            size_t i = test_random_below(&random, count);
            damaged += !has_mark(&held[i]);
            page_free(held[i].page, held[i].order);
            held[i] = held[--count];
        }
    }
    while (count-- > 0) {
        damaged += !has_mark(&held[count]);
        page_free(held[count].page, held[count].order);
    }
}

TEST(threads_on_all_cpus_never_get_the_same_page)
{
    damaged = 0;
    for (uintptr_t i = 1; i <= 6; i++) {
        EXPECT(test_spawn("pages", use_randomly, (void *)i) != NULL);
    }
    test_join_all();
    EXPECT_EQ(damaged, 0);
}
