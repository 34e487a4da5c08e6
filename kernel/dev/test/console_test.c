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
    EXPECT_EQ(console_readable(c), RING);
    EXPECT((fake.conditions & CONSOLE_RECEIVE) == 0);
    while (total < 10000) {
        size_t n = 0;
        EXPECT_OK(console_read(c, got + total, 37, 0, WAIT_DEFAULT, &n));
        total += n;
        run_device(&fake);
    }
    EXPECT_EQ(total, 10000);
    EXPECT_MEM(got, pattern, 10000);
}

TEST(reading_an_empty_console_times_out)
{
    struct console *c = make_console();
    size_t n = 99;
    uint8_t byte;
    EXPECT_STATUS(console_read(c, &byte, 1, 0, WAIT_DEFAULT, &n), ERR_TIMEDOUT);
    EXPECT_EQ(n, 99);
}

TEST(reading_no_bytes_does_not_wait)
{
    struct console *c = make_console();
    size_t n = 99;
    EXPECT_OK(console_read(c, NULL, 0, NSEC_NEVER, WAIT_DEFAULT, &n));
    EXPECT_EQ(n, 0);
}

TEST(output_reaches_the_wire_in_order_at_any_position_in_the_ring)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    size_t total = 0;
    // Odd sizes, so that the ring's edge falls everywhere in the device's FIFO.
    for (size_t size = 1; size < 200; size++) {
        size_t n = 0;
        EXPECT_OK(console_write(c, pattern + total, size, WAIT_DEFAULT, &n));
        EXPECT_EQ(n, size);
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

TEST(writers_and_readers_sleep_until_the_device_has_moved_enough)
{
    struct console *c = make_console();
    fill_pattern(pattern, WIRE);
    fake.incoming = pattern;
    fake.incoming_left = 3000;
    timer_init(&clock, tick);
    timer_start(&clock, time_now());
    size_t written = 0;
    status_t write_status = console_write(c, pattern, 5ul * RING, WAIT_DEFAULT, &written);
    status_t drain_status = console_drain(c, WAIT_DEFAULT);
    size_t total = 0;
    status_t read_status = OK;
    nsec_t deadline = time_now() + 2 * NSEC_PER_SEC;
    while (total < 3000 && read_status == OK) {
        size_t n = 0;
        read_status = console_read(c, got + total, WIRE - total, deadline, WAIT_DEFAULT, &n);
        total += n;
    }
    bool is_in_time = time_now() < deadline; // nobody had to wait for the deadline
    (void)timer_cancel(&clock);
    EXPECT(is_in_time);
    EXPECT_OK(write_status);
    EXPECT_OK(drain_status);
    EXPECT_OK(read_status);
    EXPECT_EQ(written, 5ul * RING);
    run_device(&fake);
    EXPECT_MEM(fake.wire, pattern, 5ul * RING);
    EXPECT_MEM(got, pattern, 3000);
}

TEST(the_transmit_interrupt_is_off_when_there_is_nothing_to_send)
{
    struct console *c = make_console();
    size_t n;
    EXPECT_EQ(fake.conditions, CONSOLE_RECEIVE);
    EXPECT_OK(console_write(c, pattern, 100, WAIT_DEFAULT, &n));
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
    size_t n;
    EXPECT_OK(console_write(c, pattern, RING, WAIT_DEFAULT, &n));
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
