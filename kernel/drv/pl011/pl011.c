// SPDX-License-Identifier: Apache-2.0
/*
 * PL011 UART (Arm DDI 0183G) as the console.  Line speed and format are left as the firmware set
 * them up; FIFOs are on, the receive interrupt comes at half a FIFO or when the line falls idle.
 */
#include "kernel/drv/pl011/pl011.h"

#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/dev/console.h"
#include "kernel/dev/device.h"

// Registers (DDI 0183G 3.2).
enum {
    DR = 0x00,
    FR = 0x18,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    ICR = 0x44,
    PERIPH_ID2 = 0xfe8,
    WINDOW_SIZE = 0x1000,
};

enum {
    DR_FRAMING_ERROR = 1u << 8,
    DR_PARITY_ERROR = 1u << 9,
    DR_BREAK = 1u << 10,
    DR_OVERRUN = 1u << 11,

    FR_BUSY = 1u << 3,
    FR_RECEIVE_EMPTY = 1u << 4,
    FR_TRANSMIT_FULL = 1u << 5,
    FR_TRANSMIT_EMPTY = 1u << 7,

    LCR_H_FIFO = 1u << 4,
    LCR_H_8_BITS = 3u << 5,

    CR_ENABLE = 1u << 0,
    CR_TRANSMIT = 1u << 8,
    CR_RECEIVE = 1u << 9,
    CR_MODEM_AND_FLOW = 0xfc00, // DTR, RTS, outputs, RTS and CTS flow control

    IFLS_HALF_FULL = 2u << 3 | 2u, // receive at 1/2 full, transmit at 1/2 empty

    INT_RECEIVE = 1u << 4,
    INT_TRANSMIT = 1u << 5,
    INT_RECEIVE_TIMEOUT = 1u << 6,
    INT_ALL = 0x7ff,
};

static constexpr uint32_t NO_DATA = UINT32_MAX;

enum {
    FIFO_DEPTH = 16,       // up to revision r1p4; 32 from r1p5 on
    POLL_LIMIT = 1u << 20, // looks at a stuck transmitter before a byte is given up
};

struct line_errors {
    uint64_t overruns; // times that the device dropped input
    uint64_t damaged;  // bytes with a framing or parity error
    uint64_t breaks;
};

struct pl011 {
    vaddr_t base;              // [I]
    unsigned fifo_depth;       // [I]
    uint32_t interrupts;       // [console lock] what IMSC holds
    uint32_t early_data;       // [console lock] received before the FIFO was on, or NO_DATA
    struct line_errors errors; // [c] written by receive, so by the interrupt handler only
    struct irq_handler handler;
};
static struct pl011 system_uart;

static uint32_t read(const struct pl011 *u, unsigned reg)
{
    return arch_mmio_read32(u->base + reg);
}

static void write(const struct pl011 *u, unsigned reg, uint32_t value)
{
    arch_mmio_write32(u->base + reg, value);
}

// The next word of the receiver, with its error bits; false: there is none.
static bool read_data(struct pl011 *u, uint32_t *data)
{
    if (u->early_data != NO_DATA) {
        *data = u->early_data;
        u->early_data = NO_DATA;
        return true;
    }
    if ((read(u, FR) & FR_RECEIVE_EMPTY) != 0) {
        return false;
    }
    *data = read(u, DR);
    return true;
}

static void count_errors(struct line_errors *e, uint32_t data)
{
    e->overruns += (data & DR_OVERRUN) != 0;
    e->breaks += (data & DR_BREAK) != 0;
    // A break looks like a byte without its stop bit, too.
    e->damaged += (data & DR_BREAK) == 0 && (data & (DR_FRAMING_ERROR | DR_PARITY_ERROR)) != 0;
}

// A bad line has many errors: the log hears of the first, the second, the fourth and so on.
static void report_errors(const char *what, uint64_t before, uint64_t now)
{
    if (UNLIKELY(now != before) && (before == 0 || log2_floor(now) != log2_floor(before))) {
        log_warn("pl011", "%s: %llu so far", what, (unsigned long long)now);
    }
}

static size_t receive(void *uart, uint8_t *bytes, size_t max)
{
    struct pl011 *u = uart;
    size_t n = 0;
    uint32_t data;
    while (n < max && read_data(u, &data)) {
        if (data > UINT8_MAX) {
            count_errors(&u->errors, data);
        }
        // A break comes with a byte of zeros that nobody sent.
        if ((data & DR_BREAK) == 0) {
            bytes[n++] = (uint8_t)data;
        }
    }
    return n;
}

// An empty FIFO takes its depth without another look; else byte by byte.
static size_t transmit(void *uart, const uint8_t *bytes, size_t len)
{
    struct pl011 *u = uart;
    size_t n = 0;
    uint32_t flags = read(u, FR);
    if ((flags & FR_TRANSMIT_EMPTY) != 0) {
        while (n < len && n < u->fifo_depth) {
            write(u, DR, bytes[n++]);
        }
        return n;
    }
    while (n < len && (flags & FR_TRANSMIT_FULL) == 0) {
        write(u, DR, bytes[n++]);
        flags = read(u, FR);
    }
    return n;
}

