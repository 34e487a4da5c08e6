// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

struct server;

// Counters of all workers in the text format of Prometheus; to be freed.  NULL: no memory.
char *metrics_create(const struct server *server, size_t *size);
