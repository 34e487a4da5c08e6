// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/aspace.h"

#include "kernel/mm/test/user.h"
#include "tests/harness/test.h"

static const vaddr_t place = 0x40000000;
static struct aspace *as;

static void set_up(void)
{
    as = NULL;
    EXPECT_OK(aspace_create(&as));
    user_enter(as);
}

static void tear_down(void)
{
    user_enter(NULL);
    aspace_unref(as);
}

static size_t count_regions(void)
{
    struct region_info info;
    size_t count = 0;
    for (vaddr_t at = 0; aspace_next_region(as, at, &info) == OK; count++) {
        at = info.start + (info.size_pages << PAGE_SHIFT);
    }
    return count;
}

static vaddr_t page(size_t index)
{
    return place + index * PAGE_SIZE;
}

TEST(fresh_memory_reads_as_zero_and_keeps_what_is_written)
{
    set_up();
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, 0), place);
    EXPECT_EQ(user_peek(page(1)), 0);
    EXPECT(user_write(page(1), 7) && user_write(page(2), 8));
    EXPECT_EQ(user_peek(page(1)), 7);
    EXPECT_EQ(user_peek(page(2)), 8);
    EXPECT_EQ(user_peek(page(4)), -1);
    EXPECT_EQ(user_peek(page(0) - 1), -1);
    tear_down();
}

TEST(access_beyond_the_protection_is_refused)
{
    set_up();
    EXPECT(user_map(as, page(0), 1, PROT_NONE, 0) != 0);
    EXPECT(user_map(as, page(1), 1, PROT_READ, 0) != 0);
    EXPECT(user_map(as, page(2), 1, PROT_RX, 0) != 0);
    EXPECT(user_map(as, page(3), 1, PROT_WRITE, 0) != 0);
    EXPECT_EQ(user_peek(page(0)), -1);
    EXPECT(!user_write(page(0), 1));
    EXPECT_EQ(user_peek(page(1)), 0);
    EXPECT(!user_write(page(1), 1));
    EXPECT_EQ(user_peek(page(2)), 0);
    EXPECT(!user_write(page(2), 1));
    EXPECT(user_write(page(3), 1));
    EXPECT_EQ(user_peek(page(3)), 1);
    tear_down();
}

TEST(writable_and_executable_together_is_refused)
{
    set_up();
    EXPECT_EQ(user_map(as, place, 1, PROT_WRITE | PROT_EXEC, 0), 0);
    EXPECT_EQ(user_map(as, place, 1, PROT_RW, 0), place);
    EXPECT_STATUS(aspace_protect(as, place, 1, PROT_RW | PROT_EXEC), ERR_INVAL);
    EXPECT_STATUS(aspace_protect(as, place, 1, PROT_WRITE | PROT_EXEC), ERR_INVAL);
    EXPECT(user_write(place, 1));
    EXPECT_OK(aspace_protect(as, place, 1, PROT_RX));
    EXPECT(!user_write(place, 2));
    EXPECT_EQ(user_peek(place), 1);
    tear_down();
}

TEST(protection_never_rises_above_what_was_allowed_at_first)
{
    struct vmo *v = NULL;
    vaddr_t va = place;
    set_up();
    EXPECT_OK(vmo_create_anonymous(4, &v));
    struct mapping m = {
        .vmo = v, .size_pages = 4, .prot = PROT_READ, .max_prot = PROT_READ, .flags = ASPACE_FIXED};
    EXPECT_OK(aspace_map(as, &m, &va));
    EXPECT_STATUS(aspace_protect(as, page(1), 1, PROT_RW), ERR_ACCES);
    EXPECT_STATUS(aspace_protect(as, page(1), 1, PROT_RX), ERR_ACCES);
    EXPECT_OK(aspace_protect(as, page(1), 1, PROT_NONE));
    m.prot = PROT_RW;
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    vmo_unref(v);
    tear_down();
}

TEST(ranges_outside_the_users_half_are_refused)
{
    set_up();
    static const vaddr_t bad[] = {0,        PAGE_SIZE,        USER_BASE - PAGE_SIZE,
                                  USER_END, UINT64_MAX << 12, 0x40000001};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT(bad[i] == 0 || user_map(as, bad[i], 1, PROT_RW, 0) == 0);
        EXPECT_STATUS(aspace_unmap(as, bad[i], 1), ERR_INVAL);
        EXPECT_STATUS(aspace_protect(as, bad[i], 1, PROT_READ), ERR_INVAL);
    }
    EXPECT_STATUS(aspace_unmap(as, place, 0), ERR_INVAL);
    EXPECT_STATUS(aspace_unmap(as, place, SIZE_MAX), ERR_INVAL);
    EXPECT_STATUS(aspace_unmap(as, place, (USER_END - place) / PAGE_SIZE + 1), ERR_INVAL);
    EXPECT_OK(aspace_unmap(as, place, (USER_END - place) / PAGE_SIZE));
    EXPECT_EQ(user_map(as, USER_END - PAGE_SIZE, 2, PROT_RW, 0), 0);
    EXPECT_EQ(user_map(as, USER_END - PAGE_SIZE, 1, PROT_RW, 0), USER_END - PAGE_SIZE);
    EXPECT(user_write(USER_END - 1, 1));
    EXPECT_EQ(user_peek(USER_END), -1);
    EXPECT_EQ(user_peek(UINT64_MAX), -1);
    tear_down();
}