static void set_interrupts(void *uart, unsigned conditions)
{
    struct pl011 *u = uart;
    uint32_t mask = 0;
    if ((conditions & CONSOLE_RECEIVE) != 0) {
        mask |= INT_RECEIVE | INT_RECEIVE_TIMEOUT;
    }
    if ((conditions & CONSOLE_TRANSMIT) != 0) {
        mask |= INT_TRANSMIT;
    }
    if (mask != u->interrupts) {
        u->interrupts = mask;
        write(u, IMSC, mask);
    }
}

static void put_polled(const struct pl011 *u, uint8_t byte)
{
    unsigned looks = 0;
    while ((read(u, FR) & FR_TRANSMIT_FULL) != 0 && looks < POLL_LIMIT) {
        looks++;
    }
    write(u, DR, byte);
}

static void write_polled(void *uart, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put_polled(uart, bytes[i]);
    }
}

void pl011_write_early(vaddr_t base, const char *text, size_t len)
{
    const struct pl011 u = {.base = base};
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            put_polled(&u, '\r');
        }
        put_polled(&u, (uint8_t)text[i]);
    }
}

static const struct console_device console_device = {
    .receive = receive,
    .transmit = transmit,
    .set_interrupts = set_interrupts,
    .write_polled = write_polled,
};

/*
 * Conditions are cleared before the FIFOs are looked at, so one that arises meanwhile interrupts
 * again.  The receive conditions must not be cleared: the level one comes back only when the FIFO
 * crosses its level anew, which it cannot while it is left full (reading it empty clears both).
 */
static void handle(void *context)
{
    struct pl011 *u = context;
    write(u, ICR, INT_ALL & ~(uint32_t)(INT_RECEIVE | INT_RECEIVE_TIMEOUT));
    struct line_errors before = u->errors;
    console_interrupt(console_system());
    report_errors("input overruns", before.overruns, u->errors.overruns);
    report_errors("damaged bytes", before.damaged, u->errors.damaged);
    report_errors("breaks", before.breaks, u->errors.breaks);
}

/*
 * Line control changes only while the UART is off (3.3.8), and the UART goes off only when it has
 * sent what the firmware left in it.
 *
 * A byte that was typed before now sits in the one-byte FIFO, which is the first place of the large
 * one.  It is taken after the switch: taking it before would let the next byte in, to be lost in the
 * switch, and the emulator's next byte is always at the door.
 */
static void enable_fifo(struct pl011 *u, uint32_t control)
{
    for (unsigned looks = 0; (read(u, FR) & FR_BUSY) != 0 && looks < POLL_LIMIT; looks++) {
    }
    write(u, CR, control);
    // All zeros, five bits a byte, is what nobody has set up.
    uint32_t format = read(u, LCR_H);
    format = LCR_H_FIFO | (format != 0 ? format : LCR_H_8_BITS);
    bool has_byte = (read(u, FR) & FR_RECEIVE_EMPTY) == 0;
    write(u, LCR_H, format);
    u->early_data = has_byte ? read(u, DR) : NO_DATA;
}

static void init_device(struct pl011 *u)
{
    uint32_t control = read(u, CR) & CR_MODEM_AND_FLOW;
    u->early_data = NO_DATA;
    write(u, IMSC, 0);
    if ((read(u, LCR_H) & LCR_H_FIFO) == 0) {
        enable_fifo(u, control);
    }
    write(u, IFLS, IFLS_HALF_FULL);
    write(u, ICR, INT_ALL & ~(uint32_t)(INT_RECEIVE | INT_RECEIVE_TIMEOUT));
    write(u, CR, control | CR_ENABLE | CR_TRANSMIT | CR_RECEIVE);
    unsigned revision = read(u, PERIPH_ID2) >> 4 & 0xf;
    u->fifo_depth = revision >= 3 ? 2 * FIFO_DEPTH : FIFO_DEPTH;
}

static status_t probe(struct device *d)
{
    struct pl011 *u = &system_uart;
    if (u->base != 0) {
        return ERR_BUSY; // the first is the console
    }
    irq_t irq;
    enum irq_trigger trigger;
    status_t status = device_irq(d, 0, &irq, &trigger);
    if (status != OK) {
        return status;
    }
    status = device_map(d, 0, WINDOW_SIZE, &u->base);
    if (status != OK) {
        return status;
    }
    init_device(u);
    status = console_attach(&console_device, u);
    if (status != OK) {
        return status;
    }
    u->handler = (struct irq_handler){.handle = handle, .context = u, .name = "pl011"};
    return irq_attach(&u->handler, irq, trigger);
}

const char PL011_COMPATIBLE[] = "arm,pl011";
static const char *const compatible[] = {PL011_COMPATIBLE, NULL};

static const struct driver pl011_driver = {
    .name = "pl011",
    .compatible = compatible,
    .stage = DEVICE_CONSOLE,
    .probe = probe,
};
DRIVER(pl011_driver);
