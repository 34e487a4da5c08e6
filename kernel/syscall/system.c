// SPDX-License-Identifier: Apache-2.0
/* The system as a whole: its log, its memory, its power. */
#include "abi/gen/syscall_handlers.h"
#include "abi/sys.h"
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/core/worker.h"
#include "kernel/dev/power.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

int64_t sys_log_read(uint64_t sequence, vaddr_t record, uint64_t size)
{
    char text[LOG_TEXT_MAX];
    struct log_record r;
    status_t status = log_read(sequence, &r, text, sizeof(text));
    if (status != OK) {
        return status;
    }
    size_t source_len = strlen(r.source);
    struct sys_log_record out = {
        .sequence = r.sequence,
        .time_ns = r.time,
        .level = (uint32_t)r.level,
        .cpu = r.cpu,
        .source_len = (uint32_t)source_len,
        .text_len = (uint32_t)(source_len + r.text_len),
    };
    if (size < sizeof(out) + out.text_len) {
        return ERR_INVAL;
    }
    vaddr_t at = record + sizeof(out);
    if (arch_copy_to_user(record, &out, sizeof(out)) != 0 ||
        arch_copy_to_user(at, r.source, source_len) != 0 ||
        arch_copy_to_user(at + source_len, text, r.text_len) != 0) {
        return ERR_FAULT;
    }
    return (int64_t)(sizeof(out) + out.text_len);
}

int64_t sys_log_wait(uint64_t sequence, uint64_t deadline)
{
    return log_wait(sequence, deadline, WAIT_INTERRUPTIBLE);
}

static void reclaim_here(void *unused)
{
    (void)unused;
    page_reclaim();
}

// What has ended is freed, and what CPUs keep for the next caller is given back.
static void reclaim(void)
{
    (void)cache_shrink(SIZE_MAX);
    worker_flush();
    cache_shrink(SIZE_MAX);
    cpu_for_each_online(c)
    {
        cpu_call(c, reclaim_here, NULL);
    }
}

int64_t sys_meminfo(vaddr_t info, uint64_t size, uint32_t flags)
{
    struct page_stats pages;
    struct heap_stats heap;
    if ((flags & ~(uint32_t)SYS_MEMINFO_RECLAIM) != 0) {
        return ERR_INVAL;
    }
    if ((flags & SYS_MEMINFO_RECLAIM) != 0) {
        if (!grant_set_has(&process_current()->grants, 1u << SWOS_GRANT_POWER)) {
            return ERR_PERM;
        }
        reclaim();
        reclaim(); // the last object of a slab may come back from another CPU
    }
    page_stats(&pages);
    heap_stats(&heap);
    struct sys_meminfo out = {
        .total_pages = pages.total_pages,
        .free_pages = pages.free_pages,
        .heap_objects = heap.objects_in_use,
        .cached_pages = cache_pages(),
        .slab_pages = heap.slab_pages,
        .kernel_table_pages = arch_kernel_table_pages(),
    };
    return arch_copy_to_user(info, &out, u64_min(size, sizeof(out))) == 0 ? 0 : ERR_FAULT;
}

int64_t sys_power(uint32_t action)
{
    switch (action) {
    case SYS_POWER_OFF: power_off(); break;
    case SYS_POWER_RESET: power_reset(); break;
    default: return ERR_INVAL;
    }
    return ERR_NOTSUP;
}
