// SPDX-License-Identifier: Apache-2.0
#include "kernel/drv/skeleton/skeleton.h"

#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/mm/heap.h"

// Registers; a real driver names the specification and its section here.
enum {
    REG_REQUEST = 0x00, // write: start
    REG_ANSWER = 0x04,  // read: the square
    REG_STATUS = 0x08,  // read: STATUS_*; write: clears what is written
    WINDOW_SIZE = 0x10,
};

enum {
    STATUS_DONE = 1u << 0,
    STATUS_ERROR = 1u << 1,
};

void skeleton_interrupt(void *context)
{
    struct skeleton *s = context;
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    uint32_t status = arch_mmio_read32(s->base + REG_STATUS);
    // The line is level: it stays up until the condition is cleared.
    arch_mmio_write32(s->base + REG_STATUS, status);
    bool was_busy = s->state == SKELETON_BUSY;
    if ((status & STATUS_ERROR) != 0) {
        s->state = SKELETON_BROKEN;
    } else if ((status & STATUS_DONE) != 0 && was_busy) {
        s->answer = arch_mmio_read32(s->base + REG_ANSWER);
        s->state = SKELETON_DONE;
    }
    spin_unlock_irqrestore(&s->lock, flags);
    (void)wait_wake_all(&s->changed);
}

// A user's place in the queue.  A wait tests its condition again after it came true, so each step
// is taken once and remembered.
struct request {
    uint32_t number;
    bool is_started;
    bool is_finished;
    uint32_t answer;
    status_t result;
};

// Starts the device if it is idle; gives false while somebody else's request is under way.
static bool try_start(struct skeleton *s, struct request *r)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    if (!r->is_started && s->state == SKELETON_IDLE) {
        s->state = SKELETON_BUSY;
        r->is_started = true;
        arch_mmio_write32(s->base + REG_REQUEST, r->number);
    }
    bool can_go_on = r->is_started || s->state == SKELETON_BROKEN;
    spin_unlock_irqrestore(&s->lock, flags);
    return can_go_on;
}

// Gives false while the device is still at work on our request.
static bool try_finish(struct skeleton *s, struct request *r)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    if (!r->is_finished && s->state != SKELETON_BUSY) {
        r->is_finished = true;
        r->answer = s->answer;
        r->result = s->state == SKELETON_DONE ? OK : ERR_IO;
        s->state = s->state == SKELETON_DONE ? SKELETON_IDLE : SKELETON_BROKEN;
    }
    bool is_finished = r->is_finished;
    spin_unlock_irqrestore(&s->lock, flags);
    return is_finished;
}

static status_t start(struct skeleton *s, struct request *r, nsec_t deadline)
{
    status_t status;
    WAIT_UNTIL(&s->changed, try_start(s, r), deadline, WAIT_DEFAULT, &status);
    return status;
}

static status_t finish(struct skeleton *s, struct request *r, nsec_t deadline)
{
    status_t status;
    WAIT_UNTIL(&s->changed, try_finish(s, r), deadline, WAIT_DEFAULT, &status);
    return status != OK ? status : r->result;
}

// A device that was asked and does not answer cannot be asked anything else.
static void give_up(struct skeleton *s)
{
    irqflags_t flags = spin_lock_irqsave(&s->lock);
    s->state = SKELETON_BROKEN;
    spin_unlock_irqrestore(&s->lock, flags);
}

status_t skeleton_square(struct skeleton *s, uint32_t number, nsec_t deadline, uint32_t *out)
{
    struct request r = {.number = number};
    status_t status = start(s, &r, deadline);
    if (status != OK) {
        return status;
    }
    status = finish(s, &r, deadline);
    if (status == OK) {
        *out = r.answer;
    } else {
        give_up(s);
    }
    (void)wait_wake_all(&s->changed); // whoever waits for its turn
    return status;
}

void skeleton_init(struct skeleton *s, vaddr_t base)
{
    *s = (struct skeleton){.base = base, .state = SKELETON_IDLE};
    spin_init(&s->lock, "skeleton", RANK_DEVICE);
    wait_init(&s->changed, "skeleton");
}

static status_t probe(struct device *d)
{
    vaddr_t base;
    irq_t irq;
    enum irq_trigger trigger;
    void *memory;
    // Everything that can fail comes first; a device record and its mapping live for ever.
    status_t status = device_irq(d, 0, &irq, &trigger);
    if (status != OK) {
        return status;
    }
    status = device_map(d, 0, WINDOW_SIZE, &base);
    if (status != OK) {
        return status;
    }
    status = heap_alloc(sizeof(struct skeleton), &memory);
    if (status != OK) {
        return status;
    }
    struct skeleton *s = memory;
    skeleton_init(s, base);
    s->handler = (struct irq_handler){
        .handle = skeleton_interrupt,
        .context = s,
        .name = "skeleton",
    };
    // Last: the first interrupt may come before irq_attach returns.
    status = irq_attach(&s->handler, irq, trigger);
    if (status != OK) {
        heap_free(s);
        return status;
    }
    log_debug("skeleton", "%s", d->name);
    return OK;
}

static const char *const compatible[] = {"swift-os,skeleton", NULL};

static const struct driver skeleton_driver = {
    .name = "skeleton",
    .compatible = compatible,
    .stage = DEVICE_NORMAL,
    .probe = probe,
};
DRIVER(skeleton_driver);
