// SPDX-License-Identifier: Apache-2.0
/*
 * Who a process acts for: principal, session, and the coarse capability mask of the account.
 * Immutable and counted: changing identity means taking another.
 *
 * A principal is a number without privileges: no check asks whether it is a certain one.  It owns
 * files (uid and gid of a file are principals) and is compared with their owners, after capabilities
 * and rights have allowed the act.
 */
#pragma once

#include "abi/rights.h"
#include "lib/base/refcount.h"
#include "lib/base/types.h"

struct cred {
    refcount_t refs;    // [a]
    uint32_t principal; // [I] uid
    uint32_t group;     // [I] gid
    uint32_t session;   // [I] number of the login session; 0: the system's own
    uint32_t caps;      // [I] SWOS_CAP_*
};

status_t cred_create(uint32_t principal, uint32_t group, uint32_t session, uint32_t caps,
                     struct cred **out); // ERR_NOMEM
void cred_unref(struct cred *c);

static inline struct cred *cred_ref(struct cred *c)
{
    refcount_inc(&c->refs);
    return c;
}

static inline bool cred_has(const struct cred *c, uint32_t caps)
{
    return (c->caps & caps) == caps;
}
