// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/authority.h"

#include "kernel/core/worker.h"
#include "kernel/mm/inject.h"
#include "tests/harness/test.h"

enum { TCP = IP_PROTOCOL_TCP, UDP = IP_PROTOCOL_UDP, PORT_MAX = UINT16_MAX };

static struct grant *boot_grant(struct grant_set *s)
{
    struct grant *g = NULL;
    grant_set_init_all(s);
    return grant_set_get(s, SWOS_GRANT_NETWORK, &g) == OK ? g : NULL;
}

static void end(struct grant_set *s, struct grant *boot)
{
    grant_unref(boot);
    grant_set_fini(s);
    worker_flush();
}

// Connecting by TCP to 10.0.0.0/8, ports 80 to 89.
static const struct net_rule narrow = {.acts = NET_CONNECT,
                                       .protocol = TCP,
                                       .prefix = 8,
                                       .address = {.bytes = {[10] = 0xff, 0xff, 10}},
                                       .port_first = 80,
                                       .port_last = 89};
static const struct net_rule wide = {.acts = NET_CONNECT | NET_LISTEN | NET_CAPTURE | NET_CONFIGURE,
                                     .is_any = true,
                                     .port_last = PORT_MAX};

TEST(a_grant_of_the_boot_allows_everything)
{
    struct grant_set set;
    struct grant *boot = boot_grant(&set);
    const struct ip_addr a = ip4(0x08080808);
    EXPECT_OK(net_authority_check(boot, NET_CONNECT, TCP, &a, 1));
    EXPECT_OK(net_authority_check(boot, NET_CONFIGURE, 0, NULL, 0));
    EXPECT_OK(net_authority_check(NULL, NET_CAPTURE, UDP, &a, 1));
    end(&set, boot);
}

TEST(a_rule_names_act_protocol_prefix_and_ports)
{
    struct grant_set set;
    struct grant *g;
    struct grant *boot = boot_grant(&set);
    const struct ip_addr inside = ip4(0x0a010203);
    const struct ip_addr outside = ip4(0x0b010203);
    EXPECT_OK(net_grant_create(boot, &narrow, 1, &g));
    EXPECT_OK(net_authority_check(g, NET_CONNECT, TCP, &inside, 80));
    EXPECT_OK(net_authority_check(g, NET_CONNECT, TCP, &inside, 89));
    EXPECT_STATUS(net_authority_check(g, NET_CONNECT, TCP, &inside, 90), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_CONNECT, TCP, &inside, 79), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_CONNECT, TCP, &outside, 80), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_CONNECT, UDP, &inside, 80), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_LISTEN, TCP, &inside, 80), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_CAPTURE, TCP, NULL, 0), ERR_ACCES);
    grant_unref(g);
    end(&set, boot);
}

TEST(a_limit_to_addresses_does_not_allow_what_names_none)
{
    struct grant_set set;
    struct grant *g;
    struct grant *boot = boot_grant(&set);
    struct net_rule r = wide;
    r.is_any = false;
    r.address = ip4(0);
    EXPECT_OK(net_grant_create(boot, &r, 1, &g));
    EXPECT_STATUS(net_authority_check(g, NET_CAPTURE, 0, NULL, 0), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(g, NET_LISTEN, UDP, &IP_ANY, 5), ERR_ACCES);
    const struct ip_addr any4 = ip4(0);
    EXPECT_OK(net_authority_check(g, NET_LISTEN, UDP, &any4, 5));
    grant_unref(g);
    end(&set, boot);
}

TEST(a_grant_below_another_allows_no_more_than_that)
{
    struct grant_set set;
    struct grant *upper;
    struct grant *lower;
    struct grant *boot = boot_grant(&set);
    const struct ip_addr inside = ip4(0x0a010203);
    EXPECT_OK(net_grant_create(boot, &narrow, 1, &upper));
    EXPECT_OK(net_grant_create(upper, &wide, 1, &lower));
    EXPECT_OK(net_authority_check(lower, NET_CONNECT, TCP, &inside, 80));
    EXPECT_STATUS(net_authority_check(lower, NET_CONNECT, TCP, &inside, 22), ERR_ACCES);
    EXPECT_STATUS(net_authority_check(lower, NET_CONFIGURE, 0, NULL, 0), ERR_ACCES);
    grant_revoke(upper);
    EXPECT_STATUS(net_authority_check(lower, NET_CONNECT, TCP, &inside, 80), ERR_PERM);
    grant_unref(lower);
    grant_unref(upper);
    end(&set, boot);
}

TEST(no_rules_allow_nothing_and_bad_ones_are_refused)
{
    struct grant_set set;
    struct grant *g;
    struct grant *boot = boot_grant(&set);
    const struct ip_addr a = ip4(0x0a010203);
    EXPECT_OK(net_grant_create(boot, &narrow, 0, &g));
    EXPECT_STATUS(net_authority_check(g, NET_CONNECT, TCP, &a, 80), ERR_ACCES);
    grant_unref(g);
    struct net_rule r = narrow;
    r.prefix = 33;
    EXPECT_STATUS(net_grant_create(boot, &r, 1, &g), ERR_INVAL);
    r = narrow;
    r.port_last = 79;
    EXPECT_STATUS(net_grant_create(boot, &r, 1, &g), ERR_INVAL);
    r = narrow;
    r.acts = 1 << 4;
    EXPECT_STATUS(net_grant_create(boot, &r, 1, &g), ERR_INVAL);
    EXPECT_STATUS(net_grant_create(boot, &narrow, NET_RULES_MAX + 1, &g), ERR_INVAL);
    end(&set, boot);
}

TEST(a_limit_survives_that_there_is_no_memory)
{
    struct grant_set set;
    struct grant *g;
    struct grant *boot = boot_grant(&set);
    inject_arm(0);
    status_t status = net_grant_create(boot, &narrow, 1, &g);
    bool has_failed = inject_disarm();
    EXPECT_STATUS(status, has_failed ? ERR_NOMEM : OK);
    if (status == OK) {
        grant_unref(g);
    }
    end(&set, boot);
}
