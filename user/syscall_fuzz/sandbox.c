// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/sandbox.h"

#include "abi/fcntl.h"
#include "abi/gen/syscall_stubs.h"
#include "abi/records.h"
#include "abi/rights.h"
#include "abi/stat.h"
#include "abi/status.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "user/libswos/print.h"

enum { MOUNTS_MAX = 64, CURRENT_DIRECTORY = -100, OPEN_TO_ALL = 0777 };

// Files that are in memory all the time, and keep there what the first lock on them made.
static const char *const lasting[] = {"/",
                                      "/bin",
                                      "/bin/syscall_fuzz",
                                      "/data",
                                      "/dev",
                                      "/dev/console",
                                      "/dev/full",
                                      "/dev/null",
                                      "/dev/ptmx",
                                      "/dev/pts",
                                      "/dev/random",
                                      "/dev/tty",
                                      "/dev/urandom",
                                      "/dev/zero",
                                      "/tmp"};

static struct swos_mount list[MOUNTS_MAX];
static uint64_t mounts_before;

static uint64_t list_mounts(void)
{
    int64_t got = sys_mount_list(list, sizeof(list));
    return got < 0 ? 0 : (uint64_t)got / sizeof(list[0]);
}

bool sandbox_open(void)
{
    mounts_before = list_mounts();
    return sys_mount("fuzz", "/data", "tmpfs", 0, "size=4m,mode=777") == 0;
}

// Nobody passes a directory of somebody else that is closed to others, so its owner opens it.
static void open_directory(const char *path)
{
    struct abi_stat stat;
    if (sys_newfstatat(CURRENT_DIRECTORY, path, &stat, 0) != 0) {
        return;
    }
    int64_t pid = sys_fork();
    if (pid == 0) {
        struct swos_identity owner = {
            .principal = stat.owner, .group = stat.group, .caps = SWOS_CAP_ALL};
        (void)sys_set_identity(&owner, sizeof(owner));
        (void)sys_fchmodat(CURRENT_DIRECTORY, path, OPEN_TO_ALL);
        sys_exit_group(0);
    }
    (void)sys_wait4((int32_t)pid, NULL, 0, NULL);
}

static void open_way_to(const char *path)
{
    char part[SWOS_PATH_SIZE];
    for (size_t i = 1; path[i] != '\0'; i++) {
        if (path[i] == '/') {
            memcpy(part, path, i);
            part[i] = '\0';
            open_directory(part);
        }
    }
}

void sandbox_prepare(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(lasting); i++) {
        int64_t h = sys_openat(CURRENT_DIRECTORY, lasting[i], ABI_O_RDONLY | ABI_O_NONBLOCK, 0);
        if (h >= 0) {
            (void)sys_flock((int32_t)h, ABI_LOCK_SH);
            (void)sys_close((int32_t)h);
        }
    }
    memset(list, 0, sizeof(list)); // what will be used is there before it is counted
    open_way_to("/data/");
}

static int64_t unmount(const char *target)
{
    int64_t status = sys_umount2(target, 0);
    if (status == ERR_ACCES) {
        open_way_to(target);
        status = sys_umount2(target, 0);
    }
    return status;
}

// One of them may hide another, or be in its way.
static bool unmount_one(uint64_t count)
{
    for (uint64_t i = count; i > mounts_before; i--) {
        if (unmount(list[i - 1].target) == 0) {
            return true;
        }
    }
    return false;
}

bool sandbox_close(void)
{
    uint64_t count;
    while ((count = list_mounts()) > mounts_before) {
        if (!unmount_one(count)) {
            for (uint64_t i = mounts_before; i < count; i++) {
                print_error("%s: cannot be unmounted: error %d\n", list[i].target,
                            (int)-unmount(list[i].target));
            }
            return false;
        }
    }
    return true;
}
