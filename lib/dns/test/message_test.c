// SPDX-License-Identifier: Apache-2.0
#include "lib/dns/message.h"

#include "lib/dns/record.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static uint8_t bytes[512];
static size_t used;
static struct dns_reply reply;
static struct dns_record record;

static struct dns_name name_of(const char *text)
{
    struct dns_name n = {};
    if (dns_name_parse(span_of(text, strlen(text)), &n) != OK) {
        test_fail(__FILE__, __LINE__, "%s is no name", text);
    }
    return n;
}

static struct dns_query query_for(const char *name, uint16_t type)
{
    return (struct dns_query){
        .question = {.name = name_of(name), .type = type, .class_code = DNS_CLASS_IN},
        .id = 0x1234,
        .udp_size = DNS_UDP_SIZE,
        .wants_recursion = true,
    };
}

static void put(const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[used++] = (uint8_t)from[i];
    }
}

// A reply to www.a.example, to which `add` appends records with names by pointer.
static void begin(uint16_t flags, uint16_t type)
{
    memset(bytes, 0, sizeof(bytes));
    write_be16(bytes, 0x1234);
    write_be16(bytes + 2, 0x8180 | flags);
    bytes[5] = 1;
    used = 12;
    put("\3www\1a\7example\0", 15);
    write_be16(bytes + used, type);
    bytes[used + 3] = 1;
    used += 4;
}

static void add(enum dns_section section, uint16_t type, uint32_t ttl, const char *data,
                size_t size)
{
    bytes[7 + 2 * (size_t)section]++;
    put("\xc0\x0c", 2);
    write_be16(bytes + used, type);
    write_be16(bytes + used + 2, DNS_CLASS_IN);
    write_be32(bytes + used + 4, ttl);
    write_be16(bytes + used + 8, (uint16_t)size);
    used += 10;
    put(data, size);
}

static status_t parse(void)
{
    return dns_reply_parse(span_of(bytes, used), &reply);
}

// The only record of a reply, and its text.
static void expect_text(uint16_t type, const char *data, size_t size, const char *want)
{
    char text[256];
    begin(0, type);
    add(DNS_ANSWER, type, 60, data, size);
    EXPECT_OK(parse());
    struct dns_walk w = dns_records(&reply);
    EXPECT(dns_record_next(&w, &record));
    dns_record_print(&record, text, sizeof(text));
    EXPECT_STR(text, want);
    EXPECT(!dns_record_next(&w, &record) && !w.is_broken);
}

TEST(a_query_is_the_bytes_that_servers_know)
{
    static const uint8_t want[] = {0x12, 0x34, 1, 0, 0, 1, 0,  0, 0,    0, 0, 1, 1, 'a', 0,
                                   0,    28,   0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0,   0};
    struct dns_query q = query_for("a", DNS_AAAA);
    EXPECT_EQ(dns_query_emit(&q, bytes), sizeof(want));
    EXPECT_MEM(bytes, want, sizeof(want));
}

TEST(a_query_reads_back_as_it_was_written)
{
    struct test_random r = {.state = 70};
    for (unsigned turn = 0; turn < 300; turn++) {
        uint64_t bits = test_random_next(&r);
        struct dns_query q = query_for("www.a.example", (uint16_t)bits);
        q.id = (uint16_t)(bits >> 16);
        q.udp_size = (bits & 1ull << 40) != 0 ? (uint16_t)(512 + (bits >> 48) % 4096) : 0;
        q.wants_recursion = (bits & 1ull << 41) != 0;
        q.wants_unchecked = (bits & 1ull << 42) != 0;
        q.wants_signatures = q.udp_size != 0 && (bits & 1ull << 43) != 0;
        struct dns_query back;
        uint8_t again[DNS_QUERY_SIZE_MAX];
        size_t size = dns_query_emit(&q, bytes);
        EXPECT_OK(dns_query_parse(span_of(bytes, size), &back));
        EXPECT(back.id == q.id && back.udp_size == q.udp_size);
        EXPECT_EQ(dns_query_emit(&back, again), size);
        EXPECT_MEM(again, bytes, size);
    }
}

