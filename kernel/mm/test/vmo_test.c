// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/vmo.h"

#include "kernel/mm/inject.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/test.h"

static uint8_t *page_at(struct vmo *v, uint64_t index, bool for_write)
{
    paddr_t page;
    bool can_write = false;
    if (vmo_fault(v, index, for_write, &page, &can_write) != OK || (for_write && !can_write)) {
        return NULL;
    }
    return phys_to_virt(page);
}

static int byte_at(struct vmo *v, uint64_t index)
{
    const uint8_t *page = page_at(v, index, false);
    return page == NULL ? -1 : page[7];
}

static void set_byte(struct vmo *v, uint64_t index, uint8_t value)
{
    uint8_t *page = page_at(v, index, true);
    EXPECT(page != NULL);
    page[7] = value;
}

TEST(objects_of_no_or_absurd_size_are_refused)
{
    struct vmo *v = NULL;
    EXPECT_STATUS(vmo_create_anonymous(0, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_anonymous(VMO_PAGES_MAX + 1, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_anonymous(UINT64_MAX, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_physical(paddr(0x1000), 0, true, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_physical(paddr(0x1001), 1, true, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_physical(paddr(UINT64_MAX - 4095), 2, true, &v), ERR_INVAL);
    EXPECT_STATUS(vmo_create_contiguous(PAGE_MAX_ORDER + 1, &v), ERR_NOMEM);
}

TEST(pages_appear_zeroed_at_first_touch_and_only_then)
{
    struct vmo *v = NULL;
    EXPECT_OK(vmo_create_anonymous(VMO_PAGES_MAX, &v));
    EXPECT_EQ(vmo_size_pages(v), VMO_PAGES_MAX);
    EXPECT_EQ(vmo_resident_pages(v), 0);
    EXPECT_EQ(byte_at(v, 0), 0);
    set_byte(v, VMO_PAGES_MAX - 1, 5);
    EXPECT_EQ(byte_at(v, VMO_PAGES_MAX - 1), 5);
    EXPECT_EQ(vmo_resident_pages(v), 2);
    vmo_unref(v);
}

TEST(an_index_beyond_the_object_is_out_of_range)
{
    struct vmo *v = NULL;
    paddr_t page;
    bool can_write;
    EXPECT_OK(vmo_create_anonymous(3, &v));
    EXPECT_STATUS(vmo_fault(v, 3, false, &page, &can_write), ERR_RANGE);
    EXPECT_STATUS(vmo_fault(v, UINT64_MAX, true, &page, &can_write), ERR_RANGE);
    vmo_unref(v);
}

TEST(a_copy_and_its_source_never_see_each_others_writes)
{
    struct vmo *v = NULL;
    struct vmo *copy = NULL;
    EXPECT_OK(vmo_create_anonymous(100, &v));
    set_byte(v, 10, 1);
    set_byte(v, 11, 2);
    EXPECT_OK(vmo_clone_cow(v, 10, 80, &copy));
    EXPECT_EQ(vmo_resident_pages(copy), 2);
    set_byte(v, 10, 3);
    set_byte(copy, 11, 4);
    set_byte(v, 20, 5);
    EXPECT_EQ(byte_at(copy, 10), 1);
    EXPECT_EQ(byte_at(v, 11), 2);
    EXPECT_EQ(byte_at(copy, 20), 0);
    vmo_unref(v);
    EXPECT_EQ(byte_at(copy, 10), 1);
    EXPECT_EQ(byte_at(copy, 11), 4);
    vmo_unref(copy);
}

TEST(a_copy_of_a_part_has_the_pages_of_that_part_and_no_others)
{
    struct vmo *v = NULL;
    struct vmo *copy = NULL;
    EXPECT_OK(vmo_create_anonymous(400, &v));
    for (uint64_t i = 0; i < 400; i += 1 + i % 3) {
        set_byte(v, i, (uint8_t)(i + 1));
    }
    EXPECT_OK(vmo_clone_cow(v, 65, 200, &copy));
    EXPECT_EQ(vmo_size_pages(copy), 265);
    size_t wrong = 0;
    size_t present = 0;
    for (uint64_t i = 0; i < 265; i++) {
        bool is_there = vmo_is_present(copy, i);
        wrong += is_there != (i >= 65 && vmo_is_present(v, i));
        wrong += is_there && byte_at(copy, i) != (uint8_t)(i + 1);
        present += is_there;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(vmo_resident_pages(copy), present);
    vmo_unref(copy);
    vmo_unref(v);
}

TEST(a_page_that_only_one_object_is_left_with_is_written_in_place)
{
    struct vmo *v = NULL;
    struct vmo *copy = NULL;
    EXPECT_OK(vmo_create_anonymous(1, &v));
    set_byte(v, 0, 1);
    const uint8_t *page = page_at(v, 0, false);
    EXPECT_OK(vmo_clone_cow(v, 0, 1, &copy));
    vmo_unref(v);
    EXPECT(page_at(copy, 0, true) == page);
    vmo_unref(copy);
}

TEST(a_copy_of_what_is_not_there_is_refused)
{
    struct vmo *v = NULL;
    struct vmo *copy = NULL;
    EXPECT_OK(vmo_create_anonymous(10, &v));
    EXPECT_STATUS(vmo_clone_cow(v, 5, 6, &copy), ERR_RANGE);
    EXPECT_STATUS(vmo_clone_cow(v, 11, 0, &copy), ERR_RANGE);
    EXPECT_STATUS(vmo_clone_cow(v, 1, UINT64_MAX, &copy), ERR_RANGE);
    vmo_unref(v);
    EXPECT_OK(vmo_create_contiguous(0, &v));
    EXPECT_STATUS(vmo_clone_cow(v, 0, 1, &copy), ERR_NOTSUP);
    vmo_unref(v);
}

TEST(decommitted_pages_are_free_and_read_as_zero)
{
    struct vmo *v = NULL;
    EXPECT_OK(vmo_create_anonymous(64, &v));
    for (uint64_t i = 0; i < 64; i++) {
        set_byte(v, i, 9);
    }
    vmo_decommit(v, 16, 32);
    EXPECT_EQ(vmo_resident_pages(v), 32);
    EXPECT_EQ(byte_at(v, 15), 9);
    EXPECT_EQ(byte_at(v, 16), 0);
    EXPECT_EQ(byte_at(v, 48), 9);
    vmo_decommit(v, 1000, 1);
    vmo_decommit(v, 0, UINT64_MAX);
    EXPECT_EQ(vmo_resident_pages(v), 0);
    vmo_unref(v);
}

TEST(contiguous_memory_is_in_one_piece_and_zeroed)
{
    struct vmo *v = NULL;
    EXPECT_OK(vmo_create_contiguous(3, &v));
    const uint8_t *first = page_at(v, 0, true);
    bool is_contiguous = true;
    for (uint64_t i = 0; i < 8; i++) {
        is_contiguous = is_contiguous && page_at(v, i, true) == first + i * PAGE_SIZE;
        is_contiguous = is_contiguous && byte_at(v, i) == 0;
    }
    vmo_decommit(v, 0, 8);
    EXPECT_EQ(vmo_resident_pages(v), 8);
    vmo_unref(v);
    EXPECT(is_contiguous);
}

TEST(a_device_object_gives_the_addresses_of_the_device)
{
    struct vmo *v = NULL;
    paddr_t page = {};
    bool can_write = false;
    EXPECT_OK(vmo_create_physical(paddr(0x9000000), 4, true, &v));
    EXPECT(vmo_is_device(v));
    EXPECT_OK(vmo_fault(v, 2, true, &page, &can_write));
    EXPECT_EQ(page.raw, 0x9002000);
    EXPECT(can_write);
    vmo_unref(v);
}

// Makes a few pages, a copy, and writes to both; gives the first failure.
static status_t use_objects(struct vmo **v, struct vmo **copy)
{
    paddr_t page;
    bool can_write;
    status_t status = vmo_create_anonymous(1ull << 30, v);
    for (uint64_t i = 0; i < 4 && status == OK; i++) {
        status = vmo_fault(*v, i * 70001, true, &page, &can_write);
    }
    if (status == OK) {
        status = vmo_clone_cow(*v, 0, 1ull << 30, copy);
    }
    for (uint64_t i = 0; i < 4 && status == OK; i++) {
        status = vmo_fault(i % 2 == 0 ? *v : *copy, i * 70001, true, &page, &can_write);
    }
    return status;
}

TEST(objects_without_memory_leave_nothing)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        struct vmo *v = NULL;
        struct vmo *copy = NULL;
        inject_arm(n);
        status_t status = use_objects(&v, &copy);
        has_failed = inject_disarm();
        if (v != NULL) {
            vmo_unref(v);
        }
        if (copy != NULL) {
            vmo_unref(copy);
        }
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
    }
}

/* ---- Mapped objects ---- */

static status_t map_object(struct aspace *as, struct vmo *v, vaddr_t va, unsigned prot)
{
    struct mapping m = {.vmo = v,
                        .size_pages = (size_t)vmo_size_pages(v),
                        .prot = prot,
                        .max_prot = PROT_RW,
                        .flags = ASPACE_FIXED};
    return aspace_map(as, &m, &va);
}

static const vaddr_t place = 0x10000000;

TEST(all_mappings_of_an_object_show_the_same_memory)
{
    struct aspace *a = NULL;
    struct aspace *b = NULL;
    struct vmo *v = NULL;
    EXPECT_OK(aspace_create(&a));
    EXPECT_OK(aspace_create(&b));
    EXPECT_OK(vmo_create_anonymous(4, &v));
    EXPECT_OK(map_object(a, v, place, PROT_RW));
    EXPECT_OK(map_object(a, v, 2 * place, PROT_READ));
    EXPECT_OK(map_object(b, v, place, PROT_RW));
    user_enter(a);
    EXPECT(user_write(place, 1));
    EXPECT_EQ(user_peek(2 * place), 1);
    user_enter(b);
    EXPECT_EQ(user_peek(place), 1);
    EXPECT(user_write(place, 2));
    user_enter(a);
    EXPECT_EQ(user_peek(2 * place), 2);
    vmo_decommit(v, 0, 4);
    EXPECT_EQ(user_peek(place), 0);
    EXPECT_EQ(user_peek(2 * place), 0);
    user_enter(NULL);
    aspace_unref(a);
    aspace_unref(b);
    EXPECT_EQ(vmo_resident_pages(v), 1);
    vmo_unref(v);
}

TEST(after_a_copy_a_write_reaches_all_mappings_of_the_object_and_not_the_copy)
{
    struct aspace *a = NULL;
    struct aspace *b = NULL;
    struct vmo *v = NULL;
    struct vmo *copy = NULL;
    EXPECT_OK(aspace_create(&a));
    EXPECT_OK(aspace_create(&b));
    EXPECT_OK(vmo_create_anonymous(1, &v));
    EXPECT_OK(map_object(a, v, place, PROT_RW));
    EXPECT_OK(map_object(a, v, 2 * place, PROT_RW));
    EXPECT_OK(map_object(b, v, place, PROT_RW));
    user_enter(b);
    EXPECT(user_write(place, 1));
    user_enter(a);
    EXPECT(user_write(place, 2) && user_write(2 * place, 3));
    EXPECT_OK(vmo_clone_cow(v, 0, 1, &copy));
    EXPECT(user_write(place, 4));
    EXPECT_EQ(user_peek(2 * place), 4);
    user_enter(b);
    EXPECT_EQ(user_peek(place), 4);
    EXPECT(user_write(place, 5));
    user_enter(NULL);
    EXPECT_EQ(page_at(copy, 0, false)[0], 3);
    EXPECT_EQ(page_at(v, 0, false)[0], 5);
    aspace_unref(a);
    aspace_unref(b);
    vmo_unref(v);
    vmo_unref(copy);
}
