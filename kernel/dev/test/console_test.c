// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/console.h"

#include "kernel/core/time.h"
#include "tests/harness/test.h"

/*
 * A UART with FIFOs of 16 bytes and a wire on each side.  Like real ones it raises its transmit
 * interrupt only when the FIFO runs from above half to half, and the receive interrupt while there
 * is input; either reaches the console only if enabled.
 */
static constexpr size_t FIFO = 16;
static constexpr size_t WIRE = 65536;
static constexpr uint32_t RING = 1024;

struct fake_uart {
    struct console console;
    unsigned conditions;
    uint8_t tx_fifo[FIFO];
    size_t tx_used;
    bool tx_raised;
    const uint8_t *incoming; // what the other end sends; it waits while the FIFO is full
    size_t incoming_left;
    uint8_t rx_fifo[FIFO];
    size_t rx_used;
    uint8_t wire[WIRE];
    size_t sent;
};

static struct fake_uart fake;
static uint8_t rx_storage[RING];
static uint8_t tx_storage[RING];

// The other end fills our FIFO as long as it has room.
static void arrive(struct fake_uart *u)
{
    while (u->rx_used < FIFO && u->incoming_left > 0) {
        u->rx_fifo[u->rx_used++] = *u->incoming++;
        u->incoming_left--;
    }
}

static size_t fake_receive(void *uart, uint8_t *bytes, size_t max)
{
    struct fake_uart *u = uart;
    size_t n = u64_min(max, u->rx_used);
    memcpy(bytes, u->rx_fifo, n);
    memmove(u->rx_fifo, u->rx_fifo + n, u->rx_used - n);
    u->rx_used -= n;
    return n;
}

static size_t fake_transmit(void *uart, const uint8_t *bytes, size_t len)
{
    struct fake_uart *u = uart;
    size_t n = u64_min(len, FIFO - u->tx_used);
    memcpy(u->tx_fifo + u->tx_used, bytes, n);
    u->tx_used += n;
    return n;
}

static void fake_set_interrupts(void *uart, unsigned conditions)
{
    ((struct fake_uart *)uart)->conditions = conditions;
}

static void fake_write_polled(void *uart, const uint8_t *bytes, size_t len)
{
    struct fake_uart *u = uart;
    memcpy(u->wire + u->sent, bytes, len);
    u->sent += len;
}

static const struct console_device fake_device = {
    .receive = fake_receive,
    .transmit = fake_transmit,
    .set_interrupts = fake_set_interrupts,
    .write_polled = fake_write_polled,
};

static struct console *make_console(void)
{
    static const struct console_storage storage = {
        .receive = rx_storage,
        .receive_size = RING,
        .transmit = tx_storage,
        .transmit_size = RING,
    };
    memset(&fake, 0, sizeof(fake));
    console_init(&fake.console, &fake_device, &fake, &storage);
    return &fake.console;
}

// The line sends one FIFO's worth; the interrupt is raised on the way through the half.
static void send_fifo(struct fake_uart *u)
{
    u->tx_raised = u->tx_used > FIFO / 2;
    memcpy(u->wire + u->sent, u->tx_fifo, u->tx_used);
    u->sent += u->tx_used;
    u->tx_used = 0;
}

// Gives false when neither side moved.
static bool run_device_once(struct fake_uart *u)
{
    arrive(u);
    size_t before = u->rx_used;
    bool interrupt = (u->conditions & CONSOLE_RECEIVE) != 0 && u->rx_used > 0;
    bool has_sent = u->tx_used > 0;
    send_fifo(u);
    interrupt |= (u->conditions & CONSOLE_TRANSMIT) != 0 && u->tx_raised;
    if (interrupt) {
        console_interrupt(&u->console);
    }
    return has_sent || u->rx_used != before;
}

// Lets time pass.
static void run_device(struct fake_uart *u)
{
    while (run_device_once(u)) {
    }
}

static void fill_pattern(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
}

static uint8_t pattern[WIRE];
static uint8_t got[WIRE];

TEST(input_that_outruns_its_reader_waits_in_the_device_and_is_not_lost)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    fake.incoming = pattern;
    fake.incoming_left = 10000;
    size_t total = 0;
    run_device(&fake);
    EXPECT_EQ(fake.incoming_left, 10000 - RING - FIFO);
    EXPECT((fake.conditions & CONSOLE_RECEIVE) == 0);
    for (size_t n = 1; n > 0; total += n) {
        n = console_try_read(c, got + total, 37);
        run_device(&fake);
    }
    EXPECT_EQ(total, 10000);
    EXPECT_MEM(got, pattern, 10000);
}

