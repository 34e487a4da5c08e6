// SPDX-License-Identifier: Apache-2.0
/*
 * Virtio over PCI (virtio 1.2, 4.1), the interface of version 1.
 *
 * With MSI-X each queue, and the configuration where somebody watches it, has a vector, and an interrupt,
 * of its own; those for whom none is left share the first one.  Without it the function's pin is raised for all of them, on a line that others
 * share, and a register says whether it was us.
 */
#include "lib/virtio/pci.h"

#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/dev/pci/pci.h"
#include "kernel/dev/virtio/virtio.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kmap.h"
#include "lib/base/bits.h"

// The common configuration (4.1.4.3).
enum {
    DEVICE_FEATURES_SELECT = 0x00,
    DEVICE_FEATURES = 0x04,
    DRIVER_FEATURES_SELECT = 0x08,
    DRIVER_FEATURES = 0x0c,
    CONFIG_VECTOR = 0x10,
    QUEUES = 0x12,
    STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFFSET = 0x1e,
    QUEUE_DESCRIPTORS = 0x20,
    QUEUE_AVAIL = 0x28,
    QUEUE_USED = 0x30,
};

enum { INTERRUPT_QUEUE = 1, INTERRUPT_CONFIG = 2 }; // in the ISR status (4.1.4.5)

struct vector {
    struct irq_handler handler;
    struct virtio_pci *device; // [I]
    uint16_t number;           // [I]
    struct list link;
};

struct virtio_pci {
    struct virtio_device virtio;
    struct pci_function *function;   // [I]
    struct virtio_pci_layout layout; // [I]
    vaddr_t common;                  // [I]
    vaddr_t notify;                  // [I]
    vaddr_t isr;                     // [I]
    vaddr_t config;                  // [I] 0: none
    struct irq_handler pin;          // without vectors
    struct list vectors;             // struct vector, the newest first; empty: without MSI-X
    uint16_t vectors_used;           // by queues and the configuration
    uint16_t config_vector;
    bool has_config_vector;
};

static struct virtio_pci *of_device(const struct virtio_device *d)
{
    return container_of(d, struct virtio_pci, virtio);
}

static uint16_t read16(const struct virtio_device *d, unsigned reg)
{
    return arch_mmio_read16(of_device(d)->common + reg);
}

static void write16(const struct virtio_device *d, unsigned reg, uint16_t value)
{
    arch_mmio_write16(of_device(d)->common + reg, value);
}

static void write32(const struct virtio_device *d, unsigned reg, uint32_t value)
{
    arch_mmio_write32(of_device(d)->common + reg, value);
}

// Fields of 64 bits are two of 32 (4.1.3.1).
static void write_pair(const struct virtio_device *d, unsigned reg, uint64_t value)
{
    write32(d, reg, (uint32_t)value);
    write32(d, reg + 4, (uint32_t)(value >> 32));
}

// ---- The transport ----

static uint8_t get_status(struct virtio_device *d)
{
    return arch_mmio_read8(of_device(d)->common + STATUS);
}

static void set_status(struct virtio_device *d, uint8_t status)
{
    arch_barrier_io();
    arch_mmio_write8(of_device(d)->common + STATUS, status);
}

static uint64_t get_features(struct virtio_device *d)
{
    vaddr_t features = of_device(d)->common + DEVICE_FEATURES;
    write32(d, DEVICE_FEATURES_SELECT, 1);
    uint64_t high = arch_mmio_read32(features);
    write32(d, DEVICE_FEATURES_SELECT, 0);
    return high << 32 | arch_mmio_read32(features);
}

static void set_features(struct virtio_device *d, uint64_t features)
{
    write32(d, DRIVER_FEATURES_SELECT, 0);
    write32(d, DRIVER_FEATURES, (uint32_t)features);
    write32(d, DRIVER_FEATURES_SELECT, 1);
    write32(d, DRIVER_FEATURES, (uint32_t)(features >> 32));
}

static uint16_t queue_max(struct virtio_device *d, unsigned index)
{
    if (index >= read16(d, QUEUES)) {
        return 0;
    }
    write16(d, QUEUE_SELECT, (uint16_t)index);
    return read16(d, QUEUE_SIZE);
}

static void notify(struct virtio_device *d, struct virtio_queue *q)
{
    (void)d;
    arch_barrier_io();
    arch_mmio_write16(q->notify, (uint16_t)q->index);
}

