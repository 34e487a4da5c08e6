// SPDX-License-Identifier: Apache-2.0
/*
 * The memory of the simulated machine: physical memory is one sparse file of the host, so that the
 * same frame can be seen at several addresses.
 *
 * Page tables are real ones, made of pages that the kernel gives, but walked by software: user
 * memory exists only through arch_copy_*_user, which find their way through the tables of the
 * active address space and take faults as a CPU would.  Kernel mappings are also made in the host's
 * own address space, where kernel code uses them.
 */
#pragma once

#include "kernel/arch/arch.h"

// Before anything else of the kernel's memory: physical memory from address 0 to `end`, all of it
// zero.  Pages cost the host nothing until they are written.
void host_ram_create(uint64_t end);

// Kernel and user pages that the tables of `as` map, PROT_NONE ones included.
size_t host_mapped_pages(const struct arch_aspace *as);
