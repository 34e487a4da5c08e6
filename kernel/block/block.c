// SPDX-License-Identifier: Apache-2.0
#include "kernel/block/block.h"

#include "kernel/core/bootarg.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/wait.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"

// ---- The list of devices ----

static struct {
    struct spinlock lock;
    struct list devices; // [l] struct block_device, only added to
} registry = {
    .lock = SPINLOCK_INIT("block devices", RANK_BLOCK),
    .devices = LIST_INIT(registry.devices),
};

static void look(struct timer *t);

// The kernel's command line may say otherwise; 0: none.
static nsec_t choose_limit(void)
{
    int64_t seconds;
    bool is_said = bootarg_get_int("disk-timeout", &seconds) == OK && seconds >= 0 &&
                   (uint64_t)seconds <= NSEC_NEVER / NSEC_PER_SEC;
    return is_said ? (nsec_t)seconds * NSEC_PER_SEC : BLOCK_LIMIT;
}

void block_init(struct block_device *d)
{
    spin_init(&d->lock, "block", RANK_BLOCK);
    list_init(&d->waiting);
    list_init(&d->inside);
    timer_init(&d->watch, look);
    d->limit_ns = choose_limit();
    d->is_gone = false;
    d->is_watched = false;
}

void block_fini(struct block_device *d)
{
    assert(list_is_empty(&d->inside) && list_is_empty(&d->waiting));
    (void)timer_cancel(&d->watch);
}

// How many devices of that kind there are: whose name is that word and a number.
static unsigned count_kind(const char *kind)
{
    unsigned count = 0;
    size_t len = strlen(kind);
    list_for_each (node, &registry.devices) {
        const char *name = container_of(node, struct block_device, link)->name;
        bool is_kind = strncmp(name, kind, len) == 0;
        const char *digit = name + len;
        while (is_kind && *digit >= '0' && *digit <= '9') {
            digit++;
        }
        count += is_kind && digit != name + len && *digit == '\0';
    }
    return count;
}

static void report(const struct block_device *d)
{
    log_info("block", "%s: %llu KiB%s%s%s", d->name, (unsigned long long)d->size_bytes >> 10,
             d->is_read_only ? ", read-only" : "", d->label != NULL ? ", " : "",
             d->label != NULL ? d->label : "");
}

void block_add(struct block_device *d, const char *kind)
{
    irqflags_t flags = spin_lock_irqsave(&registry.lock);
    fmt_print(d->name, sizeof(d->name), "%s%u", kind, count_kind(kind));
    list_add_tail(&registry.devices, &d->link);
    spin_unlock_irqrestore(&registry.lock, flags);
    report(d);
}

void block_add_partition(struct block_device *d, unsigned number)
{
    fmt_print(d->name, sizeof(d->name), "%sp%u", d->parent->name, number);
    irqflags_t flags = spin_lock_irqsave(&registry.lock);
    list_add_tail(&registry.devices, &d->link);
    spin_unlock_irqrestore(&registry.lock, flags);
    report(d);
}

struct block_device *block_next(struct block_device *after)
{
    irqflags_t flags = spin_lock_irqsave(&registry.lock);
    struct list *next = after == NULL ? registry.devices.next : after->link.next;
    bool is_end = next == &registry.devices;
    spin_unlock_irqrestore(&registry.lock, flags);
    return is_end ? NULL : container_of(next, struct block_device, link);
}

static bool is_named(const struct block_device *d, const char *name)
{
    if (strcmp(d->name, name) == 0) {
        return true;
    }
    if (d->label == NULL) {
        return false;
    }
    size_t len = strlen(d->parent->name);
    return strncmp(name, d->parent->name, len) == 0 && name[len] == ':' &&
           strcmp(name + len + 1, d->label) == 0;
}

status_t block_find(const char *name, struct block_device **out)
{
    for (struct block_device *d = block_next(NULL); d != NULL; d = block_next(d)) {
        if (is_named(d, name)) {
            *out = d;
            return OK;
        }
    }
    return ERR_NOENT;
}

// ---- Requests ----

static status_t check_segments(const struct block_device *d, const struct block_request *r,
                               uint64_t *size)
{
    uint64_t total = 0;
    if (r->segment_count == 0 || r->segment_count > d->segments_max) {
        return ERR_INVAL;
    }
    for (unsigned i = 0; i < r->segment_count; i++) {
        uint32_t bytes = r->segments[i].size_bytes;
        if (bytes == 0 || !is_aligned(bytes, d->sector_size)) {
            return ERR_INVAL;
        }
        total += bytes;
    }
    *size = total;
    return total > d->request_max ? ERR_INVAL : OK;
}

static status_t check(const struct block_device *d, const struct block_request *r)
{
    if (r->op != BLOCK_READ && d->is_read_only) {
        return r->op == BLOCK_FLUSH ? OK : ERR_ROFS;
    }
    if (r->op == BLOCK_FLUSH) {
        return OK;
    }
    uint64_t size = 0;
    status_t status = check_segments(d, r, &size);
    if (status != OK) {
        return status;
    }
    if (!is_aligned(r->offset, d->sector_size)) {
        return ERR_INVAL;
    }
    return r->offset <= d->size_bytes && size <= d->size_bytes - r->offset ? OK : ERR_RANGE;
}

