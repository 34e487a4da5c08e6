// SPDX-License-Identifier: Apache-2.0
/* PSCI 0.2 and later (Arm DEN 0022): CPUs on, system off and reset, through HVC or SMC. */
#include "kernel/arch/arch.h"
#include "kernel/core/log.h"
#include "kernel/dev/device.h"
#include "kernel/dev/power.h"
#include "lib/base/string.h"

// Function identifiers (5.1): 64-bit forms where the arguments need them.
static constexpr uint64_t PSCI_VERSION = 0x84000000;
static constexpr uint64_t PSCI_CPU_ON = 0xc4000003;
static constexpr uint64_t PSCI_SYSTEM_OFF = 0x84000008;
static constexpr uint64_t PSCI_SYSTEM_RESET = 0x84000009;

// Return codes (5.2.2).
enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INTERNAL_FAILURE = -6,
    PSCI_NOT_PRESENT = -7,
    PSCI_DISABLED = -8,
    PSCI_INVALID_ADDRESS = -9,
};

static bool use_smc; // [I]

static int64_t call(uint64_t fn, uint64_t a, uint64_t b, uint64_t c)
{
    return (int32_t)arch_firmware_call(use_smc, fn, a, b, c);
}

static status_t to_status(int64_t code)
{
    switch (code) {
    case PSCI_SUCCESS: return OK;
    case PSCI_NOT_SUPPORTED: return ERR_NOTSUP;
    case PSCI_INVALID_PARAMETERS:
    case PSCI_INVALID_ADDRESS: return ERR_INVAL;
    case PSCI_DENIED:
    case PSCI_DISABLED: return ERR_PERM;
    case PSCI_ALREADY_ON: return ERR_EXIST;
    case PSCI_ON_PENDING: return ERR_BUSY;
    case PSCI_NOT_PRESENT: return ERR_NODEV;
    case PSCI_INTERNAL_FAILURE:
    default: return ERR_IO;
    }
}

static status_t cpu_on(uint64_t hwid, paddr_t entry, uint64_t argument)
{
    return to_status(call(PSCI_CPU_ON, hwid, entry.raw, argument));
}

static void system_off(void)
{
    (void)call(PSCI_SYSTEM_OFF, 0, 0, 0);
}

static void system_reset(void)
{
    (void)call(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static const struct power_ops ops = {
    .off = system_off,
    .reset = system_reset,
    .cpu = {.start = cpu_on},
};

static bool property_is(struct span value, const char *text)
{
    return value.size == strlen(text) + 1 && memcmp(value.data, text, value.size) == 0;
}

static status_t probe(struct device *d)
{
    struct span method;
    status_t status = device_property(d, "method", &method);
    if (status != OK) {
        return status;
    }
    if (!property_is(method, "hvc") && !property_is(method, "smc")) {
        return ERR_INVAL;
    }
    use_smc = property_is(method, "smc");
    int64_t version = call(PSCI_VERSION, 0, 0, 0);
    if (version < 0) {
        return to_status(version);
    }
    power_set_ops(&ops);
    log_debug("psci", "version %u.%u", (unsigned)version >> 16, (unsigned)version & 0xffff);
    return OK;
}

static const char *const compatible[] = {"arm,psci-1.0", "arm,psci-0.2", NULL};

static const struct driver psci_driver = {
    .name = "psci",
    .compatible = compatible,
    .stage = DEVICE_FIRMWARE,
    .probe = probe,
};
DRIVER(psci_driver);