TEST(an_empty_console_has_nothing_to_read)
{
    struct console *c = make_console();
    uint8_t byte;
    EXPECT_EQ(console_try_read(c, &byte, 1), 0);
    EXPECT_EQ(console_try_read(c, NULL, 0), 0);
}

TEST(output_reaches_the_wire_in_order_at_any_position_in_the_ring)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    size_t total = 0;
    // Odd sizes, so that the ring's edge falls everywhere in the device's FIFO.
    for (size_t size = 1; size < 200; size++) {
        EXPECT_EQ(console_try_write(c, pattern + total, size), size);
        total += size;
        run_device(&fake);
        EXPECT_EQ(fake.sent, total);
    }
    EXPECT_MEM(fake.wire, pattern, total);
}

// A device that moves a FIFO's worth every now and then, by itself.
static void tick(struct timer *timer)
{
    run_device_once(&fake);
    timer_start(timer, time_now() + NSEC_PER_MSEC / 10);
}

static struct timer clock;

TEST(who_drains_sleeps_until_the_device_has_taken_all)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    EXPECT_EQ(console_try_write(c, pattern, WIRE), RING);
    timer_init(&clock, tick);
    timer_start(&clock, time_now());
    status_t status = console_drain(c, WAIT_DEFAULT);
    size_t room = console_writable(c);
    (void)timer_cancel(&clock);
    EXPECT_OK(status);
    EXPECT_EQ(room, RING);
    run_device(&fake);
    EXPECT_EQ(fake.sent, RING);
    EXPECT_MEM(fake.wire, pattern, RING);
}

static struct {
    size_t written;
    size_t read;
} user;

// Moves what there is and what there is room for, as a terminal does.
static void move(struct console *c, bool has_input, bool has_room)
{
    if (has_input) {
        user.read += console_try_read(c, got + user.read, WIRE - user.read);
    }
    if (has_room) {
        user.written += console_try_write(c, pattern + user.written, 5ul * RING - user.written);
    }
}

TEST(a_user_is_told_of_input_and_of_room)
{
    static const struct console_user mover = {.changed = move};
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    fake.incoming = pattern;
    fake.incoming_left = 3000;
    user.written = 0;
    user.read = 0;
    console_set_user(c, &mover);
    move(c, true, true);
    run_device(&fake);
    EXPECT_EQ(user.written, 5ul * RING);
    EXPECT_EQ(fake.sent, 5ul * RING);
    EXPECT_MEM(fake.wire, pattern, 5ul * RING);
    EXPECT_EQ(user.read, 3000);
    EXPECT_MEM(got, pattern, 3000);
}

TEST(the_transmit_interrupt_is_off_when_there_is_nothing_to_send)
{
    struct console *c = make_console();
    EXPECT_EQ(fake.conditions, CONSOLE_RECEIVE);
    EXPECT_EQ(console_try_write(c, pattern, 100), 100);
    EXPECT_EQ(fake.conditions, CONSOLE_RECEIVE | CONSOLE_TRANSMIT);
    run_device(&fake);
    EXPECT_EQ(fake.conditions, CONSOLE_RECEIVE);
    EXPECT_OK(console_drain(c, WAIT_DEFAULT));
}

TEST(a_log_line_goes_out_with_carriage_return_and_line_feed)
{
    struct console *c = make_console();
    EXPECT(c->sink.write(&c->sink, "[    0.000000] mm: hello\n", 25));
    run_device(&fake);
    EXPECT_EQ(fake.sent, 26);
    EXPECT_MEM(fake.wire, "[    0.000000] mm: hello\r\n", 26);
}

TEST(a_log_line_that_does_not_fit_is_refused_whole)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    EXPECT_EQ(console_try_write(c, pattern, RING), RING);
    while (c->sink.write(&c->sink, "line\n", 5)) {
    }
    size_t queued = RING - console_writable(c);
    EXPECT(!c->sink.write(&c->sink, "a longer line that fits even less\n", 34));
    EXPECT_EQ(RING - console_writable(c), queued);
    run_device(&fake);
    EXPECT_EQ(console_writable(c), RING);
    EXPECT_MEM(fake.wire, pattern, RING);
    EXPECT(c->sink.write(&c->sink, "line\n", 5));
}
