// SPDX-License-Identifier: Apache-2.0
/* Where kernel/mm/layout.h puts the parts of the kernel's half on AArch64 (TTBR1, 48 bits). */
#pragma once

#include "lib/base/types.h"

constexpr vaddr_t LINEAR_BASE = 0xffff000000000000;
constexpr vaddr_t PAGE_ARRAY_BASE = 0xffff800000000000;
constexpr vaddr_t KMAP_BASE = 0xffff900000000000;
constexpr vaddr_t KMAP_END = 0xffffa00000000000;
constexpr vaddr_t IMAGE_BASE = 0xffffa00000000000;
