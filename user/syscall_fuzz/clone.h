// SPDX-License-Identifier: Apache-2.0
/* See clone.S. */
#pragma once

#include <stdint.h>

int64_t clone_thread(uint64_t flags, uint64_t stack_top, void (*start)(void *), void *argument);
int64_t clone_and_leave(const uint64_t arguments[5]);
void signal_return(void);