TEST(what_is_no_query_is_refused)
{
    struct dns_query q = query_for("a", DNS_A);
    size_t size = dns_query_emit(&q, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        EXPECT_STATUS(dns_query_parse(span_of(bytes, cut), &q), ERR_INVAL);
    }
    bytes[2] |= 0x80; // a reply
    EXPECT_STATUS(dns_query_parse(span_of(bytes, size), &q), ERR_INVAL);
    bytes[2] = 0x28; // an update
    EXPECT_STATUS(dns_query_parse(span_of(bytes, size), &q), ERR_INVAL);
    bytes[2] = 1;
    bytes[5] = 2;
    EXPECT_STATUS(dns_query_parse(span_of(bytes, size), &q), ERR_INVAL);
}

TEST(a_reply_has_its_question_and_its_records)
{
    struct ip_addr a;
    begin(0, DNS_A);
    add(DNS_ANSWER, DNS_CNAME, 30, "\4host\xc0\x10", 7);
    add(DNS_ANSWER, DNS_A, 60, "\x0a\0\0\7", 4);
    add(DNS_ADDITIONAL, DNS_AAAA, 60, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    EXPECT_OK(parse());
    EXPECT(reply.id == 0x1234 && reply.code == DNS_NO_ERROR && reply.is_recursive);
    EXPECT(!reply.is_truncated && !reply.is_authoritative && reply.udp_size == 0);
    struct dns_walk w = dns_records(&reply);
    struct dns_name name;
    EXPECT(dns_record_next(&w, &record) && record.section == DNS_ANSWER);
    EXPECT_OK(dns_record_name(&record, &name));
    struct dns_name want = name_of("host.a.example");
    EXPECT(dns_name_is_equal(&name, &want));
    EXPECT_STATUS(dns_record_address(&record, &a), ERR_INVAL);
    EXPECT(dns_record_next(&w, &record));
    EXPECT_OK(dns_record_address(&record, &a));
    EXPECT_EQ(ip4_value(&a), 0x0a000007);
    EXPECT(dns_record_next(&w, &record) && record.section == DNS_ADDITIONAL);
    EXPECT_OK(dns_record_address(&record, &a));
    EXPECT(!ip_is_v4(&a) && a.bytes[15] == 1);
    EXPECT(!dns_record_next(&w, &record));
}

TEST(a_reply_answers_its_own_question_only)
{
    struct dns_query q = query_for("WWW.a.example", DNS_A);
    begin(0, DNS_A);
    EXPECT_OK(parse());
    EXPECT(dns_reply_answers(&reply, &q));
    q.id++;
    EXPECT(!dns_reply_answers(&reply, &q));
    q = query_for("www.a.example", DNS_AAAA);
    EXPECT(!dns_reply_answers(&reply, &q));
    q = query_for("ww2.a.example", DNS_A);
    EXPECT(!dns_reply_answers(&reply, &q));
}

TEST(a_reply_that_is_cut_is_refused_unless_it_says_so)
{
    begin(0, DNS_A);
    add(DNS_ANSWER, DNS_A, 60, "\x0a\0\0\7", 4);
    add(DNS_ANSWER, DNS_A, 60, "\x0a\0\0\x8", 4);
    for (size_t size = 0; size < used; size++) {
        EXPECT_STATUS(dns_reply_parse(span_of(bytes, size), &reply), ERR_INVAL);
    }
    bytes[2] |= 2;
    EXPECT_OK(dns_reply_parse(span_of(bytes, used - 1), &reply));
    EXPECT(reply.is_truncated);
    struct dns_walk w = dns_records(&reply);
    EXPECT(dns_record_next(&w, &record) && !dns_record_next(&w, &record) && w.is_broken);
}

TEST(what_is_no_reply_is_refused)
{
    begin(0, DNS_A);
    bytes[2] &= 0x7f;
    EXPECT_STATUS(parse(), ERR_INVAL);
    begin(0x0800, DNS_A);
    EXPECT_STATUS(parse(), ERR_INVAL);
    begin(0, DNS_A);
    bytes[5] = 2;
    EXPECT_STATUS(parse(), ERR_INVAL);
}

TEST(edns_has_bits_of_the_code_and_a_size)
{
    begin(DNS_NO_NAME, DNS_A);
    bytes[11] = 1;
    put("\0\0\x29\x04\xd0\1\0\0\0\0\0", 11);
    EXPECT_OK(parse());
    EXPECT_EQ(reply.code, 16 + DNS_NO_NAME);
    EXPECT_EQ(reply.udp_size, 1232);
}

TEST(records_have_the_text_of_zone_files)
{
    expect_text(DNS_A, "\1\2\3\4", 4, "1.2.3.4");
    expect_text(DNS_AAAA, "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001::1");
    expect_text(DNS_CNAME, "\1x\xc0\x10", 4, "x.a.example");
    expect_text(DNS_NS, "\1x\xc0\x10", 4, "x.a.example");
    expect_text(DNS_PTR, "\xc0\x0c", 2, "www.a.example");
    expect_text(DNS_MX, "\0\x0a\4mail\xc0\x0c", 9, "10 mail.www.a.example");
    expect_text(DNS_SRV, "\0\1\0\2\x1f\x90\1s\0", 9, "1 2 8080 s");
    expect_text(DNS_SOA, "\1n\0\1m\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26, "n m 1 2 3 4 5");
    expect_text(DNS_TXT, "\3a\"b\0\2\x1b;", 8, "\"a\\\"b\" \"\" \"\\027;\"");
    expect_text(999, "\xab\1", 2, "\\# 2 ab01");
}

TEST(data_that_is_not_what_its_type_says_is_printed_as_bytes)
{
    expect_text(DNS_A, "\1\2\3", 3, "\\# 3 010203");
    expect_text(DNS_MX, "\1", 1, "\\# 1 01");
    expect_text(DNS_CNAME, "\1x\0\0", 4, "\\# 4 01780000");
    expect_text(DNS_CNAME, "\4x", 2, "\\# 2 0478");
    expect_text(DNS_TXT, "\4abc", 4, "\\# 4 04616263");
    expect_text(DNS_SOA, "\1n\0\1m\0\0\0\0", 9, "\\# 9 016e00016d00000000");
    expect_text(DNS_SRV, "\0\1\0\2\0", 5, "\\# 5 0001000200");
}

TEST(a_record_is_read_as_its_own_type_only)
{
    struct dns_name name;
    struct dns_mx mx;
    struct dns_srv srv;
    struct dns_soa soa;
    struct span s;
    size_t at = 0;
    expect_text(999, "\0\x0a\1x\0", 5, "\\# 5 000a017800");
    begin(0, 999);
    add(DNS_ANSWER, 999, 60, "\1x\0\1x\0\1\2\3\4", 10);
    EXPECT_OK(parse());
    struct dns_walk w = dns_records(&reply);
    EXPECT(dns_record_next(&w, &record));
    EXPECT_STATUS(dns_record_name(&record, &name), ERR_INVAL);
    EXPECT_STATUS(dns_record_mx(&record, &mx), ERR_INVAL);
    EXPECT_STATUS(dns_record_srv(&record, &srv), ERR_INVAL);
    EXPECT_STATUS(dns_record_soa(&record, &soa), ERR_INVAL);
    EXPECT(!dns_record_text_next(&record, &at, &s));
}

TEST(text_that_has_no_room_is_cut)
{
    char text[8];
    begin(0, DNS_TXT);
    add(DNS_ANSWER, DNS_TXT, 60,
        "\x0a"
        "0123456789",
        11);
    EXPECT_OK(parse());
    struct dns_walk w = dns_records(&reply);
    EXPECT(dns_record_next(&w, &record));
    dns_record_print(&record, text, sizeof(text));
    EXPECT_STR(text, "\"012345");
}

TEST(a_reply_is_kept_as_long_as_its_shortest_record)
{
    begin(0, DNS_A);
    add(DNS_ANSWER, DNS_CNAME, 300, "\1x\0", 3);
    add(DNS_ANSWER, DNS_A, 120, "\x0a\0\0\7", 4);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 120);
    add(DNS_ANSWER, DNS_A, 0x80000000, "\x0a\0\0\7", 4);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 0);
    begin(DNS_SERVER_FAILURE, DNS_A);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 0);
}

