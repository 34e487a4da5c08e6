// SPDX-License-Identifier: Apache-2.0
/* Which addresses functions and bridges have. */
#include "kernel/core/log.h"
#include "kernel/dev/pci/pci_priv.h"

// ---- Registers ----

static unsigned bar_register(unsigned index)
{
    return PCI_BAR + index * (unsigned)sizeof(uint32_t);
}

static uint64_t read_bar(const struct pci_function *f, unsigned index, unsigned words)
{
    uint64_t value = pci_read(f, bar_register(index));
    return words == 2 ? value | (uint64_t)pci_read(f, bar_register(index + 1)) << 32 : value;
}

static void write_bar(const struct pci_function *f, unsigned index, unsigned words, uint64_t value)
{
    pci_write(f, bar_register(index), (uint32_t)value);
    if (words == 2) {
        pci_write(f, bar_register(index + 1), (uint32_t)(value >> 32));
    }
}

// The number of words that register `index` has of the `left` that there are; a lower half at the
// end has no upper one.
static unsigned bar_words(const struct pci_function *f, unsigned index, unsigned left)
{
    return pci_bar_is_64bit(pci_read(f, bar_register(index))) && left > 1 ? 2 : 1;
}

static struct pci_bar size_bar(const struct pci_function *f, unsigned index, unsigned words)
{
    uint64_t value = read_bar(f, index, words);
    write_bar(f, index, words, UINT64_MAX);
    uint64_t ones = read_bar(f, index, words);
    write_bar(f, index, words, value);
    return pci_bar_decode(value, ones);
}

// ---- Places ----

static bool take(struct pci_function *f, struct pci_bar *bar)
{
    struct pci_host_window *w = f->bus->host->windows;
    if (pci_window_take(&w[PCI_BELOW_4G].window, bar->size, &bar->base)) {
        return true;
    }
    return bar->is_64bit && f->bus->bridge == NULL &&
           pci_window_take(&w[PCI_ABOVE_4G].window, bar->size, &bar->base);
}

static bool is_placed(const struct pci_function *f, const struct pci_bar *bar)
{
    paddr_t unused;
    return bar->base != 0 && pci_host_address(f->bus->host, bar->base, bar->size, &unused) == OK;
}

static void place(struct pci_function *f, unsigned index, unsigned words)
{
    struct pci_bar *bar = &f->bars[index];
    if (bar->kind == PCI_BAR_MEMORY && !f->bus->host->is_configured && take(f, bar)) {
        write_bar(f, index, words, bar->base);
    }
    if (bar->kind == PCI_BAR_MEMORY && !is_placed(f, bar)) {
        log_warn("pci", "%s: there is no place for the %llu KiB of register %u", f->name,
                 (unsigned long long)bar->size >> 10, index);
        bar->kind = PCI_BAR_NONE;
    }
}

void pci_place(struct pci_function *f)
{
    unsigned count = f->header.is_bridge ? PCI_BRIDGE_BARS : PCI_BARS;
    uint16_t command = (uint16_t)pci_read(f, PCI_COMMAND);
    unsigned words;
    // It answers nowhere while its registers have no addresses in them.
    pci_change_command(f, 0, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    for (unsigned i = 0; i < count; i += words) {
        words = bar_words(f, i, count - i);
        f->bars[i] = size_bar(f, i, words);
        place(f, i, words);
    }
    if (f->bus->host->is_configured) {
        pci_change_command(f, command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY), 0);
    }
}

// ---- Windows of bridges ----

void pci_open_window(struct pci_bus *b)
{
    struct pci_window *w = &b->host->windows[PCI_BELOW_4G].window;
    // A window ends at such a multiple, so there is room.
    (void)pci_window_align(w, PCI_BRIDGE_ALIGN);
    b->memory = w->next;
}

// Memory that may be prefetched may also lie in the other kind of memory; a window for it would be a
// second one to fill.
void pci_close_window(const struct pci_bus *b)
{
    enum { NO_IO = 0x00f0, NO_PREFETCHABLE = 0xfff0 };
    struct pci_window *w = &b->host->windows[PCI_BELOW_4G].window;
    (void)pci_window_align(w, PCI_BRIDGE_ALIGN);
    pci_write(b->bridge, PCI_BRIDGE_IO, NO_IO);
    pci_write(b->bridge, PCI_BRIDGE_PREFETCHABLE, NO_PREFETCHABLE);
    pci_write(b->bridge, PCI_BRIDGE_MEMORY, pci_bridge_memory(b->memory, w->next));
}