static bool has_config(const struct virtio_pci *v, unsigned offset, size_t size)
{
    return v->layout.device.size >= size && offset <= v->layout.device.size - size;
}

static uint32_t config(struct virtio_device *d, unsigned offset)
{
    const struct virtio_pci *v = of_device(d);
    return has_config(v, offset, sizeof(uint32_t)) ? arch_mmio_read32(v->config + offset) : 0;
}

static uint16_t config16(struct virtio_device *d, unsigned offset)
{
    const struct virtio_pci *v = of_device(d);
    return has_config(v, offset, sizeof(uint16_t)) ? arch_mmio_read16(v->config + offset) : 0;
}

static uint32_t config_generation(struct virtio_device *d)
{
    return arch_mmio_read8(of_device(d)->common + CONFIG_GENERATION);
}

// ---- Interrupts ----

static void handle_pin(void *context)
{
    struct virtio_pci *v = context;
    // Reading it takes the interrupt back.
    uint8_t status = arch_mmio_read8(v->isr);
    if ((status & INTERRUPT_QUEUE) != 0) {
        virtio_interrupt(&v->virtio);
    }
    if ((status & INTERRUPT_CONFIG) != 0) {
        virtio_config_interrupt(&v->virtio);
    }
}

static void handle_vector(void *context)
{
    const struct vector *vector = context;
    list_for_each (node, &vector->device->virtio.queues) {
        struct virtio_queue *q = container_of(node, struct virtio_queue, link);
        if (q->vector == vector->number) {
            q->interrupt(q);
        }
    }
    if (vector->device->has_config_vector && vector->device->config_vector == vector->number) {
        virtio_config_interrupt(&vector->device->virtio);
    }
}

static status_t add_vector(struct virtio_pci *v)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct vector), &memory);
    if (status != OK) {
        return status;
    }
    struct vector *vector = memory;
    struct list *newest = list_first(&v->vectors);
    vector->device = v;
    vector->number =
        newest == NULL ? 0 : (uint16_t)(container_of(newest, struct vector, link)->number + 1);
    vector->handler =
        (struct irq_handler){.handle = handle_vector, .context = vector, .name = v->virtio.name};
    status = pci_msix_attach(v->function, vector->number, &vector->handler);
    if (status != OK) {
        heap_free(vector);
        return status;
    }
    list_add_head(&v->vectors, &vector->link);
    return OK;
}

// The vector for the next one: the first was there from the beginning.
static uint16_t next_vector(struct virtio_pci *v)
{
    if (v->vectors_used != 0 && add_vector(v) != OK) {
        return 0;
    }
    return v->vectors_used++;
}

static void remove_vectors(struct virtio_pci *v)
{
    list_for_each_safe (node, &v->vectors) {
        struct vector *vector = container_of(node, struct vector, link);
        pci_msix_detach(v->function, vector->number, &vector->handler);
        heap_free(vector);
    }
    pci_msix_close(v->function);
    list_init(&v->vectors);
}

static bool has_vectors(const struct virtio_pci *v)
{
    return !list_is_empty(&v->vectors);
}

static status_t attach_interrupt(struct virtio_pci *v)
{
    if (pci_msix_open(v->function) == OK) {
        if (add_vector(v) == OK) {
            return OK;
        }
        remove_vectors(v);
    }
    v->pin = (struct irq_handler){.handle = handle_pin, .context = v, .name = v->virtio.name};
    return pci_intx_attach(v->function, &v->pin);
}

static void detach_interrupt(struct virtio_pci *v)
{
    if (has_vectors(v)) {
        remove_vectors(v);
    } else {
        irq_detach(&v->pin);
    }
}

// ---- Queues ----

// Where the queue is notified (4.1.4.4).
static status_t place_notify(struct virtio_pci *v, struct virtio_queue *q)
{
    uint64_t offset =
        (uint64_t)read16(&v->virtio, QUEUE_NOTIFY_OFFSET) * v->layout.notify_multiplier;
    if (offset > v->layout.notify.size - sizeof(uint16_t)) {
        return ERR_INVAL;
    }
    q->notify = v->notify + offset;
    return OK;
}

// A device that has no resources for it refuses the vector (4.1.5.1.2).
static status_t place_vector(struct virtio_pci *v, struct virtio_queue *q)
{
    if (!has_vectors(v)) {
        return OK;
    }
    if (!q->has_vector) {
        q->vector = next_vector(v);
        q->has_vector = true;
    }
    write16(&v->virtio, QUEUE_VECTOR, q->vector);
    return read16(&v->virtio, QUEUE_VECTOR) == q->vector ? OK : ERR_IO;
}

