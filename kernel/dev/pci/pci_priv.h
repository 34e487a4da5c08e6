// SPDX-License-Identifier: Apache-2.0
/* Between the files of kernel/dev/pci. */
#pragma once

#include "kernel/dev/pci/pci.h"

// Where the CPU finds what functions see at [address, address + size).  ERR_INVAL: nowhere.
status_t pci_host_address(const struct pci_host *h, uint64_t address, uint64_t size, paddr_t *out);

// Sets and clears bits of the command; the status beside it stays as it is.
void pci_change_command(const struct pci_function *f, uint16_t set, uint16_t clear);

// Finds out how much memory a function's registers want, and where it is: as firmware said, or where
// there is room.
void pci_place(struct pci_function *f);

// A bridge's window begins, and ends, around what is placed behind it.
void pci_open_window(struct pci_bus *b);
void pci_close_window(const struct pci_bus *b);
