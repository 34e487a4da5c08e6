// SPDX-License-Identifier: Apache-2.0
/* The interface "lo": what is sent there comes in. */
#pragma once

#include "kernel/net/netif.h"

void loopback_init(void); // boot, once: registers it, up and running

// Around sending, by who holds no lock and does not sleep meanwhile: what is sent in between is received
// at the end, in the caller's context, which costs no switch to a worker.  They nest.
void loopback_begin(void);
void loopback_end(void);
