// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/tool.h"

struct entry {
    char *name;
    char *path;
    char *target; // of a link, with -l
    struct stat st;
};

struct listing {
    struct entry *entries;
    size_t count;
    size_t room;
};

enum order { BY_NAME, BY_TIME, BY_SIZE, UNSORTED };
enum hidden { HIDE_DOTS, ALMOST_ALL, ALL };

static struct {
    enum order order;
    enum hidden hidden;
    bool is_long, is_reversed, is_recursive, is_directory_itself, has_inode, has_numbers, has_marks,
        has_blocks, is_human, is_column, is_single;
} option;

static unsigned screen_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}

static void *grown(void *memory, size_t count, size_t size)
{
    void *out = reallocarray(memory, count, size);
    if (out == NULL) {
        tool_die("out of memory");
    }
    return out;
}

static char *copied(const char *text)
{
    char *out = strdup(text);
    if (out == NULL) {
        tool_die("out of memory");
    }
    return out;
}

static char *read_target(const char *path)
{
    char target[4096];
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    if (len < 0) {
        tool_fail(path);
        return NULL;
    }
    target[len] = '\0';
    return copied(target);
}

// Takes `path`.  False: it is not there, as a message has said.
static bool add(struct listing *list, const char *name, char *path, bool follows)
{
    struct stat st;
    if ((follows ? stat(path, &st) : -1) != 0 && lstat(path, &st) != 0) {
        tool_fail(path);
        free(path);
        return false;
    }
    if (list->count == list->room) {
        list->room = list->room * 2 + 16;
        list->entries = grown(list->entries, list->room, sizeof(*list->entries));
    }
    struct entry *e = &list->entries[list->count++];
    e->name = copied(name);
    e->path = path;
    e->target = option.is_long && S_ISLNK(st.st_mode) ? read_target(path) : NULL;
    e->st = st;
    return true;
}

static void empty(struct listing *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->entries[i].name);
        free(list->entries[i].path);
        free(list->entries[i].target);
    }
    free(list->entries);
    *list = (struct listing){};
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int result = 0;
    if (option.order == BY_TIME && a->st.st_mtim.tv_sec != b->st.st_mtim.tv_sec) {
        result = a->st.st_mtim.tv_sec < b->st.st_mtim.tv_sec ? 1 : -1;
    } else if (option.order == BY_TIME && a->st.st_mtim.tv_nsec != b->st.st_mtim.tv_nsec) {
        result = a->st.st_mtim.tv_nsec < b->st.st_mtim.tv_nsec ? 1 : -1;
    } else if (option.order == BY_SIZE && a->st.st_size != b->st.st_size) {
        result = a->st.st_size < b->st.st_size ? 1 : -1;
    } else {
        result = strcmp(a->name, b->name);
    }
    return option.is_reversed ? -result : result;
}

static void sort(struct listing *list)
{
    if (option.order != UNSORTED && list->count > 1) {
        qsort(list->entries, list->count, sizeof(struct entry), compare);
    }
}

static const char *mark(const struct entry *e)
{
    if (!option.has_marks) {
        return "";
    }
    switch (e->st.st_mode & S_IFMT) {
    case S_IFDIR: return "/";
    case S_IFLNK: return option.is_long ? "" : "@";
    case S_IFIFO: return "|";
    case S_IFSOCK: return "=";
    default: return (e->st.st_mode & 0111) != 0 ? "*" : "";
    }
}

// Recent times with the hour, others with the year, as POSIX says.
static void print_time(time_t when)
{
    static time_t now;
    char text[32];
    if (now == 0) {
        now = time(NULL);
    }
    bool is_recent = when <= now && now - when < 365L * 24 * 3600 / 2;
    (void)strftime(text, sizeof(text), is_recent ? "%b %e %H:%M" : "%b %e  %Y", localtime(&when));
    printf("%s ", text);
}

struct widths {
    int links, owner, group, size, inode, blocks;
};

static const char *owner_text(const struct entry *e, char room[static 16])
{
    if (!option.has_numbers) {
        return tool_owner(e->st.st_uid);
    }
    (void)snprintf(room, 16, "%u", e->st.st_uid);
    return room;
}

