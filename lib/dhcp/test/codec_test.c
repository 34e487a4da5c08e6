// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/codec.h"

#include "lib/net/ethernet.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static uint8_t bytes[DHCP_SIZE_MAX];
static size_t used;
static struct dhcp_message message;

static void put(size_t at, const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[at + i] = (uint8_t)value[i];
    }
}

// An offer, to which `add` appends options.
static void begin(void)
{
    memset(bytes, 0, sizeof(bytes));
    put(0, "\2\1\6\0\x12\x34\x56\x78", 8);
    write_be32(bytes + 16, 0x0a000005);
    put(28, "\x52\x54\0\1\2\3", 6);
    write_be32(bytes + 236, 0x63825363);
    put(240, "\x35\1\2", 3);
    used = 243;
}

static void add(uint8_t code, const char *value, size_t size)
{
    bytes[used] = code;
    bytes[used + 1] = (uint8_t)size;
    put(used + 2, value, size);
    used += size + 2;
}

static status_t parse(void)
{
    bytes[used] = 255;
    return dhcp_parse(span_of(bytes, used + 1), &message);
}

static status_t parse_with(uint8_t code, const char *value, size_t size)
{
    begin();
    add(code, value, size);
    return parse();
}

TEST(an_offer_is_read_field_by_field)
{
    begin();
    add(54, "\x0a\0\0\1", 4);
    add(51, "\0\0\x0e\x10", 4);
    add(1, "\xff\xff\xfe\0", 4);
    add(3, "\x0a\0\0\1\x0a\0\0\2", 8);
    add(6, "\x0a\0\0\3", 4);
    add(15, "lan.example", 11);
    add(26, "\x05\x78", 2);
    EXPECT_OK(parse());
    EXPECT(message.type == DHCP_OFFER && message.xid == 0x12345678);
    EXPECT(ip4_value(&message.yours) == 0x0a000005 && ip4_value(&message.server) == 0x0a000001);
    EXPECT(message.lease_s == 3600 && message.prefix == 23 && message.mtu == 1400);
    EXPECT(message.routers.count == 2 && message.resolvers.count == 1);
    EXPECT_EQ(ip4_value(&message.resolvers.list[0]), 0x0a000003);
    EXPECT_STR(message.domain, "lan.example");
    char text[100];
    dhcp_print(&message, text, sizeof(text));
    EXPECT_STR(text, "OFFER 12345678: 10.0.0.5/23 from 10.0.0.1 for 3600 s");
}

TEST(a_request_is_the_bytes_that_servers_know)
{
    static struct dhcp_message m;
    m = (struct dhcp_message){.type = DHCP_REQUEST,
                              .wants_broadcast = true,
                              .seconds = 0x0102,
                              .xid = 0x12345678,
                              .mac = {{0x52, 0x54, 0, 1, 2, 3}},
                              .client = ip4(0x0a000009),
                              .requested = ip4(0x0a000005),
                              .client_id_size = 2,
                              .client_id = {0, 7}};
    static const uint8_t head[] = {1,  1, 6, 0, 0x12, 0x34, 0x56, 0x78, 1, 2, 0x80, 0,
                                   10, 0, 0, 9, 0,    0,    0,    0,    0, 0, 0,    0,
                                   0,  0, 0, 0, 0x52, 0x54, 0,    1,    2, 3};
    static const uint8_t options[] = {0x63, 0x82, 0x53, 0x63, 53,  1,  3,  61, 2,    0,  7,  50,
                                      4,    10,   0,    0,    5,   57, 2,  5,  0xc0, 55, 12, 1,
                                      121,  3,    6,    15,   119, 26, 42, 12, 51,   58, 59, 255};
    EXPECT_EQ(dhcp_emit(&m, bytes), DHCP_SIZE_MIN);
    EXPECT_MEM(bytes, head, sizeof(head));
    EXPECT_MEM(bytes + 236, options, sizeof(options));
}

TEST(what_a_server_says_is_written_where_clients_look)
{
    static const struct dhcp_message m = {.type = DHCP_NAK,
                                          .yours = {.bytes = {[10] = 0xff, 0xff, 1, 2, 3, 4}},
                                          .relay = {.bytes = {[10] = 0xff, 0xff, 5, 6, 7, 8}},
                                          .mtu = 1400};
    (void)dhcp_emit(&m, bytes);
    EXPECT(bytes[0] == 2 && read_be32(bytes + 16) == 0x01020304 && bytes[10] == 0);
    EXPECT_EQ(read_be32(bytes + 24), 0x05060708);
    static const uint8_t options[] = {53, 1, 6, 26, 2, 5, 0x78, 255};
    EXPECT_MEM(bytes + 240, options, sizeof(options));
}

