// SPDX-License-Identifier: Apache-2.0
/* Grants that are limited, and the end of them. */
#include "abi/gen/syscall_handlers.h"
#include "abi/network.h"
#include "kernel/arch/arch.h"
#include "kernel/net/authority.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"
#include "lib/base/string.h"

static_assert((int)SWOS_NET_CONNECT == NET_CONNECT && (int)SWOS_NET_LISTEN == NET_LISTEN);
static_assert((int)SWOS_NET_CAPTURE == NET_CAPTURE && (int)SWOS_NET_CONFIGURE == NET_CONFIGURE);
static_assert((int)SWOS_NET_RULES_MAX == NET_RULES_MAX);

static status_t read_rule(const struct swos_net_rule *from, struct net_rule *out)
{
    *out = (struct net_rule){.acts = from->acts,
                             .protocol = from->protocol,
                             .prefix = from->prefix,
                             .is_any = from->prefix == SWOS_NET_ANY_ADDRESS,
                             .address = ip6_read(from->address),
                             .port_first = from->port_first,
                             .port_last = from->port_last};
    return from->pad != 0 ? ERR_INVAL : OK;
}

static status_t read_rules(vaddr_t rules, size_t count, struct net_rule *out)
{
    status_t status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        struct swos_net_rule r;
        bool is_read = arch_copy_from_user(&r, rules + i * sizeof(r), sizeof(r)) == 0;
        status = is_read ? read_rule(&r, &out[i]) : ERR_FAULT;
    }
    return status;
}

// A handle that may be passed on and, by who has the right, revoked.
static int64_t publish(struct grant *g)
{
    handle_t out;
    status_t status = handle_add(process_current()->handles, &g->object,
                                 SWIFTOS_RIGHT_TRANSFER | SWIFTOS_RIGHT_DUPLICATE |
                                     SWIFTOS_RIGHT_GETATTR | SWIFTOS_RIGHT_KILL,
                                 HANDLE_CLOEXEC, &out);
    return status == OK ? out : status;
}

int64_t sys_grant_limit_network(vaddr_t rules, uint64_t count)
{
    struct net_rule copy[NET_RULES_MAX];
    struct grant *parent;
    struct grant *g;
    if (count > NET_RULES_MAX) {
        return ERR_INVAL;
    }
    status_t status = read_rules(rules, count, copy);
    if (status == OK) {
        status = grant_set_get(&process_current()->grants, SWOS_GRANT_NETWORK, &parent);
    }
    if (status != OK) {
        return status;
    }
    status = net_grant_create(parent, copy, count, &g);
    grant_unref(parent);
    return status == OK ? publish(g) : status;
}

int64_t sys_grant_revoke(struct object *grant)
{
    if (grant->type != OBJECT_GRANT) {
        return ERR_INVAL;
    }
    grant_revoke(grant_of(grant));
    return 0;
}
