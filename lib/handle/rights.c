// SPDX-License-Identifier: Apache-2.0
#include "lib/handle/rights.h"

#include "lib/base/bits.h"

enum : uint32_t {
    OF_CONSOLE = 1u << SWOS_GRANT_POWER | 1u << SWOS_GRANT_UPDATE | 1u << SWOS_GRANT_MOUNT |
                 1u << SWOS_GRANT_DEVICE | 1u << SWOS_GRANT_LOG | 1u << SWOS_GRANT_TIME |
                 1u << SWOS_GRANT_CELL | 1u << SWOS_GRANT_IDENTITY,
};

// Who works at the console may read the log, which is shown there; the bit for it alone is for accounts
// that may do nothing else of an operator's.  The namespace comes with whatever has a use for paths: starting programs, reading, writing.  What
// may be done with what a path names, the mask itself says.
static const struct {
    uint32_t cap;
    uint32_t grants;
} bundles[] = {
    {SWOS_CAP_CONSOLE, OF_CONSOLE},
    {SWOS_CAP_SPAWN, 1u << SWOS_GRANT_NAMESPACE},
    {SWOS_CAP_FS_READ, 1u << SWOS_GRANT_NAMESPACE},
    {SWOS_CAP_TMP_WRITE, 1u << SWOS_GRANT_NAMESPACE},
    {SWOS_CAP_PROCESS_INSPECT, 1u << SWOS_GRANT_PROCESS},
    {SWOS_CAP_NET, 1u << SWOS_GRANT_NETWORK},
    {SWOS_CAP_LOG_EXPORT, 1u << SWOS_GRANT_LOG},
};

/*@ assigns \nothing;
    ensures none: caps == 0 ==> \result == 0; */
uint32_t rights_bundle(uint32_t caps)
{
    uint32_t grants = 0;
    /*@ loop invariant i <= 7 && (caps == 0 ==> grants == 0);
        loop assigns i, grants;
        loop variant 7 - i; */
    for (size_t i = 0; i < ARRAY_SIZE(bundles); i++) {
        if ((caps & bundles[i].cap) != 0) {
            grants |= bundles[i].grants;
        }
    }
    return grants;
}
