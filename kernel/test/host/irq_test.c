// SPDX-License-Identifier: Apache-2.0
/* Interrupt delivery, with lines that a test can raise. */
#include "kernel/core/irq.h"

#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "kernel/test/host/machine.h"
#include "tests/harness/test.h"

enum { LINE = 40, OTHER_LINE = 41 };

static _Atomic unsigned handled;
static _Atomic unsigned wrong; // calls outside an interrupt

static void handle(void *context)
{
    atomic_fetch_add((_Atomic unsigned *)context, 1);
    atomic_fetch_add(&wrong, !irq_is_active() || arch_irq_is_enabled());
}

static void settle(void)
{
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
}

TEST(a_handler_runs_in_interrupt_context_and_is_counted)
{
    struct irq_handler h = {.handle = handle, .context = &handled, .name = "test"};
    atomic_store(&handled, 0);
    atomic_store(&wrong, 0);
    EXPECT_OK(irq_attach(&h, LINE, IRQ_EDGE));
    host_irq_raise(0, LINE);
    settle();
    irq_detach(&h);
    EXPECT_EQ(atomic_load(&handled), 1);
    EXPECT_EQ(atomic_load(&h.count), 1);
    EXPECT_EQ(atomic_load(&wrong), 0);
    EXPECT(!irq_is_active());
}

TEST(handlers_of_one_line_all_run)
{
    struct irq_handler a = {.handle = handle, .context = &handled, .name = "a"};
    struct irq_handler b = {.handle = handle, .context = &handled, .name = "b"};
    atomic_store(&handled, 0);
    EXPECT_OK(irq_attach(&a, LINE, IRQ_EDGE));
    EXPECT_OK(irq_attach(&b, LINE, IRQ_EDGE));
    host_irq_raise(0, LINE);
    settle();
    EXPECT_EQ(atomic_load(&handled), 2);
    irq_detach(&a);
    host_irq_raise(0, LINE);
    settle();
    irq_detach(&b);
    EXPECT_EQ(atomic_load(&handled), 3);
    EXPECT(irq_first_handler(LINE) == NULL);
}

TEST(a_line_that_does_not_exist_is_refused)
{
    struct irq_handler h = {.handle = handle, .context = &handled};
    EXPECT_STATUS(irq_attach(&h, HOST_LINES, IRQ_EDGE), ERR_INVAL);
}

TEST(an_interrupt_that_nobody_handles_is_survived)
{
    host_irq_raise(0, OTHER_LINE);
    settle();
}

static _Atomic bool is_over;

static void raise_until_over(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        cpu_for_each_online(c)
        {
            host_irq_raise(c->index, LINE);
        }
        test_work(TEST_WORK_CHUNK_NS / 50);
    }
}

struct frail {
    struct irq_handler handler;
    unsigned magic;
};

static void handle_slowly(void *context)
{
    struct frail *f = context;
    for (unsigned i = 0; i < 10; i++) {
        (void)time_now();
        atomic_fetch_add(&wrong, f->magic != 1234);
    }
}

TEST(a_handler_may_be_gone_as_soon_as_it_is_detached)
{
    atomic_store(&is_over, false);
    atomic_store(&wrong, 0);
    EXPECT(test_spawn("raiser", raise_until_over, NULL) != NULL);
    for (unsigned i = 0; i < 100; i++) {
        struct frail f = {.magic = 1234};
        f.handler = (struct irq_handler){.handle = handle_slowly, .context = &f, .name = "frail"};
        EXPECT_OK(irq_attach(&f.handler, LINE, IRQ_EDGE));
        thread_yield();
        irq_detach(&f.handler);
        memset(&f, 0xa5, sizeof(f));
    }
    atomic_store(&is_over, true);
    test_join_all();
    EXPECT_EQ(atomic_load(&wrong), 0);
}
