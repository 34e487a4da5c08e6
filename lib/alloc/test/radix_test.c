// SPDX-License-Identifier: Apache-2.0
#include "lib/alloc/radix.h"

#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static struct radix_node *node_alloc(void)
{
    struct radix_node *node = test_alloc(sizeof(*node));
    if (node != NULL) {
        memset(node, 0, sizeof(*node));
    }
    return node;
}

static void node_free(struct radix_node *node)
{
    test_free(node);
}

static const struct radix_ops ops = {node_alloc, node_free};

static struct radix fresh(void)
{
    struct radix r;
    radix_init(&r, &ops);
    return r;
}

static size_t values_in(const struct radix_run *run)
{
    size_t values = 0;
    for (unsigned i = 0; i < run->count; i++) {
        values += run->slots[i] != NULL;
    }
    return values;
}

static void count_gone(void *context, const struct radix_run *run)
{
    *(size_t *)context += values_in(run);
}

static size_t erase(struct radix *r, uint64_t start, uint64_t end)
{
    size_t gone = 0;
    radix_erase(r, start, end, count_gone, &gone);
    return gone;
}

static char value;

static void put(struct radix *r, uint64_t index, void *what)
{
    void **slot = NULL;
    EXPECT_OK(radix_insert(r, index, &slot));
    *slot = what;
}

TEST(index_zero_alone_needs_no_node)
{
    struct radix r = fresh();
    put(&r, 0, &value);
    EXPECT_EQ(test_alloc_live(), 0);
    EXPECT(*radix_find(&r, 0) == &value);
    EXPECT(radix_find(&r, 1) == NULL);
    EXPECT_EQ(erase(&r, 0, 1), 1);
}

TEST(a_value_at_zero_survives_growth)
{
    struct radix r = fresh();
    put(&r, 0, &value);
    put(&r, 1ull << 40, &value);
    EXPECT(*radix_find(&r, 0) == &value);
    EXPECT(*radix_find(&r, 1ull << 40) == &value);
    EXPECT_EQ(erase(&r, 0, UINT64_MAX), 2);
    EXPECT_EQ(test_alloc_live(), 0);
}

TEST(the_highest_indices_work)
{
    struct radix r = fresh();
    uint64_t index = 1;
    void **slot;
    put(&r, UINT64_MAX, &value);
    put(&r, UINT64_MAX - 64, &value);
    EXPECT(radix_next(&r, &index, &slot));
    EXPECT_EQ(index, UINT64_MAX - 64);
    index++;
    EXPECT(radix_next(&r, &index, &slot));
    EXPECT_EQ(index, UINT64_MAX);
    EXPECT_EQ(erase(&r, 5, UINT64_MAX), 1);
    *slot = NULL;
    index = 0;
    EXPECT(!radix_next(&r, &index, &slot));
    put(&r, 7, &value);
    EXPECT_EQ(erase(&r, 0, UINT64_MAX), 1);
    radix_erase(&r, UINT64_MAX - 1, UINT64_MAX, count_gone, &(size_t){0});
}

TEST(erasing_the_last_value_frees_every_node)
{
    struct radix r = fresh();
    for (uint64_t i = 0; i < 300; i++) {
        put(&r, i * 37, &value);
    }
    EXPECT(test_alloc_live() > 100);
    EXPECT_EQ(erase(&r, 0, 150ull * 37), 150);
    EXPECT_EQ(erase(&r, 0, 300ull * 37), 150);
    EXPECT_EQ(test_alloc_live(), 0);
    EXPECT_EQ(r.height, 0);
}

static void sum_gone(void *context, const struct radix_run *run)
{
    uint64_t *sum = context;
    for (unsigned i = 0; i < run->count; i++) {
        *sum += run->slots[i] != NULL ? run->index + i : 0;
    }
}

TEST(clearing_takes_every_value_and_node_from_the_lowest_index_to_the_highest)
{
    uint64_t sum = 0;
    struct radix r = fresh();
    radix_clear(&r, sum_gone, &sum);
    put(&r, 0, &value);
    size_t gone = 0;
    radix_clear(&r, count_gone, &gone);
    EXPECT_EQ(gone, 1);
    uint64_t expected = 0;
    for (uint64_t i = 1; i != 0; i <<= 3) {
        put(&r, i, &value);
        expected += i;
    }
    put(&r, UINT64_MAX, &value);
    expected += UINT64_MAX;
    radix_clear(&r, sum_gone, &sum);
    EXPECT_EQ(sum, expected);
    EXPECT_EQ(test_alloc_live(), 0);
    put(&r, 5, &value);
    EXPECT_EQ(erase(&r, 0, UINT64_MAX), 1);
}

TEST(clearing_frees_nodes_without_values)
{
    OOM_SWEEP
    {
        struct radix r = fresh();
        void **slot = NULL;
        size_t gone = 0;
        if (radix_insert(&r, 1ull << 40, &slot) == OK) {
            *slot = &value;
        }
        radix_clear(&r, count_gone, &gone);
        EXPECT_EQ(gone, slot != NULL);
    }
}

TEST(the_short_way_leads_to_the_last_node_as_long_as_it_is_there)
{
    struct radix r = fresh();
    EXPECT(radix_find_near(&r, 0) == NULL);
    put(&r, 100, &value);
    EXPECT(radix_find_near(&r, 100) == radix_find(&r, 100));
    EXPECT(radix_find_near(&r, 64) == radix_find(&r, 64));
    EXPECT(radix_find_near(&r, 128) == NULL);
    put(&r, 1000, &value);
    EXPECT(radix_find_near(&r, 100) == NULL);
    EXPECT_EQ(erase(&r, 1000, 1001), 1);
    EXPECT(radix_find_near(&r, 1000) == NULL);
    EXPECT_EQ(erase(&r, 0, UINT64_MAX), 1);
}