TEST(a_mapping_beyond_its_object_is_refused)
{
    struct vmo *v = NULL;
    vaddr_t va = place;
    set_up();
    EXPECT_OK(vmo_create_anonymous(4, &v));
    struct mapping m = {.vmo = v, .offset = 3, .size_pages = 2};
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    m = (struct mapping){.vmo = v, .offset = UINT64_MAX, .size_pages = 2};
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    m = (struct mapping){.vmo = v, .size_pages = 0};
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    m = (struct mapping){.vmo = v, .size_pages = SIZE_MAX};
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    m = (struct mapping){.vmo = v, .size_pages = 1, .prot = 8, .max_prot = 15};
    EXPECT_STATUS(aspace_map(as, &m, &va), ERR_INVAL);
    vmo_unref(v);
    tear_down();
}

TEST(fixed_replaces_and_noreplace_does_not)
{
    set_up();
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, 0), place);
    EXPECT(user_write(page(1), 1) && user_write(page(3), 3));
    EXPECT_EQ(user_map(as, page(1), 1, PROT_RW, ASPACE_NOREPLACE), 0);
    EXPECT_EQ(user_peek(page(1)), 1);
    EXPECT_EQ(user_map(as, page(1), 1, PROT_RW, 0), page(1));
    EXPECT_EQ(user_peek(page(1)), 0);
    EXPECT_EQ(user_peek(page(3)), 3);
    EXPECT_EQ(count_regions(), 3);
    EXPECT_EQ(as->mapped_pages, 4);
    tear_down();
}

TEST(a_free_hint_is_taken_and_a_used_one_is_not)
{
    struct vmo *v = NULL;
    set_up();
    EXPECT_OK(vmo_create_anonymous(4, &v));
    struct mapping m = {.vmo = v, .size_pages = 4, .prot = PROT_RW, .max_prot = PROT_RW};
    vaddr_t first = place;
    vaddr_t second = place + PAGE_SIZE;
    vaddr_t third = 12345;
    EXPECT_OK(aspace_map(as, &m, &first));
    EXPECT_OK(aspace_map(as, &m, &second));
    EXPECT_OK(aspace_map(as, &m, &third));
    EXPECT_EQ(first, place);
    EXPECT(second >= USER_BASE && second != first);
    EXPECT(third >= USER_BASE && third % PAGE_SIZE == 0);
    vmo_unref(v);
    tear_down();
}

TEST(random_chooses_where_mappings_anywhere_start)
{
    struct vmo *v = NULL;
    vaddr_t starts[2];
    for (unsigned i = 0; i < 2; i++) {
        vaddr_t next = 0;
        starts[i] = 0;
        set_up();
        EXPECT_OK(vmo_create_anonymous(4, &v));
        struct mapping m = {.vmo = v,
                            .size_pages = 4,
                            .prot = PROT_RW,
                            .max_prot = PROT_RW,
                            .random = 0x123456789abcdef0 * (i + 1)};
        EXPECT_OK(aspace_map(as, &m, &starts[i]));
        EXPECT_OK(aspace_map(as, &m, &next));
        EXPECT_EQ(next, starts[i] + 4ul * PAGE_SIZE);
        EXPECT(user_write(starts[i], 1));
        vmo_unref(v);
        tear_down();
    }
    EXPECT(starts[0] != starts[1]);
}

TEST(address_space_ends_at_its_limit)
{
    set_up();
    as->limit_pages = 10;
    EXPECT_EQ(user_map(as, page(0), 8, PROT_RW, 0), page(0));
    EXPECT_EQ(user_map(as, page(20), 3, PROT_RW, 0), 0);
    EXPECT_EQ(user_map(as, page(20), 2, PROT_RW, 0), page(20));
    EXPECT_EQ(user_map(as, page(0), 8, PROT_READ, 0), page(0)); // replaces: no more than before
    EXPECT_EQ(user_map(as, page(0), 9, PROT_READ, 0), 0);
    EXPECT_OK(aspace_unmap(as, page(0), 8));
    EXPECT_EQ(as->mapped_pages, 2);
    tear_down();
}

