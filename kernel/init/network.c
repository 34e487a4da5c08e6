// SPDX-License-Identifier: Apache-2.0
/* The network before any driver brings an interface. */
#include "kernel/init/init.h"
#include "kernel/net/inet.h"
#include "kernel/net/ip.h"
#include "kernel/net/loopback.h"
#include "kernel/net/netlink.h"

void init_network(void)
{
    ip_init();
    loopback_init();
    inet_families_init();
    netlink_init();
}
