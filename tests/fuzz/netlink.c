// SPDX-License-Identifier: Apache-2.0
/* Netlink: whatever comes is walked to its end, and what was understood is understood again. */
#include "lib/netlink/route.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static uint8_t room[4096];
static const struct abi_nlmsghdr header = {.type = ABI_RTM_NEWROUTE};

static struct span written(const struct netlink_writer *w)
{
    struct netlink_message m;
    struct span rest = span_of(room, w->used);
    require(netlink_next(&rest, &m) == OK);
    return m.payload;
}

static void check_route(struct span payload)
{
    struct netlink_writer w;
    struct netlink_route r;
    struct netlink_route again;
    if (netlink_route_parse(payload, &r) != OK ||
        (r.family != ABI_AF_INET && r.family != ABI_AF_INET6)) {
        return;
    }
    netlink_writer_init(&w, room, sizeof(room));
    require(netlink_route_emit(&w, &header, &r));
    require(netlink_route_parse(written(&w), &again) == OK);
    if (r.prefix == 0) { // it names no destination then
        again.destination = r.destination;
    }
    require(memcmp(&r, &again, offsetof(struct netlink_route, table)) == 0);
}

static void check_address(struct span payload)
{
    struct netlink_writer w;
    struct netlink_address a;
    struct netlink_address again;
    if (netlink_address_parse(payload, &a) != OK ||
        (a.family != ABI_AF_INET && a.family != ABI_AF_INET6)) {
        return;
    }
    netlink_writer_init(&w, room, sizeof(room));
    require(netlink_address_emit(&w, &header, &a));
    require(netlink_address_parse(written(&w), &again) == OK);
    require(ip_is_equal(&a.address, &again.address) && a.valid == again.valid);
}

static void check_all(struct span payload)
{
    struct netlink_link l;
    struct netlink_neighbour n;
    struct netlink_resolver r;
    check_route(payload);
    check_address(payload);
    (void)(netlink_link_parse(payload, &l) == OK);
    (void)(netlink_neighbour_parse(payload, &n) == OK);
    (void)(netlink_resolver_parse(payload, &r) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size);
    struct netlink_message m;
    check_all(rest);
    while (netlink_next(&rest, &m) == OK) {
        check_all(m.payload);
    }
    return 0;
}
