// SPDX-License-Identifier: Apache-2.0
/*
 * The first process.  `run=` (Base64 of a command) starts that command and ends the
 * machine with its exit status; `autorun=` is for images with in-kernel tests; else `init=` or
 * /bin/init runs.
 */
#include "abi/signal.h"
#include "kernel/core/bootarg.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/dev/power.h"
#include "kernel/init/autorun.h"
#include "kernel/init/init.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/base64/base64.h"
#include "lib/cmdline/cmdline.h"
#include "lib/cpio/cpio.h"

// Exit statuses as shells give them.
enum { CANNOT_RUN_STATUS = 126, NOT_FOUND_STATUS = 127, SIGNAL_STATUS = 128 };
// Whom the first process acts for, until somebody logs in.
enum { SYSTEM_PRINCIPAL = 0, SYSTEM_GROUP = 0 };
enum { COMMAND_MAX = 2048, COMMAND_PATH_MAX = 256 };

static status_t open_program(const char *path, struct span *out)
{
    return cpio_find(init_record()->ramdisk, path, out);
}

void init_programs(void)
{
    struct cred *system;
    if (cred_create(SYSTEM_PRINCIPAL, SYSTEM_GROUP, 0, SWOS_CAP_ALL, &system) != OK) {
        panic("no memory for an identity");
    }
    process_init(open_program, init_fs_context(), system);
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

// `words` are `argc` terminated strings, the first of which is the path.
static NORETURN void run(struct span words, size_t argc)
{
    pid_t pid;
    const char *path = (const char *)words.data;
    status_t status = process_spawn(path, words, argc, &pid);
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
    char path[COMMAND_PATH_MAX] = "/bin/init";
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
