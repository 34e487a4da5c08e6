// SPDX-License-Identifier: Apache-2.0
/* The system as a whole: names, load, randomness. */
#include "abi/gen/syscall_handlers.h"
#include "kernel/core/cpu.h"
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vmo.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

enum { NAME_SIZE = 65 };

// As musl's struct utsname.
struct abi_utsname {
    char system[NAME_SIZE];
    char node[NAME_SIZE];
    char release[NAME_SIZE];
    char version[NAME_SIZE];
    char machine[NAME_SIZE];
    char domain[NAME_SIZE];
};

static struct {
    struct spinlock lock;
    char node[NAME_SIZE];   // [l]
    char domain[NAME_SIZE]; // [l]
} names = {.lock = SPINLOCK_INIT("host name", RANK_OBJECT), .node = "swift-os", .domain = "(none)"};

int64_t sys_uname(vaddr_t name)
{
    struct abi_utsname out = {.system = "swift-os", .machine = "aarch64"};
    fmt_print(out.release, sizeof(out.release), "0.3");
    fmt_print(out.version, sizeof(out.version), "swift-os AArch64");
    irqflags_t flags = spin_lock_irqsave(&names.lock);
    memcpy(out.node, names.node, NAME_SIZE);
    memcpy(out.domain, names.domain, NAME_SIZE);
    spin_unlock_irqrestore(&names.lock, flags);
    return arch_copy_to_user(name, &out, sizeof(out)) == 0 ? 0 : ERR_FAULT;
}

static int64_t set_name(char to[NAME_SIZE], vaddr_t name, uint64_t size)
{
    char text[NAME_SIZE] = {};
    if (size >= NAME_SIZE) {
        return ERR_INVAL;
    }
    if (arch_copy_from_user(text, name, size) != 0) {
        return ERR_FAULT;
    }
    irqflags_t flags = spin_lock_irqsave(&names.lock);
    memcpy(to, text, NAME_SIZE);
    spin_unlock_irqrestore(&names.lock, flags);
    return 0;
}

int64_t sys_sethostname(vaddr_t name, uint64_t size)
{
    return set_name(names.node, name, size);
}

int64_t sys_setdomainname(vaddr_t name, uint64_t size)
{
    return set_name(names.domain, name, size);
}

// As musl's struct sysinfo.
struct abi_sysinfo {
    uint64_t uptime;
    uint64_t loads[3];
    uint64_t total;
    uint64_t free;
    uint64_t shared;
    uint64_t buffers;
    uint64_t swap_total;
    uint64_t swap_free;
    uint16_t processes;
    uint16_t pad;
    uint64_t high_total;
    uint64_t high_free;
    uint32_t unit;
    char unused[256];
};

static bool count(void *context, struct process *p)
{
    (void)p;
    ++*(uint64_t *)context;
    return true;
}

int64_t sys_sysinfo(vaddr_t info)
{
    struct page_stats pages;
    uint64_t processes = 0;
    page_stats(&pages);
    process_for_each(0, count, &processes);
    struct abi_sysinfo out = {.uptime = time_now() / NSEC_PER_SEC,
                              .total = pages.total_pages,
                              .free = pages.free_pages,
                              .processes = (uint16_t)u64_min(processes, UINT16_MAX),
                              .unit = PAGE_SIZE};
    return arch_copy_to_user(info, &out, sizeof(out)) == 0 ? 0 : ERR_FAULT;
}

int64_t sys_getrandom(vaddr_t bytes, uint64_t size, uint32_t flags)
{
    enum : uint32_t { NONBLOCK = 1, RANDOM = 2, INSECURE = 4 };
    uint8_t chunk[256];
    uint64_t done = 0;
    if ((flags & ~(NONBLOCK | RANDOM | INSECURE)) != 0) {
        return ERR_INVAL;
    }
    status_t status = (flags & NONBLOCK) != 0 && !random_is_seeded() ? ERR_AGAIN : OK;
    if (status == OK && !random_is_seeded()) {
        status = random_wait(NSEC_NEVER, WAIT_INTERRUPTIBLE);
    }
    size = u64_min(size, INT32_MAX);
    while (status == OK && done < size) {
        size_t n = u64_min(size - done, sizeof(chunk));
        random_bytes(chunk, n);
        if (arch_copy_to_user(bytes + done, chunk, n) != 0) {
            status = ERR_FAULT;
        } else {
            done += n;
            if (thread_is_notified(thread_current())) {
                break; // what there is: large requests can be interrupted
            }
        }
    }
    memset(chunk, 0, sizeof(chunk));
    return done != 0 ? (int64_t)done : status;
}
