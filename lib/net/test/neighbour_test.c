// SPDX-License-Identifier: Apache-2.0
#include "lib/net/neighbour.h"

#include "tests/harness/test.h"

static const struct mac_addr FIRST = {{2, 0, 0, 0, 0, 1}};
static const struct mac_addr SECOND = {{2, 0, 0, 0, 0, 2}};
static const struct neighbour_times TIMES = {.reachable = 30 * NSEC_PER_SEC,
                                             .retrans = NSEC_PER_SEC};
constexpr nsec_t NOW = 1000 * NSEC_PER_SEC;

static const struct neighbour_answer SOLICITED = {
    .mac = &FIRST, .is_solicited = true, .is_override = true};

static struct neighbour_machine reachable(void)
{
    struct neighbour_machine m;
    (void)neighbour_start(&m, &TIMES, NOW);
    (void)neighbour_answer(&m, &SOLICITED, &TIMES, NOW);
    return m;
}

static void expect_mac(const struct neighbour_machine *m, const struct mac_addr *mac)
{
    EXPECT(neighbour_has_mac(m));
    EXPECT_MEM(m->mac.bytes, mac->bytes, MAC_SIZE);
}

TEST(one_that_answers_is_reachable_for_a_while_and_then_stale)
{
    struct neighbour_machine m;
    EXPECT_EQ(neighbour_start(&m, &TIMES, NOW), NEIGHBOUR_ASK_ALL);
    EXPECT(!neighbour_has_mac(&m));
    EXPECT_EQ(m.deadline, NOW + TIMES.retrans);
    EXPECT_EQ(neighbour_answer(&m, &SOLICITED, &TIMES, NOW), NEIGHBOUR_KNOWN);
    EXPECT_EQ(m.state, NEIGHBOUR_REACHABLE);
    EXPECT_EQ(m.deadline, NOW + TIMES.reachable);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_STALE);
    EXPECT_EQ(m.deadline, NSEC_NEVER);
    expect_mac(&m, &FIRST);
}

TEST(one_that_never_answers_is_asked_three_times_and_given_up)
{
    struct neighbour_machine m;
    EXPECT_EQ(neighbour_start(&m, &TIMES, NOW), NEIGHBOUR_ASK_ALL);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_ASK_ALL);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_ASK_ALL);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_GIVE_UP);
    EXPECT_EQ(m.state, NEIGHBOUR_FAILED);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_FORGET);
}

TEST(one_that_failed_is_asked_anew_when_something_is_sent)
{
    struct neighbour_machine m;
    (void)neighbour_start(&m, &TIMES, NOW);
    while (m.state != NEIGHBOUR_FAILED) {
        (void)neighbour_expire(&m, &TIMES, m.deadline);
    }
    EXPECT_EQ(neighbour_use(&m, &TIMES, NOW), NEIGHBOUR_ASK_ALL);
    EXPECT_EQ(m.state, NEIGHBOUR_INCOMPLETE);
}