TEST(regions_split_where_protection_changes_and_merge_when_it_changes_back)
{
    set_up();
    EXPECT_EQ(user_map(as, place, 9, PROT_RW, 0), place);
    EXPECT_OK(aspace_protect(as, page(3), 3, PROT_READ));
    EXPECT_EQ(count_regions(), 3);
    EXPECT_OK(aspace_protect(as, page(4), 1, PROT_NONE));
    EXPECT_EQ(count_regions(), 5);
    EXPECT_OK(aspace_protect(as, page(3), 3, PROT_RW));
    EXPECT_EQ(count_regions(), 1);
    EXPECT_EQ(as->mapped_pages, 9);
    tear_down();
}

TEST(protecting_across_a_hole_changes_nothing)
{
    set_up();
    EXPECT(user_map(as, page(0), 2, PROT_RW, 0) != 0);
    EXPECT(user_map(as, page(3), 2, PROT_RW, 0) != 0);
    EXPECT_STATUS(aspace_protect(as, page(1), 3, PROT_READ), ERR_NOMEM);
    EXPECT_STATUS(aspace_protect(as, page(4), 2, PROT_READ), ERR_NOMEM);
    EXPECT(user_write(page(1), 1) && user_write(page(3), 1) && user_write(page(4), 1));
    EXPECT_EQ(count_regions(), 2);
    tear_down();
}

TEST(unmapping_the_middle_frees_its_pages_and_keeps_the_rest)
{
    set_up();
    EXPECT_EQ(user_map(as, place, 64, PROT_RW, 0), place);
    for (size_t i = 0; i < 64; i++) {
        EXPECT(user_write(page(i), (uint8_t)i));
    }
    size_t before[PAGE_KINDS];
    size_t after[PAGE_KINDS];
    page_count_kinds(before);
    EXPECT_OK(aspace_unmap(as, page(8), 48));
    page_count_kinds(after);
    EXPECT_EQ(before[PAGE_VMO] - after[PAGE_VMO], 48);
    EXPECT_EQ(user_peek(page(7)), 7);
    EXPECT_EQ(user_peek(page(8)), -1);
    EXPECT_EQ(user_peek(page(55)), -1);
    EXPECT_EQ(user_peek(page(56)), 56);
    tear_down();
}

TEST(populated_memory_needs_no_faults)
{
    paddr_t pa;
    uint32_t prot = 0;
    set_up();
    EXPECT_EQ(user_map(as, place, 8, PROT_RW, 0), place);
    EXPECT_OK(aspace_populate(as, page(2), 3, true));
    EXPECT_OK(arch_query(&as->arch, page(4), &pa, &prot));
    EXPECT(prot & ARCH_MAP_WRITE);
    EXPECT_STATUS(arch_query(&as->arch, page(5), &pa, &prot), ERR_NOENT);
    EXPECT_STATUS(aspace_populate(as, page(7), 2, false), ERR_FAULT);
    EXPECT_OK(aspace_protect(as, page(0), 1, PROT_READ));
    EXPECT_STATUS(aspace_populate(as, page(0), 1, true), ERR_ACCES);
    tear_down();
}

TEST(a_read_fault_maps_present_neighbours_too)
{
    struct aspace *child = NULL;
    paddr_t pa;
    uint32_t prot = 0;
    set_up();
    EXPECT_EQ(user_map(as, place, 32, PROT_RW, 0), place);
    EXPECT_OK(aspace_populate(as, place, 32, true));
    EXPECT_OK(aspace_fork(as, &child));
    user_enter(child);
    EXPECT_EQ(user_peek(page(5)), 0);
    EXPECT_OK(arch_query(&child->arch, page(15), &pa, &prot));
    EXPECT_EQ(prot & ARCH_MAP_WRITE, 0);
    EXPECT_STATUS(arch_query(&child->arch, page(16), &pa, &prot), ERR_NOENT);
    user_enter(as);
    aspace_unref(child);
    tear_down();
}

TEST(a_fork_sees_what_was_there_and_nothing_later)
{
    struct aspace *child = NULL;
    set_up();
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, 0), place);
    EXPECT(user_write(page(0), 1) && user_write(page(1), 2));
    EXPECT_OK(aspace_fork(as, &child));
    EXPECT(user_write(page(0), 3) && user_write(page(2), 4));
    user_enter(child);
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_EQ(user_peek(page(2)), 0);
    EXPECT(user_write(page(1), 5));
    user_enter(as);
    EXPECT_EQ(user_peek(page(0)), 3);
    EXPECT_EQ(user_peek(page(1)), 2);
    EXPECT_EQ(child->mapped_pages, as->mapped_pages);
    aspace_unref(child);
    tear_down();
}

