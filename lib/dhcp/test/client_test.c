// SPDX-License-Identifier: Apache-2.0
/* Dialogues between the client and a server that the test plays. */
#include "lib/dhcp/client.h"

#include "lib/net/ethernet.h"
#include "tests/harness/test.h"

static const struct mac_addr mac = {{0x52, 0x54, 0, 1, 2, 3}};

static struct dhcp_client c;
static nsec_t now;
static struct dhcp_message sent; // the client's last message
static struct dhcp_send where;   // and where it went
static struct dhcp_message answer;

static void fresh(void)
{
    struct dhcp_config config = {.mac = mac, .host = "box"};
    now = 1000 * NSEC_PER_SEC;
    dhcp_client_init(&c, &config, 12345);
}

// The client sends one message of that type, and no other.
static void expect_sent(enum dhcp_type type)
{
    uint8_t bytes[DHCP_SIZE_MAX];
    struct dhcp_send other;
    EXPECT(dhcp_client_output(&c, now, bytes, &where));
    EXPECT_OK(dhcp_parse(span_of(bytes, where.size), &sent));
    EXPECT_EQ(sent.type, type);
    EXPECT(!dhcp_client_output(&c, now, bytes, &other));
}

static void expect_silent(void)
{
    uint8_t bytes[DHCP_SIZE_MAX];
    struct dhcp_send other;
    EXPECT(!dhcp_client_output(&c, now, bytes, &other));
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
}

// An answer to the last message, in `answer`, for the test to change.
static void prepare(enum dhcp_type type)
{
    answer = (struct dhcp_message){.type = type,
                                   .xid = sent.xid,
                                   .mac = mac,
                                   .yours = ip4(0x0a000005),
                                   .prefix = 24,
                                   .server = ip4(0x0a000001),
                                   .lease_s = 3600};
}

static void deliver(void)
{
    uint8_t bytes[DHCP_SIZE_MAX];
    size_t size = dhcp_emit(&answer, bytes);
    dhcp_client_input(&c, span_of(bytes, size), now);
}

static void reply(enum dhcp_type type)
{
    prepare(type);
    deliver();
}

// The time comes for which the client has asked.
static void let_time_pass(void)
{
    now = dhcp_client_deadline(&c);
    dhcp_client_timeout(&c, now);
}

static void start(void)
{
    fresh();
    dhcp_client_start(&c, &IP_ANY, now);
    expect_sent(DHCP_DISCOVER);
}