TEST(what_is_no_dhcp_is_refused)
{
    begin();
    EXPECT_OK(parse());
    EXPECT_STATUS(dhcp_parse(span_of(bytes, 239), &message), ERR_INVAL);
    bytes[239]++;
    EXPECT_STATUS(parse(), ERR_INVAL); // cookie
    begin();
    bytes[0] = 1;
    EXPECT_STATUS(parse(), ERR_INVAL); // an offer that is a request
    begin();
    bytes[2] = 16;
    EXPECT_STATUS(parse(), ERR_INVAL); // not Ethernet
    begin();
    bytes[242] = 9;
    EXPECT_STATUS(parse(), ERR_INVAL); // type
    begin();
    bytes[240] = 0;
    EXPECT_STATUS(parse(), ERR_INVAL); // none
}

TEST(options_of_a_wrong_size_spoil_what_matters_and_are_else_left_out)
{
    EXPECT_STATUS(parse_with(51, "\0\0\1", 3), ERR_INVAL);
    EXPECT_STATUS(parse_with(54, "\x0a\0\0\1\2", 5), ERR_INVAL);
    EXPECT_STATUS(parse_with(1, "\xff\xff\xff", 3), ERR_INVAL);
    EXPECT_STATUS(parse_with(1, "\xff\0\xff\0", 4), ERR_INVAL); // ones with a gap
    EXPECT_OK(parse_with(58, "\0\1", 2));
    EXPECT_EQ(message.renew_s, 0);
    EXPECT_OK(parse_with(6, "\x0a\0\0\1\2", 5));
    EXPECT_EQ(message.resolvers.count, 0);
    EXPECT_OK(parse_with(26, "\0\x44", 2)); // an MTU of 68
    EXPECT_EQ(message.mtu, 0);
    EXPECT_OK(parse_with(26, "\2\x40", 2));
    EXPECT_EQ(message.mtu, DHCP_MTU_MIN);
    begin();
    bytes[used] = 6;
    bytes[used + 1] = 4;
    EXPECT_STATUS(dhcp_parse(span_of(bytes, used + 5), &message), ERR_INVAL);
    EXPECT_STATUS(dhcp_parse(span_of(bytes, used + 1), &message), ERR_INVAL);
}

TEST(names_that_no_host_has_are_left_out)
{
    EXPECT_OK(parse_with(15, "lan\0", 4));
    EXPECT_STR(message.domain, "lan");
    EXPECT_OK(parse_with(15, "a b", 3));
    EXPECT_STR(message.domain, "");
    EXPECT_OK(parse_with(15, "a\nnameserver", 12));
    EXPECT_STR(message.domain, "");
    EXPECT_OK(parse_with(12, "$(reboot)", 9));
    EXPECT_STR(message.host, "");
    EXPECT_OK(parse_with(12, "box-1", 5));
    EXPECT_STR(message.host, "box-1");
}

TEST(addresses_that_no_host_has_are_left_out)
{
    EXPECT_OK(parse_with(6, "\0\0\0\0\x7f\0\0\1\xe0\0\0\1\xff\xff\xff\xff\1\1\1\1", 20));
    EXPECT_EQ(message.resolvers.count, 1);
    EXPECT_EQ(ip4_value(&message.resolvers.list[0]), 0x01010101);
}

TEST(classless_routes_are_read)
{
    EXPECT_OK(parse_with(121, "\0\x0a\0\0\1\x18\xc0\xa8\7\x0a\0\0\2\x20\1\2\3\4\0\0\0\0", 22));
    EXPECT(message.has_routes && message.routes.count == 3);
    EXPECT(message.routes.list[0].prefix == 0);
    EXPECT_EQ(ip4_value(&message.routes.list[1].destination), 0xc0a80700);
    EXPECT_EQ(ip4_value(&message.routes.list[1].gateway), 0x0a000002);
    EXPECT(ip_is_unspecified(&message.routes.list[2].gateway));
    EXPECT_OK(parse_with(121, "\x21\1\2\3\4\5\x0a\0\0\1", 10));
    EXPECT(!message.has_routes);
    EXPECT_OK(parse_with(121, "\x18\xc0\xa8\7\x0a\0\0", 7));
    EXPECT(!message.has_routes && message.routes.count == 0);
}

TEST(parts_of_an_option_belong_together)
{
    begin();
    add(119, "\3lan\0\2a", 7);
    add(0, "", 0); // a pad, and one that add's size makes
    add(119, "b\xc0\0", 3);
    EXPECT_OK(parse());
    char text[64];
    struct dns_name name;
    size_t at = 0;
    EXPECT(dhcp_search_next(&message, &at, &name));
    (void)dns_name_print(&name, text, sizeof(text));
    EXPECT_STR(text, "lan");
    EXPECT(dhcp_search_next(&message, &at, &name));
    (void)dns_name_print(&name, text, sizeof(text));
    EXPECT_STR(text, "ab.lan");
    EXPECT(!dhcp_search_next(&message, &at, &name));
}

