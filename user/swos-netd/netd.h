// SPDX-License-Identifier: Apache-2.0
/*
 * /bin/swos-netd: makes the network what the administrator and the network want it to be.
 *
 *   main.c       waits: for links, answers, times
 *   policy.c     what the administrator wants
 *   interface.c  one interface: brought up, its DHCP client (lib/dhcp)
 *   setup.c      its addresses and routes
 *   resolver.c   /run/resolv.conf; /run/resolvers, the servers; /run/net, where addresses came from
 *   cache.c      swos-resolver, which is kept running where it is wanted
 *
 * IPv6 is the kernel's (link-local addresses, router advertisements) but for static addresses, and the
 * resolvers that advertisements name, which the kernel passes on.
 *
 * One thread that sleeps in poll; nothing waits for an answer of the network otherwise.
 */
#pragma once

#include "lib/base/list.h"
#include "lib/dhcp/client.h"
#include "user/lib/rtnl.h"
#include "user/swos-netd/policy.h"

enum { ADVERTISED_MAX = 3 };

// A resolver that a router named.
struct advertised {
    struct ip_addr address; // IP_ANY: none
    nsec_t until;
};

struct interface {
    struct list link;
    struct netlink_link state; // as the kernel said last
    bool is_seen;              // in the list of links that is being read
    bool is_set_up;            // static addresses
    bool has_client;
    bool has_lease;
    bool has_policy6;   // the address of /etc/swos/net-ipv6
    bool is_fallback;   // the addresses of QEMU's network were taken
    bool is_told;       // the console knows of the lease
    nsec_t fallback_at; // NSEC_NEVER: not any more
    int socket;         // of the client, or -1
    struct dhcp_client client;
    struct dhcp_lease lease; // [has_lease] that was set up
    struct advertised advertised[ADVERTISED_MAX];
};

struct netd {
    const char *policy_path;
    const char *policy6_path;
    const char *resolver_path;
    const char *servers_path;
    const char *state_path;
    const char *log_path; // NULL: standard error
    struct policy policy;
    struct policy6 policy6;
    bool is_policy6_used; // on the first interface
    struct rtnl rtnl;     // for changes
    struct rtnl events;
    struct list interfaces;
    int cache;       // pid of swos-resolver; 0: it does not run
    nsec_t cache_at; // when it is started again; NSEC_NEVER
};

nsec_t netd_now(void);

// A line for whoever looks at the console.
[[gnu::format(printf, 2, 3)]] void netd_say(const struct netd *n, const char *format, ...);

// A link appeared or changed.  The interface is made when it is new; loopback has none.
void interface_update(struct netd *n, const struct netlink_link *link);
void interface_remove(struct netd *n, struct interface *i);
struct interface *interface_find(struct netd *n, uint32_t index);

// What came to its socket; its time has come.
void interface_receive(struct netd *n, struct interface *i);
void interface_timeout(struct netd *n, struct interface *i);
nsec_t interface_deadline(const struct interface *i);

// The policy was read anew: what the old one wanted and it does not is taken away (of /etc/swos/net-ipv6 while
// the old one is still there), and what it wants is made.
void interface_forget(struct netd *n, struct interface *i, const struct policy *old);
void interface_forget6(struct netd *n, struct interface *i);
void interface_reconsider(struct netd *n, struct interface *i);

// The lease is given back.
void interface_release(struct netd *n, struct interface *i);

// A router named a resolver.
void interface_advertise(struct netd *n, const struct netlink_resolver *r);

// Starts swos-resolver, or stops it, as the policy wants; what has ended is seen; all are due at cache_at.
void cache_reconsider(struct netd *n);
void cache_reap(struct netd *n);
void cache_stop(struct netd *n);

// Writes the files anew.
void resolver_update(const struct netd *n);
