// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/path.h"

#include "tests/harness/test.h"

TEST(names_come_one_after_the_other_whatever_the_number_of_slashes)
{
    struct span rest = span_of("//usr/bin///sh", 14);
    struct span name;
    EXPECT(path_next(&rest, &name) && span_is(name, "usr"));
    EXPECT(path_next(&rest, &name) && span_is(name, "bin"));
    EXPECT(path_has_name(rest));
    EXPECT(path_next(&rest, &name) && span_is(name, "sh"));
    EXPECT(!path_has_name(rest));
    EXPECT(!path_next(&rest, &name));
}

TEST(slashes_at_the_end_are_left_to_be_seen)
{
    struct span rest = span_of("tmp//", 5);
    struct span name;
    EXPECT(path_next(&rest, &name) && span_is(name, "tmp"));
    EXPECT_EQ(rest.size, 2);
    EXPECT(!path_has_name(rest));
}

TEST(nothing_and_only_slashes_have_no_name)
{
    struct span rest = span_of("", 0);
    struct span name;
    EXPECT(!path_next(&rest, &name));
    rest = span_of("///", 3);
    EXPECT(!path_has_name(rest));
    EXPECT(!path_next(&rest, &name));
    EXPECT_EQ(rest.size, 0);
}

TEST(dots_are_told_from_names_that_begin_with_one)
{
    EXPECT(path_name_is_dot(span_of(".", 1)));
    EXPECT(path_name_is_dot_dot(span_of("..", 2)));
    EXPECT(!path_name_is_dot(span_of(".a", 2)));
    EXPECT(!path_name_is_dot_dot(span_of("...", 3)));
    EXPECT(!path_name_is_dot_dot(span_of(".", 1)));
}