TEST(protection_that_is_raised_again_after_a_fork_does_not_uncover_shared_pages)
{
    struct aspace *child = NULL;
    set_up();
    EXPECT_EQ(user_map(as, place, 2, PROT_RW, 0), place);
    EXPECT(user_write(page(0), 1) && user_write(page(1), 1));
    EXPECT_OK(aspace_fork(as, &child));
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_OK(aspace_protect(as, place, 2, PROT_READ));
    EXPECT_OK(aspace_protect(as, place, 2, PROT_RW));
    EXPECT(user_write(page(0), 2));
    user_enter(child);
    EXPECT_EQ(user_peek(page(0)), 1);
    EXPECT_OK(aspace_protect(child, place, 2, PROT_READ));
    EXPECT_OK(aspace_protect(child, place, 2, PROT_RW));
    EXPECT(user_write(page(1), 3));
    user_enter(as);
    EXPECT_EQ(user_peek(page(1)), 1);
    aspace_unref(child);
    tear_down();
}

TEST(shared_mappings_stay_shared_across_a_fork)
{
    struct aspace *child = NULL;
    set_up();
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, ASPACE_SHARED), place);
    EXPECT(user_write(page(0), 1));
    EXPECT_OK(aspace_fork(as, &child));
    EXPECT(user_write(page(0), 2));
    user_enter(child);
    EXPECT_EQ(user_peek(page(0)), 2);
    EXPECT(user_write(page(3), 3));
    user_enter(as);
    EXPECT_EQ(user_peek(page(3)), 3);
    aspace_unref(child);
    EXPECT_EQ(user_peek(page(3)), 3);
    tear_down();
}

TEST(generations_of_forks_are_independent)
{
    enum { GENERATIONS = 6 };
    struct aspace *all[GENERATIONS] = {};
    set_up();
    EXPECT_EQ(user_map(as, place, GENERATIONS, PROT_RW, 0), place);
    all[0] = as;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        user_enter(all[i]);
        EXPECT(user_write(page(i), (uint8_t)(10 + i)));
        EXPECT(user_write(page(0), (uint8_t)i));
        if (i + 1 < GENERATIONS) {
            EXPECT_OK(aspace_fork(all[i], &all[i + 1]));
        }
    }
    for (unsigned i = 0; i < GENERATIONS; i++) {
        user_enter(all[i]);
        EXPECT_EQ(user_peek(page(0)), i);
        EXPECT_EQ(user_peek(page(i)), i == 0 ? 0 : 10 + i);
        EXPECT_EQ(user_peek(page(GENERATIONS - 1)), i == GENERATIONS - 1 ? 15 : 0);
    }
    user_enter(as);
    for (unsigned i = 1; i < GENERATIONS; i++) {
        aspace_unref(all[i]);
    }
    tear_down();
}

TEST(regions_are_listed_in_order)
{
    struct region_info info;
    set_up();
    EXPECT_STATUS(aspace_next_region(as, 0, &info), ERR_NOENT);
    EXPECT(user_map(as, page(4), 2, PROT_READ, 0) != 0);
    EXPECT(user_map(as, page(0), 1, PROT_RW, ASPACE_SHARED) != 0);
    EXPECT_OK(aspace_next_region(as, 0, &info));
    EXPECT(info.start == page(0) && info.size_pages == 1 && info.prot == PROT_RW && info.is_shared);
    EXPECT_OK(aspace_next_region(as, page(1), &info));
    EXPECT(info.start == page(4) && info.size_pages == 2 && info.prot == PROT_READ);
    EXPECT_STATUS(aspace_next_region(as, page(6), &info), ERR_NOENT);
    tear_down();
}

TEST(the_running_thread_knows_its_address_space)
{
    EXPECT(aspace_current() == NULL);
    set_up();
    EXPECT(aspace_current() == as);
    tear_down();
    EXPECT(aspace_current() == NULL);
}

TEST(pages_in_use_are_counted)
{
    struct aspace_usage usage;
    set_up();
    EXPECT_EQ(user_map(as, place, 4, PROT_RW, 0), place);
    EXPECT(user_write(page(0), 1) && user_write(page(2), 1) && user_write(page(2), 2));
    aspace_usage(as, &usage);
    EXPECT_EQ(usage.mapped_pages, 4);
    EXPECT_EQ(usage.resident_pages, 2);
    EXPECT_OK(aspace_unmap(as, page(1), 2));
    aspace_usage(as, &usage);
    EXPECT_EQ(usage.mapped_pages, 2);
    EXPECT_EQ(usage.resident_pages, 1);
    EXPECT_EQ(usage.peak_resident_pages, 2);
    tear_down();
}
