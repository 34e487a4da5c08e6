// SPDX-License-Identifier: Apache-2.0
/* Measurements that have a file of their own; each gives tenths of a nanosecond an operation. */
#pragma once

#include "lib/base/types.h"

status_t bench_packet(uint64_t *tenths);
status_t bench_path(uint64_t *tenths);
status_t bench_new_path(uint64_t *tenths);
status_t bench_send(uint64_t *tenths);
status_t bench_receive(uint64_t *tenths);
