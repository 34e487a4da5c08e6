// SPDX-License-Identifier: Apache-2.0
/* How a panic reaches the outside, at any time from the command line on. */
#include "kernel/core/panic.h"
#include "kernel/dev/console.h"
#include "kernel/dev/fdt_platform.h"
#include "kernel/dev/power.h"
#include "kernel/drv/pl011/pl011.h"
#include "kernel/drv/semihost/semihost.h"
#include "kernel/init/init.h"
#include "kernel/mm/kmap.h"

// Address of the firmware's console, if it is a UART that we know and at the top of the tree, where
// addresses need no translation and, on every platform so far, take two cells.
static bool find_firmware_uart(uint64_t *base)
{
    struct fdt fdt;
    struct fdt_node node;
    struct span compatible;
    struct span reg;
    return fdt_open(init_record()->fdt, &fdt) == OK && fdt_platform_stdout(&fdt, &node) == OK &&
           node.depth == 1 && fdt_property(&fdt, &node, "compatible", &compatible) == OK &&
           fdt_list_has(compatible, PL011_COMPATIBLE, NULL) &&
           fdt_property(&fdt, &node, "reg", &reg) == OK && fdt_cells(reg, 0, 2, base) == OK;
}

static vaddr_t map_firmware_uart(void)
{
    uint64_t base;
    vaddr_t va;
    return find_firmware_uart(&base) && kmap_device(paddr(base), PAGE_SIZE, &va) == OK ? va : 0;
}

// Looked for only when there is something to say, so that no boot pays for it; and once, because
// looking may be what panics.
static void write_to_firmware_uart(const char *text, size_t len)
{
    static bool has_looked;
    static vaddr_t uart;
    if (!has_looked) {
        has_looked = true;
        uart = map_firmware_uart();
    }
    if (uart != 0) {
        pl011_write_early(uart, text, len);
    }
}

// Before the console has its UART there is the firmware's, once memory can be mapped, and the guest
// channel.
static void write(const char *text, size_t len)
{
    if (console_has_device(console_system())) {
        console_panic_write(text, len);
        return;
    }
    (void)semihost_write(SEMIHOST_ERR, text, len);
    write_to_firmware_uart(text, len);
}

void init_outputs(void)
{
    static const struct panic_ops ops = {
        .write = write,
        .reset = power_reset,
        .exit = power_exit,
    };
    semihost_init();
    panic_set_ops(&ops);
}
