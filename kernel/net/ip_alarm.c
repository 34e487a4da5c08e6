// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/ip_alarm.h"

#include "lib/base/bits.h"

static void expired(struct timer *t)
{
    (void)work_queue(&container_of(t, struct ip_alarm, timer)->work);
}

static void run(struct work *w)
{
    container_of(w, struct ip_alarm, work)->ring();
}

void ip_alarm_init(struct ip_alarm *a, void (*ring)(void))
{
    timer_init(&a->timer, expired);
    work_init(&a->work, run);
    a->deadline = NSEC_NEVER;
    a->ring = ring;
}

void ip_alarm_set(struct ip_alarm *a, nsec_t deadline)
{
    if (deadline < a->deadline) {
        a->deadline = deadline;
        timer_start(&a->timer, deadline);
    }
}
