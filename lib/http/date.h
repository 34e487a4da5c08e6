// SPDX-License-Identifier: Apache-2.0
/* Dates of HTTP (RFC 9110, 5.6.7): seconds since 1970 in UTC. */
#pragma once

#include "lib/base/span.h"

enum { HTTP_DATE_SIZE = 30 }; // "Sun, 06 Nov 1994 08:49:37 GMT" with its NUL

// Years beyond 0 to 9999 become the nearest that can be written.
void http_date_format(int64_t seconds, char out[static HTTP_DATE_SIZE]);

// All three forms.  `now` decides the century of a year of two digits.  False: no date.
bool http_date_parse(struct span text, int64_t now, int64_t *seconds);