TEST(lists_and_names_keep_what_they_have_room_for)
{
    static char addresses[240];
    for (size_t i = 0; i < sizeof(addresses); i++) {
        addresses[i] = (char)(i + 1);
    }
    EXPECT_OK(parse_with(6, addresses, 240));
    EXPECT_EQ(message.resolvers.count, DHCP_ADDRESSES_MAX);
    begin();
    for (unsigned i = 0; i < DHCP_ROUTES_MAX + 2; i++) {
        add(121, "\x20\1\2\3\4\x0a\0\0\1", 9);
    }
    EXPECT_OK(parse());
    EXPECT_EQ(message.routes.count, DHCP_ROUTES_MAX);
    EXPECT_OK(parse_with(61, addresses, DHCP_CLIENT_ID_MAX));
    EXPECT_EQ(message.client_id_size, DHCP_CLIENT_ID_MAX);
    EXPECT_OK(parse_with(61, addresses, DHCP_CLIENT_ID_MAX + 1));
    EXPECT_EQ(message.client_id_size, 0);
    memset(addresses, 'a', sizeof(addresses));
    EXPECT_OK(parse_with(12, addresses, DHCP_HOST_MAX));
    EXPECT_EQ(strlen(message.host), DHCP_HOST_MAX);
    addresses[60] = '.';
    EXPECT_OK(parse_with(12, addresses, DHCP_HOST_MAX + 1));
    EXPECT_STR(message.host, "");
}

TEST(an_option_that_is_too_long_is_as_if_it_were_not_there)
{
    static const char bytes_of_it[255];
    begin();
    for (unsigned i = 0; i < 3; i++) {
        add(121, bytes_of_it, 255);
    }
    EXPECT_OK(parse());
    EXPECT(!message.has_routes);
}

TEST(options_may_lie_in_the_names_of_file_and_server)
{
    begin();
    add(52, "\3", 1);
    put(108, "\x33\4\0\0\0\x3c\xff", 7);
    put(44, "\x36\4\x0a\0\0\1", 6);
    EXPECT_OK(parse());
    EXPECT(message.lease_s == 60 && ip4_value(&message.server) == 0x0a000001);
    bytes[108 + 120] = 1; // a pad after the end does not matter
    EXPECT_OK(parse());
    put(44, "\x36\x3f", 2); // does not fit
    EXPECT_STATUS(parse(), ERR_INVAL);
}

static void fill_addresses(struct test_random *r, struct dhcp_addresses *a)
{
    a->count = (uint8_t)test_random_below(r, DHCP_ADDRESSES_MAX + 1);
    for (size_t i = 0; i < a->count; i++) {
        a->list[i] = ip4(0x01000000 + (uint32_t)test_random_below(r, 0x70000000));
    }
}

static void fill_routes(struct test_random *r, struct dhcp_message *m)
{
    m->routes.count = (uint8_t)test_random_below(r, DHCP_ROUTES_MAX + 1);
    m->has_routes = m->routes.count != 0;
    for (size_t i = 0; i < m->routes.count; i++) {
        uint8_t prefix = (uint8_t)test_random_below(r, 33);
        struct ip_addr a = ip4((uint32_t)test_random_next(r));
        m->routes.list[i] = (struct dhcp_route){
            .destination = ip_network(&a, prefix),
            .prefix = prefix,
            .gateway = ip4(0x0a000000 + (uint32_t)test_random_below(r, 1 << 20)),
        };
    }
}

TEST(a_message_reads_back_as_it_was_written)
{
    struct test_random r = {.state = 55};
    static struct dhcp_message m;
    static uint8_t again[DHCP_SIZE_MAX];
    for (unsigned turn = 0; turn < 1000 && !test_has_failed(); turn++) {
        m = (struct dhcp_message){
            .type = (enum dhcp_type)(1 + test_random_below(&r, 8)),
            .wants_broadcast = turn % 2 == 0,
            .xid = (uint32_t)test_random_next(&r),
            .seconds = (uint16_t)test_random_next(&r),
            .client = ip4((uint32_t)test_random_next(&r)),
            .yours = ip4((uint32_t)test_random_next(&r)),
            .server = ip4((uint32_t)test_random_next(&r)),
            .requested = ip4((uint32_t)test_random_next(&r)),
            .prefix = (uint8_t)test_random_below(&r, 33),
            .lease_s = (uint32_t)test_random_next(&r),
            .mtu = (uint16_t)(576 + test_random_below(&r, 9000)),
            .host = "host-1",
            .domain = "a.example",
            .client_id_size = 7,
            .client_id = {1, 2, 3, 4, 5, 6, 7},
            .search_size = 3,
            .search = {1, 'x', 0},
        };
        fill_addresses(&r, &m.routers);
        fill_addresses(&r, &m.resolvers);
        fill_addresses(&r, &m.clocks);
        fill_routes(&r, &m);
        size_t size = dhcp_emit(&m, bytes);
        EXPECT(size >= DHCP_SIZE_MIN && size <= DHCP_SIZE_MAX);
        EXPECT_OK(dhcp_parse(span_of(bytes, size), &message));
        EXPECT_EQ(message.prefix, m.prefix);
        EXPECT_EQ(message.routes.count, m.routes.count);
        EXPECT_EQ(dhcp_emit(&message, again), size);
        EXPECT_MEM(again, bytes, size);
    }
}
