// SPDX-License-Identifier: Apache-2.0
/*
 * The boot order, as a contents page.  kernel_main runs on the boot CPU's idle thread, which never
 * sleeps; what may sleep goes on in a thread of its own.
 */
#include "kernel/core/cpu.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/init/init.h"

static void boot_thread(void *arg)
{
    (void)arg;
    init_stage_done(INIT_MEMORY);
    init_network(); // IP and loopback
    init_devices(); // what the device tree names, stage by stage
    init_stage_done(INIT_DEVICES);
    init_cpus(); // the other CPUs come up
    init_stage_done(INIT_CPUS);
    init_character_devices(); // null, the console's terminal, pseudo-terminals
    init_check_mappings();    // nothing writable and executable, nothing of ours open to users
    init_ipc();               // what pipes and waits are told of processes
    init_files();             // the root and what is mounted at boot
    init_programs();          // where programs come from
    init_first_process();     // the tests, a command, or the first program
}

NORETURN void kernel_main(void)
{
    cpu_init_boot();    // per-CPU variables
    arch_cpu_init();    // vectors, features
    time_init();        // the clock
    sched_init_boot();  // this code is now a thread
    init_boot_record(); // command line, RAM: from the device tree or the loader
    init_outputs();     // how a panic is heard
    init_memory();      // linear map, pages, heap
    init_log();         // a ring of a size that fits the machine
    init_scheduling();  // address-space switches, workers
    init_start_thread(boot_thread);
    sched_run_idle();
}
