// SPDX-License-Identifier: Apache-2.0
#include "kernel/object/grant.h"

#include "kernel/mm/inject.h"
#include "tests/harness/test.h"

enum : uint32_t {
    POWER = 1u << SWOS_GRANT_POWER,
    TIME = 1u << SWOS_GRANT_TIME,
};

TEST(the_first_set_holds_everything_and_an_empty_one_nothing)
{
    struct grant_set first;
    struct grant_set empty;
    grant_set_init_all(&first);
    grant_set_init(&empty);
    EXPECT(grant_set_has(&first, GRANT_ALL));
    EXPECT(grant_set_has(&empty, 0));
    for (unsigned kind = 0; kind < SWOS_GRANT_COUNT; kind++) {
        EXPECT(!grant_set_has(&empty, 1u << kind));
    }
    grant_set_fini(&first);
    EXPECT_EQ(grant_set_mask(&first), 0);
    grant_set_fini(&empty);
}

TEST(a_copy_has_what_is_listed_and_held)
{
    struct grant_set first;
    struct grant_set some;
    struct grant_set all;
    grant_set_init_all(&first);
    grant_set_init(&some);
    grant_set_init(&all);
    grant_set_copy(&first, POWER, &some);
    EXPECT_EQ(grant_set_mask(&some), POWER);
    grant_set_copy(&some, GRANT_ALL, &all);
    EXPECT_EQ(grant_set_mask(&all), POWER);
    grant_set_keep(&first, TIME);
    EXPECT_EQ(grant_set_mask(&first), TIME);
    EXPECT(grant_set_has(&all, POWER)); // others keep theirs
    grant_set_fini(&first);
    grant_set_fini(&some);
    grant_set_fini(&all);
}

TEST(what_is_revoked_is_gone_wherever_it_is_held)
{
    struct grant_set giver;
    struct grant_set holder;
    struct grant *power = NULL;
    struct grant *lent = NULL;
    struct grant *below = NULL;
    struct grant *none = NULL;
    grant_set_init_all(&giver);
    grant_set_init(&holder);
    EXPECT_OK(grant_set_get(&giver, SWOS_GRANT_POWER, &power));
    EXPECT_OK(grant_derive(power, &lent));
    EXPECT_OK(grant_derive(lent, &below));
    EXPECT_OK(grant_set_adopt(&holder, below));
    EXPECT(grant_set_has(&holder, POWER));
    grant_revoke(lent);
    EXPECT(!grant_set_has(&holder, POWER));
    EXPECT_STATUS(grant_set_get(&holder, SWOS_GRANT_POWER, &none), ERR_PERM);
    EXPECT_STATUS(grant_set_adopt(&holder, below), ERR_PERM);
    EXPECT_STATUS(grant_derive(below, &none), ERR_PERM);
    EXPECT(grant_set_has(&giver, GRANT_ALL)); // who lent it still holds his own
    grant_unref(below);
    grant_unref(lent);
    grant_unref(power);
    grant_set_fini(&giver);
    grant_set_fini(&holder);
    worker_flush();
}

TEST(a_chain_of_grants_has_an_end)
{
    struct grant_set giver;
    struct grant *g = NULL;
    struct grant *next = NULL;
    grant_set_init_all(&giver);
    EXPECT_OK(grant_set_get(&giver, SWOS_GRANT_LOG, &g));
    for (unsigned depth = 0; depth < GRANT_DEPTH_MAX; depth++) {
        EXPECT_OK(grant_derive(g, &next));
        grant_unref(g);
        g = next;
    }
    EXPECT_STATUS(grant_derive(g, &next), ERR_PERM);
    grant_unref(g);
    grant_set_fini(&giver);
    worker_flush();
}

TEST(adopting_replaces_a_grant_of_that_kind)
{
    struct grant_set set;
    struct grant *boot = NULL;
    struct grant *mine = NULL;
    struct grant *held = NULL;
    grant_set_init_all(&set);
    EXPECT_OK(grant_set_get(&set, SWOS_GRANT_TIME, &boot));
    EXPECT_OK(grant_derive(boot, &mine));
    EXPECT_OK(grant_set_adopt(&set, mine));
    EXPECT_OK(grant_set_get(&set, SWOS_GRANT_TIME, &held));
    EXPECT(held == mine);
    grant_unref(held);
    grant_unref(mine);
    grant_unref(boot);
    grant_set_fini(&set);
    worker_flush();
}

TEST(no_memory_for_a_grant_derives_none)
{
    struct grant_set set;
    struct grant *boot = NULL;
    struct grant *mine = NULL;
    grant_set_init_all(&set);
    EXPECT_OK(grant_set_get(&set, SWOS_GRANT_TIME, &boot));
    if (inject_is_available()) {
        inject_arm(0);
        status_t status = grant_derive(boot, &mine);
        (void)inject_disarm();
        EXPECT_STATUS(status, ERR_NOMEM);
    }
    grant_unref(boot);
    grant_set_fini(&set);
}
