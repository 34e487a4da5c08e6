// SPDX-License-Identifier: Apache-2.0
/*
 * What our UEFI loader hands to the kernel, beyond the arm64 boot protocol's x0 = device tree.
 *
 * The kernel is entered as the Linux boot protocol says: MMU and data cache off (the loader has
 * cleaned everything it wrote to the point of coherency), interrupts masked, EL2 or EL1,
 * x0 = physical address of the device tree or 0.  With our loader x1 is the physical address of
 * this struct; the protocol demands x1 = 0 from every other loader.  Everything it points at is
 * below EFI memory types that the kernel does not reclaim (loader data), so it stays valid until
 * the kernel releases it.
 *
 * All fields are naturally aligned, little endian, physical addresses.  A field of a later version
 * is appended; `size_bytes` says how much is there.
 */
#pragma once

#include <stdint.h>

#define BOOTINFO_MAGIC   0x4f464e49544f4f42ull // "BOOTINFO" in memory order
#define BOOTINFO_VERSION 1

// How the kernel may use a range of the firmware's memory map.
enum bootinfo_memory_kind : uint32_t {
    BOOTINFO_MEMORY_RAM = 1,      // free now (conventional, boot services code and data)
    BOOTINFO_MEMORY_LOADER = 2,   // RAM that holds what this struct points at, and the kernel
    BOOTINFO_MEMORY_FIRMWARE = 3, // runtime services: never touched, never mapped
    BOOTINFO_MEMORY_ACPI = 4,     // RAM with ACPI tables, reclaimable after they were read
    BOOTINFO_MEMORY_RESERVED = 5, // anything else
};

struct bootinfo_memory {
    uint64_t base;
    uint64_t size_bytes; // a multiple of 4096
    enum bootinfo_memory_kind kind;
    uint32_t reserved;
};

struct bootinfo_framebuffer {
    uint64_t base; // 0: there is none
    uint32_t width_pixels;
    uint32_t height_pixels;
    uint32_t stride_bytes;
    uint32_t format; // 1: 32 bits, blue first; 2: 32 bits, red first
};

struct bootinfo {
    uint64_t magic;
    uint32_t version;
    uint32_t size_bytes;
    uint64_t fdt;          // device tree, or 0
    uint64_t rsdp;         // ACPI 2.0 root pointer, or 0
    uint64_t memory;       // array of struct bootinfo_memory, sorted by base, not overlapping
    uint64_t memory_count; // its entries
    uint64_t cmdline;      // NUL-terminated command line, or 0
    uint64_t ramdisk;      // base image loaded from the boot volume, or 0
    uint64_t ramdisk_size_bytes;
    uint64_t entropy_size_bytes; // valid bytes in entropy; 0: the firmware gave none
    uint8_t entropy[64];
    struct bootinfo_framebuffer framebuffer;
    uint64_t loader_ticks_start; // CNTVCT at the loader's first instruction
    uint64_t loader_ticks_end;   // CNTVCT just before the jump to the kernel
};
