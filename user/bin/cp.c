// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { OPEN_DIRECTORIES = 64 };

static struct {
    bool is_forced, asks, is_kept, is_recursive, is_quiet_over, keeps_links, is_verbose;
} option;

// Where a tree is copied to: `from` of a visited path is replaced by `to`.
static struct {
    size_t from_len;
    const char *to;
    struct stat target; // the copy's own root: it is not copied into itself
    bool has_target;
} tree;

static void keep_attributes(const char *to, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (lchown(to, st->st_uid, st->st_gid) != 0 && errno != EPERM && errno != EACCES) {
        tool_fail(to);
    }
    if ((!S_ISLNK(st->st_mode) && chmod(to, st->st_mode & 07777) != 0) ||
        utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) != 0) {
        tool_fail(to);
    }
}

static bool is_agreed(const char *to)
{
    struct stat st;
    if (lstat(to, &st) != 0) {
        return true;
    }
    if (option.is_quiet_over) {
        return false;
    }
    if (!option.asks) {
        return true;
    }
    (void)fprintf(stderr, "cp: overwrite %s? ", to);
    char answer[16];
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static int open_target(const char *to, mode_t mode)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
    if (fd < 0 && option.is_forced && unlink(to) == 0) {
        fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    }
    return fd;
}

static void copy_file(const char *from, const char *to, const struct stat *st)
{
    struct stat there;
    if (stat(to, &there) == 0 && there.st_ino == st->st_ino && there.st_dev == st->st_dev) {
        tool_warn("%s and %s are the same file", from, to);
        return;
    }
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        tool_fail(from);
        return;
    }
    int out = open_target(to, st->st_mode);
    if (out < 0) {
        tool_fail(to);
        close(in);
        return;
    }
    bool is_copied = tool_copy(in, from, out, to);
    close(in);
    if (close(out) != 0) {
        tool_fail(to);
    } else if (is_copied && option.is_kept) {
        keep_attributes(to, st);
    }
}

static void copy_link(const char *from, const char *to)
{
    char target[4096];
    ssize_t len = readlink(from, target, sizeof(target) - 1);
    if (len < 0) {
        tool_fail(from);
        return;
    }
    target[len] = '\0';
    if (option.is_forced) {
        unlink(to);
    }
    if (symlink(target, to) != 0) {
        tool_fail(to);
    }
}

static void copy_one(const char *from, const char *to, const struct stat *st)
{
    if (option.is_verbose) {
        printf("%s -> %s\n", from, to);
    }
    switch (st->st_mode & S_IFMT) {
    case S_IFDIR:
        if (mkdir(to, (st->st_mode & 0777) | S_IRWXU) != 0 && errno != EEXIST) {
            tool_fail(to);
        }
        break;
    case S_IFLNK:
        if (is_agreed(to)) {
            copy_link(from, to);
        }
        break;
    case S_IFIFO:
        if (is_agreed(to) && mkfifo(to, st->st_mode & 0777) != 0) {
            tool_fail(to);
        }
        break;
    default:
        if (is_agreed(to)) {
            copy_file(from, to, st);
        }
    }
}

// Where a visited path goes, in memory of its own.
static char *target_of(const char *path)
{
    const char *rest = path + tree.from_len;
    while (*rest == '/') {
        rest++;
    }
    char *to = *rest == '\0' ? strdup(tree.to) : tool_join(tree.to, rest);
    if (to == NULL) {
        tool_die("out of memory");
    }
    return to;
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *)
{
    if (kind == FTW_NS || kind == FTW_DNR) {
        tool_fail(path);
        return 0;
    }
    if (tree.has_target && st->st_ino == tree.target.st_ino && st->st_dev == tree.target.st_dev) {
        tool_warn("%s: a directory cannot be copied into itself", path);
        return -1;
    }
    char *to = target_of(path);
    copy_one(path, to, st);
    if (strcmp(to, tree.to) == 0) {
        tree.has_target = stat(to, &tree.target) == 0;
    }
    free(to);
    return 0;
}

// Directories get their final attributes once everything is in them.
static int finish(const char *path, const struct stat *st, int kind, struct FTW *)
{
    if (kind == FTW_DP) {
        char *to = target_of(path);
        if (option.is_kept) {
            keep_attributes(to, st);
        } else if ((st->st_mode & S_IRWXU) != S_IRWXU) {
            chmod(to, st->st_mode & 0777);
        }
        free(to);
    }
    return 0;
}

static void copy_tree(const char *from, const char *to)
{
    tree.from_len = strlen(from);
    tree.to = to;
    tree.has_target = false;
    if (nftw(from, visit, OPEN_DIRECTORIES, FTW_PHYS) == 0) {
        nftw(from, finish, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
    }
}

static void copy(const char *from, const char *to)
{
    struct stat st;
    if ((option.keeps_links ? lstat(from, &st) : stat(from, &st)) != 0) {
        tool_fail(from);
    } else if (!S_ISDIR(st.st_mode)) {
        copy_one(from, to, &st);
    } else if (option.is_recursive) {
        copy_tree(from, to);
    } else {
        errno = EISDIR;
        tool_fail(from);
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-adfiPnpRrv] FROM... TO",
               "Copies files, -r also directories; -p keeps attributes, -a is -Ppr.");
    for (int c; (c = getopt(argc, argv, "adfiPnpRrv")) != -1;) {
        switch (c) {
        case 'a': option.is_kept = option.is_recursive = option.keeps_links = true; break;
        case 'd':
        case 'P': option.keeps_links = true; break;
        case 'f': option.is_forced = true; break;
        case 'i': option.asks = true; break;
        case 'n': option.is_quiet_over = true; break;
        case 'p': option.is_kept = true; break;
        case 'R':
        case 'r': option.is_recursive = option.keeps_links = true; break;
        case 'v': option.is_verbose = true; break;
        default: tool_usage();
        }
    }
    if (argc - optind < 2) {
        tool_usage();
    }
    const char *to = argv[argc - 1];
    struct stat st;
    bool is_directory = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    if (argc - optind > 2 && !is_directory) {
        tool_die("%s: not a directory", to);
    }
    for (int i = optind; i < argc - 1; i++) {
        char *place = is_directory ? tool_join(to, tool_base(argv[i])) : NULL;
        copy(argv[i], place != NULL ? place : to);
        free(place);
    }
    return tool_end();
}
