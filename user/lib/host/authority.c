// SPDX-License-Identifier: Apache-2.0
/* For tools that are tested on a host: there are no grants. */
#include "user/lib/authority.h"

void authority_keep(uint32_t grants)
{
    (void)grants;
}
