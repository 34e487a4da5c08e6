// SPDX-License-Identifier: Apache-2.0
#include "lib/base/refcount.h"

#include "tests/harness/test.h"

TEST(only_the_last_drop_of_a_reference_says_so)
{
    refcount_t r;
    refcount_init(&r, 1);
    refcount_inc(&r);
    EXPECT(!refcount_dec(&r));
    EXPECT(refcount_dec(&r));
    EXPECT_EQ(refcount_read(&r), 0);
}

TEST(a_dying_object_gives_no_new_reference)
{
    refcount_t r;
    refcount_init(&r, 1);
    EXPECT(refcount_inc_unless_zero(&r));
    EXPECT_EQ(refcount_read(&r), 2);
    EXPECT(!refcount_dec(&r));
    EXPECT(refcount_dec(&r));
    EXPECT(!refcount_inc_unless_zero(&r));
    EXPECT_EQ(refcount_read(&r), 0);
}

TEST(a_count_that_ran_away_never_comes_back_to_zero)
{
    refcount_t r;
    refcount_init(&r, REFCOUNT_SATURATED - 1);
    refcount_inc(&r);
    refcount_inc(&r);
    EXPECT_EQ(refcount_read(&r), REFCOUNT_SATURATED);
    EXPECT(!refcount_dec(&r));
    EXPECT(!refcount_dec(&r));
    EXPECT(refcount_inc_unless_zero(&r));
    EXPECT_EQ(refcount_read(&r), REFCOUNT_SATURATED);
}

TEST(a_drop_too_many_keeps_the_object_for_ever)
{
    refcount_t r;
    refcount_init(&r, 0);
    EXPECT(!refcount_dec(&r));
    EXPECT(!refcount_dec(&r));
    EXPECT_EQ(refcount_read(&r), REFCOUNT_SATURATED);
}