TEST(a_stale_one_that_is_used_is_asked_itself_after_a_delay)
{
    struct neighbour_machine m = reachable();
    (void)neighbour_expire(&m, &TIMES, m.deadline);
    EXPECT_EQ(neighbour_use(&m, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_DELAY);
    EXPECT_EQ(m.deadline, NOW + NEIGHBOUR_DELAY_TIME);
    EXPECT_EQ(neighbour_use(&m, &TIMES, NOW + 1), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.deadline, NOW + NEIGHBOUR_DELAY_TIME);
    EXPECT_EQ(neighbour_expire(&m, &TIMES, m.deadline), NEIGHBOUR_ASK_IT);
    EXPECT_EQ(m.state, NEIGHBOUR_PROBE);
    expect_mac(&m, &FIRST);
    (void)neighbour_answer(&m, &SOLICITED, &TIMES, NOW);
    EXPECT_EQ(m.state, NEIGHBOUR_REACHABLE);
}

TEST(a_probed_one_that_is_silent_is_given_up)
{
    struct neighbour_machine m = reachable();
    (void)neighbour_expire(&m, &TIMES, m.deadline);
    (void)neighbour_use(&m, &TIMES, NOW);
    unsigned asked = 0;
    enum neighbour_step step;
    while ((step = neighbour_expire(&m, &TIMES, m.deadline)) == NEIGHBOUR_ASK_IT) {
        asked++;
    }
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(step, NEIGHBOUR_GIVE_UP);
}

TEST(an_answer_without_override_does_not_change_the_address_but_raises_doubts)
{
    struct neighbour_machine m = reachable();
    struct neighbour_answer other = {.mac = &SECOND, .is_solicited = true};
    EXPECT_EQ(neighbour_answer(&m, &other, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_STALE);
    expect_mac(&m, &FIRST);
}

TEST(an_unasked_answer_that_overrides_is_used_but_not_trusted)
{
    struct neighbour_machine m = reachable();
    struct neighbour_answer other = {.mac = &SECOND, .is_override = true};
    EXPECT_EQ(neighbour_answer(&m, &other, &TIMES, NOW), NEIGHBOUR_KNOWN);
    EXPECT_EQ(m.state, NEIGHBOUR_STALE);
    expect_mac(&m, &SECOND);
}

TEST(an_unasked_answer_that_says_nothing_new_changes_nothing)
{
    struct neighbour_machine m = reachable();
    struct neighbour_answer same = {.mac = &FIRST, .is_override = true};
    EXPECT_EQ(neighbour_answer(&m, &same, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_REACHABLE);
}

TEST(a_router_that_is_none_any_more_is_told_of)
{
    struct neighbour_machine m = reachable();
    struct neighbour_answer router = {.mac = &FIRST, .is_solicited = true, .is_router = true};
    (void)neighbour_answer(&m, &router, &TIMES, NOW);
    EXPECT(m.is_router);
    EXPECT_EQ(neighbour_answer(&m, &SOLICITED, &TIMES, NOW), NEIGHBOUR_NO_ROUTER);
}

TEST(who_tells_its_address_by_asking_is_stale)
{
    struct neighbour_machine m;
    (void)neighbour_start(&m, &TIMES, NOW);
    EXPECT_EQ(neighbour_hear(&m, &FIRST, NOW), NEIGHBOUR_KNOWN);
    EXPECT_EQ(m.state, NEIGHBOUR_STALE);
    m = reachable();
    EXPECT_EQ(neighbour_hear(&m, &FIRST, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_REACHABLE);
    EXPECT_EQ(neighbour_hear(&m, &SECOND, NOW), NEIGHBOUR_KNOWN);
    EXPECT_EQ(m.state, NEIGHBOUR_STALE);
    expect_mac(&m, &SECOND);
}

TEST(what_the_administrator_says_is_not_changed_by_anybody)
{
    struct neighbour_machine m;
    neighbour_set(&m, &FIRST, NEIGHBOUR_PERMANENT);
    struct neighbour_answer other = {.mac = &SECOND, .is_override = true, .is_solicited = true};
    EXPECT_EQ(neighbour_answer(&m, &other, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(neighbour_hear(&m, &SECOND, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(neighbour_use(&m, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.deadline, NSEC_NEVER);
    expect_mac(&m, &FIRST);
}

TEST(an_answer_nobody_waits_for_does_not_revive_one_that_failed)
{
    struct neighbour_machine m;
    (void)neighbour_start(&m, &TIMES, NOW);
    while (m.state != NEIGHBOUR_FAILED) {
        (void)neighbour_expire(&m, &TIMES, m.deadline);
    }
    EXPECT_EQ(neighbour_answer(&m, &SOLICITED, &TIMES, NOW), NEIGHBOUR_NOTHING);
    EXPECT_EQ(m.state, NEIGHBOUR_FAILED);
}

TEST(link_addresses_of_groups_and_of_nobody_are_not_valid)
{
    static const struct mac_addr none = {};
    static const struct mac_addr group = {{1, 0, 0x5e, 0, 0, 1}};
    EXPECT(neighbour_is_mac_valid(&FIRST));
    EXPECT(!neighbour_is_mac_valid(&none));
    EXPECT(!neighbour_is_mac_valid(&group));
}
