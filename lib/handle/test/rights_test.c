// SPDX-License-Identifier: Apache-2.0
#include "lib/handle/rights.h"

#include "tests/harness/test.h"

TEST(rights_only_shrink)
{
    rights_t read = SWIFTOS_RIGHT_READ;
    rights_t both = SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_WRITE;
    EXPECT_EQ(rights_attenuate(read, both), read);
    EXPECT_EQ(rights_attenuate(both, read), read);
    EXPECT_EQ(rights_attenuate(read, SWIFTOS_RIGHT_ALL), read);
    EXPECT_EQ(rights_attenuate(0, SWIFTOS_RIGHT_ALL), 0);
}

TEST(rights_include_what_they_have_and_nothing)
{
    EXPECT(rights_include(0, 0));
    EXPECT(rights_include(SWIFTOS_RIGHT_MASK, SWIFTOS_RIGHT_KILL));
    EXPECT(!rights_include(SWIFTOS_RIGHT_READ, SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_MAP));
}

TEST(what_is_not_open_for_it_has_no_right_to_it)
{
    EXPECT(!rights_include(rights_of_access(true, false), SWIFTOS_RIGHT_WRITE));
    EXPECT(!rights_include(rights_of_access(false, true), SWIFTOS_RIGHT_READ));
    EXPECT(rights_include(rights_of_access(true, true), SWIFTOS_RIGHT_MASK));
}

enum : uint32_t {
    ROOT = 63,
    USER = 14,
    GUEST = 2,
};

TEST(root_works_with_everything)
{
    uint32_t all = (1u << SWOS_GRANT_COUNT) - 1;
    EXPECT_EQ(rights_bundle(ROOT), all);
}

TEST(the_log_is_the_operators_and_may_be_given_alone)
{
    EXPECT(rights_bundle(SWOS_CAP_CONSOLE) >> SWOS_GRANT_LOG & 1);
    EXPECT_EQ(rights_bundle(SWOS_CAP_LOG_EXPORT), 1u << SWOS_GRANT_LOG);
}

TEST(users_and_guests_work_with_paths_only)
{
    EXPECT_EQ(rights_bundle(USER), 1u << SWOS_GRANT_NAMESPACE);
    EXPECT_EQ(rights_bundle(GUEST), 1u << SWOS_GRANT_NAMESPACE);
}

TEST(a_mask_without_bits_names_no_grant)
{
    EXPECT_EQ(rights_bundle(0), 0);
    EXPECT_EQ(rights_bundle(1u << 31), 0);
}