static const char *group_text(const struct entry *e, char room[static 16])
{
    if (!option.has_numbers) {
        return tool_group(e->st.st_gid);
    }
    (void)snprintf(room, 16, "%u", e->st.st_gid);
    return room;
}

static const char *size_text(const struct entry *e, char room[static 32])
{
    if (S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode)) {
        (void)snprintf(room, 32, "%u, %u", major(e->st.st_rdev), minor(e->st.st_rdev));
    } else if (option.is_human) {
        char human[16];
        (void)snprintf(room, 32, "%s", tool_size((uint64_t)e->st.st_size, human));
    } else {
        (void)snprintf(room, 32, "%lld", (long long)e->st.st_size);
    }
    return room;
}

static void widen(int *width, int len)
{
    *width = len > *width ? len : *width;
}

static struct widths measure(const struct listing *list)
{
    struct widths w = {};
    char room[32];
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        widen(&w.links, snprintf(NULL, 0, "%lu", (unsigned long)e->st.st_nlink));
        widen(&w.owner, (int)strlen(owner_text(e, room)));
        widen(&w.group, (int)strlen(group_text(e, room)));
        widen(&w.size, (int)strlen(size_text(e, room)));
        widen(&w.inode, snprintf(NULL, 0, "%llu", (unsigned long long)e->st.st_ino));
        widen(&w.blocks, snprintf(NULL, 0, "%lld", (long long)e->st.st_blocks / 2));
    }
    return w;
}

static void print_front(const struct entry *e, const struct widths *w)
{
    if (option.has_inode) {
        printf("%*llu ", w->inode, (unsigned long long)e->st.st_ino);
    }
    if (option.has_blocks) {
        printf("%*lld ", w->blocks, (long long)e->st.st_blocks / 2);
    }
}

static void print_long(const struct entry *e, const struct widths *w)
{
    char mode[11];
    char owner[16];
    char group[16];
    char size[32];
    print_front(e, w);
    printf("%s %*lu %-*s ", tool_mode(e->st.st_mode, mode), w->links, (unsigned long)e->st.st_nlink,
           w->owner, owner_text(e, owner));
    printf("%-*s %*s ", w->group, group_text(e, group), w->size, size_text(e, size));
    print_time(e->st.st_mtim.tv_sec);
    printf("%s%s", e->name, mark(e));
    if (e->target != NULL) {
        printf(" -> %s", e->target);
    }
    (void)putchar('\n');
}

static void print_columns(const struct listing *list, const struct widths *w)
{
    size_t widest = 1;
    for (size_t i = 0; i < list->count; i++) {
        size_t len = strlen(list->entries[i].name) + strlen(mark(&list->entries[i]));
        widest = len > widest ? len : widest;
    }
    widest += 2 + (option.has_inode ? (size_t)w->inode + 1 : 0) +
              (option.has_blocks ? (size_t)w->blocks + 1 : 0);
    size_t columns = screen_width() / widest;
    columns = columns == 0 ? 1 : columns;
    size_t rows = (list->count + columns - 1) / columns;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < list->count; i += rows) {
            const struct entry *e = &list->entries[i];
            print_front(e, w);
            int len = printf("%s%s", e->name, mark(e));
            if (i + rows < list->count) {
                printf("%*s", (int)widest - len, "");
            }
        }
        (void)putchar('\n');
    }
}

static void print(const struct listing *list)
{
    struct widths w = measure(list);
    if (option.is_column && !option.is_long) {
        print_columns(list, &w);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (option.is_long) {
            print_long(&list->entries[i], &w);
        } else {
            print_front(&list->entries[i], &w);
            printf("%s%s\n", list->entries[i].name, mark(&list->entries[i]));
        }
    }
}

static bool is_hidden(const char *name)
{
    if (name[0] != '.' || option.hidden == ALL) {
        return false;
    }
    return option.hidden == HIDE_DOTS || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool read_directory(const char *path, struct listing *out)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        tool_fail(path);
        return false;
    }
    errno = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (!is_hidden(e->d_name)) {
            add(out, e->d_name, tool_join(path, e->d_name), false);
        }
        errno = 0;
    }
    if (errno != 0) {
        tool_fail(path);
    }
    closedir(dir);
    return true;
}

