// SPDX-License-Identifier: Apache-2.0
/* MLD and IGMP. */
#include "lib/net/checksum.h"
#include "lib/net/igmp.h"
#include "lib/net/mld.h"

#include "tests/harness/test.h"

static const struct ip_addr group6 = {.bytes = {0xff, 0x02, [15] = 0xfb}};

static uint8_t bytes[128];

static struct span sealed(size_t size)
{
    write_be16(bytes + 2, 0);
    write_be16(bytes + 2, checksum_finish(checksum_add(0, bytes, size)));
    return span_of(bytes, size);
}

static void begin(uint8_t type)
{
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = type;
}

TEST(questions_of_mld_have_a_version_by_their_size)
{
    struct group_query q;
    begin(ICMP6_MLD_QUERY);
    write_be16(bytes + 4, 10000);
    EXPECT_OK(mld_query_parse(span_of(bytes, MLD1_SIZE), &q));
    EXPECT(q.version == 1 && q.response_max == 10 * NSEC_PER_SEC && ip_is_unspecified(&q.group));
    EXPECT_STATUS(mld_query_parse(span_of(bytes, 27), &q), ERR_INVAL);
    EXPECT_STATUS(mld_query_parse(span_of(bytes, 23), &q), ERR_INVAL);
    memcpy(bytes + 8, group6.bytes, IP6_SIZE);
    bytes[24] = 0x0a;
    bytes[25] = 125;
    EXPECT_OK(mld_query_parse(span_of(bytes, 28), &q));
    EXPECT(q.version == 2 && q.is_suppressing && q.robustness == 2 && q.interval_s == 125);
    EXPECT(ip_is_equal(&q.group, &group6) && q.sources.size == 0);
    bytes[27] = 1; // a source that is not there
    EXPECT_STATUS(mld_query_parse(span_of(bytes, 43), &q), ERR_INVAL);
    EXPECT_OK(mld_query_parse(span_of(bytes, 44), &q));
    EXPECT_EQ(q.sources.size, 16);
    bytes[8] = 0x20; // no group
    EXPECT_STATUS(mld_query_parse(span_of(bytes, 44), &q), ERR_INVAL);
}

TEST(large_codes_are_floating_point_numbers)
{
    struct group_query q;
    begin(ICMP6_MLD_QUERY);
    write_be16(bytes + 4, 0x8000); // exponent 0, mantissa 0
    bytes[25] = 0xff;
    EXPECT_OK(mld_query_parse(span_of(bytes, 28), &q));
    EXPECT_EQ(q.response_max, 32768 * NSEC_PER_MSEC);
    EXPECT_EQ(q.interval_s, 31744);
    write_be16(bytes + 4, 0xffff);
    EXPECT_OK(mld_query_parse(span_of(bytes, 28), &q));
    EXPECT_EQ(q.response_max, 8387584 * NSEC_PER_MSEC);
    begin(IGMP_QUERY);
    bytes[1] = 0x80;
    EXPECT_OK(igmp_query_parse(sealed(12), &q));
    EXPECT_EQ(q.response_max, 128 * (NSEC_PER_SEC / 10));
}

TEST(questions_of_igmp_have_a_version_by_size_and_time)
{
    struct group_query q;
    begin(IGMP_QUERY);
    EXPECT_OK(igmp_query_parse(sealed(8), &q));
    EXPECT(q.version == 1 && q.response_max == 10 * NSEC_PER_SEC);
    bytes[1] = 50;
    write_be32(bytes + 4, 0xe00000fb);
    EXPECT_OK(igmp_query_parse(sealed(8), &q));
    EXPECT(q.version == 2 && q.response_max == 5 * NSEC_PER_SEC);
    EXPECT_EQ(ip4_value(&q.group), 0xe00000fb);
    bytes[11] = 1;
    EXPECT_OK(igmp_query_parse(sealed(16), &q));
    EXPECT(q.version == 3 && q.sources.size == 4);
    EXPECT_STATUS(igmp_query_parse(sealed(15), &q), ERR_INVAL);
    EXPECT_STATUS(igmp_query_parse(sealed(11), &q), ERR_INVAL);
    (void)sealed(16);
    bytes[2] ^= 1;
    EXPECT_STATUS(igmp_query_parse(span_of(bytes, 16), &q), ERR_INVAL);
    bytes[4] = 10; // no group
    EXPECT_STATUS(igmp_query_parse(sealed(16), &q), ERR_INVAL);
}

