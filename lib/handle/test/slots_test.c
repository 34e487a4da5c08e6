// SPDX-License-Identifier: Apache-2.0
#include "lib/handle/slots.h"

#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

// A table with its memory, as the kernel's wrapper keeps it.
static status_t give(struct slots *s, const struct slots_need *need)
{
    void *memory = test_alloc(need->size);
    if (memory == NULL) {
        return ERR_NOMEM;
    }
    memset(memory, 0, need->size);
    test_free(slots_give(s, need, memory));
    return OK;
}

static status_t reserve(struct slots *s, uint32_t from, uint32_t *out)
{
    struct slots_need need;
    status_t status;
    while ((status = slots_reserve(s, from, out, &need)) == ERR_NOMEM) {
        if (give(s, &need) != OK) {
            return ERR_NOMEM;
        }
    }
    return status;
}

static status_t reserve_at(struct slots *s, uint32_t slot)
{
    struct slots_need need;
    status_t status;
    while ((status = slots_reserve_at(s, slot, &need)) == ERR_NOMEM) {
        if (give(s, &need) != OK) {
            return ERR_NOMEM;
        }
    }
    return status;
}

static void fini(struct slots *s)
{
    for (void *memory; (memory = slots_fini(s)) != NULL;) {
        test_free(memory);
    }
}

static int things[8];

static struct handle_entry entry(unsigned thing, rights_t rights)
{
    return (struct handle_entry){.object = &things[thing], .rights = rights};
}

static uint32_t add(struct slots *s, uint32_t from)
{
    uint32_t slot = UINT32_MAX;
    if (reserve(s, from, &slot) == OK) {
        struct handle_entry e = entry(0, SWIFTOS_RIGHT_MASK);
        slots_publish(s, slot, &e);
    }
    return slot;
}

TEST(numbers_are_the_lowest_free_ones)
{
    struct slots s;
    struct handle_entry e;
    slots_init(&s);
    for (uint32_t i = 0; i < 200; i++) {
        EXPECT_EQ(add(&s, 0), i);
    }
    EXPECT_OK(slots_remove(&s, 130, &e));
    EXPECT_OK(slots_remove(&s, 7, &e));
    EXPECT_EQ(add(&s, 0), 7);
    EXPECT_EQ(add(&s, 0), 130);
    EXPECT_EQ(add(&s, 0), 200);
    fini(&s);
}

TEST(a_search_may_start_anywhere)
{
    struct slots s;
    slots_init(&s);
    EXPECT_EQ(add(&s, 10), 10);
    EXPECT_EQ(add(&s, 10), 11);
    EXPECT_EQ(add(&s, 700), 700);
    EXPECT_EQ(add(&s, 0), 0);
    EXPECT_EQ(add(&s, 63), 63);
    EXPECT_EQ(add(&s, 63), 64);
    EXPECT_EQ(s.used, 6);
    fini(&s);
}

TEST(the_limit_ends_the_numbers)
{
    struct slots s;
    uint32_t slot;
    slots_init(&s);
    slots_set_limit(&s, 3);
    EXPECT_EQ(add(&s, 0), 0);
    EXPECT_EQ(add(&s, 0), 1);
    EXPECT_EQ(add(&s, 0), 2);
    EXPECT_STATUS(reserve(&s, 0, &slot), ERR_MFILE);
    EXPECT_STATUS(reserve(&s, 3, &slot), ERR_MFILE);
    EXPECT_STATUS(reserve(&s, UINT32_MAX, &slot), ERR_MFILE);
    EXPECT_STATUS(reserve_at(&s, 3), ERR_BADF);
    slots_set_limit(&s, 2);
    EXPECT(slots_find(&s, 2) != NULL); // what exists stays
    slots_set_limit(&s, UINT32_MAX);
    EXPECT_STATUS(reserve(&s, SLOTS_MAX, &slot), ERR_MFILE);
    EXPECT_EQ(add(&s, SLOTS_MAX - 1), SLOTS_MAX - 1);
    EXPECT_STATUS(reserve(&s, SLOTS_MAX - 1, &slot), ERR_MFILE);
    fini(&s);
}

TEST(a_reserved_slot_is_neither_free_nor_found)
{
    struct slots s;
    struct handle_entry e;
    uint32_t slot;
    slots_init(&s);
    EXPECT_OK(reserve(&s, 0, &slot));
    EXPECT_EQ(slot, 0);
    EXPECT(slots_find(&s, 0) == NULL);
    EXPECT_STATUS(slots_remove(&s, 0, &e), ERR_BADF);
    EXPECT_STATUS(reserve_at(&s, 0), ERR_BUSY);
    EXPECT(!slots_next(&s, 0, &slot));
    EXPECT_EQ(add(&s, 0), 1);
    EXPECT_STATUS(reserve_at(&s, 1), ERR_EXIST);
    slots_cancel(&s, 0);
    EXPECT_OK(reserve_at(&s, 0));
    fini(&s);
}

