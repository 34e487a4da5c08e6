// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/device.h"

#include "kernel/core/log.h"
#include "kernel/dev/device_priv.h"
#include "kernel/mm/kmap.h"
#include "lib/base/string.h"

// The bounds of the section that DRIVER fills.
extern const struct driver *const __start_drivers[];
extern const struct driver *const __stop_drivers[];

// ---- Questions about a device ----

status_t device_reg(const struct device *d, unsigned index, paddr_t *base, uint64_t *size)
{
    return d->source->reg(d, index, base, size);
}

status_t device_irq(const struct device *d, unsigned index, irq_t *irq, enum irq_trigger *trigger)
{
    return d->source->irq(d, index, irq, trigger);
}

status_t device_range(const struct device *d, unsigned index, struct device_range *out)
{
    return d->source->range(d, index, out);
}

status_t device_child_irq(const struct device *d, const uint32_t child[DEVICE_CHILD_CELLS],
                          irq_t *irq, enum irq_trigger *trigger)
{
    return d->source->child_irq(d, child, irq, trigger);
}

status_t device_property(const struct device *d, const char *name, struct span *out)
{
    return d->source->property(d, name, out);
}

status_t device_property_u32(const struct device *d, const char *name, uint32_t *out)
{
    struct span value;
    status_t status = device_property(d, name, &value);
    if (status != OK) {
        return status;
    }
    if (value.size != sizeof(uint32_t)) {
        return ERR_INVAL;
    }
    *out = read_be32(value.data);
    return OK;
}

bool device_has_property(const struct device *d, const char *name)
{
    struct span value;
    return device_property(d, name, &value) == OK;
}

status_t device_find_name(const struct device *d, const char *list, const char *name,
                          unsigned *index)
{
    struct span names;
    status_t status = device_property(d, list, &names);
    if (status != OK) {
        return status;
    }
    size_t start = 0;
    for (unsigned i = 0; start < names.size; i++) {
        const char *entry = (const char *)names.data + start;
        size_t len = strnlen(entry, names.size - start);
        if (len == strlen(name) && memcmp(entry, name, len) == 0) {
            *index = i;
            return OK;
        }
        start += len + 1;
    }
    return ERR_NOENT;
}

bool device_is_compatible(const struct device *d, const char *compatible)
{
    unsigned index;
    return device_find_name(d, "compatible", compatible, &index) == OK;
}

status_t device_map(const struct device *d, unsigned index, uint64_t min_size, vaddr_t *va)
{
    paddr_t base;
    uint64_t size;
    status_t status = device_reg(d, index, &base, &size);
    if (status != OK) {
        return status;
    }
    return size < min_size ? ERR_INVAL : kmap_device(base, size, va);
}

void device_set_irq_translate(struct device *d, irq_translate_t translate)
{
    d->translate = translate;
}

// ---- Drivers ----

const struct driver *driver_find(const char *compatible)
{
    for (const struct driver *const *d = __start_drivers; d < __stop_drivers; d++) {
        for (const char *const *name = (*d)->compatible; *name != NULL; name++) {
            if (strcmp(*name, compatible) == 0) {
                return *d;
            }
        }
    }
    return NULL;
}

void device_plan_init(struct device_plan *plan)
{
    for (unsigned i = 0; i < DEVICE_STAGES; i++) {
        list_init(&plan->stages[i]);
    }
}

void device_plan_add(struct device_plan *plan, struct device_match *m, enum device_order order)
{
    struct list *stage = &plan->stages[m->driver->stage];
    if (order == DEVICE_FIRST) {
        list_add_head(stage, &m->link);
    } else {
        list_add_tail(stage, &m->link);
    }
}

static void probe(struct device_match *m)
{
    status_t status = m->driver->probe(&m->device);
    if (status == ERR_BUSY) {
        log_debug("device", "%s: %s drives another one", m->device.name, m->driver->name);
    } else if (status != OK) {
        log_error("device", "%s: %s failed with status %d", m->device.name, m->driver->name,
                  (int)status);
    }
}

void device_plan_run(struct device_plan *plan)
{
    for (unsigned i = 0; i < DEVICE_STAGES; i++) {
        list_for_each (node, &plan->stages[i]) {
            probe(container_of(node, struct device_match, link));
        }
    }
}