TEST(a_negative_reply_is_kept_as_its_zone_says)
{
    static const char soa[] = "\1n\0\1m\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c";
    begin(DNS_NO_NAME, DNS_A);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 0);
    add(DNS_AUTHORITY, DNS_SOA, 600, soa, 26);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 60);
    begin(DNS_NO_NAME, DNS_A); // a zone that says a day
    add(DNS_AUTHORITY, DNS_SOA, 86400, "\1n\0\1m\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\1\x51\x80",
        26);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 3 * 3600);
    begin(0, DNS_A); // the name exists, but has no such record
    add(DNS_ANSWER, DNS_CNAME, 300, "\1x\0", 3);
    add(DNS_AUTHORITY, DNS_SOA, 20, soa, 26);
    EXPECT_OK(parse());
    EXPECT_EQ(dns_reply_ttl(&reply), 20);
}

TEST(a_kept_reply_ages_and_answers_another_query)
{
    begin(0, DNS_A);
    add(DNS_ANSWER, DNS_A, 120, "\x0a\0\0\7", 4);
    add(DNS_ANSWER, DNS_A, 20, "\x0a\0\0\7", 4);
    bytes[11] = 1;
    put("\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
    EXPECT(dns_reply_age(bytes, used, 0x9876, 50));
    EXPECT_OK(parse());
    EXPECT_EQ(reply.id, 0x9876);
    struct dns_walk w = dns_records(&reply);
    EXPECT(dns_record_next(&w, &record) && record.ttl_s == 70);
    EXPECT(dns_record_next(&w, &record) && record.ttl_s == 0);
    EXPECT(dns_record_next(&w, &record) && record.type == DNS_OPT && record.ttl_s == 0x8000);
}

TEST(a_reply_whose_names_lead_into_what_changes_is_not_kept)
{
    begin(0, DNS_A);
    add(DNS_ANSWER, DNS_A, 0x01610000, "\x0a\0\0\7", 4);
    add(DNS_ANSWER, DNS_A, 60, "\x0a\0\0\7", 4);
    bytes[48] = 37; // the time of the first one is the name of the second
    EXPECT_OK(parse());
    EXPECT(!dns_reply_age(bytes, used, 1, 1));
}

TEST(a_reply_that_was_written_reads_back)
{
    struct dns_writer w;
    struct dns_query q = query_for("www.a.example", DNS_A);
    struct dns_name other = name_of("b.example");
    struct ip_addr a;
    dns_writer_init(&w, bytes, sizeof(bytes), &q, DNS_NO_ERROR);
    dns_write_answer(&w, &q.question.name, DNS_A, 77, span_of("\x0a\0\0\7", 4));
    dns_write_answer(&w, &other, DNS_A, 78, span_of("\x0a\0\0\x8", 4));
    used = dns_writer_finish(&w);
    EXPECT_OK(parse());
    EXPECT(dns_reply_answers(&reply, &q) && reply.udp_size == DNS_UDP_SIZE && !reply.is_truncated);
    struct dns_walk walk = dns_records(&reply);
    EXPECT(dns_record_next(&walk, &record) && record.ttl_s == 77);
    EXPECT(dns_name_is_equal(&record.name, &q.question.name));
    EXPECT_OK(dns_record_address(&record, &a));
    EXPECT(dns_record_next(&walk, &record) && dns_name_is_equal(&record.name, &other));
    EXPECT(dns_record_next(&walk, &record) && record.type == DNS_OPT);
    EXPECT(!dns_record_next(&walk, &record));
}

TEST(who_has_no_edns_gets_none)
{
    struct dns_query q = query_for("www.a.example", DNS_A);
    q.udp_size = 0;
    q.wants_recursion = false;
    used = dns_refuse(&q, DNS_SERVER_FAILURE, bytes);
    EXPECT_EQ(used, DNS_HEADER_SIZE + 15 + 4);
    EXPECT_EQ(read_be16(bytes + 2), 0x8080 | DNS_SERVER_FAILURE);
    EXPECT_OK(parse());
    EXPECT_EQ(reply.udp_size, 0);
}

TEST(answers_without_room_are_left_out_and_it_is_said)
{
    struct dns_writer w;
    struct dns_query q = query_for("www.a.example", DNS_TXT);
    static const uint8_t data[200];
    dns_writer_init(&w, bytes, DNS_QUERY_SIZE_MAX, &q, DNS_NO_ERROR);
    dns_write_answer(&w, &q.question.name, DNS_TXT, 1, span_of(data, 200));
    dns_write_answer(&w, &q.question.name, DNS_TXT, 1, span_of(data, 100));
    used = dns_writer_finish(&w);
    EXPECT(used <= DNS_QUERY_SIZE_MAX);
    EXPECT_OK(parse());
    EXPECT(reply.is_truncated && reply.counts[DNS_ANSWER] == 1 && reply.udp_size != 0);
}

TEST(a_refusal_fits_for_every_name)
{
    char text[253];
    struct dns_query q = query_for("x", DNS_A);
    memset(text, 'a', sizeof(text));
    text[63] = text[127] = text[191] = '.';
    EXPECT_OK(dns_name_parse(span_of(text, sizeof(text)), &q.question.name));
    used = dns_refuse(&q, DNS_REFUSED, bytes);
    EXPECT(used <= DNS_QUERY_SIZE_MAX);
    EXPECT_OK(parse());
    EXPECT(reply.code == DNS_REFUSED && dns_reply_answers(&reply, &q));
}

TEST(types_and_codes_have_names)
{
    EXPECT_STR(dns_type_name(DNS_CNAME), "CNAME");
    EXPECT(dns_type_name(999) == NULL);
    EXPECT_EQ(dns_type_find("aaaa"), DNS_AAAA);
    EXPECT_EQ(dns_type_find("AAA"), 0);
    EXPECT_EQ(dns_type_find("mx"), DNS_MX);
    EXPECT_STR(dns_code_name(DNS_NO_NAME), "NXDOMAIN");
    EXPECT(dns_code_name(11) == NULL);
    EXPECT_EQ(dns_type_find("A"), DNS_A);
    EXPECT_EQ(dns_type_find("BAAA"), 0);
    EXPECT_EQ(dns_type_find(""), 0);
}

static void expect_reverse(const char *address, const char *want)
{
    char text[DNS_NAME_TEXT_SIZE];
    struct ip_addr a;
    struct dns_name n;
    EXPECT_OK(ip_parse(span_of(address, strlen(address)), &a));
    dns_reverse_name(&a, &n);
    (void)dns_name_print(&n, text, sizeof(text));
    EXPECT_STR(text, want);
}

TEST(addresses_have_names_of_their_own)
{
    expect_reverse("10.0.2.15", "15.2.0.10.in-addr.arpa");
    expect_reverse("2001:db8::567:89ab",
                   "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
