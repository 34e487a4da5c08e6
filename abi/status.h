// SPDX-License-Identifier: Apache-2.0
/*
 * The one list of error codes.  The values are the negative POSIX errno numbers as musl's generic
 * Linux table has them, so what a kernel function returns is what a system call returns.
 *
 * The attribute on the enum makes the compiler refuse a call whose status is ignored.
 */
#pragma once

typedef enum [[nodiscard]] status : int {
    OK = 0,
    ERR_PERM = -1,
    ERR_NOENT = -2,
    ERR_SRCH = -3,
    ERR_INTR = -4,
    ERR_IO = -5,
    ERR_NXIO = -6,
    ERR_2BIG = -7,
    ERR_NOEXEC = -8,
    ERR_BADF = -9,
    ERR_CHILD = -10,
    ERR_AGAIN = -11,
    ERR_NOMEM = -12,
    ERR_ACCES = -13,
    ERR_FAULT = -14,
    ERR_BUSY = -16,
    ERR_EXIST = -17,
    ERR_NODEV = -19,
    ERR_INVAL = -22,
    ERR_NOSPC = -28,
    ERR_RANGE = -34,
    ERR_NAMETOOLONG = -36,
    ERR_NOSYS = -38,
    ERR_NODATA = -61,
    ERR_OVERFLOW = -75,
    ERR_ILSEQ = -84,
    ERR_NOTSUP = -95,
    ERR_TIMEDOUT = -110,
    ERR_CANCELED = -125,
} status_t;
