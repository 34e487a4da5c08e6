// SPDX-License-Identifier: Apache-2.0
/*
 * Where kernel/mm/layout.h puts the parts of the "kernel's half" in a host process: far above what
 * the host's program, heap and stacks use, and inside what address sanitizers can shadow.
 */
#pragma once

#include "lib/base/types.h"

constexpr vaddr_t LINEAR_BASE = 0x200000000000;
constexpr vaddr_t PAGE_ARRAY_BASE = 0x300000000000;
constexpr vaddr_t KMAP_BASE = 0x400000000000;
constexpr vaddr_t KMAP_END = 0x410000000000;
constexpr vaddr_t IMAGE_BASE = 0x410000000000;
