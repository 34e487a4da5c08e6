// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

enum { AUTHORITY_FILES = 1 << 0, AUTHORITY_NETWORK = 1 << 1 }; // of SWOS_GRANT_NAMESPACE, _NETWORK

// Gives up all grants of the process but those of the mask (1 << enum swos_grant), for good.
void authority_keep(uint32_t grants);
