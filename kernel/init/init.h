// SPDX-License-Identifier: Apache-2.0
/*
 * The stages of boot, in the order of kernel/main.c.  Each uses only what the stages before it made
 * work.  A stage that cannot go on panics: there is nobody yet to whom an error could be returned.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/base/span.h"

struct fs_context;

// On the boot stack, before there is any memory to allocate: finds the command line, RAM and what
// must not be overwritten, from the loader's boot information or the device tree.
void init_boot_record(void);

// The guest channel if the command line has one, and how a panic is heard.
void init_outputs(void);

// Linear map, page allocator, heap, kernel mappings.
void init_memory(void);

// The log moves to a ring of a size that fits the machine; command line options of the log.
void init_log(void);

// Address-space switches and the worker threads.
void init_scheduling(void);

// Starts `entry` as the first real thread.
void init_start_thread(void (*entry)(void *));

// From that thread on: IP with loopback, for drivers that bring interfaces.
void init_network(void);

// Drivers for what the device tree names; the other CPUs.
void init_devices(void);
void init_cpus(void);

// What is under /dev without a driver: null and its like, the console's terminal, pseudo-terminals.
void init_character_devices(void);

// Panics if anything in the kernel's half is writable and executable, or open to user mode.
void init_check_mappings(void);

// Pipes, waiting and talking know who calls.
void init_ipc(void);

// The tree of files; and the root and working directory of the first process, borrowed for ever.
void init_files(void);
struct fs_context *init_fs_context(void);

// A file system of the base image, see base.c; the log says what was refused.  ERR_NODEV: there is
// none, and what swosbase_create gives for the one that `root=` names.
struct mount;
status_t init_base_image(struct mount **out);

// Processes; their programs come from the tree of files.
void init_programs(void);

// What the command line asks for: in-kernel tests, a command, or the first program.  Does not
// return; ends with the machine off when what it started has ended.
NORETURN void init_first_process(void);

// What init_boot_record found.
struct init_record {
    struct span fdt;     // empty: no device tree
    struct span ramdisk; // empty: none
};
const struct init_record *init_record(void);

// The account of time: notes that a stage ends now; the last one logs where the time went.
enum init_stage {
    INIT_MEMORY, // up to the first thread
    INIT_DEVICES,
    INIT_CPUS,
    INIT_PROGRAM, // up to the first program's start
    INIT_STAGES,
};
void init_stage_done(enum init_stage stage);
