// SPDX-License-Identifier: Apache-2.0
/* ICMP of both versions, and what their errors quote. */
#include "lib/net/icmp4.h"
#include "lib/net/icmp6.h"
#include "lib/net/ip4.h"

#include "tests/harness/test.h"

static void expect_back4(const struct icmp4_message *m)
{
    uint8_t bytes[ICMP4_HEADER_SIZE];
    struct icmp4_message back;
    memset(bytes, 0xff, sizeof(bytes));
    icmp4_emit(m, bytes);
    EXPECT_EQ(read_be16(bytes + ICMP4_CHECKSUM_OFFSET), 0);
    EXPECT_OK(icmp4_parse(span_of(bytes, sizeof(bytes)), &back));
    EXPECT(back.type == m->type && back.code == m->code && back.pointer == m->pointer);
    EXPECT(back.id == m->id && back.sequence == m->sequence && back.mtu == m->mtu);
    EXPECT(ip_is_equal(&back.gateway, &m->gateway));
    EXPECT_STATUS(icmp4_parse(span_of(bytes, 7), &back), ERR_INVAL);
}

static void expect_back6(const struct icmp6_message *m)
{
    uint8_t bytes[ICMP6_HEADER_SIZE];
    struct icmp6_message back;
    memset(bytes, 0xff, sizeof(bytes));
    icmp6_emit(m, bytes);
    EXPECT_EQ(read_be16(bytes + ICMP6_CHECKSUM_OFFSET), 0);
    EXPECT_OK(icmp6_parse(span_of(bytes, sizeof(bytes)), &back));
    EXPECT(back.type == m->type && back.code == m->code && back.pointer == m->pointer);
    EXPECT(back.id == m->id && back.sequence == m->sequence && back.mtu == m->mtu);
    EXPECT_STATUS(icmp6_parse(span_of(bytes, 7), &back), ERR_INVAL);
}

TEST(an_echo_reads_back_as_it_was_written)
{
    expect_back4(&(struct icmp4_message){.type = ICMP4_ECHO, .id = 0x1234, .sequence = 0xfedc});
    expect_back6(&(struct icmp6_message){.type = ICMP6_ECHO_REPLY, .id = 7, .sequence = 0x8001});
}

TEST(errors_read_back_as_they_were_written)
{
    expect_back4(&(struct icmp4_message){.type = ICMP4_UNREACHABLE, .code = ICMP4_PORT});
    expect_back4(
        &(struct icmp4_message){.type = ICMP4_UNREACHABLE, .code = ICMP4_TOO_BIG, .mtu = 1400});
    expect_back4(&(struct icmp4_message){.type = ICMP4_PARAMETER_PROBLEM, .pointer = 20});
    expect_back4(&(struct icmp4_message){.type = ICMP4_REDIRECT, .gateway = ip4(0x0a000001)});
    expect_back6(&(struct icmp6_message){.type = ICMP6_TOO_BIG, .mtu = 0x12345});
    expect_back6(&(struct icmp6_message){.type = ICMP6_PARAMETER_PROBLEM, .pointer = 40});
    expect_back6(&(struct icmp6_message){.type = ICMP6_UNREACHABLE, .code = ICMP6_PORT});
}

static uint8_t quoted[128];

static size_t quote4(uint16_t offset)
{
    struct ip4_header h = {.source = ip4(0x0a00020f),
                           .destination = ip4(0x08080808),
                           .total_size = 1500,
                           .fragment_offset = offset,
                           .protocol = IP_PROTOCOL_UDP};
    size_t size = ip4_emit(&h, quoted);
    write_be32(quoted + size, 0x12340035);
    return size + 8;
}