static void print_total(const struct listing *list)
{
    long long blocks = 0;
    for (size_t i = 0; i < list->count; i++) {
        blocks += list->entries[i].st.st_blocks;
    }
    printf("total %lld\n", blocks / 2);
}

// Directories still to be listed: with -R those below come before those beside.
struct pending {
    char **paths;
    size_t count;
    size_t room;
};

static void push(struct pending *p, char *path)
{
    if (p->count == p->room) {
        p->room = p->room * 2 + 16;
        p->paths = grown(p->paths, p->room, sizeof(*p->paths));
    }
    p->paths[p->count++] = path;
}

static void push_below(struct pending *p, const struct listing *list)
{
    for (size_t i = list->count; i > 0; i--) {
        const struct entry *e = &list->entries[i - 1];
        if (S_ISDIR(e->st.st_mode) && strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0) {
            push(p, copied(e->path));
        }
    }
}

static void list_directories(struct pending *p, bool has_titles, bool is_first)
{
    while (p->count > 0) {
        char *path = p->paths[--p->count];
        struct listing list = {};
        if (read_directory(path, &list)) {
            if (has_titles) {
                printf("%s%s:\n", is_first ? "" : "\n", path);
            }
            is_first = false;
            sort(&list);
            if (option.is_long || option.has_blocks) {
                print_total(&list);
            }
            print(&list);
            if (option.is_recursive) {
                push_below(p, &list);
            }
        }
        empty(&list);
        free(path);
    }
    free(p->paths);
}

static void parse(int argc, char **argv)
{
    option.is_column = isatty(STDOUT_FILENO);
    for (int c; (c = getopt(argc, argv, "1AaCdFfhilnRrSst")) != -1;) {
        switch (c) {
        case '1': option.is_column = false; break;
        case 'A': option.hidden = ALMOST_ALL; break;
        case 'a': option.hidden = ALL; break;
        case 'C': option.is_column = true; break;
        case 'd': option.is_directory_itself = true; break;
        case 'F': option.has_marks = true; break;
        case 'f':
            option.order = UNSORTED;
            option.hidden = ALL;
            break;
        case 'h': option.is_human = true; break;
        case 'i': option.has_inode = true; break;
        case 'l': option.is_long = true; break;
        case 'n': option.is_long = option.has_numbers = true; break;
        case 'R': option.is_recursive = true; break;
        case 'r': option.is_reversed = true; break;
        case 'S': option.order = BY_SIZE; break;
        case 's': option.has_blocks = true; break;
        case 't': option.order = BY_TIME; break;
        default: tool_usage();
        }
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-1AaCdFfhilnRrSst] [PATH...]",
               "Lists directories and files; -l with type, permissions, owner, size and time.");
    parse(argc, argv);
    static char here[] = ".";
    static char *only_here[] = {here};
    char **paths = optind < argc ? argv + optind : only_here;
    size_t count = optind < argc ? (size_t)(argc - optind) : 1;
    struct listing named = {};
    for (size_t i = 0; i < count; i++) {
        // A link to a directory is listed as the directory, unless the link itself is asked for.
        add(&named, paths[i], copied(paths[i]), !option.is_directory_itself && !option.is_long);
    }
    sort(&named);
    struct listing files = {};
    struct pending directories = {};
    for (size_t i = named.count; i > 0; i--) {
        const struct entry *e = &named.entries[i - 1];
        if (S_ISDIR(e->st.st_mode) && !option.is_directory_itself) {
            push(&directories, copied(e->path));
        }
    }
    for (size_t i = 0; i < named.count; i++) {
        const struct entry *e = &named.entries[i];
        if (!S_ISDIR(e->st.st_mode) || option.is_directory_itself) {
            add(&files, e->name, copied(e->path), !option.is_directory_itself && !option.is_long);
        }
    }
    print(&files);
    list_directories(&directories, count > 1 || option.is_recursive, files.count == 0);
    empty(&files);
    empty(&named);
    return tool_end();
}