TEST(numbers_that_never_were_are_not_found)
{
    struct slots s;
    struct handle_entry e;
    slots_init(&s);
    EXPECT(slots_find(&s, 0) == NULL);
    EXPECT(slots_find(&s, UINT32_MAX) == NULL);
    EXPECT_EQ(add(&s, 500), 500); // leaves chunks before it without memory
    EXPECT(slots_find(&s, 0) == NULL);
    EXPECT(slots_find(&s, (uint32_t)-1) == NULL);
    EXPECT_STATUS(slots_remove(&s, 64, &e), ERR_BADF);
    fini(&s);
}

TEST(an_entry_comes_out_as_it_went_in)
{
    struct slots s;
    struct handle_entry e;
    uint32_t slot;
    slots_init(&s);
    EXPECT_OK(reserve(&s, 0, &slot));
    struct handle_entry in = {
        .object = &things[3], .badge = 77, .rights = SWIFTOS_RIGHT_READ, .flags = 1};
    slots_publish(&s, slot, &in);
    EXPECT(slots_find(&s, slot)->object == &things[3]);
    struct handle_entry other = entry(4, SWIFTOS_RIGHT_WRITE);
    slots_replace(&s, slot, &other, &e);
    EXPECT_MEM(&e, &in, sizeof(in));
    EXPECT_OK(slots_remove(&s, slot, &e));
    EXPECT(e.object == &things[4]);
    EXPECT_EQ(s.used, 0);
    fini(&s);
}

TEST(live_slots_are_walked_in_order)
{
    static const uint32_t numbers[] = {0, 1, 63, 64, 300, 1000};
    struct slots s;
    uint32_t slot = 0;
    slots_init(&s);
    for (size_t i = 6; i-- > 0;) {
        EXPECT_EQ(add(&s, numbers[i]), numbers[i]);
    }
    EXPECT_OK(reserve(&s, 100, &slot)); // and none that is reserved only
    slot = 0;
    for (size_t i = 0; i < 6; i++, slot++) {
        EXPECT(slots_next(&s, slot, &slot));
        EXPECT_EQ(slot, numbers[i]);
    }
    EXPECT(!slots_next(&s, slot, &slot));
    EXPECT(!slots_next(&s, UINT32_MAX, &slot));
    fini(&s);
}

TEST(no_memory_leaves_a_table_as_it_was)
{
    OOM_SWEEP
    {
        struct slots s;
        slots_init(&s);
        (void)add(&s, 0);
        (void)add(&s, 1000);
        uint32_t used = s.used;
        uint32_t live = 0;
        for (uint32_t slot = 0; slots_next(&s, slot, &slot); slot++) {
            live++;
        }
        EXPECT_EQ(used, live);
        fini(&s);
    }
}

TEST(memory_that_somebody_else_gave_first_comes_back)
{
    struct slots s;
    struct slots_need first;
    struct slots_need second;
    uint32_t slot;
    slots_init(&s);
    EXPECT_STATUS(slots_reserve(&s, 0, &slot, &first), ERR_NOMEM);
    EXPECT_STATUS(slots_reserve(&s, 0, &slot, &second), ERR_NOMEM);
    EXPECT_OK(give(&s, &first));
    EXPECT_OK(give(&s, &second)); // the allocator of the tests sees a leak or a double free
    EXPECT_STATUS(slots_reserve(&s, 0, &slot, &first), ERR_NOMEM);
    EXPECT_STATUS(slots_reserve(&s, 0, &slot, &second), ERR_NOMEM);
    EXPECT_OK(give(&s, &first));
    EXPECT_OK(give(&s, &second));
    EXPECT_OK(slots_reserve(&s, 0, &slot, &first));
    fini(&s);
}

enum { RANDOM_SLOTS = 300, RANDOM_STEPS = 20000 };

TEST(random_steps_agree_with_a_plain_array)
{
    struct slots s;
    bool used[RANDOM_SLOTS] = {};
    struct test_random r = {11};
    slots_init(&s);
    slots_set_limit(&s, RANDOM_SLOTS);
    for (unsigned step = 0; step < RANDOM_STEPS; step++) {
        uint32_t at = (uint32_t)test_random_below(&r, RANDOM_SLOTS);
        if (test_random_below(&r, 5) < 3) {
            uint32_t want = at;
            while (want < RANDOM_SLOTS && used[want]) {
                want++;
            }
            EXPECT_EQ(add(&s, at), want < RANDOM_SLOTS ? want : UINT32_MAX);
            used[want < RANDOM_SLOTS ? want : at] = true;
        } else {
            struct handle_entry e;
            EXPECT_STATUS(slots_remove(&s, at, &e), used[at] ? OK : ERR_BADF);
            used[at] = false;
        }
    }
    fini(&s);
}
