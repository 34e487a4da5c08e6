// SPDX-License-Identifier: Apache-2.0
/*
 * What main.c needs of the device tree before there is an allocator: RAM and what is reserved in it,
 * what the loader chose, and the CPUs (Devicetree Specification 0.4, chapter 3).
 *
 * Nothing here allocates, and the tree is not trusted: what is broken is left out.
 */
#pragma once

#include "lib/fdt/fdt.h"

// Reports every RAM range with `add`, then every reservation (reservation block, /reserved-memory)
// with `reserve`, in the order of the tree.  Gives the first error of either, after all of them.
// ERR_NODATA: the tree has no RAM.
status_t fdt_platform_memory(const struct fdt *fdt, status_t (*add)(paddr_t base, uint64_t size),
                             status_t (*reserve)(paddr_t base, uint64_t size));

// What /chosen says.  Spans point into the tree and are empty where nothing is said.
struct fdt_chosen {
    struct span bootargs; // without its NUL
    paddr_t initrd;       // size 0: none
    uint64_t initrd_size;
    struct span kaslr_seed;
    struct span rng_seed;
};
void fdt_platform_chosen(const struct fdt *fdt, struct fdt_chosen *out);

// The node that stdout-path (or an alias in it) names.  ERR_NOENT.
status_t fdt_platform_stdout(const struct fdt *fdt, struct fdt_node *out);

// Calls `add` with the MPIDR affinity of each CPU that PSCI can start, in the order of the tree, but
// not for `boot_hwid`, and for `limit` CPUs at most.  Stops at the first error of `add`.
status_t fdt_platform_cpus(const struct fdt *fdt, uint64_t boot_hwid, uint64_t limit,
                           status_t (*add)(uint64_t hwid));