TEST(a_report_of_mld_reads_back)
{
    static const uint8_t source[IP6_SIZE] = {0x20, 0x01};
    struct group_record records[] = {
        {.type = GROUP_TO_EXCLUDE, .group = group6},
        {.type = GROUP_ALLOW, .group = group6, .sources = span_of(source, IP6_SIZE)},
    };
    size_t size = mld_report_emit(records, 2, bytes);
    EXPECT_EQ(size, MLD_REPORT_HEADER_SIZE + 2 * MLD_RECORD_SIZE + 16);
    struct span left;
    struct group_record r;
    EXPECT_OK(mld_report_parse(span_of(bytes, size), &left));
    EXPECT(mld_record_next(&left, &r) && r.type == GROUP_TO_EXCLUDE && r.sources.size == 0);
    EXPECT(mld_record_next(&left, &r) && r.type == GROUP_ALLOW && r.sources.size == 16);
    EXPECT(ip_is_equal(&r.group, &group6) && !mld_record_next(&left, &r));
    EXPECT_STATUS(mld_report_parse(span_of(bytes, size - 1), &left), ERR_INVAL);
}

TEST(a_report_of_igmp_reads_back)
{
    static const uint8_t source[] = {10, 0, 0, 1, 10, 0, 0, 2};
    struct group_record records[] = {
        {.type = GROUP_IS_EXCLUDE, .group = ip4(0xe00000fb)},
        {.type = GROUP_BLOCK, .group = ip4(0xef010203), .sources = span_of(source, 8)},
    };
    size_t size = igmp_report_emit(records, 2, bytes);
    EXPECT_EQ(size, IGMP_REPORT_HEADER_SIZE + 2 * IGMP_RECORD_SIZE + 8);
    struct span left;
    struct group_record r;
    EXPECT_OK(igmp_report_parse(span_of(bytes, size), &left));
    EXPECT(igmp_record_next(&left, &r) && r.type == GROUP_IS_EXCLUDE && r.sources.size == 0);
    EXPECT(igmp_record_next(&left, &r) && r.type == GROUP_BLOCK && r.sources.size == 8);
    EXPECT(!igmp_record_next(&left, &r));
    EXPECT_STATUS(igmp_report_parse(sealed(size - 1), &left), ERR_INVAL);
}

TEST(auxiliary_words_of_a_record_are_passed_over)
{
    struct span left;
    struct group_record r;
    begin(ICMP6_MLD2_REPORT);
    bytes[7] = 2;
    bytes[9] = 1; // one word behind the first record
    memcpy(bytes + 12, group6.bytes, IP6_SIZE);
    memcpy(bytes + 36, group6.bytes, IP6_SIZE);
    EXPECT_OK(mld_report_parse(span_of(bytes, 52), &left));
    EXPECT(mld_record_next(&left, &r) && mld_record_next(&left, &r) && left.size == 0);
    EXPECT_STATUS(mld_report_parse(span_of(bytes, 51), &left), ERR_INVAL);
    begin(IGMP3_REPORT);
    bytes[7] = 2;
    bytes[9] = 1;
    write_be32(bytes + 12, 0xe00000fb);
    write_be32(bytes + 24, 0xe00000fc);
    EXPECT_OK(igmp_report_parse(sealed(28), &left));
    EXPECT(igmp_record_next(&left, &r) && igmp_record_next(&left, &r) && left.size == 0);
    EXPECT_EQ(ip4_value(&r.group), 0xe00000fc);
}

TEST(old_messages_name_their_group)
{
    struct ip_addr group = ip4(0xe00000fb);
    igmp2_emit(IGMP2_REPORT, &group, bytes);
    EXPECT_EQ(bytes[0], 0x16);
    EXPECT_EQ(read_be32(bytes + 4), 0xe00000fb);
    EXPECT(checksum_is_right(checksum_add(0, bytes, IGMP_SIZE)));
    mld1_emit(ICMP6_MLD1_DONE, &group6, bytes);
    EXPECT_EQ(bytes[0], ICMP6_MLD1_DONE);
    EXPECT_MEM(bytes + 8, group6.bytes, IP6_SIZE);
}

TEST(the_header_in_front_of_mld_is_a_router_alert)
{
    struct ip6_walk w;
    struct ip6_header h = {.next = IP6_HOP_BY_HOP, .payload_size = MLD_HOP_BY_HOP_SIZE};
    ip6_emit(&h, bytes);
    mld_hop_by_hop_emit(bytes + IP6_HEADER_SIZE);
    EXPECT_EQ(ip6_walk(span_of(bytes, 48), &w), IP6_WALK_TRANSPORT);
    EXPECT(w.has_router_alert && w.next == IP_PROTOCOL_ICMP6);
}
