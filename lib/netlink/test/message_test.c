// SPDX-License-Identifier: Apache-2.0
#include "lib/netlink/message.h"

#include "tests/harness/test.h"

static uint8_t buffer[256];

static const struct abi_nlmsghdr header = {
    .type = ABI_RTM_GETLINK, .flags = ABI_NLM_F_REQUEST, .sequence = 7, .port = 9};

TEST(a_message_comes_back_as_it_was_written)
{
    struct netlink_writer w;
    struct netlink_message m;
    struct span a[4];
    netlink_writer_init(&w, buffer, sizeof(buffer));
    netlink_begin(&w, &header);
    netlink_put(&w, "abcde", 5);
    netlink_add_u32(&w, 1, 0x12345678);
    netlink_add(&w, 3, "xyz", 3);
    EXPECT(netlink_end(&w));
    EXPECT_EQ(w.used % ABI_NLMSG_ALIGN, 0);
    struct span rest = span_of(buffer, w.used);
    EXPECT_OK(netlink_next(&rest, &m));
    EXPECT_EQ(m.header.type, ABI_RTM_GETLINK);
    EXPECT_EQ(m.header.sequence, 7);
    EXPECT_OK(netlink_attrs(m.payload, 5, a, 4));
    EXPECT_EQ(netlink_u32(a[1], 0), 0x12345678);
    EXPECT_MEM(a[3].data, "xyz", 3);
    EXPECT_EQ(a[3].size, 3);
    EXPECT(a[2].data == NULL);
    EXPECT_STATUS(netlink_next(&rest, &m), ERR_NODATA);
}

TEST(a_message_without_room_leaves_those_before_it)
{
    struct netlink_writer w;
    netlink_writer_init(&w, buffer, 48);
    netlink_begin(&w, &header);
    netlink_put(&w, "abcd", 4);
    EXPECT(netlink_end(&w));
    size_t used = w.used;
    netlink_begin(&w, &header);
    netlink_add(&w, 1, buffer, 40);
    EXPECT(!netlink_end(&w));
    EXPECT_EQ(w.used, used);
    netlink_begin(&w, &header);
    EXPECT(netlink_end(&w));
}

TEST(sizes_that_lie_are_refused)
{
    struct netlink_message m;
    struct span a[2];
    struct abi_nlmsghdr h = {.size = sizeof(h) + 1};
    memcpy(buffer, &h, sizeof(h));
    struct span rest = span_of(buffer, sizeof(h));
    EXPECT_STATUS(netlink_next(&rest, &m), ERR_INVAL);
    h.size = sizeof(h) - 1;
    memcpy(buffer, &h, sizeof(h));
    rest = span_of(buffer, sizeof(buffer));
    EXPECT_STATUS(netlink_next(&rest, &m), ERR_INVAL);
    const struct abi_nlattr longer = {.size = 9, .type = 1};
    memcpy(buffer, &longer, sizeof(longer));
    EXPECT_STATUS(netlink_attrs(span_of(buffer, 8), 0, a, 2), ERR_INVAL);
    const struct abi_nlattr none = {.size = 0, .type = 1};
    memcpy(buffer, &none, sizeof(none));
    EXPECT_STATUS(netlink_attrs(span_of(buffer, 8), 0, a, 2), ERR_INVAL);
}

TEST(attributes_of_unknown_types_are_passed_over)
{
    struct netlink_writer w;
    struct span a[3];
    netlink_writer_init(&w, buffer, sizeof(buffer));
    netlink_begin(&w, &header);
    netlink_add_u32(&w, 99, 1);
    netlink_add_u8(&w, 2, 5);
    EXPECT(netlink_end(&w));
    struct span payload = span_of(buffer + sizeof(header), w.used - sizeof(header));
    EXPECT_OK(netlink_attrs(payload, 0, a, 3));
    EXPECT_EQ(netlink_u8(a[2], 0), 5);
    EXPECT_EQ(netlink_u32(a[2], 42), 42); // too short for one
}

TEST(attributes_in_attributes_have_the_size_of_all)
{
    struct netlink_writer w;
    struct span a[9];
    struct span inner[3];
    netlink_writer_init(&w, buffer, sizeof(buffer));
    netlink_begin(&w, &header);
    size_t nest = netlink_nest(&w, 8);
    netlink_add_u32(&w, 2, 1280);
    netlink_nest_end(&w, nest);
    EXPECT(netlink_end(&w));
    struct span payload = span_of(buffer + sizeof(header), w.used - sizeof(header));
    EXPECT_OK(netlink_attrs(payload, 0, a, 9));
    EXPECT_OK(netlink_attrs(a[8], 0, inner, 3));
    EXPECT_EQ(netlink_u32(inner[2], 0), 1280);
}
