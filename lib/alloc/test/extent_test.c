// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/extent.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { PLACES = 512, EXTENTS = 128 };

static struct extent extents[EXTENTS];

TEST(an_empty_tree_is_all_room)
{
    struct extent_tree tree = {};
    uint64_t at;
    struct extent_wish wish = {.low = 100, .high = 200, .size = 100, .align = 1};
    EXPECT(extent_find(&tree, 0) == NULL);
    EXPECT(extent_find_room(&tree, &wish, &at));
    EXPECT_EQ(at, 100);
    wish.size = 101;
    EXPECT(!extent_find_room(&tree, &wish, &at));
}

TEST(room_beyond_the_end_of_numbers_is_not_there)
{
    struct extent_tree tree = {};
    uint64_t at;
    struct extent_wish wish = {.low = 1, .high = UINT64_MAX, .size = UINT64_MAX, .align = 1};
    EXPECT(!extent_find_room(&tree, &wish, &at));
    wish.align = 1ull << 63;
    EXPECT(!extent_find_room(&tree, &wish, &at));
    wish = (struct extent_wish){.low = 10, .high = 5, .size = 1, .align = 1};
    EXPECT(!extent_find_room(&tree, &wish, &at));
}

TEST(room_is_found_between_before_and_behind_extents)
{
    struct extent_tree tree = {};
    uint64_t at;
    extents[0] = (struct extent){.start = 10, .end = 20};
    extents[1] = (struct extent){.start = 25, .end = 40};
    extent_insert(&tree, &extents[0]);
    extent_insert(&tree, &extents[1]);
    struct extent_wish wish = {.low = 0, .high = 100, .size = 5, .align = 1};
    EXPECT(extent_find_room(&tree, &wish, &at));
    EXPECT_EQ(at, 0);
    wish.low = 6;
    EXPECT(extent_find_room(&tree, &wish, &at));
    EXPECT_EQ(at, 20);
    wish.size = 6;
    EXPECT(extent_find_room(&tree, &wish, &at));
    EXPECT_EQ(at, 40);
    wish.align = 64;
    EXPECT(extent_find_room(&tree, &wish, &at));
    EXPECT_EQ(at, 64);
}

struct model {
    struct extent_tree tree;
    struct extent *at[PLACES]; // whose each place is
};

// The straightforward answer to a wish.
static bool model_find_room(const struct model *m, const struct extent_wish *wish, uint64_t *out)
{
    for (uint64_t at = align_up(wish->low, wish->align); at + wish->size <= wish->high;
         at += wish->align) {
        uint64_t run = 0;
        while (run < wish->size && m->at[at + run] == NULL) {
            run++;
        }
        if (run == wish->size) {
            *out = at;
            return true;
        }
    }
    return false;
}

static void expect_agreement(struct model *m, struct test_random *random)
{
    for (uint64_t i = 0; i < PLACES; i++) {
        uint64_t expected = i;
        while (expected < PLACES && m->at[expected] == NULL) {
            expected++;
        }
        struct extent *found = extent_find(&m->tree, i);
        EXPECT(found == (expected < PLACES ? m->at[expected] : NULL));
    }
    for (unsigned i = 0; i < 20; i++) {
        uint64_t low = test_random_below(random, PLACES);
        uint64_t high = low + test_random_below(random, PLACES - low + 1);
        uint64_t size = 1 + test_random_below(random, 60);
        struct extent_wish wish = {low, high, size, 1ull << test_random_below(random, 5)};
        uint64_t got = 0;
        uint64_t want = 0;
        bool has_room = model_find_room(m, &wish, &want);
        EXPECT_EQ(extent_find_room(&m->tree, &wish, &got), has_room);
        EXPECT_EQ(got, want);
    }
}

static void set_places(struct model *m, uint64_t start, uint64_t end, struct extent *e)
{
    for (uint64_t i = start; i < end; i++) {
        m->at[i] = e;
    }
}

static void random_step(struct model *m, struct extent *e, struct test_random *random)
{
    if (e->start != e->end) {
        if (test_random_below(random, 3) == 0 && e->end - e->start > 1) {
            set_places(m, e->start, e->start + 1, NULL);
            extent_resize(e, e->start + 1, e->end);
            return;
        }
        set_places(m, e->start, e->end, NULL);
        extent_remove(&m->tree, e);
        e->end = e->start;
        return;
    }
    uint64_t start = test_random_below(random, PLACES);
    uint64_t end = start;
    uint64_t limit = start + 1 + test_random_below(random, 9);
    while (end < limit && end < PLACES && m->at[end] == NULL) {
        end++;
    }
    if (end > start) {
        EXPECT(extent_is_free(&m->tree, start, end));
        e->start = start;
        e->end = end;
        extent_insert(&m->tree, e);
        set_places(m, start, end, e);
    }
}

TEST(random_changes_agree_with_an_array_of_places)
{
    static struct model m;
    memset(&m, 0, sizeof(m));
    memset(extents, 0, sizeof(extents));
    struct test_random random = {3};
    for (unsigned step = 0; step < 2000 && !test_has_failed(); step++) {
        random_step(&m, &extents[test_random_below(&random, EXTENTS)], &random);
        if (step % 20 == 0) {
            expect_agreement(&m, &random);
        }
    }
}
