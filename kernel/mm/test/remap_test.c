// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/inject.h"
#include "kernel/mm/test/disk.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/test.h"

static const vaddr_t place = 0x40000000;
static struct aspace *as;

static vaddr_t page(size_t index)
{
    return place + index * PAGE_SIZE;
}

// Pages 0 to 3, whose first bytes are 1 to 4.
static void set_up(void)
{
    as = NULL;
    EXPECT_OK(aspace_create(&as));
    user_enter(as);
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, 0), place);
    for (size_t i = 0; i < 4; i++) {
        EXPECT(user_write(page(i), (uint8_t)(i + 1)));
    }
}

static void tear_down(void)
{
    user_enter(NULL);
    aspace_unref(as);
}

static status_t remap(size_t first, size_t old_pages, size_t new_pages, unsigned flags, vaddr_t *to)
{
    struct remap m = {
        .va = page(first), .old_pages = old_pages, .new_pages = new_pages, .flags = flags};
    return aspace_remap(as, &m, to);
}

TEST(a_mapping_grows_where_there_is_room_above)
{
    vaddr_t to = 0;
    set_up();
    EXPECT_OK(remap(0, 4, 6, REMAP_IN_PLACE, &to));
    EXPECT_EQ(to, page(0));
    EXPECT_EQ(user_peek(page(3)), 4);
    EXPECT_EQ(user_peek(page(5)), 0);
    EXPECT(user_write(page(5), 9));
    EXPECT_EQ(as->mapped_pages, 6);
    tear_down();
}

TEST(a_mapping_grows_elsewhere_with_what_it_holds)
{
    vaddr_t to = 0;
    set_up();
    EXPECT_EQ(user_map(as, page(4), 1, PROT_RW, 0), page(4));
    EXPECT_STATUS(remap(0, 4, 5, REMAP_IN_PLACE, &to), ERR_NOMEM);
    EXPECT_OK(remap(0, 4, 5, REMAP_MAY_MOVE, &to));
    EXPECT(to != page(0));
    EXPECT_EQ(user_peek(to), 1);
    EXPECT_EQ(user_peek(to + 3ull * PAGE_SIZE), 4);
    EXPECT_EQ(user_peek(to + 4ull * PAGE_SIZE), 0);
    EXPECT_EQ(user_peek(page(0)), -1);
    EXPECT_EQ(user_peek(page(4)), 0);
    EXPECT_EQ(as->mapped_pages, 6);
    tear_down();
}

TEST(a_mapping_shrinks_and_gives_pages_back)
{
    vaddr_t to = 0;
    set_up();
    EXPECT_OK(remap(0, 4, 1, REMAP_IN_PLACE, &to));
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_EQ(user_peek(page(1)), -1);
    EXPECT_EQ(as->mapped_pages, 1);
    tear_down();
}

TEST(the_middle_of_a_mapping_moves_to_a_fixed_place_and_grows)
{
    vaddr_t to = page(20);
    set_up();
    EXPECT_EQ(user_map(as, page(19), 3, PROT_RW, 0), page(19));
    EXPECT(user_write(page(20), 77));
    EXPECT_OK(remap(1, 2, 3, REMAP_MAY_MOVE | REMAP_FIXED, &to));
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_EQ(user_peek(page(1)), -1);
    EXPECT_EQ(user_peek(page(3)), 4);
    EXPECT_EQ(user_peek(page(19)), 0);
    EXPECT_EQ(user_peek(page(20)), 2);
    EXPECT_EQ(user_peek(page(21)), 3);
    EXPECT_EQ(user_peek(page(22)), 0);
    EXPECT(user_write(page(22), 5));
    EXPECT_EQ(user_peek(page(3)), 4);
    EXPECT_EQ(as->mapped_pages, 6);
    tear_down();
}

TEST(nonsense_is_not_remapped)
{
    vaddr_t to = page(1);
    set_up();
    EXPECT_STATUS(remap(0, 4, 4, REMAP_MAY_MOVE | REMAP_FIXED, &to), ERR_INVAL);
    EXPECT_STATUS(remap(0, 5, 8, REMAP_MAY_MOVE, &to), ERR_FAULT);
    EXPECT_STATUS(remap(0, 4, 0, REMAP_MAY_MOVE, &to), ERR_INVAL);
    EXPECT_STATUS(remap(0, 4, SIZE_MAX, REMAP_MAY_MOVE, &to), ERR_NOMEM);
    as->limit_pages = 6;
    EXPECT_STATUS(remap(0, 4, 7, REMAP_MAY_MOVE, &to), ERR_NOMEM);
    EXPECT_OK(remap(0, 4, 6, REMAP_MAY_MOVE, &to));
    tear_down();
}

TEST(discarded_private_memory_reads_as_at_first)
{
    set_up();
    EXPECT_OK(aspace_discard(as, page(1), 2));
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_EQ(user_peek(page(1)), 0);
    EXPECT_EQ(user_peek(page(3)), 4);
    EXPECT_STATUS(aspace_discard(as, page(3), 2), ERR_NOMEM);
    EXPECT_EQ(user_peek(page(3)), 0);
    tear_down();
}

TEST(discarding_after_a_fork_leaves_the_other_side_its_memory)
{
    struct aspace *child = NULL;
    set_up();
    EXPECT_OK(aspace_fork(as, &child));
    EXPECT_OK(aspace_discard(as, page(0), 4));
    EXPECT_EQ(user_peek(page(2)), 0);
    user_enter(child);
    EXPECT_EQ(user_peek(page(2)), 3);
    user_enter(as);
    aspace_unref(child);
    tear_down();
}

TEST(remapping_without_memory_changes_nothing)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed && !test_has_failed(); n++) {
        vaddr_t to = page(20);
        set_up();
        EXPECT_EQ(user_map(as, page(19), 3, PROT_RW, 0), page(19));
        inject_arm(n);
        status_t status = remap(1, 2, 3, REMAP_MAY_MOVE | REMAP_FIXED, &to);
        has_failed = inject_disarm();
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
        EXPECT_EQ(user_peek(page(1)), status == OK ? -1 : 2);
        EXPECT_EQ(user_peek(page(20)), status == OK ? 2 : 0);
        EXPECT_EQ(as->mapped_pages, status == OK ? 6 : 7);
        tear_down();
    }
}
