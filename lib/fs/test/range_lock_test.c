// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/range_lock.h"

#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { POOL = 300, BYTES = 64, OWNERS = 3 };

struct table {
    struct range_lock pool[POOL];
    struct list locks;
    struct list spare;
};

static struct table table;
static const char owners[OWNERS];

static void begin(void)
{
    list_init(&table.locks);
    list_init(&table.spare);
    for (unsigned i = 0; i < POOL; i++) {
        list_add_tail(&table.spare, &table.pool[i].link);
    }
}

static struct range_lock want(unsigned owner, uint64_t start, uint64_t end,
                              enum range_lock_kind kind)
{
    return (struct range_lock){.start = start, .end = end, .owner = &owners[owner], .kind = kind};
}

static void set(unsigned owner, uint64_t start, uint64_t end, enum range_lock_kind kind)
{
    struct range_lock w = want(owner, start, end, kind);
    range_lock_set(&table.locks, &w, &table.spare);
}

static unsigned count(void)
{
    unsigned n = 0;
    list_for_each (node, &table.locks) {
        (void)node;
        n++;
    }
    return n;
}

TEST(readers_share_and_writers_do_not)
{
    begin();
    struct range_lock w = want(1, 5, 5, RANGE_READ);
    set(0, 0, 9, RANGE_READ);
    EXPECT(range_lock_conflict(&table.locks, &w) == NULL);
    w.kind = RANGE_WRITE;
    EXPECT(range_lock_conflict(&table.locks, &w) != NULL);
    w = want(1, 10, UINT64_MAX, RANGE_WRITE);
    EXPECT(range_lock_conflict(&table.locks, &w) == NULL);
    w = want(0, 0, UINT64_MAX, RANGE_WRITE);
    EXPECT(range_lock_conflict(&table.locks, &w) == NULL);
}

TEST(neighbours_of_one_kind_become_one_and_a_hole_makes_two)
{
    begin();
    set(0, 0, 4, RANGE_WRITE);
    set(0, 5, UINT64_MAX, RANGE_WRITE);
    EXPECT_EQ(count(), 1);
    set(0, 7, 7, RANGE_UNLOCKED);
    EXPECT_EQ(count(), 2);
    set(0, 6, 8, RANGE_READ);
    EXPECT_EQ(count(), 3);
    set(0, 0, UINT64_MAX, RANGE_UNLOCKED);
    EXPECT_EQ(count(), 0);
}

TEST(an_owner_that_ends_leaves_the_locks_of_others)
{
    begin();
    set(0, 0, 4, RANGE_READ);
    set(1, 0, 9, RANGE_READ);
    range_lock_drop(&table.locks, &owners[0], &table.spare);
    EXPECT_EQ(count(), 1);
}

// What each owner has on each byte, compared with a plain array.
static enum range_lock_kind model[OWNERS][BYTES];

static enum range_lock_kind kind_of(unsigned owner, uint64_t byte)
{
    list_for_each (node, &table.locks) {
        struct range_lock *l = container_of(node, struct range_lock, link);
        if (l->owner == &owners[owner] && l->start <= byte && byte <= l->end) {
            return l->kind;
        }
    }
    return RANGE_UNLOCKED;
}

static void step(struct test_random *r)
{
    unsigned owner = (unsigned)test_random_below(r, OWNERS);
    uint64_t start = test_random_below(r, BYTES);
    uint64_t end = start + test_random_below(r, BYTES - start);
    enum range_lock_kind kind = (enum range_lock_kind)test_random_below(r, 3);
    struct range_lock w = want(owner, start, end, kind);
    if (kind != RANGE_UNLOCKED && range_lock_conflict(&table.locks, &w) != NULL) {
        return;
    }
    range_lock_set(&table.locks, &w, &table.spare);
    for (uint64_t i = start; i <= end; i++) {
        model[owner][i] = kind;
    }
}

TEST(random_locks_agree_with_a_plain_array)
{
    struct test_random r = {.state = 7};
    begin();
    memset(model, 0, sizeof(model));
    for (unsigned n = 0; n < 3000; n++) {
        step(&r);
        for (unsigned i = 0; i < OWNERS * BYTES; i++) {
            EXPECT_EQ(kind_of(i / BYTES, i % BYTES), model[i / BYTES][i % BYTES]);
        }
    }
}