static void end(struct block_request *r, status_t status)
{
    irqflags_t flags = arch_irq_save();
    r->status = status;
    r->done(r);
    arch_irq_restore(flags);
}

// ---- Time limits ----

enum { LOOKS = 3 }; // at a request, after which it has been inside for too long

static void start_watch(struct block_device *d) REQUIRES(d -> lock)
{
    d->is_watched = true;
    timer_start(&d->watch, time_now() + d->limit_ns / LOOKS);
}

// Whether a request is inside for too long.
static bool look_locked(struct block_device *d) REQUIRES(d -> lock)
{
    bool is_late = false;
    list_for_each (node, &d->inside) {
        struct block_request *r = container_of(node, struct block_request, inside);
        is_late |= r->looks++ == LOOKS;
    }
    d->is_watched = false;
    if (!is_late && !list_is_empty(&d->inside)) {
        start_watch(d);
    }
    return is_late;
}

static void look(struct timer *t)
{
    struct block_device *d = container_of(t, struct block_device, watch);
    irqflags_t flags = spin_lock_irqsave(&d->lock);
    bool is_late = look_locked(d);
    spin_unlock_irqrestore(&d->lock, flags);
    if (is_late) {
        log_error("block", "%s: no answer for %llu s; the device is not used any more", d->name,
                  (unsigned long long)(d->limit_ns / NSEC_PER_SEC));
        d->ops->abandon(d);
    }
}

// ---- Requests in the device ----

// False: there is no room for it.
static bool start(struct block_device *d, struct block_request *r) REQUIRES(d -> lock)
{
    if (!d->ops->start(d, r)) {
        return false;
    }
    r->looks = 0;
    list_add_tail(&d->inside, &r->inside);
    if (!d->is_watched && d->limit_ns != 0) {
        start_watch(d);
    }
    return true;
}

// Gives the request to the device or lets it wait.
static status_t enqueue(struct block_device *d, struct block_request *r)
{
    irqflags_t flags = spin_lock_irqsave(&d->lock);
    status_t status = d->is_gone ? ERR_NODEV : OK;
    if (status == OK && (!list_is_empty(&d->waiting) || !start(d, r))) {
        list_add_tail(&d->waiting, &r->link);
    }
    spin_unlock_irqrestore(&d->lock, flags);
    return status;
}

void block_submit(struct block_device *d, struct block_request *r)
{
    status_t status = check(d, r);
    for (; d->parent != NULL; d = d->parent) {
        r->offset += d->start;
    }
    if (status != OK || (r->op == BLOCK_FLUSH && !d->has_cache)) {
        end(r, status);
        return;
    }
    if (d->ops->transfer != NULL) {
        end(r, d->ops->transfer(d, r));
        return;
    }
    status = enqueue(d, r);
    if (status != OK) {
        end(r, status);
    }
}

static void start_waiting(struct block_device *d) REQUIRES(d -> lock)
{
    struct list *node = NULL;
    while (!d->is_gone && (node = list_pop(&d->waiting)) != NULL) {
        if (!start(d, container_of(node, struct block_request, link))) {
            list_add_head(&d->waiting, node);
            break;
        }
    }
}

void block_finish(struct block_device *d, struct block_request *r, status_t status)
{
    irqflags_t flags = spin_lock_irqsave(&d->lock);
    list_del(&r->inside);
    start_waiting(d);
    spin_unlock_irqrestore(&d->lock, flags);
    end(r, status);
}

static struct list *next_lost(struct block_device *d)
{
    irqflags_t flags = spin_lock_irqsave(&d->lock);
    d->is_gone = true;
    struct list *node = list_pop(&d->waiting);
    spin_unlock_irqrestore(&d->lock, flags);
    return node;
}

void block_set_gone(struct block_device *d)
{
    for (struct list *node = next_lost(d); node != NULL; node = next_lost(d)) {
        end(container_of(node, struct block_request, link), ERR_NODEV);
    }
}

// ---- Requests that are waited for ----

struct run {
    struct block_request request;
    struct completion end;
};

static void run_done(struct block_request *r)
{
    completion_signal(&container_of(r, struct run, request)->end);
}

status_t block_run(struct block_device *d, struct block_request *r)
{
    struct run run = {.request = *r};
    run.request.done = run_done;
    completion_init(&run.end, "block request");
    block_submit(d, &run.request);
    completion_wait(&run.end);
    return run.request.status;
}

static status_t transfer(struct block_device *d, enum block_op op, uint64_t offset,
                         const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size != 0) {
        uint32_t piece = (uint32_t)u64_min(size, d->request_max);
        struct block_segment segment = {.base = virt_to_phys(at), .size_bytes = piece};
        struct block_request r = {
            .op = op,
            .offset = offset,
            .segments = &segment,
            .segment_count = 1,
        };
        status_t status = block_run(d, &r);
        if (status != OK) {
            return status;
        }
        at += piece;
        offset += piece;
        size -= piece;
    }
    return OK;
}

status_t block_read(struct block_device *d, uint64_t offset, void *bytes, size_t size)
{
    return transfer(d, BLOCK_READ, offset, bytes, size);
}

status_t block_write(struct block_device *d, uint64_t offset, const void *bytes, size_t size)
{
    return transfer(d, BLOCK_WRITE, offset, bytes, size);
}

status_t block_flush(struct block_device *d)
{
    struct block_request r = {.op = BLOCK_FLUSH};
    return block_run(d, &r);
}
