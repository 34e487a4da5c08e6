// SPDX-License-Identifier: Apache-2.0
#include "user/lib/authority.h"

#include "abi/gen/syscall_stubs.h"
#include "abi/rights.h"

static_assert(AUTHORITY_FILES == 1 << SWOS_GRANT_NAMESPACE);
static_assert(AUTHORITY_NETWORK == 1 << SWOS_GRANT_NETWORK);

void authority_keep(uint32_t grants)
{
    for (uint32_t grant = 0; grant < SWOS_GRANT_COUNT; grant++) {
        if ((grants & (1u << grant)) == 0) {
            (void)sys_grant_drop(grant);
        }
    }
}