TEST(a_quote_says_whose_packet_it_was)
{
    struct quote q;
    size_t size = quote4(0);
    EXPECT_OK(quote_parse4(span_of(quoted, size), &q));
    EXPECT_EQ(ip4_value(&q.source), 0x0a00020f);
    EXPECT_EQ(ip4_value(&q.destination), 0x08080808);
    EXPECT(q.protocol == IP_PROTOCOL_UDP && q.total_size == 1500 && q.transport.size == 8);
    EXPECT_EQ(read_be16(q.transport.data + 2), 53);
    EXPECT_STATUS(quote_parse4(span_of(quoted, size - 1), &q), ERR_INVAL);
    size = quote4(8); // behind the transport's header
    EXPECT_STATUS(quote_parse4(span_of(quoted, size), &q), ERR_INVAL);
}

TEST(a_quote_of_ipv6_is_read_through_its_extensions)
{
    struct quote q;
    struct ip6_header h = {.source.bytes = {0x20, [15] = 1},
                           .destination.bytes = {0x20, [15] = 2},
                           .payload_size = 1000,
                           .next = IP6_FRAGMENT};
    ip6_emit(&h, quoted);
    ip6_fragment_emit(&(struct ip6_fragment){.next = IP_PROTOCOL_UDP, .has_more = true},
                      quoted + IP6_HEADER_SIZE);
    EXPECT_OK(quote_parse6(span_of(quoted, 60), &q));
    EXPECT(q.protocol == IP_PROTOCOL_UDP && q.total_size == 1040 && q.transport.size == 12);
    EXPECT(q.transport.data == quoted + 48);
    EXPECT_STATUS(quote_parse6(span_of(quoted, 55), &q), ERR_INVAL);
    ip6_fragment_emit(&(struct ip6_fragment){.next = IP_PROTOCOL_UDP, .offset = 8},
                      quoted + IP6_HEADER_SIZE);
    EXPECT_STATUS(quote_parse6(span_of(quoted, 60), &q), ERR_INVAL);
}

TEST(what_errors_mean_to_the_sender)
{
    struct quote q = {.total_size = 1500};
    struct quote_error e;
    struct icmp4_message m = {.type = ICMP4_UNREACHABLE, .code = ICMP4_PORT};
    EXPECT(icmp4_error(&m, &q, &e) && e.error == ERR_CONNREFUSED && e.is_hard);
    m.code = ICMP4_HOST;
    EXPECT(icmp4_error(&m, &q, &e) && e.error == ERR_HOSTUNREACH && !e.is_hard);
    m.code = 16;
    EXPECT(!icmp4_error(&m, &q, &e));
    m.type = ICMP4_ECHO;
    EXPECT(!icmp4_error(&m, &q, &e));
    struct icmp6_message m6 = {.type = ICMP6_UNREACHABLE, .code = ICMP6_PROHIBITED};
    EXPECT(icmp6_error(&m6, &e) && e.error == ERR_ACCES && e.is_hard);
    m6 = (struct icmp6_message){.type = ICMP6_PARAMETER_PROBLEM, .code = IP6_PROBLEM_NEXT};
    EXPECT(icmp6_error(&m6, &e) && e.error == ERR_PROTO && e.is_hard);
    m6 = (struct icmp6_message){.type = ICMP6_ECHO};
    EXPECT(!icmp6_error(&m6, &e));
}

TEST(a_path_mtu_is_smaller_than_the_packet_and_not_absurd)
{
    struct quote q = {.total_size = 1500};
    struct quote_error e;
    struct icmp4_message m = {.type = ICMP4_UNREACHABLE, .code = ICMP4_TOO_BIG, .mtu = 1400};
    EXPECT(icmp4_error(&m, &q, &e) && e.error == ERR_MSGSIZE && e.mtu == 1400);
    m.mtu = 1500;
    EXPECT(!icmp4_error(&m, &q, &e));
    m.mtu = 0; // an old router: the next smaller size of links
    EXPECT(icmp4_error(&m, &q, &e) && e.mtu == 1492);
    m.mtu = 1;
    EXPECT(icmp4_error(&m, &q, &e) && e.mtu == IP4_MTU_MIN);
    struct icmp6_message m6 = {.type = ICMP6_TOO_BIG, .mtu = 1280};
    EXPECT(icmp6_error(&m6, &e) && e.mtu == 1280);
    m6.mtu = 1279;
    EXPECT(!icmp6_error(&m6, &e));
}
