// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/bootarg.h"
#include "kernel/core/irq.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/core/worker.h"
#include "kernel/dev/console_tty.h"
#include "kernel/dev/device.h"
#include "kernel/dev/fdt_platform.h"
#include "kernel/dev/memdev.h"
#include "kernel/dev/power.h"
#include "kernel/dev/pty.h"
#include "kernel/init/init.h"
#include "kernel/init/record_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/kthread.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/crash/record.h"
#include "lib/fmt/fmt.h"

enum {
    LOG_RING_MIN = 16 << 10,
    LOG_RING_MAX = 4 << 20,
    LOG_RING_SHARE = 1024, // of all RAM
};

static struct init_record record;

const struct init_record *init_record(void)
{
    return &record;
}

void init_memory(void)
{
    if (memory_init() != OK) {
        panic("not enough memory to run");
    }
    heap_init();
    kmap_init();
    record_after_memory(&record);
}

static void set_log_filter(void)
{
    const char *filter;
    size_t len;
    if (bootarg_get("log", &filter, &len) == OK && log_set_filter(span_of(filter, len)) != OK) {
        log_warn("boot", "log: not of the form LEVEL[,SOURCE:LEVEL]...");
    }
}

static void open_crash_area(void)
{
    paddr_t area;
    if (memory_crash_area(&area)) {
        panic_set_crash_area(phys_to_virt(area), CRASH_AREA_SIZE);
    }
}

void init_log(void)
{
    struct page_stats pages;
    void *ring;
    set_log_filter();
    page_stats(&pages);
    uint64_t share = (uint64_t)pages.total_pages * PAGE_SIZE / LOG_RING_SHARE;
    size_t size = 1ull << log2_floor(u64_min(u64_max(share, LOG_RING_MIN), LOG_RING_MAX));
    if (heap_alloc(size, &ring) == OK) {
        log_set_ring(ring, size);
    }
    log_info("boot", "swift-os, %zu MiB RAM, image at %#lx%s", pages.total_pages >> 8,
             (unsigned long)arch_boot.image_va, arch_boot.is_randomised ? "" : " (nokaslr)");
    if (boot_record.has_lost_ram) {
        log_warn("boot", "some RAM is left alone: the memory map is broken or too fragmented");
    }
    open_crash_area();
}

static void start_worker(struct cpu *c)
{
    char name[THREAD_NAME_SIZE];
    fmt_print(name, sizeof(name), "worker/%u", c->index);
    if (kthread_create(name, worker_run, c, NULL) != OK) {
        panic("no memory for the worker of CPU %u", c->index);
    }
}

void init_scheduling(void)
{
    sched_set_aspace_switch(arch_aspace_activate);
    start_worker(cpu_this());
}

void init_start_thread(void (*entry)(void *))
{
    if (kthread_create("boot", entry, NULL, NULL) != OK) {
        panic("no memory for the first thread");
    }
}

void init_devices(void)
{
    if (record.fdt.size == 0 || device_probe_fdt(record.fdt) != OK) {
        panic("no usable device tree");
    }
    if (!irq_has_chip() || !time_has_device()) {
        panic("no %s that this kernel drives", irq_has_chip() ? "timer" : "interrupt controller");
    }
}

static status_t add_cpu(uint64_t hwid)
{
    status_t status = kthread_add_cpu(hwid);
    if (status == OK) {
        start_worker(cpu_get(cpu_count() - 1));
    }
    return status;
}

void init_cpus(void)
{
    struct fdt fdt;
    int64_t limit = INT64_MAX;
    if (bootarg_get_int("maxcpus", &limit) == ERR_INVAL || limit < 1) {
        log_warn("boot", "maxcpus: not a positive number");
        limit = INT64_MAX;
    }
    if (fdt_open(record.fdt, &fdt) != OK ||
        fdt_platform_cpus(&fdt, arch_cpu_hwid(), (uint64_t)limit - 1, add_cpu) != OK) {
        log_error("boot", "not all CPUs could be added");
    }
    if (cpu_count() > 1) {
        cpu_start_all(power_cpu_ops());
    }
    log_info("cpu", "%u of %u CPUs are up, model %#llx", cpu_online_count(), cpu_count(),
             (unsigned long long)arch_cpu_model());
}

void init_character_devices(void)
{
    memdev_init();
    console_tty_init();
    pty_init();
}

void init_check_mappings(void)
{
    vaddr_t bad;
    if (arch_find_bad_mapping(&bad)) {
        panic("kernel mapping at %#lx is writable and executable, or open to user mode",
              (unsigned long)bad);
    }
}
