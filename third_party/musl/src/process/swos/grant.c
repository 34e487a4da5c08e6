// SPDX-License-Identifier: Apache-2.0
/* Grants; <swiftos.h> says what they mean. */
#include "user/libswos/swiftos.h"

#include "syscall.h"

long grant_limit_network(const struct swos_net_rule *rules, size_t count)
{
    return syscall(SYS_grant_limit_network, rules, count);
}

long grant_adopt(int grant)
{
    return syscall(SYS_grant_adopt, grant);
}

long grant_revoke(int grant)
{
    return syscall(SYS_grant_revoke, grant);
}
