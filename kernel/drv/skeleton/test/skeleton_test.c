// SPDX-License-Identifier: Apache-2.0
#include "kernel/drv/skeleton/skeleton.h"

#include "kernel/core/time.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

// The device: registers in memory, and a timer that answers after a while.
struct fake_device {
    uint32_t request;
    uint32_t answer;
    uint32_t status;
    uint32_t reserved;
    struct timer timer;
    struct skeleton skeleton;
};
static struct fake_device fake;

// Whether there is a request; else the device looks again a little later.
static bool is_asked(struct fake_device *f)
{
    if (f->skeleton.state != SKELETON_BUSY) {
        timer_start(&f->timer, time_now() + NSEC_PER_MSEC);
        return false;
    }
    return true;
}

static void answer(struct timer *timer)
{
    struct fake_device *f = container_of(timer, struct fake_device, timer);
    if (!is_asked(f)) {
        return;
    }
    f->answer = f->request * f->request;
    f->status = 1;
    skeleton_interrupt(&f->skeleton);
}

static void fail(struct timer *timer)
{
    struct fake_device *f = container_of(timer, struct fake_device, timer);
    if (!is_asked(f)) {
        return;
    }
    f->status = 2;
    skeleton_interrupt(&f->skeleton);
}

static struct skeleton *make_device(void (*behaviour)(struct timer *timer))
{
    memset(&fake, 0, sizeof(fake));
    skeleton_init(&fake.skeleton, (vaddr_t)&fake.request);
    timer_init(&fake.timer, behaviour);
    return &fake.skeleton;
}

TEST(a_number_comes_back_as_its_square)
{
    struct skeleton *s = make_device(answer);
    uint32_t square = 0;
    timer_start(&fake.timer, time_now() + NSEC_PER_MSEC);
    EXPECT_OK(skeleton_square(s, 12, time_now() + NSEC_PER_SEC, &square));
    EXPECT_EQ(square, 144);
    timer_start(&fake.timer, time_now() + NSEC_PER_MSEC);
    EXPECT_OK(skeleton_square(s, 7, time_now() + NSEC_PER_SEC, &square));
    EXPECT_EQ(square, 49);
}

TEST(a_device_that_reports_an_error_stays_broken)
{
    struct skeleton *s = make_device(fail);
    uint32_t square = 99;
    timer_start(&fake.timer, time_now() + NSEC_PER_MSEC);
    EXPECT_STATUS(skeleton_square(s, 3, time_now() + NSEC_PER_SEC, &square), ERR_IO);
    EXPECT_STATUS(skeleton_square(s, 4, time_now() + NSEC_PER_SEC, &square), ERR_IO);
    EXPECT_EQ(square, 99);
}

TEST(a_device_that_does_not_answer_times_out)
{
    struct skeleton *s = make_device(answer);
    uint32_t square = 99;
    EXPECT_STATUS(skeleton_square(s, 3, time_now(), &square), ERR_TIMEDOUT);
    EXPECT_STATUS(skeleton_square(s, 4, time_now(), &square), ERR_IO); // it may still be at it
    EXPECT_EQ(square, 99);
}
