// SPDX-License-Identifier: Apache-2.0
/*
 * Formatted text into a caller's buffer, with the meaning of C's snprintf (C23 7.23.6.1).
 *
 * Conversions: d i u x X o c s p %; lengths hh h l ll j z t; flags - 0 + space #; width and
 * precision, also as *.  No floating point, no %n.  %s of NULL prints "(null)".  A conversion that
 * is not known is printed as it stands and takes no argument.
 */
#pragma once

#include <stdarg.h>

#include "lib/base/attr.h"
#include "lib/base/types.h"

/*
 * Writes at most `size` bytes including the final NUL, which is always there unless `size` is 0.
 * Gives the length of the whole text without its NUL, so a result >= size means it was cut.
 */
size_t fmt_format(char *buf, size_t size, const char *format, va_list arguments) PRINTF(3, 0);
size_t fmt_print(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
