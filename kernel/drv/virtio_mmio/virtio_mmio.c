// SPDX-License-Identifier: Apache-2.0
/* Virtio over memory-mapped registers (virtio 1.2, 4.2).  Of a machine's slots most are empty. */
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/dev/virtio/virtio.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "lib/base/bits.h"

// Registers (4.2.2).
enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SELECT = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SELECT = 0x024,
    QUEUE_SELECT = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESCRIPTORS = 0x080,
    QUEUE_AVAIL = 0x090,
    QUEUE_USED = 0x0a0,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
    WINDOW_SIZE = 0x200,
};

enum {
    MAGIC_VALUE = 0x74726976, // "virt"
    VERSION_MODERN = 2,
    INTERRUPT_QUEUE = 1,
    INTERRUPT_CONFIG = 2,
};

struct virtio_mmio {
    struct virtio_device virtio;
    vaddr_t base; // [I]
    struct irq_handler handler;
};

static vaddr_t base_of(const struct virtio_device *d)
{
    return container_of(d, struct virtio_mmio, virtio)->base;
}

static uint32_t read(const struct virtio_device *d, unsigned reg)
{
    return arch_mmio_read32(base_of(d) + reg);
}

static void write(const struct virtio_device *d, unsigned reg, uint32_t value)
{
    arch_mmio_write32(base_of(d) + reg, value);
}

static void write_pair(const struct virtio_device *d, unsigned reg, uint64_t value)
{
    write(d, reg, (uint32_t)value);
    write(d, reg + 4, (uint32_t)(value >> 32));
}

static uint8_t get_status(struct virtio_device *d)
{
    return (uint8_t)read(d, STATUS);
}

static void set_status(struct virtio_device *d, uint8_t status)
{
    arch_barrier_io();
    write(d, STATUS, status);
}

static uint64_t get_features(struct virtio_device *d)
{
    write(d, DEVICE_FEATURES_SELECT, 1);
    uint64_t high = read(d, DEVICE_FEATURES);
    write(d, DEVICE_FEATURES_SELECT, 0);
    return high << 32 | read(d, DEVICE_FEATURES);
}

static void set_features(struct virtio_device *d, uint64_t features)
{
    write(d, DRIVER_FEATURES_SELECT, 0);
    write(d, DRIVER_FEATURES, (uint32_t)features);
    write(d, DRIVER_FEATURES_SELECT, 1);
    write(d, DRIVER_FEATURES, (uint32_t)(features >> 32));
}

static uint16_t queue_max(struct virtio_device *d, unsigned index)
{
    write(d, QUEUE_SELECT, index);
    return (uint16_t)u64_min(read(d, QUEUE_SIZE_MAX), UINT16_MAX);
}

static status_t queue_enable(struct virtio_device *d, struct virtio_queue *q, paddr_t descriptors,
                             paddr_t avail, paddr_t used)
{
    write(d, QUEUE_SELECT, q->index);
    write(d, QUEUE_SIZE, q->ring.size);
    write_pair(d, QUEUE_DESCRIPTORS, descriptors.raw);
    write_pair(d, QUEUE_AVAIL, avail.raw);
    write_pair(d, QUEUE_USED, used.raw);
    arch_barrier_io();
    write(d, QUEUE_READY, 1);
    return OK;
}

static void notify(struct virtio_device *d, struct virtio_queue *q)
{
    arch_barrier_io();
    write(d, QUEUE_NOTIFY, q->index);
}

static uint32_t config(struct virtio_device *d, unsigned offset)
{
    return read(d, CONFIG + offset);
}

static uint16_t config16(struct virtio_device *d, unsigned offset)
{
    return arch_mmio_read16(base_of(d) + CONFIG + offset);
}

static uint32_t config_generation(struct virtio_device *d)
{
    return read(d, CONFIG_GENERATION);
}

static const struct virtio_transport transport = {
    .status = get_status,
    .set_status = set_status,
    .features = get_features,
    .set_features = set_features,
    .queue_max = queue_max,
    .queue_enable = queue_enable,
    .notify = notify,
    .config = config,
    .config16 = config16,
    .config_generation = config_generation,
};

static void handle(void *context)
{
    struct virtio_mmio *v = context;
    uint32_t status = read(&v->virtio, INTERRUPT_STATUS);
    write(&v->virtio, INTERRUPT_ACK, status);
    if ((status & INTERRUPT_QUEUE) != 0) {
        virtio_interrupt(&v->virtio);
    }
    if ((status & INTERRUPT_CONFIG) != 0) {
        virtio_config_interrupt(&v->virtio);
    }
}

// ERR_NODEV: an empty slot, or nothing that we drive.
static status_t attach(struct device *d, vaddr_t base)
{
    uint32_t type = arch_mmio_read32(base + DEVICE_ID);
    if (arch_mmio_read32(base + MAGIC) != MAGIC_VALUE || type == VIRTIO_NONE) {
        return ERR_NODEV;
    }
    if (arch_mmio_read32(base + VERSION) != VERSION_MODERN) {
        log_warn("virtio", "%s: a device of the legacy kind is not driven", d->name);
        return ERR_NODEV;
    }
    irq_t irq;
    enum irq_trigger trigger;
    status_t status = device_irq(d, 0, &irq, &trigger);
    if (status != OK) {
        return status;
    }
    void *memory;
    status = heap_zalloc(sizeof(struct virtio_mmio), &memory);
    if (status != OK) {
        return status;
    }
    struct virtio_mmio *v = memory;
    *v = (struct virtio_mmio){
        .virtio = {.transport = &transport, .name = d->name, .type = type},
        .base = base,
        .handler = {.handle = handle, .context = v, .name = d->name},
    };
    list_init(&v->virtio.queues);
    // A driver may use its device while it probes it, so interrupts come before.
    status = irq_attach(&v->handler, irq, trigger);
    if (status == OK) {
        status = virtio_attach(&v->virtio);
        if (status == OK) {
            return OK;
        }
        irq_detach(&v->handler);
    }
    heap_free(v);
    return status;
}

static status_t probe(struct device *d)
{
    vaddr_t base;
    status_t status = device_map(d, 0, WINDOW_SIZE, &base);
    if (status != OK) {
        return status;
    }
    status = attach(d, base);
    if (status != OK) {
        kmap_unmap(base);
    }
    return status == ERR_NODEV ? OK : status;
}

static const char *const compatible[] = {"virtio,mmio", NULL};

static const struct driver virtio_mmio_driver = {
    .name = "virtio-mmio",
    .compatible = compatible,
    .stage = DEVICE_NORMAL,
    .probe = probe,
};
DRIVER(virtio_mmio_driver);
