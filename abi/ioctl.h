// SPDX-License-Identifier: Apache-2.0
/* ioctl requests that are no terminal's, as musl's generic table numbers them. */
#pragma once

enum {
    ABI_FIONREAD = 0x541b, // bytes that can be read, as an int
    ABI_FIONBIO = 0x5421,  // O_NONBLOCK from an int
};