static void bind(void)
{
    start();
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    reply(DHCP_ACK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(c.state, DHCP_BOUND);
}

TEST(discover_offer_request_ack_gives_a_lease)
{
    start();
    EXPECT(ip4_is_broadcast(&where.destination) && ip_is_unspecified(&where.source));
    EXPECT_STR(sent.host, "box");
    uint32_t xid = sent.xid;
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    EXPECT(sent.xid == xid && ip4_value(&sent.requested) == 0x0a000005);
    EXPECT(ip4_value(&sent.server) == 0x0a000001 && ip_is_unspecified(&sent.client));
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    reply(DHCP_ACK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(ip4_value(&c.lease.said.yours), 0x0a000005);
    EXPECT_EQ(c.lease.expires_at, now + 3600 * NSEC_PER_SEC);
    expect_silent();
}

TEST(discover_is_repeated_ever_more_slowly)
{
    start();
    nsec_t last = 0;
    for (unsigned i = 0; i < 20; i++) {
        nsec_t before = now;
        let_time_pass();
        expect_sent(DHCP_DISCOVER);
        nsec_t wait = now - before;
        EXPECT(wait <= 80 * NSEC_PER_SEC && (i >= 5 || wait > last));
        EXPECT(i < 6 || wait >= 48 * NSEC_PER_SEC);
        last = wait;
    }
}

TEST(a_request_without_answer_leads_back_to_discover)
{
    start();
    reply(DHCP_OFFER);
    for (unsigned i = 0; i < 4; i++) {
        expect_sent(DHCP_REQUEST);
        let_time_pass();
    }
    expect_sent(DHCP_DISCOVER);
}

static void expect_ignored(void)
{
    deliver();
    expect_silent();
}

TEST(answers_to_other_questions_are_ignored)
{
    start();
    prepare(DHCP_OFFER);
    answer.xid++;
    expect_ignored();
    prepare(DHCP_OFFER);
    answer.mac.bytes[5]++;
    expect_ignored();
    prepare(DHCP_OFFER);
    answer.client_id_size = 3;
    expect_ignored();
    prepare(DHCP_ACK); // nothing was requested yet
    expect_ignored();
    prepare(DHCP_NAK);
    expect_ignored();
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    prepare(DHCP_ACK);
    answer.server = ip4(0x0a000009);
    expect_ignored();
    reply(DHCP_OFFER); // a second one comes too late
    expect_silent();
}

TEST(offers_that_give_nothing_are_ignored)
{
    start();
    prepare(DHCP_OFFER);
    answer.lease_s = 0;
    expect_ignored();
    prepare(DHCP_OFFER);
    answer.yours = ip4(0);
    expect_ignored();
    prepare(DHCP_OFFER);
    answer.yours = ip4(0x0a0000ff);
    expect_ignored();
    prepare(DHCP_OFFER);
    answer.server = IP_ANY;
    expect_ignored();
    EXPECT_EQ(c.state, DHCP_SELECTING);
}

TEST(half_way_through_the_lease_is_renewed_by_its_server)
{
    bind();
    let_time_pass();
    EXPECT(now >= 2800 * NSEC_PER_SEC && now < c.lease.rebind_at);
    expect_sent(DHCP_REQUEST);
    EXPECT_EQ(ip4_value(&where.destination), 0x0a000001);
    EXPECT_EQ(ip4_value(&where.source), 0x0a000005);
    EXPECT(ip4_value(&sent.client) == 0x0a000005 && ip_is_unspecified(&sent.requested));
    EXPECT(ip_is_unspecified(&sent.server));
    reply(DHCP_ACK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(c.lease.expires_at, now + 3600 * NSEC_PER_SEC);
    EXPECT_EQ(c.state, DHCP_BOUND);
}

// Until the lease is over, the client asks now and then, at least a minute apart; gives how often.
static unsigned ask_until(enum dhcp_state state)
{
    unsigned count = 0;
    nsec_t last = 0;
    while (c.state != state && count < 100) {
        let_time_pass();
        if (c.to_send == DHCP_REQUEST) {
            expect_sent(DHCP_REQUEST);
            if (c.state == DHCP_RENEWING && now - last < 60 * NSEC_PER_SEC) {
                test_fail(__FILE__, __LINE__, "asked again too soon");
            }
            last = now;
            count++;
        }
    }
    return count;
}

TEST(a_server_may_leave_its_name_out_when_it_renews)
{
    bind();
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    prepare(DHCP_ACK);
    answer.server = IP_ANY;
    deliver();
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(ip4_value(&c.lease.said.server), 0x0a000001);
}

TEST(a_server_may_say_whom_it_answers)
{
    static const uint8_t id[] = {1, 0x52, 0x54, 0, 1, 2, 3};
    start();
    EXPECT_EQ(sent.client_id_size, sizeof(id));
    EXPECT_MEM(sent.client_id, id, sizeof(id));
    prepare(DHCP_OFFER);
    answer.client_id_size = sizeof(id);
    memcpy(answer.client_id, id, sizeof(id));
    answer.client_id[6]++;
    expect_ignored();
    answer.client_id[6]--;
    deliver();
    expect_sent(DHCP_REQUEST);
}

TEST(replies_are_wanted_by_broadcast_only_without_an_address)
{
    fresh();
    c.config.wants_broadcast = true;
    dhcp_client_start(&c, &IP_ANY, now);
    expect_sent(DHCP_DISCOVER);
    EXPECT(sent.wants_broadcast);
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    EXPECT(sent.wants_broadcast);
    reply(DHCP_ACK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    EXPECT(!sent.wants_broadcast);
    dhcp_client_conflict(&c, now);
    expect_sent(DHCP_DECLINE);
    EXPECT(!sent.wants_broadcast);
    EXPECT_STR(sent.host, "");
}

TEST(a_client_that_is_called_too_late_begins_anew)
{
    bind();
    now = c.lease.expires_at + NSEC_PER_SEC;
    dhcp_client_timeout(&c, now);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    expect_sent(DHCP_DISCOVER);
    bind();
    now = c.lease.rebind_at + NSEC_PER_SEC;
    dhcp_client_timeout(&c, now);
    EXPECT_EQ(c.state, DHCP_REBINDING);
    EXPECT(dhcp_client_deadline(&c) > now);
    nsec_t before = dhcp_client_deadline(&c);
    dhcp_client_timeout(&c, now); // too early: nothing happens
    EXPECT_EQ(dhcp_client_deadline(&c), before);
}

TEST(a_server_that_is_silent_is_left_for_any_other)
{
    bind();
    EXPECT(ask_until(DHCP_REBINDING) >= 3);
    EXPECT_EQ(now, c.lease.rebind_at);
    EXPECT(ip4_is_broadcast(&where.destination));
    EXPECT_EQ(ip4_value(&where.source), 0x0a000005);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    prepare(DHCP_ACK);
    answer.server = ip4(0x0a000009);
    deliver();
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(ip4_value(&c.lease.said.server), 0x0a000009);
}

TEST(a_lease_that_nobody_extends_is_lost_at_its_end)
{
    bind();
    nsec_t end = c.lease.expires_at;
    EXPECT(ask_until(DHCP_SELECTING) >= 4);
    EXPECT_EQ(now, end);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    expect_sent(DHCP_DISCOVER);
    EXPECT_EQ(ip4_value(&sent.requested), 0x0a000005);
}

TEST(a_server_may_move_the_lease_to_another_address)
{
    bind();
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    prepare(DHCP_ACK);
    answer.yours = ip4(0x0a000077);
    deliver();
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(ip4_value(&c.lease.said.yours), 0x0a000077);
}

TEST(a_refusal_takes_the_lease_away)
{
    bind();
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    prepare(DHCP_NAK);
    answer.server = ip4(0x0a000009); // who was not asked
    expect_ignored();
    reply(DHCP_NAK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    EXPECT_EQ(c.state, DHCP_WAITING);
    let_time_pass();
    expect_sent(DHCP_DISCOVER);
}

TEST(a_server_that_offers_and_refuses_is_asked_ever_more_rarely)
{
    start();
    nsec_t wait = 0;
    for (unsigned i = 0; i < 10; i++) {
        reply(DHCP_OFFER);
        expect_sent(DHCP_REQUEST);
        reply(DHCP_NAK);
        nsec_t before = now;
        let_time_pass();
        wait = now - before;
        expect_sent(DHCP_DISCOVER);
    }
    EXPECT(wait >= 36 * NSEC_PER_SEC);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    // Once there was a lease, the first refusal is nothing special again.
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    reply(DHCP_ACK);
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    reply(DHCP_NAK);
    EXPECT(dhcp_client_deadline(&c) < now + NSEC_PER_SEC);
}

TEST(a_lease_without_end_is_left_alone)
{
    start();
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    prepare(DHCP_ACK);
    answer.lease_s = DHCP_FOREVER;
    deliver();
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
    EXPECT_EQ(dhcp_client_deadline(&c), NSEC_NEVER);
}

TEST(an_address_that_another_has_is_declined)
{
    bind();
    dhcp_client_conflict(&c, now);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    expect_sent(DHCP_DECLINE);
    EXPECT(ip4_value(&sent.requested) == 0x0a000005 && ip4_value(&sent.server) == 0x0a000001);
    EXPECT(ip4_is_broadcast(&where.destination) && ip_is_unspecified(&sent.client));
    nsec_t before = now;
    let_time_pass();
    EXPECT(now - before >= 10 * NSEC_PER_SEC);
    expect_sent(DHCP_DISCOVER);
    EXPECT(ip_is_unspecified(&sent.requested));
}

TEST(a_lease_is_given_back_to_its_server)
{
    bind();
    dhcp_client_release(&c, now);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    expect_sent(DHCP_RELEASE);
    EXPECT(ip4_value(&sent.client) == 0x0a000005 && ip4_value(&where.destination) == 0x0a000001);
    EXPECT_EQ(dhcp_client_deadline(&c), NSEC_NEVER);
    reply(DHCP_ACK);
    expect_silent();
}

TEST(an_address_that_is_remembered_is_asked_for_first)
{
    struct ip_addr remembered = ip4(0x0a000005);
    fresh();
    dhcp_client_start(&c, &remembered, now);
    expect_sent(DHCP_REQUEST);
    EXPECT(ip4_value(&sent.requested) == 0x0a000005 && ip_is_unspecified(&sent.server));
    EXPECT(ip_is_unspecified(&sent.client) && ip4_is_broadcast(&where.destination));
    reply(DHCP_ACK);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
}

TEST(an_address_that_nobody_remembers_is_looked_for_anew)
{
    struct ip_addr remembered = ip4(0x0a000005);
    fresh();
    dhcp_client_start(&c, &remembered, now);
    expect_sent(DHCP_REQUEST);
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    let_time_pass();
    expect_sent(DHCP_DISCOVER);
    EXPECT_EQ(ip4_value(&sent.requested), 0x0a000005);
}

TEST(after_the_link_was_away_the_lease_is_checked_and_kept_meanwhile)
{
    bind();
    now += 60 * NSEC_PER_SEC;
    dhcp_client_link_up(&c, now);
    expect_sent(DHCP_REQUEST);
    EXPECT_EQ(ip4_value(&sent.requested), 0x0a000005);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    EXPECT(c.has_lease);
    reply(DHCP_NAK); // another network
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
}

TEST(a_lease_ends_also_while_another_is_looked_for)
{
    bind();
    nsec_t end = c.lease.expires_at;
    dhcp_client_link_up(&c, now);
    for (unsigned i = 0; i < 1000 && c.has_lease; i++) {
        let_time_pass();
    }
    EXPECT_EQ(now, end);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    EXPECT(dhcp_client_deadline(&c) > now && dhcp_client_deadline(&c) != NSEC_NEVER);
}

TEST(a_new_lease_that_was_lost_before_anybody_heard_is_not_told)
{
    start();
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    reply(DHCP_ACK);
    dhcp_client_conflict(&c, now);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
    expect_sent(DHCP_DECLINE);
    bind();
    let_time_pass();
    expect_sent(DHCP_REQUEST);
    reply(DHCP_ACK); // not heard of yet, but the address is in use
    dhcp_client_conflict(&c, now);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LOST);
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
}

TEST(a_lease_of_seconds_is_kept_by_a_server_that_answers)
{
    start();
    reply(DHCP_OFFER);
    expect_sent(DHCP_REQUEST);
    for (unsigned i = 0; i < 50; i++) {
        prepare(DHCP_ACK);
        answer.lease_s = 2;
        deliver();
        EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_LEASE);
        let_time_pass();
        expect_sent(DHCP_REQUEST);
        EXPECT(dhcp_client_deadline(&c) > now);
    }
    EXPECT_EQ(dhcp_client_event(&c), DHCP_EVENT_NONE);
}