static void watch_config(struct virtio_device *d)
{
    struct virtio_pci *v = of_device(d);
    if (!has_vectors(v)) {
        return;
    }
    if (!v->has_config_vector) {
        v->config_vector = next_vector(v);
        v->has_config_vector = true;
    }
    // A device without resources for it refuses the vector, and then never tells.
    write16(d, CONFIG_VECTOR, v->config_vector);
}

static status_t queue_enable(struct virtio_device *d, struct virtio_queue *q, paddr_t descriptors,
                             paddr_t avail, paddr_t used)
{
    write16(d, QUEUE_SELECT, (uint16_t)q->index);
    status_t status = place_notify(of_device(d), q);
    if (status == OK) {
        status = place_vector(of_device(d), q);
    }
    if (status != OK) {
        return status;
    }
    write16(d, QUEUE_SIZE, q->ring.size);
    write_pair(d, QUEUE_DESCRIPTORS, descriptors.raw);
    write_pair(d, QUEUE_AVAIL, avail.raw);
    write_pair(d, QUEUE_USED, used.raw);
    arch_barrier_io();
    write16(d, QUEUE_ENABLE, 1);
    return OK;
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
    .watch_config = watch_config,
};

// ---- Probing ----

static void unmap(vaddr_t va)
{
    if (va != 0) {
        kmap_unmap(va);
    }
}

static void unmap_all(struct virtio_pci *v)
{
    unmap(v->common);
    unmap(v->notify);
    unmap(v->isr);
    unmap(v->config);
}

static status_t map(const struct virtio_pci *v, const struct virtio_pci_region *r, uint32_t size,
                    vaddr_t *out)
{
    return pci_map(v->function, r->bar, r->offset, size, out);
}

// On failure the caller unmaps what there is.
static status_t map_all(struct virtio_pci *v)
{
    const struct virtio_pci_layout *l = &v->layout;
    status_t status = map(v, &l->common, VIRTIO_PCI_COMMON_SIZE, &v->common);
    if (status == OK) {
        status = map(v, &l->notify, l->notify.size, &v->notify);
    }
    if (status == OK) {
        status = map(v, &l->isr, 1, &v->isr);
    }
    if (status == OK && l->device.size != 0) {
        status = map(v, &l->device, l->device.size, &v->config);
    }
    return status;
}

static status_t set_up(struct virtio_pci *v)
{
    uint8_t config_space[PCI_CONFIG_SIZE];
    pci_read_all(v->function, config_space);
    status_t status = virtio_pci_parse(span_of(config_space, sizeof(config_space)), &v->layout);
    if (status != OK) {
        return status;
    }
    pci_enable(v->function);
    status = map_all(v);
    if (status != OK) {
        return status;
    }
    // Whoever used it before: it is quiet before its interrupts are heard.
    set_status(&v->virtio, 0);
    // A driver may use its device while it probes it, so interrupts come before.
    status = attach_interrupt(v);
    if (status != OK) {
        return status;
    }
    status = virtio_attach(&v->virtio);
    if (status != OK) {
        detach_interrupt(v);
    }
    return status;
}

static status_t probe(struct pci_function *f)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct virtio_pci), &memory);
    if (status != OK) {
        return status;
    }
    struct virtio_pci *v = memory;
    v->function = f;
    v->virtio.transport = &transport;
    v->virtio.name = f->name;
    v->virtio.type = virtio_pci_type(&f->header);
    list_init(&v->virtio.queues);
    list_init(&v->vectors);
    status = set_up(v);
    if (status == OK) {
        return OK;
    }
    if (status == ERR_NOTSUP) {
        log_warn("virtio", "%s: a device of the legacy kind is not driven", f->name);
    }
    pci_disable(f);
    unmap_all(v);
    heap_free(v);
    return status == ERR_NODEV || status == ERR_NOTSUP ? OK : status;
}

static const struct pci_driver virtio_pci_driver = {
    .name = "virtio-pci",
    .vendor = VIRTIO_PCI_VENDOR,
    .first = VIRTIO_PCI_FIRST,
    .last = VIRTIO_PCI_LAST,
    .probe = probe,
};
PCI_DRIVER(virtio_pci_driver);
