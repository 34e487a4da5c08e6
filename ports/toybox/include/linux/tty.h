// SPDX-License-Identifier: Apache-2.0
/* stty wants to know how many line disciplines there may be. */
#pragma once

#define NR_LDISCS 30
