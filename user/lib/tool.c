// SPDX-License-Identifier: Apache-2.0
#include "user/lib/tool.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *name;
    const char *options;
    int status;
} tool;

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

void tool_begin(int argc, char **argv, const char *options, const char *meaning)
{
    tool.name = argc > 0 ? last_component(argv[0]) : "tool";
    tool.options = options;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("usage: %s %s\n%s\n", tool.name, options, meaning);
        exit(tool_end());
    }
}

void tool_usage(void)
{
    (void)fprintf(stderr, "usage: %s %s\n", tool.name, tool.options);
    exit(TOOL_MISUSED);
}

void tool_fail(const char *object)
{
    int why = errno;
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: %s: %s\n", tool.name, object, strerror(why));
    tool.status = TOOL_FAILED;
}

static void say(const char *format, va_list arguments)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", tool.name);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    tool.status = TOOL_FAILED;
}

void tool_warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void tool_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(TOOL_FAILED);
}

int tool_end(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        tool_fail("standard output");
    }
    return tool.status;
}

bool tool_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < low || value > high) {
        return false;
    }
    *out = value;
    return true;
}

bool tool_duration(const char *text, double *seconds)
{
    static const struct {
        char suffix;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    double value = strtod(text, &end);
    if (end == text || !(value >= 0) || value > 1e12) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && *end != '\0'; i++) {
        if (end[0] == units[i].suffix && end[1] == '\0') {
            value *= units[i].seconds;
            end++;
        }
    }
    *seconds = value;
    return *end == '\0';
}

const char *tool_size(uint64_t bytes, char room[static 16])
{
    static const char units[] = "BKMGTPE";
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1024 && units[unit + 1] != '\0') {
        value /= 1024;
        unit++;
    }
    if (unit == 0) {
        (void)snprintf(room, 16, "%u", (unsigned)bytes);
    } else {
        (void)snprintf(room, 16, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    }
    return room;
}

static char type_letter(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    case S_IFCHR: return 'c';
    case S_IFBLK: return 'b';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 's';
    default: return '-';
    }
}

const char *tool_mode(mode_t mode, char room[static 11])
{
    static const char letters[] = "rwxrwxrwx";
    room[0] = type_letter(mode);
    for (unsigned i = 0; i < 9; i++) {
        room[1 + i] = (mode & (0400u >> i)) != 0 ? letters[i] : '-';
    }
    if ((mode & S_ISUID) != 0) {
        room[3] = (mode & S_IXUSR) != 0 ? 's' : 'S';
    }
    if ((mode & S_ISGID) != 0) {
        room[6] = (mode & S_IXGRP) != 0 ? 's' : 'S';
    }
    if ((mode & S_ISVTX) != 0) {
        room[9] = (mode & S_IXOTH) != 0 ? 't' : 'T';
    }
    room[10] = '\0';
    return room;
}

// A listing asks for the same few owners again and again; what was asked last is kept.
const char *tool_owner(uid_t owner)
{
    static char name[64];
    static uid_t known = (uid_t)-1;
    if (name[0] == '\0' || owner != known) {
        const struct passwd *entry = getpwuid(owner);
        known = owner;
        if (entry != NULL) {
            (void)snprintf(name, sizeof(name), "%s", entry->pw_name);
        } else {
            (void)snprintf(name, sizeof(name), "%u", owner);
        }
    }
    return name;
}

const char *tool_group(gid_t group)
{
    static char name[64];
    static gid_t known = (gid_t)-1;
    if (name[0] == '\0' || group != known) {
        const struct group *entry = getgrgid(group);
        known = group;
        if (entry != NULL) {
            (void)snprintf(name, sizeof(name), "%s", entry->gr_name);
        } else {
            (void)snprintf(name, sizeof(name), "%u", group);
        }
    }
    return name;
}

bool tool_find_owner(const char *text, uid_t *out)
{
    int64_t number;
    const struct passwd *entry = getpwnam(text);
    if (entry != NULL) {
        *out = entry->pw_uid;
        return true;
    }
    if (!tool_number(text, 0, UINT32_MAX - 1, &number)) {
        return false;
    }
    *out = (uid_t)number;
    return true;
}

bool tool_find_group(const char *text, gid_t *out)
{
    int64_t number;
    const struct group *entry = getgrnam(text);
    if (entry != NULL) {
        *out = entry->gr_gid;
        return true;
    }
    if (!tool_number(text, 0, UINT32_MAX - 1, &number)) {
        return false;
    }
    *out = (gid_t)number;
    return true;
}

bool tool_copy(int from, const char *from_name, int to, const char *to_name)
{
    static char chunk[65536];
    for (;;) {
        ssize_t got = read(from, chunk, sizeof(chunk));
        if (got == 0) {
            return true;
        }
        if (got < 0) {
            tool_fail(from_name);
            return false;
        }
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, chunk + done, (size_t)(got - done));
            if (put < 0) {
                tool_fail(to_name);
                return false;
            }
            done += put;
        }
    }
}

char *tool_base(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = '\0';
    }
    char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

char *tool_join(const char *directory, const char *path)
{
    char *out;
    size_t len = strlen(directory);
    const char *slash = len > 0 && directory[len - 1] == '/' ? "" : "/";
    if (asprintf(&out, "%s%s%s", directory, slash, path) < 0) {
        tool_die("out of memory");
    }
    return out;
}
