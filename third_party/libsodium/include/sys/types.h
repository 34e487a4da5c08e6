// SPDX-License-Identifier: Apache-2.0
/* libsodium includes this header of the C library, but takes nothing from it. */
#pragma once
