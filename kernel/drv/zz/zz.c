#include "kernel/core/bootarg.h"
#include "kernel/core/log.h"
#include "kernel/dev/console.h"
#include "kernel/dev/device.h"
static status_t probe(struct device *d)
{
    (void)d;
    static uint8_t buf[4096];
    size_t n;
    if (!bootarg_has("echo"))
        return OK;
    log_info("echo", "ready");
    for (;;) {
        if (console_read(console_system(), buf, sizeof buf, NSEC_NEVER, 0, &n) != OK)
            return ERR_IO;
        size_t w;
        if (console_write(console_system(), buf, n, 0, &w) != OK)
            return ERR_IO;
    }
}
static const char *const c[] = {"gpio-keys", NULL};
static const struct driver zz = {
    .name = "zz", .compatible = c, .stage = DEVICE_NORMAL, .probe = probe};
DRIVER(zz);
