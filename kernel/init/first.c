// SPDX-License-Identifier: Apache-2.0
/*
 * The first process.  `run=` (Base64 of a command) starts that command and ends the
 * machine with its exit status; `autorun=` is for images with in-kernel tests; else `init=` or
 * /bin/swos-init runs.
 */
#include "abi/signal.h"
#include "kernel/core/bootarg.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/dev/chardev.h"
#include "kernel/dev/memdev.h"
#include "kernel/dev/power.h"
#include "kernel/drv/semihost/semihost.h"
#include "kernel/init/autorun.h"
#include "kernel/init/init.h"
#include "kernel/proc/job.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/base64/base64.h"
#include "lib/cmdline/cmdline.h"

// Exit statuses as shells give them.
enum { CANNOT_RUN_STATUS = 126, NOT_FOUND_STATUS = 127, SIGNAL_STATUS = 128 };
// Whom the first process acts for, until somebody logs in.
enum { SYSTEM_PRINCIPAL = 0, SYSTEM_GROUP = 0 };
enum { COMMAND_MAX = 2048, COMMAND_PATH_MAX = 256 };

void init_programs(void)
{
    struct cred *system;
    if (cred_create(SYSTEM_PRINCIPAL, SYSTEM_GROUP, 0, SWOS_CAP_ALL, &system) != OK) {
        panic("no memory for an identity");
    }
    process_init(init_fs_context(), system);
    job_init();
}

static NORETURN void end_machine(int exit_status)
{
    power_exit(exit_status);
    power_off();
    log_error("boot", "this machine cannot be switched off");
    arch_cpu_halt();
}

static int exit_status_of(int wait_status)
{
    int signal = wait_status & 0x7f;
    return signal != 0 ? SIGNAL_STATUS + signal : wait_status >> 8 & 0xff;
}

// Standard input, output and error: the host's streams when a command runs for it, else the console.
static status_t open_console(uint32_t flags, struct file **out)
{
    static const char name[] = "console";
    struct chardev *console;
    status_t status = chardev_get(CHARDEV_ROOT, span_of(name, sizeof(name) - 1), &console);
    if (status != OK) {
        return status;
    }
    status = chardev_open(console, flags, out);
    chardev_unref(console);
    return status;
}

static status_t open_streams(struct file *out[3])
{
    status_t status = OK;
    if (semihost_is_active()) {
        status = memdev_open_null(FILE_READ, &out[0]);
        if (status == OK) {
            status = semihost_open(SEMIHOST_OUT, &out[1]);
        }
        return status == OK ? semihost_open(SEMIHOST_ERR, &out[2]) : status;
    }
    status = open_console(FILE_READ | FILE_WRITE | CHARDEV_OPEN_NOCTTY, &out[0]);
    if (status == OK) {
        for (unsigned i = 1; i < 3; i++) {
            out[i] = out[0];
            file_ref(out[i]);
        }
    }
    return status;
}

static void close_streams(struct file *const files[3])
{
    for (unsigned i = 0; i < 3; i++) {
        if (files[i] != NULL) {
            file_unref(files[i]);
        }
    }
}

// `words` are `argc` terminated strings, the first of which is the path.
static NORETURN void run(struct span words, size_t argc)
{
    struct file *files[3] = {};
    pid_t pid;
    const char *path = (const char *)words.data;
    status_t status = open_streams(files);
    if (status != OK) { // a machine without a console: the program has no streams
        log_warn("boot", "no console for the first program: error %d", -(int)status);
    }
    status = process_start_first(path, words, argc, files, &pid);
    close_streams(files);
    if (status != OK) {
        log_error("boot", "%s: cannot start: error %d", path, -(int)status);
        end_machine(status == ERR_NOENT ? NOT_FOUND_STATUS : CANNOT_RUN_STATUS);
    }
    init_stage_done(INIT_PROGRAM);
    panic_boot_is_healthy();
    int wait_status = process_wait_first();
    log_info("boot", "%s ended with status %d", path, exit_status_of(wait_status));
    end_machine(exit_status_of(wait_status));
}

static NORETURN void run_command(const char *text, size_t len)
{
    static char command[COMMAND_MAX];
    static char words[COMMAND_MAX];
    size_t size;
    size_t used;
    size_t count;
    if (base64_decode(span_of(text, len), command, sizeof(command), &size) != OK ||
        cmdline_split(span_of(command, size), words, sizeof(words), &used, &count) != OK ||
        count == 0) {
        log_error("boot", "run: not the Base64 form of a command of at most %d bytes", COMMAND_MAX);
        end_machine(CANNOT_RUN_STATUS);
    }
    run(span_of(words, used), count);
}

NORETURN void init_first_process(void)
{
    const char *value;
    size_t len;
    char path[COMMAND_PATH_MAX] = "/bin/swos-init";
    if (bootarg_get("autorun", &value, &len) == OK) {
        end_machine(autorun(span_of(value, len)));
    }
    if (bootarg_get("run", &value, &len) == OK) {
        run_command(value, len);
    }
    if (bootarg_get("init", &value, &len) == OK && len < sizeof(path)) {
        memcpy(path, value, len);
        path[len] = '\0';
    }
    run(span_of(path, strlen(path) + 1), 1);
}
