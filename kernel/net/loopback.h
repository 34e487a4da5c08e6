// SPDX-License-Identifier: Apache-2.0
/* The interface "lo": what is sent there comes in. */
#pragma once

#include "kernel/net/netif.h"

void loopback_init(void); // boot, once: registers it, up and running
