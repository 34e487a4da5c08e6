// SPDX-License-Identifier: Apache-2.0
/* The name of a terminal, from its device number: there is no /proc/self/fd to ask. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { PTS_MAJOR = 136, PTS_OF_A_MAJOR = 256 }; // kernel/dev/pty.c

static int is_at(const char *path, const struct stat *terminal)
{
    struct stat there;
    return stat(path, &there) == 0 && there.st_dev == terminal->st_dev &&
           there.st_ino == terminal->st_ino;
}

static int find(const struct stat *terminal, char path[32])
{
    if (major(terminal->st_rdev) >= PTS_MAJOR) {
        unsigned number = (major(terminal->st_rdev) - PTS_MAJOR) * PTS_OF_A_MAJOR +
                          minor(terminal->st_rdev);
        snprintf(path, 32, "/dev/pts/%u", number);
    } else {
        strcpy(path, "/dev/console");
    }
    return is_at(path, terminal);
}

int ttyname_r(int fd, char *name, size_t size)
{
    struct stat terminal;
    char path[32];
    if (!isatty(fd) || fstat(fd, &terminal) != 0) {
        return errno;
    }
    if (!find(&terminal, path)) {
        return ENODEV;
    }
    if (strlen(path) >= size) {
        return ERANGE;
    }
    strcpy(name, path);
    return 0;
}
