// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a message of DHCP; what is one can be written again and means the same. */
#include "lib/dhcp/lease.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static void check_lease(const struct dhcp_message *m)
{
    struct dhcp_lease lease;
    struct dhcp_route routes[DHCP_LEASE_ROUTES_MAX];
    if (dhcp_lease_from(m, NSEC_PER_SEC, &lease) != OK) {
        return;
    }
    require(lease.renew_at <= lease.rebind_at && lease.rebind_at <= lease.expires_at);
    require(lease.said.prefix >= 1 && lease.said.prefix <= 32 && lease.expires_at > NSEC_PER_SEC);
    require(dhcp_lease_routes(&lease, routes) <= DHCP_LEASE_ROUTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dhcp_message m;
    struct dhcp_message back;
    struct dns_name name;
    uint8_t bytes[DHCP_SIZE_MAX];
    uint8_t again[DHCP_SIZE_MAX];
    char text[100];
    size_t at = 0;
    if (dhcp_parse(span_of(data, size), &m) != OK) {
        return 0;
    }
    dhcp_print(&m, text, sizeof(text));
    require(m.prefix <= 32 && (m.mtu == 0 || m.mtu >= DHCP_MTU_MIN));
    require(strlen(m.host) <= DHCP_HOST_MAX && strlen(m.domain) <= DNS_NAME_MAX);
    while (dhcp_search_next(&m, &at, &name)) {
        require(name.size <= DNS_NAME_MAX && at <= m.search_size);
    }
    size_t written = dhcp_emit(&m, bytes);
    require(written <= sizeof(bytes) && dhcp_parse(span_of(bytes, written), &back) == OK);
    require(dhcp_emit(&back, again) == written && memcmp(again, bytes, written) == 0);
    check_lease(&m);
    return 0;
}
