// SPDX-License-Identifier: Apache-2.0
/* What libsodium takes from this header of the C library. */
#pragma once
#include "lib/base/string.h"
