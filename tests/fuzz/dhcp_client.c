// SPDX-License-Identifier: Apache-2.0
/*
 * The DHCP client with any server: answers with the right numbers and any content, at any time.  What
 * its caller hears of leases is always in order.
 */
#include "lib/dhcp/client.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { STEP = 8 };

static struct dhcp_client c;
static nsec_t now;
static uint32_t xid; // of the last message
static bool has_address;
static struct ip_addr address;

static void pull(void)
{
    uint8_t bytes[DHCP_SIZE_MAX];
    struct dhcp_send where;
    struct dhcp_message m;
    for (enum dhcp_event e; (e = dhcp_client_event(&c)) != DHCP_EVENT_NONE;) {
        if (e == DHCP_EVENT_LOST) {
            require(has_address);
            has_address = false;
            continue;
        }
        require(c.has_lease && dhcp_lease_check(&c.lease.said) == OK);
        require(!has_address || ip_is_equal(&address, &c.lease.said.yours));
        has_address = true;
        address = c.lease.said.yours;
    }
    require(has_address == c.has_lease);
    while (dhcp_client_output(&c, now, bytes, &where)) {
        require(where.size <= sizeof(bytes) && dhcp_parse(span_of(bytes, where.size), &m) == OK);
        xid = m.xid;
    }
}

static void answer(const uint8_t *p)
{
    uint8_t bytes[DHCP_SIZE_MAX];
    struct dhcp_message m = {
        .type = (enum dhcp_type)(p[1] % 3 == 0   ? DHCP_OFFER
                                 : p[1] % 3 == 1 ? DHCP_ACK
                                                 : DHCP_NAK),
        .xid = xid,
        .mac = c.config.mac,
        .yours = ip4(0x0a000000 | p[2]),
        .server = ip4(0x0a000000 | (p[3] & 3)),
        .prefix = p[3] >> 2 & 31,
        .lease_s = p[4],
        .renew_s = p[5],
        .rebind_s = p[6],
    };
    size_t size = dhcp_emit(&m, bytes);
    dhcp_client_input(&c, span_of(bytes, size), now);
}

static void step(const uint8_t *p)
{
    static const struct ip_addr remembered = {.bytes = {[10] = 0xff, 0xff, 10, 0, 0, 5}};
    switch (p[0] % 16) {
    case 0: dhcp_client_conflict(&c, now); break;
    case 1: dhcp_client_link_up(&c, now); break;
    case 2: dhcp_client_release(&c, now); break;
    case 3: dhcp_client_start(&c, p[1] % 2 == 0 ? &IP_ANY : &remembered, now); break;
    case 4:
        now += p[1] * NSEC_PER_SEC;
        dhcp_client_timeout(&c, now);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        if (dhcp_client_deadline(&c) != NSEC_NEVER) {
            now = u64_max(now, dhcp_client_deadline(&c));
            dhcp_client_timeout(&c, now);
            require(dhcp_client_deadline(&c) > now);
        }
        break;
    default: answer(p); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp_config config = {.mac = {{2, 0, 0, 0, 0, 1}}};
    now = NSEC_PER_SEC;
    has_address = false;
    dhcp_client_init(&c, &config, size);
    dhcp_client_start(&c, &IP_ANY, now);
    pull();
    for (; size >= STEP; size -= STEP, data += STEP) {
        step(data);
        if ((data[7] & 1) == 0) {
            pull();
        }
    }
    pull();
    return 0;
}