static void expect_run(const struct radix *r, uint64_t start, uint64_t end, uint64_t index,
                       unsigned count)
{
    struct radix_run run;
    EXPECT(radix_next_run(r, start, end, &run));
    EXPECT_EQ(run.index, index);
    EXPECT_EQ(run.count, count);
    EXPECT(run.slots == radix_find(r, index));
}

TEST(a_run_goes_from_the_first_to_the_last_value_of_a_node)
{
    struct radix r = fresh();
    struct radix_run run;
    EXPECT(!radix_next_run(&r, 0, UINT64_MAX, &run));
    put(&r, 0, &value);
    expect_run(&r, 0, 1, 0, 1);
    EXPECT(!radix_next_run(&r, 0, 0, &run));
    EXPECT(!radix_next_run(&r, 1, UINT64_MAX, &run));
    put(&r, 40, &value);
    put(&r, 127, &value);
    put(&r, 1ull << 40, &value);
    expect_run(&r, 0, UINT64_MAX, 0, 41);
    expect_run(&r, 1, 41, 40, 1);
    expect_run(&r, 0, 40, 0, 1);
    EXPECT(!radix_next_run(&r, 1, 40, &run));
    EXPECT(!radix_next_run(&r, 41, 127, &run));
    expect_run(&r, 41, 128, 127, 1);
    expect_run(&r, 128, UINT64_MAX, 1ull << 40, 1);
    EXPECT(!radix_next_run(&r, 128, 1ull << 40, &run));
    EXPECT(!radix_next_run(&r, (1ull << 40) + 1, UINT64_MAX, &run));
    EXPECT_EQ(erase(&r, 0, UINT64_MAX), 4);
    EXPECT_EQ(test_alloc_live(), 0);
}

TEST(without_memory_an_insertion_changes_no_value)
{
    OOM_SWEEP
    {
        struct radix r = fresh();
        void **slot = NULL;
        size_t values = 0;
        for (unsigned i = 0; i < 5; i++) {
            uint64_t index = i * 5000ull;
            if (radix_insert(&r, index, &slot) == OK) {
                EXPECT(*slot == NULL);
                *slot = &value;
                values++;
            } else {
                void **found = radix_find(&r, index);
                EXPECT(found == NULL || *found == NULL);
            }
        }
        EXPECT_EQ(erase(&r, 0, UINT64_MAX), values);
    }
}

enum { INDICES = 8192, STRETCH = 4099 };

// Spreads few model indices over several heights, some next to each other and some far apart.
static uint64_t spread(uint64_t i)
{
    return i < INDICES / 2 ? i : i * STRETCH;
}

static void expect_same(const struct radix *r, const uint8_t *model)
{
    uint64_t index = 0;
    void **slot;
    for (uint64_t i = 0; i < INDICES; i++) {
        void **found = radix_find(r, spread(i));
        EXPECT_EQ(found != NULL && *found != NULL, model[i]);
        if (model[i]) {
            EXPECT(radix_next(r, &index, &slot));
            EXPECT_EQ(index, spread(i));
            EXPECT(*slot == &model[i]);
            index++;
        }
    }
    EXPECT(!radix_next(r, &index, &slot));
}

static void expect_runs(const struct radix *r, const uint8_t *model, uint64_t start, uint64_t end)
{
    size_t expected = 0;
    size_t values = 0;
    struct radix_run run;
    for (uint64_t i = start; i < end; i++) {
        expected += model[i];
    }
    for (uint64_t at = spread(start);
         radix_next_run(r, at, spread(end - 1) + 1, &run) && !test_has_failed();
         at = run.index + run.count) {
        EXPECT(run.index >= at && run.index + run.count <= spread(end - 1) + 1);
        EXPECT(run.slots == radix_find(r, run.index));
        EXPECT(run.slots[0] != NULL && run.slots[run.count - 1] != NULL);
        values += values_in(&run);
    }
    EXPECT_EQ(values, expected);
}

static void random_erase(struct radix *r, uint8_t *model, struct test_random *random)
{
    uint64_t start = test_random_below(random, INDICES);
    uint64_t end = start + test_random_below(random, INDICES / 4);
    end = end < INDICES ? end : INDICES;
    size_t expected = 0;
    for (uint64_t i = start; i < end; i++) {
        expected += model[i];
        model[i] = 0;
    }
    EXPECT_EQ(erase(r, spread(start), spread(end - 1) + 1), end > start ? expected : 0);
}

TEST(random_changes_agree_with_an_array)
{
    static uint8_t model[INDICES];
    memset(model, 0, sizeof(model));
    struct radix r = fresh();
    struct test_random random = {5};
    for (unsigned round = 0; round < 60 && !test_has_failed(); round++) {
        uint64_t base = test_random_below(&random, INDICES);
        for (unsigned i = 0; i < 100; i++) {
            uint64_t index = (base + test_random_below(&random, 300)) % INDICES;
            put(&r, spread(index), &model[index]);
            model[index] = 1;
        }
        if (round % 3 == 2) {
            random_erase(&r, model, &random);
        }
        if (round % 10 == 0) {
            expect_same(&r, model);
            expect_runs(&r, model, base, base + 1 + test_random_below(&random, INDICES - base));
        }
    }
    size_t left = 0;
    size_t gone = 0;
    for (uint64_t i = 0; i < INDICES; i++) {
        left += model[i];
    }
    radix_clear(&r, count_gone, &gone);
    EXPECT_EQ(gone, left);
    EXPECT_EQ(test_alloc_live(), 0);
}
