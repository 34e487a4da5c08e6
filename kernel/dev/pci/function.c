// SPDX-License-Identifier: Apache-2.0
/* What drivers do with a function. */
#include "kernel/dev/pci/pci_priv.h"
#include "kernel/mm/kmap.h"
#include "lib/base/bits.h"

// ---- Configuration space ----

uint32_t pci_read(const struct pci_function *f, unsigned offset)
{
    return f->bus->host->ops->read(f->bus->host, f->bus->number, f->devfn, offset);
}

void pci_write(const struct pci_function *f, unsigned offset, uint32_t value)
{
    f->bus->host->ops->write(f->bus->host, f->bus->number, f->devfn, offset, value);
}

void pci_read_all(const struct pci_function *f, uint8_t out[PCI_CONFIG_SIZE])
{
    for (unsigned at = 0; at < PCI_CONFIG_SIZE; at += sizeof(uint32_t)) {
        write_le32(out + at, pci_read(f, at));
    }
}

void pci_change_command(const struct pci_function *f, uint16_t set, uint16_t clear)
{
    uint16_t command = (uint16_t)pci_read(f, PCI_COMMAND);
    pci_write(f, PCI_COMMAND, (command | set) & (uint16_t)~clear);
}

void pci_enable(const struct pci_function *f)
{
    pci_change_command(f, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

void pci_disable(const struct pci_function *f)
{
    pci_change_command(f, PCI_COMMAND_NO_INTX, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

// ---- Memory ----

status_t pci_host_address(const struct pci_host *h, uint64_t address, uint64_t size, paddr_t *out)
{
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        const struct pci_host_window *w = &h->windows[i];
        uint64_t end = w->window.end;
        if (address >= w->start && address < end && size <= end - address) {
            *out = paddr_add(w->base, address - w->start);
            return OK;
        }
    }
    return ERR_INVAL;
}

status_t pci_map(const struct pci_function *f, unsigned bar, uint64_t offset, uint64_t size,
                 vaddr_t *out)
{
    paddr_t base;
    if (bar >= PCI_BARS || f->bars[bar].kind != PCI_BAR_MEMORY) {
        return ERR_NODEV;
    }
    if (offset > f->bars[bar].size || size > f->bars[bar].size - offset) {
        return ERR_INVAL;
    }
    status_t status = pci_host_address(f->bus->host, f->bars[bar].base + offset, size, &base);
    return status == OK ? kmap_device(base, size, out) : status;
}

// ---- Interrupts ----

status_t pci_intx_attach(const struct pci_function *f, struct irq_handler *h)
{
    irq_t irq;
    enum irq_trigger trigger;
    unsigned pin = f->header.pin;
    if (pin == 0) {
        return ERR_NOENT;
    }
    const struct pci_function *at = f;
    for (; at->bus->bridge != NULL; at = at->bus->bridge) {
        pin = pci_swizzle(pin, pci_slot(at->devfn));
    }
    struct pci_host *host = f->bus->host;
    status_t status = host->ops->irq(host, at->devfn, pin, &irq, &trigger);
    if (status == OK) {
        status = irq_attach(h, irq, trigger);
    }
    if (status == OK) {
        pci_change_command(f, 0, PCI_COMMAND_NO_INTX);
    }
    return status;
}

static vaddr_t entry_of(const struct pci_function *f, unsigned vector)
{
    return f->msix_table + (vaddr_t)vector * PCI_MSIX_ENTRY_SIZE;
}

status_t pci_msix_open(struct pci_function *f)
{
    uint8_t config[PCI_CONFIG_SIZE];
    if (f->bus->host->msi == NULL) {
        return ERR_NOTSUP;
    }
    pci_read_all(f, config);
    status_t status = pci_msix_parse(span_of(config, sizeof(config)), &f->msix);
    if (status == OK) {
        status = pci_map(f, f->msix.bar, f->msix.table,
                         (uint64_t)f->msix.vectors * PCI_MSIX_ENTRY_SIZE, &f->msix_table);
    }
    if (status != OK) {
        return status == ERR_NOENT ? ERR_NOTSUP : status;
    }
    uint32_t control = read_le32(config + f->msix.capability) & ~PCI_MSIX_MASK_ALL;
    pci_change_command(f, PCI_COMMAND_NO_INTX, 0);
    for (unsigned i = 0; i < f->msix.vectors; i++) {
        arch_mmio_write32(entry_of(f, i) + PCI_MSIX_CONTROL, PCI_MSIX_MASKED);
    }
    pci_write(f, f->msix.capability, control | PCI_MSIX_ENABLE);
    return OK;
}

status_t pci_msix_attach(struct pci_function *f, unsigned vector, struct irq_handler *h)
{
    struct msi_controller *msi = f->bus->host->msi;
    struct msi_message message;
    irq_t irq;
    if (vector >= f->msix.vectors) {
        return ERR_INVAL;
    }
    status_t status = msi->ops->alloc(msi, &irq, &message);
    if (status != OK) {
        return status;
    }
    status = irq_attach(h, irq, IRQ_EDGE);
    if (status != OK) {
        msi->ops->free(msi, irq);
        return status;
    }
    vaddr_t entry = entry_of(f, vector);
    arch_mmio_write32(entry + PCI_MSIX_ADDRESS, (uint32_t)message.address.raw);
    arch_mmio_write32(entry + PCI_MSIX_ADDRESS + 4, (uint32_t)(message.address.raw >> 32));
    arch_mmio_write32(entry + PCI_MSIX_DATA, message.data);
    arch_mmio_write32(entry + PCI_MSIX_CONTROL, 0);
    return OK;
}

void pci_msix_detach(struct pci_function *f, unsigned vector, struct irq_handler *h)
{
    struct msi_controller *msi = f->bus->host->msi;
    arch_mmio_write32(entry_of(f, vector) + PCI_MSIX_CONTROL, PCI_MSIX_MASKED);
    irq_detach(h);
    msi->ops->free(msi, h->irq);
}

void pci_msix_close(struct pci_function *f)
{
    pci_write(f, f->msix.capability, 0);
    kmap_unmap(f->msix_table);
    f->msix_table = 0;
}
