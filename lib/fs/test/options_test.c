// SPDX-License-Identifier: Apache-2.0
#include "lib/fs/options.h"

#include "tests/harness/test.h"

static uint64_t size;
static uint64_t mode;

static status_t parse(const char *text)
{
    const struct mount_option known[] = {{"size", MOUNT_OPTION_SIZE, &size},
                                         {"mode", MOUNT_OPTION_OCTAL, &mode}};
    return mount_options_parse(text, known, 2, 1000);
}

TEST(sizes_have_units_and_shares)
{
    EXPECT_OK(parse("size=3"));
    EXPECT_EQ(size, 3);
    EXPECT_OK(parse("size=2k,mode=755"));
    EXPECT_EQ(size, 2048);
    EXPECT_EQ(mode, 0755);
    EXPECT_OK(parse(",size=1G,"));
    EXPECT_EQ(size, 1 << 30);
    EXPECT_OK(parse("size=50%"));
    EXPECT_EQ(size, 500);
    EXPECT_OK(parse(""));
}

TEST(what_is_no_option_is_refused_and_changes_nothing)
{
    size = 77;
    EXPECT_STATUS(parse("size"), ERR_INVAL);
    EXPECT_STATUS(parse("size="), ERR_INVAL);
    EXPECT_STATUS(parse("size=k"), ERR_INVAL);
    EXPECT_STATUS(parse("size=1kk"), ERR_INVAL);
    EXPECT_STATUS(parse("size=18446744073709551615k"), ERR_INVAL);
    EXPECT_STATUS(parse("size=18446744073709551616"), ERR_INVAL);
    EXPECT_STATUS(parse("mode=8"), ERR_INVAL);
    EXPECT_STATUS(parse("modes=7"), ERR_INVAL);
    EXPECT_EQ(size, 77);
}
