// SPDX-License-Identifier: Apache-2.0
/* PL031 real-time clock (Arm DDI 0224C): read once, at boot. */
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/dev/device.h"

enum {
    RTC_DR = 0x00, // seconds since 1970 by the platform's convention
    WINDOW_SIZE = 0x1000,
};

static status_t probe(struct device *d)
{
    vaddr_t base;
    status_t status = device_map(d, 0, WINDOW_SIZE, &base);
    if (status != OK) {
        return status;
    }
    uint32_t seconds = arch_mmio_read32(base + RTC_DR);
    time_set_wall(seconds * NSEC_PER_SEC);
    log_debug("rtc", "%u seconds since 1970", seconds);
    return OK;
}

static const char *const compatible[] = {"arm,pl031", NULL};

static const struct driver pl031_driver = {
    .name = "pl031",
    .compatible = compatible,
    .stage = DEVICE_NORMAL,
    .probe = probe,
};
DRIVER(pl031_driver);
